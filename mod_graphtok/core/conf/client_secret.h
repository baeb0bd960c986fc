/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLIENT_SECRET_H
#define GT_CLIENT_SECRET_H

/**
 * @file client_secret.h
 * Faults of a client secret that show without asking the provider: the usual mistakes in writing
 * its file.
 */

#include "gt.h"

/** 1 when a secret has several lines. Thread-safe. */
int gt_secret_has_lines(const gt_secret_t *secret);

/**
 * Whether a text cannot be a client secret. No part of it is in the answer. Thread-safe.
 * @param is_entra  1: of Entra, whose secrets are no GUIDs
 * @return what is wrong with it; NULL: nothing that can be seen
 */
const char *gt_client_secret_fault(const gt_secret_t *secret, int is_entra);

/**
 * What a federated token says of its end. Nothing else of it is for us to judge.
 * @param left  out: seconds until then
 * @param name  where it comes from, for the error
 * @return GT_INTERNAL with status 503 when it is no JWT of at most 16 KiB, has no `exp`, or has
 *         ended; below GraphTokClientAssertion's name, without a byte of it
 */
GT_MUST gt_err_t *gt_client_token_left(apr_int64_t *left, const gt_secret_t *token,
                                       const char *name, apr_pool_t *p);

#endif
