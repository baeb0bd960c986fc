/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SLICE_H
#define GT_SLICE_H

/**
 * @file slice.h
 * What the files of jobs/ share and nobody else sees.
 */

#include <stdatomic.h>

#include "base/clock.h"
#include "jobs/jobs.h"
#include "store/due.h"

/** Refreshes and validations of this process under way, those that wait for their turn included. */
#define GT_UNDER_WAY_MOST 512

struct gt_jobs_t {
    gt_vault_t *vault;
    const char *worker; /* who we are in the rows */
    gt_store_t *main;   /* where the turns of all stores are taken */
    atomic_int is_stopped;
    atomic_int under_way;
    atomic_int found;         /* parts that were due when last looked */
    gt_pause_t *pauses;       /* of each store, after failures; the tick's own */
    atomic_int failing;       /* stores whose last tick failed */
    atomic_int failed_as;     /* class of the last failure */
    atomic_llong more_at;     /* ticks: a part that had more is due again by then */
    atomic_llong quiet_until; /* ticks: nobody looks before */
    atomic_llong refreshed, not_refreshed, expired, removed, valid, not_valid;
};

/** One slice: one part of one job of one store. */
typedef struct gt_slice_t {
    gt_jobs_t *jobs;
    gt_store_t *store;
    int part;
    apr_interval_time_t again; /* out: when it is due again; 0: as the job's table has it */
    apr_pool_t *pool;          /* scratch */
} gt_slice_t;

/** The configuration. */
static inline const gt_config_t *gt_jobs_config(const gt_jobs_t *jobs)
{
    return gt_vault_parts(jobs->vault)->config;
}

/** The jobs' slices, each in its file. */
gt_err_t *gt_refresh_slice(gt_slice_t *slice);
gt_err_t *gt_validate_slice(gt_slice_t *slice);
gt_err_t *gt_cleanup_slice(gt_slice_t *slice);

/** Work on one picked grant, as a job of the crew that waits for its turn. */
typedef struct gt_time_slot_t {
    gt_jobs_t *jobs;
    gt_store_t *store;
    gt_picked_t picked;
    apr_time_t start_at;   /* ticks; of a kind: when the first begins, 0: now */
    int has_rate;          /* 1: one that is missed is taken anew */
    const gt_work_t *work; /* by gt_time_slot_state, which makes its state */
    void *(*make)(const struct gt_time_slot_t *slot, apr_pool_t *p);
    /** The claim is given up: the process ends before its turn. NULL: nothing to do. */
    gt_err_t *(*let_go)(const struct gt_time_slot_t *slot, apr_pool_t *p);
    void (*note)(const struct gt_time_slot_t *slot, const gt_err_t *failure);
    void *state;       /* own */
    gt_err_t *failure; /* own */
    int is_cut;        /* own: stopped before its turn */
} gt_time_slot_t;

/** Start picked grants' work, spread over a span. @param kind the turns' common part */
void gt_time_slots_start(const gt_slice_t *slice, const gt_time_slot_t *kind,
                         const apr_array_header_t *picked, apr_interval_time_t span);

/** Take `n` turns of GraphTokRefreshRate. @param wait out: until the first */
GT_MUST gt_err_t *gt_time_slots_take(apr_interval_time_t *wait, const gt_jobs_t *jobs, int n,
                                     apr_pool_t *p);

#endif
