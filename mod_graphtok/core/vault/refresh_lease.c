/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file refresh_lease.c
 * The first step of a refresh: it has the lease in the end, or a token without it, because another
 * refresh was first. It runs anew whenever there may be news of a winner.
 */

#include <apr_strings.h>

#include "base/clock.h"
#include "base/fail.h"
#include "vault/holder.h"
#include "vault/refresh_steps.h"
#include "vault/replay.h"
#include "vault/vault_struct.h"

#define LEASE_SLACK apr_time_from_sec(2) /* leases count whole seconds of another clock */

/* ---- a winner's token ---- */

/** A winner on this machine has put its token into the shared cache; while the database is away
 * there is no other place to find it. */
static void look_into_cache(gt_refresh_t *r, apr_pool_t *p)
{
    gt_token_t cached;

    if (r->wait_until == 0 ||
        !gt_cache_get(&cached, r->params.vault->parts.cache, &r->params.key, p))
        return;
    if (cached.generation > r->waiter.generation && gt_refresh_may_use(r, cached.generation) &&
        gt_token_lasts(&cached, GT_TOKEN_LEAST))
        r->token = cached;
}

/** Another process of this node may have left an answer for this grant that it could not store.
 * While that is not known, or the answer cannot be stored, the refresh token of the row is not
 * sent. An entry that cannot be read is no reason to stop: the replay has logged it. */
static gt_err_t *look_into_journal(gt_refresh_t *r, gt_task_t *task)
{
    gt_err_t *err;
    int count;

    err = gt_replay_owner(&count, r->params.vault, &r->params.key.grant, r->round);
    if (err != GT_OK)
        return gt_err_dup(err, gt_task_pool(task));
    return count > 0 ? gt_refresh_look(r, task) : GT_OK;
}

/* ---- another refresh has the lease ---- */

/** 1 when the outcome of a POST of this generation will never be known. */
static int is_outcome_lost(const gt_refresh_t *r)
{
    return r->grant->lease_owner != NULL && r->grant->intent_owner == NULL;
}

/** Fail when the holder of the lease has given up: waiting for it is useless. */
static gt_err_t *refuse_lost_outcome(gt_refresh_t *r, gt_task_t *task)
{
    apr_interval_time_t left;
    gt_err_t *err;

    if (!is_outcome_lost(r))
        return GT_OK;
    /* Between our look and our try the lease may have ended, and another refresh may have taken
     * it. */
    GT_TRY(gt_refresh_look(r, task));
    if (r->token.access != NULL || !is_outcome_lost(r))
        return GT_OK;
    left = r->grant->lease_until - gt_now();
    err =
        gt_err(gt_task_pool(task), GT_TIMEOUT, "GT0614",
               "what became of the last refresh is not known; it is not repeated at once, since a "
               "token sent twice could revoke the grant");
    err->retry_after = left < APR_USEC_PER_SEC   ? APR_USEC_PER_SEC
                       : left > r->config->lease ? r->config->lease
                                                 : left;
    return err;
}

void gt_refresh_leave_waiters(gt_refresh_t *r)
{
    if (r->holds != GT_HOLDS_PLACE)
        return;
    gt_waiters_leave(r->params.vault->waiters, &r->waiter);
    r->holds = GT_HOLDS_NOTHING;
}

/** Until there is news of the row, or patience ends. */
static gt_err_t *wait_for_winner(gt_refresh_t *r, gt_task_t *task)
{
    gt_err_t *err;

    if (r->wait_until == 0) {
        r->wait_until = gt_ticks() + r->config->lease + LEASE_SLACK;
        gt_refresh_announce_wait(r);
    }
    if (gt_ticks() >= r->wait_until) {
        err = gt_err(gt_task_pool(task), GT_TIMEOUT, "GT0605",
                     "another process has been refreshing this token for too long");
        err->retry_after = APR_USEC_PER_SEC;
        return err;
    }
    r->waiter.key = r->params.key;
    r->waiter.generation = r->grant->generation;
    gt_waiters_join(r->params.vault->waiters, &r->waiter);
    r->holds = GT_HOLDS_PLACE;
    gt_again_on_bell(task, &r->waiter.bell, r->wait_until);
    return GT_OK;
}

/* ---- the lease ---- */

static gt_err_t *try_lease(gt_refresh_t *r)
{
    const char *intent = r->grant->intent_owner;
    gt_lease_params_t params = {r->holder, r->config->lease, NULL};
    int is_ours = 0;
    gt_err_t *err;

    r->held.owner = *r->owner;
    r->held.generation = r->grant->generation;
    if (intent != NULL && gt_holder_is_dead(intent, r->holder, r->round))
        params.dead = intent;
    err = gt_lease_take(&is_ours, r->store, r->grant, &params, r->round);
    if (is_ours)
        r->holds = GT_HOLDS_LEASE;
    if (err != GT_OK || is_ours || intent == NULL)
        return err;
    return gt_lease_doubt(r->store, r->grant, r->config->lease, r->round);
}

/** The lease may have been taken over from a holder that has died or is cut off. That holder may
 * have put its answer into the journal after our look there, and can do so no more: look there
 * again. */
static gt_err_t *check_inheritance(gt_refresh_t *r, gt_task_t *task)
{
    apr_int64_t generation = r->grant->generation;

    if (r->grant->intent_owner == NULL)
        return GT_OK;
    GT_TRY(look_into_journal(r, task));
    if (r->grant->generation == generation)
        return GT_OK;
    r->holds = GT_HOLDS_NOTHING; /* the lease was of the generation before */
    if (r->token.access == NULL)
        gt_again_at(task, gt_ticks());
    return GT_OK;
}

/** Leave a token, hold the lease, or say when to look again. */
static gt_err_t *look_or_take(gt_refresh_t *r, gt_task_t *task)
{
    gt_pause_scope_t scope;

    look_into_cache(r, gt_task_pool(task));
    if (r->token.access != NULL)
        return GT_OK;
    GT_TRY(gt_refresh_look(r, task));
    if (r->token.access == NULL)
        GT_TRY(look_into_journal(r, task));
    if (r->token.access != NULL)
        return GT_OK;
    scope = gt_refresh_scope(r);
    GT_TRY(gt_pause_check(r->params.vault->pauses, &scope, gt_task_pool(task)));
    GT_TRY(try_lease(r));
    if (r->holds == GT_HOLDS_LEASE) {
        (void)gt_fail("refresh.lease");
        return check_inheritance(r, task);
    }
    gt_refresh_use_row(r, GT_TOKEN_LEAST);
    if (r->token.access == NULL)
        GT_TRY(refuse_lost_outcome(r, task));
    return r->token.access != NULL ? GT_OK : wait_for_winner(r, task);
}

gt_err_t *gt_refresh_lease(gt_task_t *task, void *state)
{
    gt_refresh_t *r = state;

    gt_refresh_leave_waiters(r);
    if (gt_refresh_is_ending(r))
        return gt_refresh_given_up(gt_task_pool(task));
    GT_TRY(look_or_take(r, task));
    if (r->token.access != NULL)
        gt_done(task);
    return GT_OK;
}
