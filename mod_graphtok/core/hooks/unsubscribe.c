/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file unsubscribe.c The end of a grant's subscriptions, and of the grant. */

#include "hooks/unsubscribe.h"

#include "base/log.h"
#include "hooks/end_subscriptions.h"
#include "store/subscription.h"

typedef struct unsubscribe_t {
    const gt_revoke_t *revoke;
    gt_end_subscriptions_t ends;
    gt_err_t *failure;
} unsubscribe_t;

static gt_store_t *store_of(const unsubscribe_t *u)
{
    return gt_vault_store(u->revoke->vault, u->revoke->key.store);
}

static gt_err_t *end_own(gt_task_t *task, void *state)
{
    unsubscribe_t *u = state;
    const gt_revoke_t *revoke = u->revoke;
    apr_pool_t *p = gt_task_pool(task);
    apr_array_header_t *ids = apr_array_make(p, 2, sizeof(const char *)), *subs;

    if (store_of(u) == NULL || !gt_subscriptions_are_kept(store_of(u), p)) {
        gt_done(task);
        return GT_OK;
    }
    GT_TRY(gt_subscriptions_of(&subs, store_of(u), &revoke->key.owner, p));
    for (int i = 0; i < subs->nelts; i++)
        if (APR_ARRAY_IDX(subs, i, gt_subscription_t).subscription_id != NULL)
            APR_ARRAY_PUSH(ids, const char *) =
                APR_ARRAY_IDX(subs, i, gt_subscription_t).subscription_id;
    u->ends = (gt_end_subscriptions_t){
        .model = {.vault = revoke->vault, .key = revoke->key, .asker = revoke->asker}, .ids = ids};
    gt_then_try(task, &gt_end_subscriptions, &u->ends, &u->failure);
    return GT_OK;
}

static gt_err_t *forget_own(gt_task_t *task, void *state)
{
    unsubscribe_t *u = state;

    if (u->failure != GT_OK)
        gt_log(GT_LOG_INFO, NULL, "subscriptions of user %s are left to end by themselves: %s (%s)",
               u->revoke->key.owner.user, u->failure->detail, u->failure->tag);
    u->failure = GT_OK;
    return gt_subscriptions_end(store_of(u), &u->revoke->key.owner, gt_task_pool(task));
}

static gt_step_fn *const own_steps[] = {end_own, forget_own, NULL};
static const gt_work_t own_work = {"the end of a grant's subscriptions", own_steps, NULL};

/* The database's failure is met again by the revoke itself. */
static gt_err_t *unsubscribe(gt_task_t *task, void *state)
{
    unsubscribe_t *u = apr_pcalloc(gt_task_pool(task), sizeof(*u));

    u->revoke = state;
    gt_then_try(task, &own_work, u, &u->failure);
    return GT_OK;
}

static gt_err_t *go_and_revoke(gt_task_t *task, void *state)
{
    gt_instead(task, &gt_revoke, state);
    return GT_OK;
}

static gt_step_fn *const steps[] = {unsubscribe, go_and_revoke, NULL};
const gt_work_t gt_revoke_subscribed = {"revoke", steps, NULL};
