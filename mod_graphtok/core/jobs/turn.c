/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file turn.c
 * One picked grant's work: it waits for its turn, runs as a job of the crew, is noted. A process
 * that stops lets those go that have not begun, for others to pick; a claim of one that is killed ends
 * by itself.
 */

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/inner.h"
#include "jobs/pace.h"

#define LOOK_EVERY apr_time_from_msec(500) /* a stop is noticed within this */
#define LATE apr_time_from_msec(200)       /* later than a busy machine's threads mostly are */

static void *make(const void *ask, apr_pool_t *p)
{
    gt_turn_t *turn = apr_pmemdup(p, ask, sizeof(*turn));

    turn->picked.owner = gt_owner_dup(&turn->picked.owner, p);
    /* Counted from now on, not from its first step: until a thread has time for that, whoever looks
     * would think that all is done. */
    atomic_fetch_add(&turn->jobs->under_way, 1);
    return turn;
}

gt_err_t *gt_turns_take(apr_interval_time_t *wait, const gt_jobs_t *jobs, int n, apr_pool_t *p)
{
    return gt_duty_turns(wait, jobs->main, n, gt_jobs_config(jobs)->refresh_rate, p);
}

/** A process that stood still for a second would send what it missed all at once. A turn that was
 * missed is taken anew, but not twice: somebody who is always late does what he can. */
static gt_err_t *take_another(gt_turn_t *turn, apr_time_t now, apr_pool_t *p)
{
    apr_interval_time_t wait;

    if (!turn->has_rate || now < turn->start_at + LATE)
        return GT_OK;
    turn->has_rate = 0;
    GT_TRY(gt_turns_take(&wait, turn->jobs, 1, p));
    turn->start_at = now + wait;
    return GT_OK;
}

static gt_err_t *wait_turn(gt_task_t *task, void *state)
{
    gt_turn_t *turn = state;
    apr_time_t now = gt_ticks();

    turn->is_cut = atomic_load(&turn->jobs->is_stopped);
    if (turn->is_cut)
        return GT_OK;
    GT_TRY(take_another(turn, now, gt_task_pool(task)));
    if (now < turn->start_at)
        gt_again_at(task, turn->start_at - now < LOOK_EVERY ? turn->start_at : now + LOOK_EVERY);
    return GT_OK;
}

static gt_err_t *do_turn(gt_task_t *task, void *state)
{
    gt_turn_t *turn = state;

    if (turn->is_cut)
        return turn->let_go != NULL ? turn->let_go(turn, gt_task_pool(task)) : GT_OK;
    turn->state = turn->make(turn, gt_task_pool(task));
    gt_then_try(task, turn->work, turn->state, &turn->failure);
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    gt_turn_t *turn = state;

    (void)task;
    if (err == GT_OK && !turn->is_cut)
        turn->note(turn, turn->failure);
    atomic_fetch_sub(&turn->jobs->under_way, 1);
}

static gt_step_fn *const steps[] = {wait_turn, do_turn, NULL};
static const gt_work_t turn_work = {"background work", steps, finish};

/** What cannot be begun here is given up, from the i-th on, for others to pick at once. */
static void let_go_from(int i, const gt_slice_t *slice, const gt_turn_t *kind,
                        const apr_array_header_t *picked)
{
    gt_turn_t turn = *kind;
    gt_err_t *err = GT_OK;

    turn.store = slice->store;
    for (; kind->let_go != NULL && err == GT_OK && i < picked->nelts; i++) {
        turn.picked = APR_ARRAY_IDX(picked, i, gt_picked_t);
        err = kind->let_go(&turn, slice->pool);
    }
    if (err != GT_OK)
        gt_log_err(err, "giving up claims, which end by themselves");
}

void gt_turns_start(const gt_slice_t *slice, const gt_turn_t *kind,
                    const apr_array_header_t *picked, apr_interval_time_t span)
{
    gt_crew_t *crew = gt_vault_parts(slice->jobs->vault)->crew;
    apr_time_t from = kind->start_at != 0 ? kind->start_at : gt_ticks();

    for (int i = 0; i < picked->nelts; i++) {
        gt_turn_t turn = *kind;
        gt_job_ask_t ask = {NULL, &turn_work, make, &turn};
        gt_err_t *err;

        turn.jobs = slice->jobs;
        turn.store = slice->store;
        turn.picked = APR_ARRAY_IDX(picked, i, gt_picked_t);
        turn.start_at = from + gt_pace_delay(i, picked->nelts, span);
        ask.key =
            apr_psprintf(slice->pool, "%s %s %s %s", kind->work->name, gt_store_name(slice->store),
                         turn.picked.owner.provider, turn.picked.owner.user);
        /* A crew that takes no more is a process that ends. */
        err = gt_crew_start_job(crew, &ask, slice->pool);
        if (err != GT_OK) {
            let_go_from(i, slice, kind, picked);
            return;
        }
    }
}
