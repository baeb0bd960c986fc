/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_WAITERS_H
#define GT_WAITERS_H

/**
 * @file waiters.h
 * Jobs of this child that wait until another process has refreshed their grant. One thread looks
 * for all of them. Thread-safe.
 */

#include "vault/vault.h"

typedef struct gt_waiters_t gt_waiters_t;

/** One job that waits. It lies in the job's memory. */
typedef struct gt_waiter_t {
    gt_token_key_t key;
    apr_int64_t generation;   /* that the job knows; it waits for a later one */
    gt_bell_t bell;           /* rings when there may be news; the job then looks for itself */
    int looks;                /* own: how often its row was read */
    apr_time_t look_at;       /* own: gt_mono of the next look at the row */
    struct gt_waiter_t *next; /* own */
} gt_waiter_t;

/** Make it; its thread starts with the first waiter. */
gt_waiters_t *gt_waiters_make(gt_vault_t *vault, apr_pool_t *p);

/** End its thread. The bell of each waiter rings at once, also of those that join later. */
void gt_waiters_stop(gt_waiters_t *waiters);

/** Have the waiter's bell rung when there is news of its grant. */
void gt_waiters_join(gt_waiters_t *waiters, gt_waiter_t *waiter);

/** Take a waiter out; its bell does not ring after this returns. */
void gt_waiters_leave(gt_waiters_t *waiters, gt_waiter_t *waiter);

#endif
