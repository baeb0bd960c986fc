/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file jobs.c
 * The table of jobs and the tick that goes through it. A claim says when the part is due again, in
 * the same statement: a process that dies right after it has delayed that part by one pause, no
 * more. Jobs that are off are never claimed.
 */

#include "jobs/jobs.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "jobs/pace.h"
#include "jobs/slice.h"

#define SPAN apr_time_from_msec(80)           /* a timed function of the crew has 100 ms */
#define AFTER_NOTHING apr_time_from_msec(500) /* two looks a tick apart are enough for claims */
#define AFTER_FAILURE apr_time_from_sec(10)
#define AFTER_FAILURES apr_time_from_sec(300)
#define CLEANUP_EVERY apr_time_from_sec(3600)
#define VALIDATE_SHARE 64

/** One job. */
typedef struct kind_t {
    const char *name;                                  /* in the rows */
    apr_interval_time_t (*every)(const gt_config_t *); /* a part's pause; 0: off */
    gt_err_t *(*work)(gt_slice_t *slice);
} kind_t;

static apr_interval_time_t refresh_every(const gt_config_t *config)
{
    return gt_pace_pause(config->refresh_ahead);
}

static apr_interval_time_t cleanup_every(const gt_config_t *config)
{
    (void)config;
    return gt_backoff(0, CLEANUP_EVERY, CLEANUP_EVERY);
}

static apr_interval_time_t validate_every(const gt_config_t *config)
{
    apr_interval_time_t pause = config->validate_every / VALIDATE_SHARE;

    if (config->validate_every == 0)
        return 0;
    return pause < apr_time_from_sec(1) ? apr_time_from_sec(1) : gt_backoff(0, pause, pause);
}

static const kind_t kinds[] = {
    {"refresh", refresh_every, gt_refresh_slice},
    {"validate", validate_every, gt_validate_slice},
    {"cleanup", cleanup_every, gt_cleanup_slice},
};

gt_jobs_t *gt_jobs_make(gt_vault_t *vault, apr_pool_t *p)
{
    gt_jobs_t *jobs = apr_pcalloc(p, sizeof(*jobs));

    jobs->vault = vault;
    jobs->main = gt_vault_store(vault, "main");
    jobs->pauses =
        apr_pcalloc(p, (apr_size_t)gt_jobs_config(jobs)->stores->nelts * sizeof(gt_pause_t));
    jobs->worker = apr_pstrcat(p, gt_vault_parts(vault)->holder, "/", gt_random_text(6, p), NULL);
    return jobs;
}

void gt_jobs_start(gt_jobs_t *jobs)
{
    if (gt_jobs_config(jobs)->background)
        gt_crew_every(gt_vault_parts(jobs->vault)->crew, "background work", GT_JOBS_TICK,
                      gt_jobs_tick, jobs);
}

void gt_jobs_stop(gt_jobs_t *jobs)
{
    atomic_store(&jobs->is_stopped, 1);
}

int gt_jobs_are_idle(gt_jobs_t *jobs)
{
    return atomic_load(&jobs->under_way) == 0 && atomic_load(&jobs->found) == 0 &&
           gt_ticks() >= atomic_load(&jobs->more_at);
}

gt_err_t *gt_jobs_trouble(gt_jobs_t *jobs, apr_pool_t *p)
{
    if (atomic_load(&jobs->failing) == 0)
        return GT_OK;
    return gt_err(p, (gt_class_t)atomic_load(&jobs->failed_as), "GT1103",
                  "background work stopped before all was done that is due");
}

void gt_jobs_done(gt_jobs_done_t *done, gt_jobs_t *jobs)
{
    *done = (gt_jobs_done_t){atomic_load(&jobs->refreshed), atomic_load(&jobs->not_refreshed),
                             atomic_load(&jobs->expired),   atomic_load(&jobs->removed),
                             atomic_load(&jobs->valid),     atomic_load(&jobs->not_valid)};
}

