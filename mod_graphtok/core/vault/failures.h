/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FAILURES_H
#define GT_FAILURES_H

/**
 * @file failures.h
 * Refreshes that failed a moment ago. A request behind an expired token is answered with the
 * failure that is remembered, so that a thousand of them do not ask the provider a thousand times.
 * The memory is this child's and bounded; a failure that it lost costs one call. Thread-safe.
 */

#include "vault/vault.h"

typedef struct gt_failures_t gt_failures_t;

/** Make an empty memory. */
gt_failures_t *gt_failures_make(apr_pool_t *p);

/** The key of a failure: the token, and the generation whose refresh failed. A failure of one
 * generation says nothing about the next one, which another process may have written. */
typedef struct gt_failure_key_t {
    const gt_token_key_t *token;
    apr_int64_t generation;
} gt_failure_key_t;

/** Remember a failure for `span` µs; err->retry_after becomes that span. */
void gt_failures_note(gt_failures_t *failures, const gt_failure_key_t *key, gt_err_t *err,
                      apr_interval_time_t span);

/** Remember a failure of a provider that is down: for 1 to 30 s, longer with each one in a row. */
void gt_failures_back_off(gt_failures_t *failures, const gt_failure_key_t *key, gt_err_t *err);

/** The failure that is remembered for a key, with the time left as retry_after, or GT_OK. */
GT_MUST gt_err_t *gt_failures_find(gt_failures_t *failures, const gt_failure_key_t *key,
                                   apr_pool_t *p);

/** Forget the failure of a token of a generation up to `last`. */
void gt_failures_forget(gt_failures_t *failures, const gt_token_key_t *token, apr_int64_t last,
                        apr_pool_t *p);

#endif
