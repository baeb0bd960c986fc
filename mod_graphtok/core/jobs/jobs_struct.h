/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOBS_STRUCT_H
#define GT_JOBS_STRUCT_H

/**
 * @file jobs_struct.h
 * The inside of gt_jobs_t: for jobs.c and job_item.c alone.
 */

#include <stdatomic.h>

#include "base/clock.h"
#include "jobs/job_kind.h"

/** The state of a kind in this process. */
typedef struct gt_kind_state_t {
    atomic_int under_way; /* items, those that wait for their time included */
    atomic_llong results[GT_JOB_RESULTS];
} gt_kind_state_t;

struct gt_jobs_t {
    gt_vault_t *vault;
    const gt_job_kind_t *const *kinds;
    int kind_count;
    gt_kind_state_t *states; /* one a kind */
    const char *worker;      /* this process's name in the rows */
    gt_store_t *main;        /* where the turns of all stores are taken */
    apr_pool_t *pool;
    gt_crew_t *crew;       /* of ticks and of kinds that block; NULL until it is needed */
    gt_loop_t *apart_loop; /* of kinds that are apart, with their crew; NULL until it is needed */
    gt_crew_t *apart_crew;
    gt_places_t *places;
    atomic_int is_stopped;
    atomic_int found; /* parts that were due when last looked */
    gt_backoff_t
        *backoffs; /* the tick's own, after failures: of each store, then of each kind in each */
    atomic_int failing;       /* stores, and kinds in them, whose last try failed */
    atomic_int failed_as;     /* class of the last failure */
    atomic_llong more_at;     /* ticks: a part that had more is due again by then */
    atomic_llong quiet_until; /* ticks: no tick looks before */
};

/** The state of a kind of the table. */
gt_kind_state_t *gt_jobs_state(const gt_jobs_t *jobs, const gt_job_kind_t *kind);

/** The crew for work that blocks: started with the first that asks. */
GT_MUST gt_err_t *gt_jobs_crew(gt_crew_t **crew, gt_jobs_t *jobs, apr_pool_t *p);

/** The crew of kinds that are apart, likewise. */
GT_MUST gt_err_t *gt_jobs_apart(gt_crew_t **crew, gt_jobs_t *jobs, apr_pool_t *p);

#endif
