/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file refresh_verdict.c
 * The meaning of a POST that failed. A refusal counts when the provider says it twice; then it is
 * noted in the row, by generation. A failure that may pass is remembered for a moment, so that the
 * next request does not try at once.
 */

#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "crypt/seal.h"
#include "oauth/claims.h"
#include "vault/by_password.h"
#include "vault/publish.h"
#include "vault/refresh_steps.h"
#include "vault/vault_struct.h"

#define CONFIRM_AFTER apr_time_from_sec(1) /* a refusal is asked for once more */
#define FAILURE_LONGEST apr_time_from_sec(300)

/* ---- confirm ---- */

static gt_err_t *renew_lease(gt_refresh_t *r)
{
    const gt_lease_params_t params = {r->holder, r->config->lease, NULL};
    int is_ours = 0;
    gt_err_t *err = gt_lease_renew(&is_ours, r->store, r->grant, &params, r->round);

    r->holds = is_ours ? GT_HOLDS_LEASE : GT_HOLDS_NOTHING;
    return err;
}

/** The row as it is now, when it is still the one whose token was refused; our lease goes on. */
static gt_err_t *look_again(gt_refresh_t *r, gt_task_t *task)
{
    apr_int64_t generation = r->grant->generation;

    GT_TRY(gt_refresh_look(r, task));
    if (r->token.access != NULL)
        return GT_OK;
    if (r->grant->generation == generation)
        GT_TRY(renew_lease(r));
    if (r->grant->generation == generation && r->holds == GT_HOLDS_LEASE)
        return GT_OK;
    return gt_refresh_overtaken(r, gt_task_pool(task));
}

/** A provider says invalid_grant now and then by mistake, and a user who is signed out by one does
 * not forgive it: the row again, a moment, the same token once more. */
gt_err_t *gt_refresh_confirm(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (r->failure == GT_OK || r->failure->cls != GT_SIGN_IN)
        return GT_OK;
    r->holds = GT_HOLDS_LEASE;
    if (gt_refresh_is_ending(r)) /* the next one to ask hears it twice, and then it counts */
        return r->failure;
    if (r->confirm_at == 0) {
        r->confirm_at = gt_ticks() + CONFIRM_AFTER;
        (void)gt_fail("refresh.refused");
    }
    if (gt_ticks() < r->confirm_at) {
        gt_again_at(task, r->confirm_at);
        return GT_OK;
    }
    GT_TRY(look_again(r, task));
    if (r->token.access != NULL)
        gt_done(task);
    else
        gt_refresh_send(r, task);
    return GT_OK;
}

/* ---- verdict ---- */

/** The lease was taken right before the POST. */
static apr_interval_time_t rest_of_lease(const gt_refresh_t *r)
{
    apr_interval_time_t left = r->posted + r->config->lease - gt_ticks();

    return left > APR_USEC_PER_SEC ? left : APR_USEC_PER_SEC;
}

/**
 * 1 when a refusal is to stand in the grant's row. One for another resource than the default says
 * nothing about the others: its consent may be missing (AADSTS65001, 70000) while the refresh
 * token is good. Whether it is dead the default resource will tell.
 */
static int is_about_grant(const gt_refresh_t *r)
{
    return gt_class_row(r->failure->cls)->effect != GT_EFFECT_NONE &&
           strcmp(r->params.key.resource, GT_RESOURCE_GRAPH) == 0;
}

/** A failure that may pass is not tried again at once. A fault of the grant's own stands in the
 * row. */
static void remember(const gt_refresh_t *r)
{
    const gt_failure_key_t key = {&r->params.key, r->grant->generation};
    apr_interval_time_t span = r->failure->retry_after;

    if (r->failure->cls == GT_BUSY || r->failure->cls == GT_CANCELLED)
        return;
    if (span == 0 && r->holds == GT_HOLDS_INTENT)
        span = rest_of_lease(r);
    if (span == 0 && gt_class_row(r->failure->cls)->effect != GT_EFFECT_NONE)
        span = FAILURE_LONGEST;
    if (span == 0)
        gt_failures_back_off(r->params.vault->failures, &key, r->failure);
    else
        gt_failures_note(r->params.vault->failures, &key, r->failure,
                         span < FAILURE_LONGEST ? span : FAILURE_LONGEST);
}

/** Demands that the refresh brought along, and that were not met by it, are the sign-in's. */
static void hand_on_demands(const gt_refresh_t *r)
{
    if (r->failure->claims == NULL &&
        (r->failure->cls == GT_INTERACTION || r->failure->cls == GT_SIGN_IN))
        r->failure->claims = gt_claims_read(r->grant->claims, r->failure->pool);
}

gt_err_t *gt_refresh_fall_back(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    if (r->account == NULL || r->failure == GT_OK || !is_about_grant(r))
        return GT_OK;
    gt_log(GT_LOG_INFO, NULL, "refresh of account %s at %s is refused (%s): its password is tried",
           r->account->name, r->owner->provider, r->failure->tag);
    r->holds = GT_HOLDS_LEASE;
    GT_TRY(renew_lease(r));
    if (r->holds != GT_HOLDS_LEASE)
        return gt_refresh_overtaken(r, gt_task_pool(task));
    r->failure = GT_OK;
    gt_then(task, &gt_by_password, r);
    return GT_OK;
}

gt_err_t *gt_refresh_verdict(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_pause_scope_t scope;
    gt_effect_t effect;
    gt_err_t *err;
    int noted;

    if (r->failure == GT_OK)
        return GT_OK;
    r->holds = r->post.was_sent ? GT_HOLDS_INTENT : GT_HOLDS_LEASE;
    scope = gt_refresh_scope(r);
    gt_pause_begin(r->params.vault->pauses, &scope, r->failure);
    effect = gt_class_row(r->failure->cls)->effect;
    (void)!gt_vault_at_tenant(r->failure, r->params.vault, r->grant);
    hand_on_demands(r);
    if (!is_about_grant(r)) {
        remember(r);
        return r->failure;
    }
    (void)gt_fail("refresh.verdict");
    err = gt_grant_failed(&noted, r->store, r->grant, r->failure, effect, p);
    if (err != GT_OK) {
        gt_log_err(err, "noting that a refresh was refused");
        return r->failure;
    }
    if (noted) {
        r->is_noted = 1;
        gt_vault_forget(r->params.vault, &r->params.key.grant, r->grant->generation, p);
        return r->failure;
    }
    /* A sign-in or another refresh came in between: the refused token is not the grant's any
     * more. */
    err = gt_refresh_look(r, task);
    if (err != GT_OK || r->token.access == NULL)
        return r->failure;
    gt_done(task);
    return GT_OK;
}
