/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOBS_H
#define GT_JOBS_H

/**
 * @file jobs.h
 * Background work: a table of kinds (jobs/job_kind.h), run by any number of processes that share a
 * database, httpd's children and `graphtokctl work` alike. A tick claims parts that are due and
 * does one slice of each, within 100 ms; a slice may start items, which run as jobs of a crew.
 * State stands in rows (store/due), so that a process may end at any moment.
 */

#include "vault/vault.h"

typedef struct gt_jobs_t gt_jobs_t;

/** A row of the table of kinds. */
typedef struct gt_job_kind_t gt_job_kind_t;

/**
 * Make it for a vault with a crew. Nothing runs before the first tick.
 * @param kinds  the table, NULL last; stays the caller's
 */
gt_jobs_t *gt_jobs_make(gt_vault_t *vault, const gt_job_kind_t *const *kinds, apr_pool_t *p);

/**
 * Tick on a crew of its own, whose threads may wait for the database. Does nothing when the
 * configuration says GraphTokBackground off.
 * @return GT_INTERNAL when the system gives no thread
 */
GT_MUST gt_err_t *gt_jobs_start(gt_jobs_t *jobs);

/** One tick: for gt_crew_every, or called by one thread in a loop. */
void gt_jobs_tick(void *baton, apr_pool_t *scratch);

/** How often a tick is wanted. */
#define GT_JOBS_TICK apr_time_from_msec(250)

/** Take nothing more; items that wait for their time end without having begun. From any thread. */
void gt_jobs_stop(gt_jobs_t *jobs);

/** Stop, and join the threads of gt_jobs_start and of kinds that block. The vault's crew goes
 * on. */
void gt_jobs_end(gt_jobs_t *jobs);

/** 1 when nothing was due when last looked, nothing is to come, nothing is under way. */
int gt_jobs_are_idle(gt_jobs_t *jobs);

/** GT_OK, or why work was left undone: an error with the class of the last failure of a store, or
 * of a kind in it; already logged. */
GT_MUST gt_err_t *gt_jobs_trouble(gt_jobs_t *jobs, apr_pool_t *p);

/** One result of a kind, and how often it came since the start. */
typedef struct gt_jobs_count_t {
    const char *name; /* "refreshed" */
    apr_int64_t count;
} gt_jobs_count_t;

/** The results of all kinds, in the order of the table: array of gt_jobs_count_t. A snapshot. */
apr_array_header_t *gt_jobs_counts(gt_jobs_t *jobs, apr_pool_t *p);

#endif
