/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SASL_H
#define GT_SASL_H

/**
 * @file sasl.h
 * The mechanisms of SASL that mail servers are signed in at by: what a client says, in base64.
 * Sources: XOAUTH2 as Google and Microsoft describe it; RFC 7628 (OAUTHBEARER); RFC 4616 (PLAIN).
 * Pure; thread-safe.
 */

#include "base/err.h"

typedef enum gt_sasl_t {
    GT_SASL_XOAUTH2,     /* by a token */
    GT_SASL_OAUTHBEARER, /* by a token */
    GT_SASL_PLAIN        /* by a password */
} gt_sasl_t;

/** "XOAUTH2". */
const char *gt_sasl_name(gt_sasl_t mechanism);

/** The line that ends an exchange after the server's challenge has refused the response. */
const char *gt_sasl_end(gt_sasl_t mechanism);

/** 1 when neither the name nor the secret holds a control character: one byte of 1 or 0 would begin
 * another field of a response. */
int gt_sasl_is_clean(const char *mailbox, const gt_secret_t *secret);

/** The response, in base64. @param mailbox  the name that is signed in
 * @param secret  the token or the password; both are clean */
gt_secret_t *gt_sasl_response(gt_sasl_t mechanism, const char *mailbox, const gt_secret_t *secret,
                              apr_pool_t *p);

/**
 * Words of a server that may have been told a secret: some repeat a line that they refuse. An
 * error that shows six bytes of the secret in a row, or all of a shorter one, loses its words.
 * @param err     made in `p`; its detail is written anew
 * @param secret  as it stands, or in its response
 * @return err
 */
gt_err_t *gt_sasl_hush(gt_err_t *err, const gt_secret_t *secret, apr_pool_t *p);

#endif
