/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file refresh_due.c
 * The refresh job: tokens used lately are refreshed before they come within the margin where
 * requests would have to wait. Each goes through the vault like any other: same lease,
 * same verdicts.
 */

#include "base/clock.h"
#include "base/log.h"
#include "jobs/job_item.h"
#include "jobs/pace.h"

/* A token that ended longer ago waits for its user: the node was down, or nothing can refresh
 * it. */
#define PAST apr_time_from_sec(3600)
/* Longer than a refresh that is waited for, so that nothing is picked twice for one failure. */
#define HOLD_AFTER_LEASE apr_time_from_sec(30)

enum { REFRESHED, NOT_REFRESHED };

static apr_interval_time_t every(const gt_config_t *config)
{
    return gt_pace_pause(config->refresh_ahead);
}

static void *make(const gt_job_item_t *item, apr_pool_t *p)
{
    const gt_picked_t *picked = item->payload;
    gt_token_for_t *params = apr_pcalloc(p, sizeof(*params));

    params->vault = gt_jobs_vault(item->jobs);
    params->key.grant = gt_grant_key(item->store, &picked->owner);
    /* The token that the pick saw does not count, though it is still valid; a newer one does. */
    params->refresh_now = 1;
    params->refused = picked->generation;
    return params;
}

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    const gt_picked_t *picked = item->payload;

    return gt_due_let_go(item->store, &picked->owner, p);
}

static void note(const gt_job_item_t *item, const gt_err_t *failure)
{
    const gt_picked_t *picked = item->payload;

    gt_jobs_count(item->jobs, item->kind, failure == GT_OK ? REFRESHED : NOT_REFRESHED, 1);
    if (failure != GT_OK)
        gt_log(GT_LOG_INFO, NULL, "background refresh of user %s at %s: %s (%s)",
               picked->owner.user, picked->owner.provider, failure->detail, failure->tag);
}

static gt_err_t *refresh(gt_slice_t *slice)
{
    const gt_config_t *config = gt_jobs_config(slice->jobs);
    const gt_pace_t pace = gt_pace_of(config->refresh_rate);
    const gt_due_params_t params = {
        .part = slice->part,
        .past = PAST,
        .lead = gt_pace_lead(config->refresh_margin, config->refresh_ahead, slice->part),
        .used_within = config->refresh_used_within,
        .hold = pace.period + 2 * config->lease + HOLD_AFTER_LEASE,
        .most = pace.batch,
    };
    apr_interval_time_t wait, span;
    apr_array_header_t *picked;

    GT_TRY(gt_due_pick(&picked, slice->store, &params, slice->pool));
    if (picked->nelts == 0)
        return GT_OK;
    GT_TRY(gt_job_turns_take(&wait, slice->jobs, picked->nelts, slice->pool));
    span = apr_time_from_sec(picked->nelts) / config->refresh_rate;
    gt_job_items_start(slice, gt_job_found_grants(picked, slice->pool), gt_ticks() + wait, span, 1);
    if (picked->nelts == pace.batch)
        slice->again = pace.period > wait + span ? pace.period : wait + span;
    return GT_OK;
}

const gt_job_kind_t gt_job_refresh = {
    .name = "refresh",
    .results = {"refreshed", "not_refreshed"},
    .parts = GT_PARTS,
    .budget = 512,
    .back_off = apr_time_from_sec(10),
    .back_off_most = apr_time_from_sec(300),
    .every = every,
    .slice = refresh,
    .work = &gt_token_for,
    .copy = gt_job_copy_grant,
    .make = make,
    .let_go = let_go,
    .note = note,
};
