/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REFRESH_H
#define GT_REFRESH_H

/**
 * @file refresh.h
 * One refresh, as a job of the crew. gt_token_for joins it.
 */

#include "vault/vault.h"
#include "vault/waiters.h"

/** What a refresh is asked with. */
typedef struct gt_refresh_ask_t {
    gt_vault_t *vault;
    gt_token_key_t key;
    const gt_asker_t *asker; /* whose request was first, or NULL */
    int refresh_now;         /* 1: the token of generation `refused` does not count */
    apr_int64_t refused;
} gt_refresh_ask_t;

/** A job of the crew. What it leaves is `token`: fresh, or what is still valid while another
 * process refreshes. */
typedef struct gt_refresh_t {
    gt_refresh_ask_t ask;
    gt_store_t *store;
    gt_token_t token;   /* out; access NULL: failed */
    const char *holder; /* of the lease: this very job */
    apr_pool_t *round;  /* holds `grant`, cleared at each look */
    gt_grant_t *grant;
    gt_grant_t held; /* owner and generation of the lease */
    gt_token_ask_t post;
    apr_time_t posted;     /* ticks: when the POST began */
    gt_err_t *failure;     /* of the POST */
    apr_time_t until;      /* ticks: patience with the other holder, later with the store */
    apr_time_t confirm_at; /* ticks: a refusal is asked for once more; 0: there was none */
    gt_waiter_t waiter;
    int is_waiting; /* 1: among the waiters */
    int commits;    /* tries that found the store away */
    int has_lease;  /* 1: we hold it, or may hold it: the answer to taking it was lost */
    int is_open;    /* 1: the POST may have spent the refresh token, and nothing is stored */
    int has_answer; /* 1: and we hold what it gave */
    int may_journal;
} gt_refresh_t;

extern const gt_work_t gt_refresh;

/** gt_job_init_fn of gt_refresh; `ask` is a gt_refresh_ask_t. */
void *gt_refresh_init(const void *ask, apr_pool_t *p);

#endif
