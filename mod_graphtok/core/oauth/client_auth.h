/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLIENT_AUTH_H
#define GT_CLIENT_AUTH_H

/**
 * @file client_auth.h
 * How a request shows a provider that it is our registration's: by a secret in its body or its
 * header (RFC 6749 section 2.3.1), by an assertion that a certificate's key signs, or by a token
 * that another issuer gives this machine (RFC 7523 section 2.2). The text is read, or signed, for
 * each request, since it may change at any time.
 */

#include "net/url.h"
#include "oauth/provider.h"
#include "task/reader.h"

/** Work: get ready what a request shows. */
typedef struct gt_client_proof_t {
    gt_provider_t *provider;         /* in */
    const gt_provider_conf_t *conf;  /* in: its configuration, as the request's tenant has it */
    const gt_endpoints_t *endpoints; /* in: its own */
    const char *token_endpoint;      /* in: the one of them that an assertion is for */
    int is_spare;             /* in: 1: the second one of two secrets, if that is how it is shown */
    gt_secret_t *secret;      /* out: for the form, or NULL */
    gt_secret_t *assertion;   /* out: for the form, or NULL */
    gt_secret_t *basic;       /* out: "id:secret" for the header, or NULL */
    gt_read_t read;           /* own */
    gt_secret_t *certificate; /* own */
} gt_client_proof_t;
/** Fails where a secret, certificate or token cannot be read or used. */
extern const gt_work_t gt_client_prove;

/** Add to a form what stands in it: the client's id, and what shows that it is ours. */
void gt_client_add(gt_form_t *form, const gt_client_proof_t *proof);

/** 1 when an answer says that the client is not the one that it claims to be (RFC 6749 section
 * 5.2): then nothing else of the request counted, and it may be made again. */
int gt_client_is_refused(const gt_answer_t *answer, apr_pool_t *p);

#endif
