/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file jobs.c
 * The tick that goes through the table of kinds. A claim says when the part is due again, in
 * the same statement: a process that dies right after it has delayed that part by one pause, no
 * more. Kinds that are off are never claimed.
 */

#include "jobs/jobs.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "jobs/jobs_struct.h"
#include "net/loop.h"

#define SPAN apr_time_from_msec(80)           /* a timed function of the crew has 100 ms */
#define AFTER_NOTHING apr_time_from_msec(500) /* two looks a tick apart are enough for claims */
#define AFTER_FAILURE apr_time_from_sec(10)
#define AFTER_FAILURES apr_time_from_sec(300)
#define ENDS_WITHIN apr_time_from_sec(5)
#define CREW_LEAST 2
#define APART_THREADS 4
#define APART_TRANSFERS 4096

/* ---- state for others ---- */

static int count_kinds(const gt_job_kind_t *const *kinds)
{
    int n = 0;

    while (kinds[n] != NULL)
        n++;
    return n;
}

gt_jobs_t *gt_jobs_make(gt_vault_t *vault, const gt_job_kind_t *const *kinds, apr_pool_t *p)
{
    gt_jobs_t *jobs = apr_pcalloc(p, sizeof(*jobs));
    apr_size_t stores = (apr_size_t)gt_vault_parts(vault)->config->stores->nelts;

    jobs->vault = vault;
    jobs->kinds = kinds;
    jobs->kind_count = count_kinds(kinds);
    jobs->states = apr_pcalloc(p, (apr_size_t)jobs->kind_count * sizeof(gt_kind_state_t));
    jobs->main = gt_vault_store(vault, "main");
    jobs->backoffs =
        apr_pcalloc(p, stores * (apr_size_t)(1 + jobs->kind_count) * sizeof(gt_backoff_t));
    jobs->worker = apr_pstrcat(p, gt_vault_parts(vault)->holder, "/", gt_random_text(6, p), NULL);
    apr_pool_create(&jobs->pool, p);
    jobs->places = gt_places_make(jobs->pool);
    return jobs;
}

const gt_config_t *gt_jobs_config(const gt_jobs_t *jobs)
{
    return gt_vault_parts(jobs->vault)->config;
}

gt_vault_t *gt_jobs_vault(const gt_jobs_t *jobs)
{
    return jobs->vault;
}

const char *gt_jobs_worker(const gt_jobs_t *jobs)
{
    return jobs->worker;
}

gt_places_t *gt_jobs_places(const gt_jobs_t *jobs)
{
    return jobs->places;
}

gt_kind_state_t *gt_jobs_state(const gt_jobs_t *jobs, const gt_job_kind_t *kind)
{
    int i = 0;

    while (jobs->kinds[i] != kind)
        i++;
    return &jobs->states[i];
}

/** One for the tick, and as many as there may be items that block: so no item waits for another
 * kind's, and the tick waits for none. */
static int crew_threads(const gt_jobs_t *jobs)
{
    int threads = 1;

    for (int i = 0; i < jobs->kind_count; i++)
        if (jobs->kinds[i]->blocks)
            threads += jobs->kinds[i]->budget;
    assert(threads <= GT_THREADS_MAX);
    return threads < CREW_LEAST ? CREW_LEAST : threads;
}

gt_err_t *gt_jobs_crew(gt_crew_t **crew, gt_jobs_t *jobs, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;

    if (jobs->crew == NULL)
        err = gt_crew_start(&jobs->crew, "gt-background", crew_threads(jobs),
                            gt_vault_parts(jobs->vault)->loop, jobs->pool);
    *crew = jobs->crew;
    return err == GT_OK ? GT_OK : gt_err_dup(err, p);
}

static gt_err_t *start_apart(gt_jobs_t *jobs)
{
    const gt_loop_limits_t limits = {APART_TRANSFERS, APART_TRANSFERS,
                                     gt_config_has_pins(gt_jobs_config(jobs))};

    if (jobs->apart_loop == NULL)
        GT_TRY(gt_loop_start(&jobs->apart_loop, &limits, jobs->pool));
    return gt_crew_start(&jobs->apart_crew, "gt-apart", APART_THREADS, jobs->apart_loop,
                         jobs->pool);
}

gt_err_t *gt_jobs_apart(gt_crew_t **crew, gt_jobs_t *jobs, apr_pool_t *p)
{
    gt_err_t *err = jobs->apart_crew == NULL ? start_apart(jobs) : GT_OK;

    *crew = jobs->apart_crew;
    return err == GT_OK ? GT_OK : gt_err_dup(err, p);
}