/** Another moment for a part than its claim said; sooner means that there is more. */
static gt_err_t *postpone(const gt_slice_t *slice, const kind_t *kind)
{
    gt_jobs_t *jobs = slice->jobs;
    apr_time_t at = gt_ticks() + slice->again + APR_USEC_PER_SEC;

    if (atomic_load(&jobs->more_at) < at)
        atomic_store(&jobs->more_at, at);
    return gt_due_again(slice->store, kind->name, slice->part, slice->again, jobs->worker,
                        slice->pool);
}

/** Claim one part and do its slice. @param found 0: nothing was due (any more) */
static gt_err_t *do_part(int *found, gt_jobs_t *jobs, gt_store_t *store, const kind_t *kind,
                         apr_pool_t *p)
{
    gt_slice_t slice = {jobs, store, 0, 0, p};
    apr_interval_time_t every = kind->every(gt_jobs_config(jobs));

    GT_TRY(gt_due_claim(&slice.part, store, kind->name, every, jobs->worker, p));
    *found = slice.part >= 0;
    if (!*found)
        return GT_OK;
    atomic_fetch_add(&jobs->found, 1);
    GT_TRY(kind->work(&slice));
    return slice.again > 0 ? postpone(&slice, kind) : GT_OK;
}

static int is_due(const apr_array_header_t *due_jobs, const kind_t *kind, const gt_config_t *config)
{
    apr_interval_time_t every = kind->every(config);

    for (int i = 0; i < due_jobs->nelts; i++) {
        const gt_due_job_t *due_job = &APR_ARRAY_IDX(due_jobs, i, gt_due_job_t);

        if (strcmp(due_job->name, kind->name) == 0)
            return every > 0 && gt_due_job_is_due(due_job, every);
    }
    return 0;
}

static gt_err_t *do_store(gt_jobs_t *jobs, gt_store_t *store, apr_time_t until, apr_pool_t *p)
{
    apr_array_header_t *due_jobs;

    GT_TRY(gt_due_jobs(&due_jobs, store, p));
    for (apr_size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int found = is_due(due_jobs, &kinds[i], gt_jobs_config(jobs));

        while (found && gt_ticks() < until && !atomic_load(&jobs->is_stopped) &&
               atomic_load(&jobs->under_way) < GT_UNDER_WAY_MOST)
            GT_TRY(do_part(&found, jobs, store, &kinds[i], p));
    }
    return GT_OK;
}

/** A store's turn in this tick. Failures of one store, as of a table that was not migrated, are
 * logged more and more seldom and do not stop the others. @return 1 when the store failed, now or
 * when it was tried last */
static int try_store(gt_jobs_t *jobs, int i, apr_time_t until, apr_pool_t *p)
{
    const gt_store_conf_t *conf = APR_ARRAY_IDX(gt_jobs_config(jobs)->stores, i, gt_store_conf_t *);
    gt_pause_t *pause = &jobs->pauses[i];
    apr_interval_time_t span;
    gt_err_t *err;

    if (gt_pause_lasts(pause))
        return 1;
    err = do_store(jobs, gt_vault_store(jobs->vault, conf->name), until, p);
    span = gt_pause_after(pause, err != GT_OK, AFTER_FAILURE, AFTER_FAILURES);
    if (err == GT_OK)
        return 0;
    atomic_store(&jobs->failed_as, (int)err->cls);
    gt_log(GT_LOG_WARNING, "GT1101", "background work in store %s: %s (%s); tried again in %d s",
           conf->name, err->detail, err->tag, (int)apr_time_sec(span));
    return 1;
}

void gt_jobs_tick(void *baton, apr_pool_t *scratch)
{
    gt_jobs_t *jobs = baton;
    apr_time_t until = gt_ticks() + SPAN;
    int failing = 0;

    if (atomic_load(&jobs->is_stopped) || gt_ticks() < atomic_load(&jobs->quiet_until))
        return;
    atomic_store(&jobs->found, 0);
    for (int i = 0; i < gt_jobs_config(jobs)->stores->nelts; i++)
        failing += try_store(jobs, i, until, scratch);
    atomic_store(&jobs->failing, failing);
    atomic_store(&jobs->quiet_until,
                 gt_ticks() + (atomic_load(&jobs->found) == 0 ? AFTER_NOTHING : 0));
}
