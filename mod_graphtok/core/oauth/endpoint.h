/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ENDPOINT_H
#define GT_ENDPOINT_H

/**
 * @file endpoint.h
 * A form posted to one of a provider's endpoints by our registration: discovery, what shows that it
 * is ours (oauth/client_auth.h), one POST. The POST goes on when its task is dropped, since what it
 * does at the provider happens. It is sent a second time only where the provider has refused one of
 * two secrets, and with it the form.
 */

#include "net/transfer.h"
#include "net/url.h"
#include "oauth/client_auth.h"
#include "oauth/provider.h"

/** Work: post a form. */
typedef struct gt_endpoint_post_t {
    gt_provider_t *provider;
    /** Which endpoint; NULL, and nothing is sent, where the provider has none. */
    const char *(*url)(const gt_endpoints_t *endpoints);
    const char *tenant;      /* in: whose endpoint and registration; NULL or "": the configured */
    gt_form_t *form;         /* in; the client's own fields are added, unless `is_open` */
    int is_open;             /* in; 1: nothing shows that we are the registration */
    apr_size_t answer_max;   /* most bytes of an answer */
    const char *purpose;     /* for the log: "refresh" */
    const gt_trace_t *trace; /* in: that the POST is part of; NULL: none */
    gt_transfer_t *transfer; /* out: ended, well or not; NULL: nothing was sent */
    gt_discover_t discover;  /* own */
    gt_client_proof_t proof; /* own */
    gt_err_t *unread;        /* own: why a secret cannot be shown */
} gt_endpoint_post_t;
/** Fails where there is no discovery document, or nothing that shows that we are the registration.
 * The work that asked judges the outcome of the POST itself. */
extern const gt_work_t gt_endpoint_post;

#endif