/* Its items end at once, their claims given back: they may wait for a server for minutes. */
static void end_apart(gt_jobs_t *jobs)
{
    if (jobs->apart_crew != NULL)
        gt_crew_stop(jobs->apart_crew, 0);
    if (jobs->apart_loop != NULL)
        gt_loop_stop(jobs->apart_loop);
}

gt_err_t *gt_jobs_start(gt_jobs_t *jobs)
{
    gt_crew_t *crew;

    if (!gt_jobs_config(jobs)->background)
        return GT_OK;
    GT_TRY(gt_jobs_crew(&crew, jobs, jobs->pool));
    gt_crew_every(crew, "background work", GT_JOBS_TICK, gt_jobs_tick, jobs);
    return GT_OK;
}

void gt_jobs_stop(gt_jobs_t *jobs)
{
    atomic_store(&jobs->is_stopped, 1);
}

void gt_jobs_end(gt_jobs_t *jobs)
{
    gt_jobs_stop(jobs);
    if (jobs->crew != NULL)
        gt_crew_stop(jobs->crew, ENDS_WITHIN);
    end_apart(jobs);
}

int gt_jobs_are_idle(gt_jobs_t *jobs)
{
    for (int i = 0; i < jobs->kind_count; i++)
        if (atomic_load(&jobs->states[i].under_way) > 0)
            return 0;
    return atomic_load(&jobs->found) == 0 && gt_ticks() >= atomic_load(&jobs->more_at);
}

gt_err_t *gt_jobs_trouble(gt_jobs_t *jobs, apr_pool_t *p)
{
    if (atomic_load(&jobs->failing) == 0)
        return GT_OK;
    return gt_err(p, (gt_class_t)atomic_load(&jobs->failed_as), "GT1103",
                  "background work stopped before all was done that is due");
}

void gt_jobs_count(gt_jobs_t *jobs, const gt_job_kind_t *kind, int which, apr_int64_t n)
{
    atomic_fetch_add(&gt_jobs_state(jobs, kind)->results[which], n);
}

apr_array_header_t *gt_jobs_counts(gt_jobs_t *jobs, apr_pool_t *p)
{
    apr_array_header_t *counts = apr_array_make(p, jobs->kind_count, sizeof(gt_jobs_count_t));

    for (int i = 0; i < jobs->kind_count; i++)
        for (int which = 0; which < GT_JOB_RESULTS; which++)
            if (jobs->kinds[i]->results[which] != NULL)
                APR_ARRAY_PUSH(counts, gt_jobs_count_t) = (gt_jobs_count_t){
                    jobs->kinds[i]->results[which], atomic_load(&jobs->states[i].results[which])};
    return counts;
}

/* ---- a part ---- */

/** Another moment for a part than its claim said; sooner means that there is more. */
static gt_err_t *postpone(const gt_slice_t *slice)
{
    gt_jobs_t *jobs = slice->jobs;
    apr_time_t at = gt_ticks() + slice->again + APR_USEC_PER_SEC;

    if (atomic_load(&jobs->more_at) < at)
        atomic_store(&jobs->more_at, at);
    return gt_due_again(slice->store, slice->kind->name, slice->part, slice->again, jobs->worker,
                        slice->pool);
}

/** Claim one part and do its slice. @param found 0: nothing was due (any more) */
static gt_err_t *do_part(int *found, gt_slice_t *slice)
{
    gt_jobs_t *jobs = slice->jobs;
    const gt_job_kind_t *kind = slice->kind;

    slice->again = 0;
    GT_TRY(gt_due_claim(&slice->part, slice->store, kind->name, kind->every(gt_jobs_config(jobs)),
                        jobs->worker, slice->pool));
    *found = slice->part >= 0;
    if (!*found)
        return GT_OK;
    atomic_fetch_add(&jobs->found, 1);
    GT_TRY(kind->slice(slice));
    return slice->again > 0 ? postpone(slice) : GT_OK;
}

/** 1 while the tick has time for one more slice of the kind. */
static int has_room(const gt_slice_t *slice, apr_time_t until)
{
    const gt_kind_state_t *state = gt_jobs_state(slice->jobs, slice->kind);

    return gt_ticks() < until && !atomic_load(&slice->jobs->is_stopped) &&
           atomic_load(&state->under_way) < slice->kind->budget;
}

/* ---- a kind in a store ---- */

