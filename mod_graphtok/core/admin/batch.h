/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BATCH_H
#define GT_BATCH_H

/**
 * @file batch.h
 * One operation on many grants, at most 64 of them at a time, each as a job of the crew. When a
 * provider asks to wait, the jobs that have not begun wait, and a job that it refused is tried
 * again afterwards, five times at most. Once a stop is asked for, the jobs that have not begun end
 * without acting. A batch is used by one thread, that of its maker.
 */

#include "admin/operation.h"

typedef struct gt_batch_t gt_batch_t;

/** One grant in the batch. */
typedef struct gt_batch_item_t {
    gt_target_t target;
    gt_err_t *failure;  /* out */
    const char *detail; /* out, of a success */
    int is_cut;         /* out: 1: it did not begin, since a stop was asked for */
    apr_pool_t *pool;   /* its own */
} gt_batch_item_t;

/** The maker's functions. */
typedef struct gt_batch_report_t {
    /** Report an end, and that a provider asked to wait so long; called on the maker's thread. */
    void (*ended)(void *baton, const gt_batch_item_t *item);
    void (*paused)(void *baton, apr_interval_time_t span);
    int (*is_stopped)(void *baton); /* 1: begin no more; called on any thread */
    int again; /* so often an act that met trouble which may pass is done again, after 2 s, then 4,
                  then 8 and so on */
    void *baton;
} gt_batch_report_t;

/** An empty batch. It keeps the pointers; they outlive it. */
gt_batch_t *gt_batch_make(gt_vault_t *vault, const gt_operation_t *operation,
                          const gt_batch_report_t *report, apr_pool_t *p);

/** Start the operation on a grant, which is copied; waits for room. */
GT_MUST gt_err_t *gt_batch_put(gt_batch_t *batch, gt_store_t *store, const gt_grant_t *grant);

/** Wait until all have ended. */
void gt_batch_drain(gt_batch_t *batch);

#endif
