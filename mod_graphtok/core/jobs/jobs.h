/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOBS_H
#define GT_JOBS_H

/**
 * @file jobs.h
 * Background work: a table of jobs (jobs.c), run by any number of processes that share a database,
 * httpd's children and `graphtokctl work` alike. A tick claims parts that are due and does one slice
 * of each, within 100 ms; what talks to providers is started as jobs of the crew. State stands in
 * rows (store/due), so that a process may end at any moment.
 */

#include "vault/vault.h"

typedef struct gt_jobs_t gt_jobs_t;

/** Make it for a vault with a crew. Nothing runs before the first tick. */
gt_jobs_t *gt_jobs_make(gt_vault_t *vault, apr_pool_t *p);

/** Have the crew tick. Does nothing when the configuration says GraphTokBackground off. */
void gt_jobs_start(gt_jobs_t *jobs);

/** One tick: for gt_crew_every, or called by one thread in a loop. */
void gt_jobs_tick(void *baton, apr_pool_t *scratch);

/** How often a tick is wanted. */
#define GT_JOBS_TICK apr_time_from_msec(250)

/** Take nothing more; what waits for its turn ends without having begun. From any thread. */
void gt_jobs_stop(gt_jobs_t *jobs);

/** 1 when nothing was due when last looked, nothing is to come, nothing is under way. */
int gt_jobs_are_idle(gt_jobs_t *jobs);

/** GT_OK, or why something was left undone: the class of what the database said last of a store that
 * fails, already logged. */
GT_MUST gt_err_t *gt_jobs_trouble(gt_jobs_t *jobs, apr_pool_t *p);

/** What was done since the start. */
typedef struct gt_jobs_done_t {
    apr_int64_t refreshed, not_refreshed, expired, removed, valid, not_valid;
} gt_jobs_done_t;

/** A snapshot. */
void gt_jobs_done(gt_jobs_done_t *done, gt_jobs_t *jobs);

#endif
