/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file subscribe_job.c
 * Subscriptions in the background. A part of the grants is looked through each minute: grants that
 * are new get rows, rows whose grant is over go. Rows that are due are claimed and become items.
 * While nothing is subscribed to, a look now and then ends what was.
 */

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/hooks.h"
#include "hooks/subscribe.h"
#include "jobs/job_item.h"

#define EVERY apr_time_from_sec(60)
#define EVERY_IDLE apr_time_from_sec(600)
#define AGAIN apr_time_from_sec(1)
#define CLAIMS 32 /* rows of a slice */
#define MANY 200  /* rows that a statement makes or drops at most: there may be more */

enum { SUBSCRIBED, FAILED };

static apr_interval_time_t every(const gt_config_t *config)
{
    return gt_hooks_are_wanted(config) ? EVERY : EVERY_IDLE;
}

/* ---- items ---- */

static gt_subscription_t *subscription_dup(const gt_subscription_t *sub, apr_pool_t *p)
{
    gt_subscription_t *copy = apr_pmemdup(p, sub, sizeof(*copy));

    copy->owner = gt_owner_dup(&sub->owner, p);
    copy->resource = apr_pstrdup(p, sub->resource);
    copy->subscription_id = apr_pstrdup(p, sub->subscription_id);
    copy->state_hash = apr_pstrdup(p, sub->state_hash);
    copy->tenant = apr_pstrdup(p, sub->tenant);
    copy->claim = apr_pstrdup(p, sub->claim);
    return copy;
}

static const void *copy(const void *payload, apr_pool_t *p)
{
    return subscription_dup(payload, p);
}

static void *make(const gt_job_item_t *item, apr_pool_t *p)
{
    gt_subscribe_t *s = apr_pcalloc(p, sizeof(*s));

    *s = (gt_subscribe_t){
        .vault = gt_jobs_vault(item->jobs), .store = item->store, .sub = item->payload};
    return s;
}

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    return gt_subscription_let_go(item->store, item->payload, p);
}

static void note(const gt_job_item_t *item, const gt_err_t *failure)
{
    const gt_subscribe_t *s = item->state;
    const gt_err_t *err = failure != GT_OK ? failure : s->failure;

    gt_jobs_count(item->jobs, item->kind, err == GT_OK ? SUBSCRIBED : FAILED, 1);
    if (err != GT_OK)
        gt_log(GT_LOG_WARNING, "GT1112",
               "store %s: the subscription of user %s to %s at %s could not be %s: %s (%s)",
               gt_store_name(item->store), s->sub->owner.user, s->sub->resource,
               s->sub->owner.provider, s->outcome != NULL ? s->outcome : "looked at", err->detail,
               err->tag);
}

/* ---- the slice ---- */

/* Rows of a part for grants that have none. @param more  out: 1: there may be others */
static gt_err_t *add_rows(int *more, const gt_slice_t *slice)
{
    const gt_config_t *config = gt_jobs_config(slice->jobs);

    for (int i = 0; i < config->providers->nelts; i++) {
        const gt_provider_conf_t *provider =
            APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *);

        for (int r = 0; provider->kind == GT_KIND_MICROSOFT && gt_hook_resources[r] != NULL; r++) {
            int added = 0;

            if (gt_hooks_want(gt_store_conf(slice->store), gt_hook_resources[r]))
                GT_TRY(gt_subscription_add(&added, slice->store, provider->name,
                                           gt_hook_resources[r], slice->part, slice->pool));
            *more |= added == MANY;
        }
    }
    return GT_OK;
}

static gt_err_t *call_unwanted(const gt_slice_t *slice)
{
    for (int r = 0; slice->part == 0 && gt_hook_resources[r] != NULL; r++)
        if (!gt_hooks_want(gt_store_conf(slice->store), gt_hook_resources[r]))
            GT_TRY(gt_subscription_call(slice->store, gt_hook_resources[r], slice->pool));
    return GT_OK;
}

static gt_err_t *claim(int *more, gt_slice_t *slice)
{
    apr_array_header_t *subs, *found;

    GT_TRY(gt_subscription_claim(&subs, slice->store, gt_jobs_worker(slice->jobs), CLAIMS,
                                 slice->pool));
    found = apr_array_make(slice->pool, subs->nelts, sizeof(gt_job_found_t));
    for (int i = 0; i < subs->nelts; i++) {
        const gt_subscription_t *sub = &APR_ARRAY_IDX(subs, i, gt_subscription_t);

        APR_ARRAY_PUSH(found, gt_job_found_t) = (gt_job_found_t){
            sub, apr_psprintf(slice->pool, "%" APR_INT64_T_FMT " %s", sub->id, sub->claim)};
    }
    gt_job_items_start(slice, found, gt_ticks(), 0, 0);
    *more |= subs->nelts == CLAIMS;
    return GT_OK;
}

static gt_err_t *look(gt_slice_t *slice)
{
    int more = 0, dropped;

    if (!gt_subscriptions_are_kept(slice->store, slice->pool))
        return GT_OK;
    GT_TRY(add_rows(&more, slice));
    GT_TRY(call_unwanted(slice));
    GT_TRY(gt_subscription_tidy(&dropped, slice->store, slice->part, slice->pool));
    more |= dropped == MANY;
    GT_TRY(claim(&more, slice));
    if (more)
        slice->again = AGAIN;
    return GT_OK;
}

const gt_job_kind_t gt_job_subscriptions = {
    .name = "subscriptions",
    .results = {"subscribed", "subscribe_failed"},
    .parts = GT_PARTS,
    .budget = 64,
    .back_off = apr_time_from_sec(10),
    .back_off_most = apr_time_from_sec(300),
    .every = every,
    .slice = look,
    .work = &gt_subscribe,
    .copy = copy,
    .make = make,
    .let_go = let_go,
    .note = note,
};
