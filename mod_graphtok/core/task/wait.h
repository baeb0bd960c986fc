/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_WAIT_H
#define GT_WAIT_H

/**
 * @file wait.h
 * The driver that waits: it blocks the calling thread. For the command line, prefork and worker,
 * HTTP/2 streams, sub-requests and background jobs.
 */

#include "task/task.h"

/**
 * Run a task to its end on this thread.
 * @param limit  longest time (µs) to wait altogether; past it the task is dropped
 * @return the task's error; GT_TIMEOUT past the limit
 */
GT_MUST gt_err_t *gt_wait_run(const gt_work_t *work, void *state, gt_loop_t *loop,
                              apr_interval_time_t limit, apr_pool_t *p);

/** An event that ends a wait early. */
typedef struct gt_end_t {
    int (*has_come)(void *baton); /* asked a few times a second; must not wait */
    void *baton;
} gt_end_t;

/** As gt_wait_run, until the end has come (NULL: it never does): then the task is dropped.
 * @return GT_CANCELLED (GT0322) for a task that was dropped */
GT_MUST gt_err_t *gt_wait_run_until(const gt_end_t *end, const gt_work_t *work, void *state,
                                    gt_loop_t *loop, apr_interval_time_t limit, apr_pool_t *p);

#endif
