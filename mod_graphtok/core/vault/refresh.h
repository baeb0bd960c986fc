/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REFRESH_H
#define GT_REFRESH_H

/**
 * @file refresh.h
 * One refresh, as a job of the crew. gt_token_for joins it.
 */

#include "task/reader.h"
#include "vault/flow/flows.h"
#include "vault/vault.h"
#include "vault/waiters.h"

/** The parameters of a refresh. */
typedef struct gt_refresh_params_t {
    gt_vault_t *vault;
    gt_token_key_t key;
    const gt_asker_t *asker; /* the request that was first, or NULL */
    int refresh_now;         /* 1: the token of generation `refused` does not count */
    apr_int64_t refused;
    int anew; /* 1: of an account: by its password, also where that was refused before */
} gt_refresh_params_t;

/** The things that a refresh holds, which its end has to see to: leave the waiters, give the lease
 * back, keep the answer. */
typedef enum gt_refresh_holds_t {
    GT_HOLDS_NOTHING,  /* no lease, or none any more: the result is stored, or in the journal */
    GT_HOLDS_PLACE,    /* a place among the waiters: another refresh has the lease */
    GT_HOLDS_LEASE,    /* the lease, perhaps: the answer to taking it may be lost. Nothing is sent,
                          or the POST did not spend the refresh token */
    GT_HOLDS_INTENT,   /* the lease, and the POST may have spent the refresh token */
    GT_HOLDS_ANSWER,   /* the same, and the provider's answer, which the journal may take */
    GT_HOLDS_UNWRITTEN /* the same, and there is no journal or it did not take the answer */
} gt_refresh_holds_t;

/** A job of the crew. It leaves `token`: a fresh one, or one that is still valid while another
 * process refreshes. */
typedef struct gt_refresh_t {
    gt_refresh_params_t params;
    const gt_config_t *config;
    gt_store_t *store;
    const gt_owner_t *owner; /* of ask.key */
    gt_token_t token;        /* out; access NULL: failed, or not there yet */
    gt_refresh_holds_t holds;
    const char *holder; /* of the lease: this very job */
    apr_pool_t *round;  /* holds `grant`, cleared at each look */
    gt_grant_t *grant;  /* the row at the last look */
    gt_grant_t held;    /* owner and generation of the lease */
    gt_waiter_t waiter;
    apr_time_t wait_until; /* ticks: patience with the winner; 0: there was none to wait for */
    const gt_renewing_flow_t *renewing;
    const gt_account_conf_t *account; /* whose password is a way to tokens, too; or NULL */
    const char *scope;                /* of the account; NULL: the provider's */
    gt_read_t read;                   /* of the account's password */
    gt_err_t *unread;                 /* why it cannot be had */
    gt_flow_password_t shown;
    gt_token_params_t post;
    apr_time_t posted;      /* ticks: when the POST began */
    gt_err_t *failure;      /* of the POST */
    int is_noted;           /* 1: the refusal stands in the row */
    apr_time_t confirm_at;  /* ticks: a refusal is asked for once more; 0: there was none */
    apr_time_t store_until; /* ticks: patience with the database, which has to take the answer */
    int commits;            /* tries that found the database away */
} gt_refresh_t;

extern const gt_work_t gt_refresh;

/** gt_flight_init_fn of gt_refresh; `ask` is a gt_refresh_params_t. */
void *gt_refresh_init(const void *params, apr_pool_t *p);

#endif
