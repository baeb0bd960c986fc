/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file time_slot.c
 * One picked grant's work: it waits for its turn, runs as a job of the crew, is noted. A process
 * that stops lets those go that have not begun, for others to pick; a claim of one that is killed ends
 * by itself.
 */

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/pace.h"
#include "jobs/slice.h"

#define LOOK_EVERY apr_time_from_msec(500) /* a stop is noticed within this */
#define LATE apr_time_from_msec(200)       /* later than a busy machine's threads mostly are */

static void *make(const void *params, apr_pool_t *p)
{
    gt_time_slot_t *slot = apr_pmemdup(p, params, sizeof(*slot));

    slot->picked.owner = gt_owner_dup(&slot->picked.owner, p);
    /* Counted from now on, not from its first step: until a thread has time for that, whoever looks
     * would think that all is done. */
    atomic_fetch_add(&slot->jobs->under_way, 1);
    return slot;
}

gt_err_t *gt_time_slots_take(apr_interval_time_t *wait, const gt_jobs_t *jobs, int n, apr_pool_t *p)
{
    return gt_due_time_slots(wait, jobs->main, n, gt_jobs_config(jobs)->refresh_rate, p);
}

/** A process that stood still for a second would send what it missed all at once. A turn that was
 * missed is taken anew, but not twice: somebody who is always late does what he can. */
static gt_err_t *take_another(gt_time_slot_t *slot, apr_time_t now, apr_pool_t *p)
{
    apr_interval_time_t wait;

    if (!slot->has_rate || now < slot->start_at + LATE)
        return GT_OK;
    slot->has_rate = 0;
    GT_TRY(gt_time_slots_take(&wait, slot->jobs, 1, p));
    slot->start_at = now + wait;
    return GT_OK;
}

static gt_err_t *wait_time_slot(gt_task_t *task, void *state)
{
    gt_time_slot_t *slot = state;
    apr_time_t now = gt_ticks();

    slot->is_cut = atomic_load(&slot->jobs->is_stopped);
    if (slot->is_cut) {
        gt_done(task);
        return slot->let_go != NULL ? slot->let_go(slot, gt_task_pool(task)) : GT_OK;
    }
    GT_TRY(take_another(slot, now, gt_task_pool(task)));
    if (now < slot->start_at)
        gt_again_at(task, slot->start_at - now < LOOK_EVERY ? slot->start_at : now + LOOK_EVERY);
    return GT_OK;
}

static gt_err_t *do_work(gt_task_t *task, void *state)
{
    gt_time_slot_t *slot = state;

    slot->state = slot->make(slot, gt_task_pool(task));
    gt_then_try(task, slot->work, slot->state, &slot->failure);
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_time_slot_t *slot = state;

    (void)task;
    if (err == GT_OK && !slot->is_cut)
        slot->note(slot, slot->failure);
    atomic_fetch_sub(&slot->jobs->under_way, 1);
}

static gt_step_fn *const steps[] = {wait_time_slot, do_work, NULL};
static const gt_work_t time_slot_work = {"background work", steps, finish};

/** What cannot be begun here is given up, from the i-th on, for others to pick at once. */
static void let_go_from(int i, const gt_slice_t *slice, const gt_time_slot_t *kind,
                        const apr_array_header_t *picked)
{
    gt_time_slot_t slot = *kind;
    gt_err_t *err = GT_OK;

    slot.store = slice->store;
    for (; kind->let_go != NULL && err == GT_OK && i < picked->nelts; i++) {
        slot.picked = APR_ARRAY_IDX(picked, i, gt_picked_t);
        err = kind->let_go(&slot, slice->pool);
    }
    if (err != GT_OK)
        gt_log_err(err, "giving up claims, which end by themselves");
}

void gt_time_slots_start(const gt_slice_t *slice, const gt_time_slot_t *kind,
                         const apr_array_header_t *picked, apr_interval_time_t span)
{
    gt_crew_t *crew = gt_vault_parts(slice->jobs->vault)->crew;
    apr_time_t from = kind->start_at != 0 ? kind->start_at : gt_ticks();

    for (int i = 0; i < picked->nelts; i++) {
        gt_time_slot_t slot = *kind;
        gt_flight_params_t params = {NULL, &time_slot_work, make, &slot};
        gt_err_t *err;

        slot.jobs = slice->jobs;
        slot.store = slice->store;
        slot.picked = APR_ARRAY_IDX(picked, i, gt_picked_t);
        slot.start_at = from + gt_pace_delay(i, picked->nelts, span);
        params.key =
            apr_psprintf(slice->pool, "%s %s %s %s", kind->work->name, gt_store_name(slice->store),
                         slot.picked.owner.provider, slot.picked.owner.user);
        /* A crew that takes no more is a process that ends. */
        err = gt_crew_launch(crew, &params, slice->pool);
        if (err != GT_OK) {
            let_go_from(i, slice, kind, picked);
            return;
        }
    }
}
