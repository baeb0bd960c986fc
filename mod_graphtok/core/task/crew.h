/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CREW_H
#define GT_CREW_H

/**
 * @file crew.h
 * Jobs: tasks that belong to the child, not to the request that asked for them (a refresh, say). A
 * few threads run their steps, so that these may use the database. One job a key at a time: a task
 * that asks for a key under way joins it. A request that goes away leaves its job running.
 * Thread-safe.
 */

#include "task/task.h"

/**
 * Start a crew.
 * @param name     of its threads, for debuggers and top: at most 15 characters
 * @param threads  how many (2 to 16), started with all signals blocked
 * @param loop     carries the jobs' transfers and times
 */
GT_MUST gt_err_t *gt_crew_start(gt_crew_t **crew, const char *name, int threads, gt_loop_t *loop,
                                apr_pool_t *p);

/** Take no new jobs (they fail with GT_BUSY), give those under way up to `patience` µs to end,
 * drop the rest, join the threads. After this no thread of the crew runs. */
void gt_crew_stop(gt_crew_t *crew, apr_interval_time_t patience);

/** Makes a job's state in the job's own pool from the parameters of the first task that asked. Must
 * copy everything it keeps. */
typedef void *gt_flight_init_fn(const void *params, apr_pool_t *p);

/** A job as it is asked for. */
typedef struct gt_flight_params_t {
    const char *key; /* 1 to 512 bytes, copied */
    const gt_work_t *work;
    gt_flight_init_fn *init;
    const void *params; /* for init; may go when the call returns */
} gt_flight_params_t;

/**
 * Join the job of this key, starting it when none is under way; the task then waits for its end.
 * In the next step look at gt_flight_error and gt_flight_state; both stay valid as long as the
 * task's pool. Called from a step.
 * @param flight the job joined
 * @return GT_BUSY when the crew takes no new jobs
 */
GT_MUST gt_err_t *gt_crew_join(gt_flight_t **flight, gt_task_t *task, gt_crew_t *crew,
                               const gt_flight_params_t *params);

/** Join the job of this key as above, without waiting: a step does that later, by gt_join. The job
 * and its state stay valid as long as `p`, which may be cleared earlier: the job goes on. */
GT_MUST gt_err_t *gt_crew_begin(gt_flight_t **flight, gt_crew_t *crew,
                                const gt_flight_params_t *params, apr_pool_t *p);

/** Start a job that no task waits for; nothing happens when its key is under way. An error is made
 * in `p`. */
GT_MUST gt_err_t *gt_crew_launch(gt_crew_t *crew, const gt_flight_params_t *params, apr_pool_t *p);

/** Run `fn(baton)` on a crew thread every `every` µs until the crew stops (cache polls, use
 * counts). It must end within 100 ms. */
void gt_crew_every(gt_crew_t *crew, const char *name, apr_interval_time_t every,
                   void (*fn)(void *baton, apr_pool_t *scratch), void *baton);

/** 1 when the job has ended (always so after a join, unless that was gt_join_until). */
int gt_flight_has_ended(gt_flight_t *flight);

/** How an ended job ended; NULL: well. The error lives in the job: copy it by gt_err_dup to keep
 * it. */
const gt_err_t *gt_flight_error(const gt_flight_t *flight);

/** An ended job's state, read-only. */
const void *gt_flight_state(const gt_flight_t *flight);

/** Jobs under way. */
int gt_crew_busy(gt_crew_t *crew);

#endif
