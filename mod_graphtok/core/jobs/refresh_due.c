/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file refresh_due.c
 * Refresh of what was used lately, before it comes within the margin where whoever asks would have
 * to wait (mission T6). Each goes through the vault like any other: same lease, same verdicts.
 */

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/pace.h"
#include "jobs/slice.h"

/* What ended longer ago waits for its user: the node was down, or nobody can refresh it. */
#define PAST apr_time_from_sec(3600)
/* Longer than a refresh that is waited for, so that nothing is picked twice for one failure. */
#define HOLD_AFTER_LEASE apr_time_from_sec(30)

static void *make(const gt_time_slot_t *slot, apr_pool_t *p)
{
    gt_token_for_t *params = apr_pcalloc(p, sizeof(*params));

    params->vault = slot->jobs->vault;
    params->key.grant = gt_grant_key(slot->store, &slot->picked.owner);
    /* The token we saw does not count, though it is still valid; a newer one does. */
    params->refresh_now = 1;
    params->refused = slot->picked.generation;
    return params;
}

static gt_err_t *let_go(const gt_time_slot_t *slot, apr_pool_t *p)
{
    return gt_due_let_go(slot->store, &slot->picked.owner, p);
}

static void note(const gt_time_slot_t *slot, const gt_err_t *failure)
{
    atomic_fetch_add(failure == GT_OK ? &slot->jobs->refreshed : &slot->jobs->not_refreshed, 1);
    if (failure != GT_OK)
        gt_log(GT_LOG_INFO, NULL, "background refresh of user %s at %s: %s (%s)",
               slot->picked.owner.user, slot->picked.owner.provider, failure->detail, failure->tag);
}

gt_err_t *gt_refresh_slice(gt_slice_t *slice)
{
    gt_time_slot_t kind = {
        .work = &gt_token_for, .make = make, .let_go = let_go, .note = note, .has_rate = 1};
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
    GT_TRY(gt_time_slots_take(&wait, slice->jobs, picked->nelts, slice->pool));
    span = apr_time_from_sec(picked->nelts) / config->refresh_rate;
    kind.start_at = gt_ticks() + wait;
    gt_time_slots_start(slice, &kind, picked, span);
    if (picked->nelts == pace.batch)
        slice->again = pace.period > wait + span ? pace.period : wait + span;
    return GT_OK;
}
