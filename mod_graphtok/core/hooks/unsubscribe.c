/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file unsubscribe.c One call for each subscription, one after the other. */

#include "hooks/unsubscribe.h"

#include "base/log.h"
#include "hooks/subscribe.h"

#define ANSWER_MAX 65536

typedef struct unsubscribe_t {
    const gt_revoke_t *revoke;
    apr_array_header_t *subs; /* of gt_subscription_t */
    int next;
    gt_graph_ask_t ask;
    gt_err_t *failure;
} unsubscribe_t;

static gt_store_t *store_of(const unsubscribe_t *u)
{
    return gt_vault_store(u->revoke->vault, u->revoke->key.store);
}

static gt_err_t *list_own(gt_task_t *task, void *state)
{
    unsubscribe_t *u = state;
    apr_pool_t *p = gt_task_pool(task);

    if (store_of(u) == NULL || !gt_subscriptions_are_kept(store_of(u), p)) {
        gt_done(task);
        return GT_OK;
    }
    return gt_subscriptions_of(&u->subs, store_of(u), &u->revoke->key.owner, p);
}

static gt_err_t *end_next(gt_task_t *task, void *state)
{
    unsubscribe_t *u = state;
    const gt_call_t model = {
        .vault = u->revoke->vault, .key = u->revoke->key, .asker = u->revoke->asker};
    const gt_subscription_t *sub = &APR_ARRAY_IDX(u->subs, u->next++, gt_subscription_t);

    if (sub->subscription_id == NULL)
        return GT_OK;
    gt_graph_ask_begin(&u->ask, &model);
    u->ask.call.answer_max = ANSWER_MAX;
    u->ask.call.params = (gt_graph_params_t){
        .method = "DELETE", .path = gt_subscription_path(sub->subscription_id, gt_task_pool(task))};
    gt_then_try(task, &gt_graph_ask, &u->ask, &u->failure);
    return GT_OK;
}

/* A call that is refused, or finds no token, tells how the others would end. */
static gt_err_t *go_on(gt_task_t *task, void *state)
{
    unsubscribe_t *u = state;

    if (u->failure != GT_OK)
        gt_log(GT_LOG_INFO, NULL, "subscriptions of user %s are left to end by themselves: %s (%s)",
               u->revoke->key.owner.user, u->failure->detail, u->failure->tag);
    else if (u->next < u->subs->nelts)
        gt_repeat(task);
    return GT_OK;
}

static gt_step_fn *const each_steps[] = {end_next, go_on, NULL};
static const gt_work_t each_work = {"ends of subscriptions", each_steps, NULL};

static gt_err_t *end_all(gt_task_t *task, void *state)
{
    unsubscribe_t *u = state;

    if (u->subs->nelts == 0)
        gt_done(task);
    else
        gt_then(task, &each_work, u);
    return GT_OK;
}

static gt_err_t *forget_own(gt_task_t *task, void *state)
{
    unsubscribe_t *u = state;

    return gt_subscriptions_end(store_of(u), &u->revoke->key.owner, gt_task_pool(task));
}

static gt_step_fn *const own_steps[] = {list_own, end_all, forget_own, NULL};
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
