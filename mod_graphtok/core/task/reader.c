/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A reading is a job with the source's address as its key. It goes on without a waiting task: its
 * result, or its failure, is kept in the source for later tasks. A failure is logged here, because
 * the error that the tasks get goes to clients and names no cause.
 */

#include "task/reader.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

/* ---- the job ---- */

static void *keep_source(const void *source, apr_pool_t *p)
{
    return apr_pmemdup(p, source, sizeof(gt_source_t *));
}

static gt_err_t *read_now(gt_task_t *task, void *state)
{
    gt_source_t *const *source = state;
    gt_secret_t *secret;
    gt_err_t *err = gt_source_read(&secret, *source, gt_task_pool(task));

    if (err != GT_OK)
        gt_log_err(err, "reading a secret");
    else
        gt_secret_wipe(secret);
    return GT_OK;
}

static gt_step_fn *const reading_steps[] = {read_now, NULL};
static const gt_work_t reading = {"read a secret", reading_steps, NULL};

static gt_flight_params_t job_of(gt_source_t *const *source, apr_pool_t *p)
{
    return (gt_flight_params_t){apr_psprintf(p, "%pp", (const void *)*source), &reading,
                                keep_source, source};
}

void gt_read_ahead(gt_crew_t *readers, gt_source_t *source, apr_pool_t *scratch)
{
    gt_flight_params_t params = job_of(&source, scratch);
    gt_err_t *err;

    if (gt_source_is_settled(source))
        return;
    (void)gt_source_patience(source);
    err = gt_crew_launch(readers, &params, scratch);
    if (err != GT_OK)
        gt_log_err(err, "reading a secret");
}

/* ---- the work ---- */

static gt_err_t *ask_for(gt_task_t *task, void *state)
{
    gt_read_t *r = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_flight_params_t params = job_of(&r->source, p);
    apr_time_t until;

    r->secret = NULL;
    if (r->readers == NULL) {
        gt_done(task);
        return gt_source_read(&r->secret, r->source, p);
    }
    if (gt_source_is_settled(r->source) || gt_source_is_fresh(r->source, r->fresh))
        return GT_OK;
    until = gt_source_patience(r->source);
    if (until <= gt_ticks())
        return gt_crew_launch(r->readers, &params, p);
    GT_TRY(gt_crew_join(&r->flight, task, r->readers, &params));
    gt_join_until(task, until);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_read_t *r = state;

    return gt_source_last(&r->secret, r->source, gt_task_pool(task));
}

static gt_step_fn *const read_steps[] = {ask_for, take, NULL};
const gt_work_t gt_read = {"secret", read_steps, NULL};
