/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SIGN_H
#define GT_SIGN_H

/**
 * @file sign.h
 * Signatures of messages to applications. Source: Standard Webhooks 1.0, "Signature scheme".
 * Thread-safe.
 */

#include "base/err.h"

/** A message that is signed. */
typedef struct gt_signed_t {
    const char *id;        /* webhook-id: the same for each try */
    apr_int64_t timestamp; /* webhook-timestamp, Unix seconds: of this try */
    const char *body;
} gt_signed_t;

/** The value of webhook-signature, in `p`.
 * @param secret  "whsec_" and the Base64 of 24 to 64 bytes
 * @return GT_INTERNAL (GT1113) when it is none */
GT_MUST gt_err_t *gt_webhook_sign(const char **signature, const gt_signed_t *message,
                                  const gt_secret_t *secret, apr_pool_t *p);

#endif