static const gt_due_job_t *find(const apr_array_header_t *due_jobs, const char *name)
{
    for (int i = 0; i < due_jobs->nelts; i++) {
        const gt_due_job_t *due_job = &APR_ARRAY_IDX(due_jobs, i, gt_due_job_t);

        if (strcmp(due_job->name, name) == 0)
            return due_job;
    }
    return NULL;
}

/** The slices of a kind that are due. Its rows are made where they are missing: in a store that is
 * new, or when the kind is. */
static gt_err_t *do_kind(gt_slice_t *slice, const apr_array_header_t *due_jobs, apr_time_t until)
{
    const gt_job_kind_t *kind = slice->kind;
    const gt_due_job_t *due_job = find(due_jobs, kind->name);
    apr_interval_time_t every = kind->every(gt_jobs_config(slice->jobs));
    int found = 1;

    if (every == 0)
        return GT_OK;
    if (due_job == NULL || due_job->parts < kind->parts)
        GT_TRY(gt_due_make_parts(slice->store, kind->name, kind->parts, slice->pool));
    else
        found = gt_due_job_is_due(due_job, every);
    while (found && has_room(slice, until))
        GT_TRY(do_part(&found, slice));
    /* A tick without time or room for it: that is no sign of having nothing to do. */
    if (found)
        atomic_fetch_add(&slice->jobs->found, 1);
    return GT_OK;
}

/** Note a try. A failure is logged more and more seldom. @param kind NULL: all of the store's
 * @return 1 when it failed */
static int note(gt_jobs_t *jobs, gt_backoff_t *backoff, const gt_err_t *err, const char *store,
                const gt_job_kind_t *kind)
{
    apr_interval_time_t span =
        gt_backoff_after(backoff, err != GT_OK, kind != NULL ? kind->back_off : AFTER_FAILURE,
                         kind != NULL ? kind->back_off_most : AFTER_FAILURES);

    if (err == GT_OK)
        return 0;
    atomic_store(&jobs->failed_as, (int)err->cls);
    gt_log(GT_LOG_WARNING, "GT1101",
           "background work in store %s%s%s: %s (%s); tried again in %d s", store,
           kind != NULL ? ", " : "", kind != NULL ? kind->name : "", err->detail, err->tag,
           (int)apr_time_sec(span));
    return 1;
}

/** All kinds of a store, each on its own; but when the database is away none of them goes on. One
 * that answers others, while a statement waits for a table that is locked, is not away.
 * @param backoffs  of each kind
 * @param failing  counts the kinds that failed, now or when they were tried last */
static gt_err_t *do_store(int *failing, gt_slice_t *slice, gt_backoff_t *backoffs, apr_time_t until)
{
    gt_jobs_t *jobs = slice->jobs;
    apr_array_header_t *due_jobs;

    GT_TRY(gt_store_has_keys(slice->store, slice->pool));
    GT_TRY(gt_due_jobs(&due_jobs, slice->store, slice->pool));
    for (int i = 0; i < jobs->kind_count; i++) {
        gt_err_t *err;

        slice->kind = jobs->kinds[i];
        if (gt_backoff_lasts(&backoffs[i])) {
            *failing += 1;
            continue;
        }
        err = do_kind(slice, due_jobs, until);
        if (err != GT_OK && err->cls == GT_STORE_AWAY && !gt_store_answers(slice->store))
            return err;
        *failing += note(jobs, &backoffs[i], err, gt_store_name(slice->store), slice->kind);
    }
    return GT_OK;
}

/** A store's turn in this tick. Failures of one store, as of a table that was not migrated, do not
 * stop the others. @return how many failed, now or when they were tried last: the store, or kinds
 * in it */
static int try_store(gt_jobs_t *jobs, int i, apr_time_t until, apr_pool_t *p)
{
    const gt_store_conf_t *conf = APR_ARRAY_IDX(gt_jobs_config(jobs)->stores, i, gt_store_conf_t *);
    gt_backoff_t *backoffs = jobs->backoffs + (apr_size_t)i * (apr_size_t)(1 + jobs->kind_count);
    gt_slice_t slice = {.jobs = jobs, .store = gt_vault_store(jobs->vault, conf->name), .pool = p};
    int failing = 0;
    gt_err_t *err;

    if (gt_backoff_lasts(backoffs))
        return 1;
    err = do_store(&failing, &slice, backoffs + 1, until);
    return failing + note(jobs, backoffs, err, conf->name, NULL);
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
