/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLIENT_AUTH_H
#define GT_CLIENT_AUTH_H

/**
 * @file client_auth.h
 * How we show a provider that a request is our registration's (RFC 6749 2.3). One row a method; a
 * provider has one. Rows are constant, so any thread may read them.
 */

#include "conf/config.h"
#include "net/url.h"

typedef struct gt_client_auth_t {
    const char *name; /* as RFC 7591 section 2 has it: "client_secret_post" */
    int takes_secret; /* 1: its secret is read before the request is made */
    /** Add what the method says to a form that already names the client. */
    void (*add)(gt_form_t *form, const gt_secret_t *secret);
} gt_client_auth_t;

/** The method of a provider: its secret in the body, or none where it has no secret. */
const gt_client_auth_t *gt_client_auth(const gt_provider_conf_t *conf);

#endif
