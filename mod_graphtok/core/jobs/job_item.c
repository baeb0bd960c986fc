/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file job_item.c
 * An item's steps: its time, its work. A process that stops lets those go that have not begun, for
 * other processes to pick.
 */

#include "jobs/job_item.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/jobs_struct.h"
#include "jobs/pace.h"

#define LOOK_EVERY apr_time_from_msec(500) /* a stop is noticed within this */
#define LATE apr_time_from_msec(200)       /* later than a busy machine's threads mostly are */

/* ---- grants ---- */

apr_array_header_t *gt_job_found_grants(const apr_array_header_t *picked, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, picked->nelts, sizeof(gt_job_found_t));

    for (int i = 0; i < picked->nelts; i++) {
        const gt_picked_t *one = &APR_ARRAY_IDX(picked, i, gt_picked_t);

        APR_ARRAY_PUSH(found, gt_job_found_t) =
            (gt_job_found_t){one, apr_pstrcat(p, one->owner.provider, " ", one->owner.user, NULL)};
    }
    return found;
}

const void *gt_job_copy_grant(const void *payload, apr_pool_t *p)
{
    gt_picked_t *picked = apr_pmemdup(p, payload, sizeof(*picked));

    picked->owner = gt_owner_dup(&picked->owner, p);
    return picked;
}

/* ---- turns ---- */

gt_err_t *gt_job_turns_take(apr_interval_time_t *wait, const gt_jobs_t *jobs, int n, apr_pool_t *p)
{
    return gt_due_time_slots(wait, jobs->main, n, gt_jobs_config(jobs)->refresh_rate, p);
}

/** A process that stood still for a second would send all refreshes that it missed at once. So a
 * missed turn is taken anew, but not twice: a process that is always late goes on as it can. */
static gt_err_t *take_another(gt_job_item_t *item, apr_time_t now, apr_pool_t *p)
{
    apr_interval_time_t wait;

    if (!item->has_rate || now < item->due_at + LATE)
        return GT_OK;
    item->has_rate = 0;
    GT_TRY(gt_job_turns_take(&wait, item->jobs, 1, p));
    item->due_at = now + wait;
    return GT_OK;
}

/* ---- the job ---- */

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    return item->kind->let_go != NULL ? item->kind->let_go(item, p) : GT_OK;
}

/** 1 when the process stopped before the item's time, or before its work had asked anything: a
 * refresh is given up then, and a crew takes no more. */
static int is_cut(const gt_job_item_t *item)
{
    const gt_err_t *failure = item->failure;

    if (!atomic_load(&item->jobs->is_stopped))
        return 0;
    return !item->has_begun ||
           (failure != GT_OK && (failure->cls == GT_CANCELLED || failure->cls == GT_BUSY));
}

/** The job's memory goes: it has ended, or the crew did not take it. */
static apr_status_t count_down(void *baton)
{
    const gt_job_item_t *item = baton;

    atomic_fetch_sub(&gt_jobs_state(item->jobs, item->kind)->under_way, 1);
    return APR_SUCCESS;
}

static void *make(const void *params, apr_pool_t *p)
{
    gt_job_item_t *item = apr_pmemdup(p, params, sizeof(*item));

    item->payload = item->kind->copy(item->payload, p);
    /* The item counts as under way from now on, not from its first step: else all would look done
     * until a thread has time for that. */
    atomic_fetch_add(&gt_jobs_state(item->jobs, item->kind)->under_way, 1);
    apr_pool_cleanup_register(p, item, count_down, apr_pool_cleanup_null);
    return item;
}

static gt_err_t *wait_until_due(gt_task_t *task, void *state)
{
    gt_job_item_t *item = state;
    apr_time_t now = gt_ticks();

    if (atomic_load(&item->jobs->is_stopped)) {
        gt_done(task);
        return GT_OK;
    }
    GT_TRY(take_another(item, now, gt_task_pool(task)));
    if (now < item->due_at)
        gt_again_at(task, item->due_at - now < LOOK_EVERY ? item->due_at : now + LOOK_EVERY);
    return GT_OK;
}

static gt_err_t *do_work(gt_task_t *task, void *state)
{
    gt_job_item_t *item = state;

    item->has_begun = 1;
    item->state = item->kind->make(item, gt_task_pool(task));
    gt_then_try(task, item->kind->work, item->state, &item->failure);
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_job_item_t *item = state;
    gt_err_t *kept = is_cut(item) ? let_go(item, gt_task_pool(task)) : GT_OK;

    if (kept != GT_OK)
        gt_log_err(kept, "giving up a claim, which ends by itself");
    if (err == GT_OK && !is_cut(item))
        item->kind->note(item, item->failure);
}

static gt_step_fn *const steps[] = {wait_until_due, do_work, NULL};
static const gt_work_t item_work = {"background work", steps, finish};

/* ---- starting ---- */

/** Give up the items from the i-th on, which cannot be begun here, for other processes to pick at
 * once. */
static void let_go_from(int i, const gt_slice_t *slice, const apr_array_header_t *found)
{
    gt_job_item_t item = {.jobs = slice->jobs, .kind = slice->kind, .store = slice->store};
    gt_err_t *err = GT_OK;

    for (; err == GT_OK && i < found->nelts; i++) {
        item.payload = APR_ARRAY_IDX(found, i, gt_job_found_t).payload;
        err = let_go(&item, slice->pool);
    }
    if (err != GT_OK)
        gt_log_err(err, "giving up claims, which end by themselves");
}

static gt_err_t *crew_of(gt_crew_t **crew, const gt_slice_t *slice)
{
    if (slice->kind->blocks)
        return gt_jobs_crew(crew, slice->jobs, slice->pool);
    if (slice->kind->is_apart)
        return gt_jobs_apart(crew, slice->jobs, slice->pool);
    *crew = gt_vault_parts(slice->jobs->vault)->crew;
    return GT_OK;
}

static gt_err_t *start(gt_job_item_t *item, const char *key, const gt_slice_t *slice)
{
    gt_flight_params_t params = {NULL, &item_work, make, item};

    GT_TRY(crew_of(&item->crew, slice));
    params.key =
        apr_psprintf(slice->pool, "%s %s %s", slice->kind->name, gt_store_name(slice->store), key);
    return gt_crew_launch(item->crew, &params, slice->pool);
}

void gt_job_items_start(const gt_slice_t *slice, const apr_array_header_t *found, apr_time_t from,
                        apr_interval_time_t span, int has_rate)
{
    gt_job_item_t item = {
        .jobs = slice->jobs, .kind = slice->kind, .store = slice->store, .has_rate = has_rate};

    for (int i = 0; i < found->nelts; i++) {
        const gt_job_found_t *one = &APR_ARRAY_IDX(found, i, gt_job_found_t);
        gt_err_t *err;

        item.payload = one->payload;
        item.due_at = from + gt_pace_delay(i, found->nelts, span);
        err = start(&item, one->key, slice);
        if (err == GT_OK)
            continue;
        /* A crew takes no more when its process ends. */
        if (err->cls != GT_BUSY)
            gt_log_err(err, "starting background work");
        let_go_from(i, slice, found);
        return;
    }
}
