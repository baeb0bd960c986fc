/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TASK_H
#define GT_TASK_H

/**
 * @file task.h
 * A call as a stack of step tables. A step never waits for the network. It does its work, says at
 * most one of these, and returns GT_OK; or it returns an error, and finish functions run, outwards:
 *
 *     nothing        the next step follows
 *     gt_done        the work has its result: its remaining steps are skipped
 *     gt_then…       that work runs first, then our next step
 *     gt_instead     that work runs in place of our remaining steps
 *     gt_repeat      our steps run from the first one again
 *     gt_await…      the NEXT step runs when the awaited thing is there; gt_crew_join as well
 *     gt_again…      the SAME step runs again when the awaited thing is there
 *
 * Steps do not know their driver: it parks the connection (httpd/park/park),
 * blocks the thread (task/wait), or is the crew (task/crew). One thread at a time runs a task; it
 * may be another one after each wait. gt_task_wake may be called from any thread, any number of
 * times.
 */

#include "base/err.h"
#include "base/waker.h"
#include "task/bell.h"

typedef gt_err_t *gt_step_fn(gt_task_t *task, void *state);

/** Runs exactly once when the work ends, however it ends; err is NULL after success. It cannot
 * wait and cannot fail. */
typedef void gt_finish_fn(gt_task_t *task, void *state, const gt_err_t *err);

/** A list of steps, NULL last. */
typedef struct gt_work_t {
    const char *name; /* for the log */
    gt_step_fn *const *steps;
    gt_finish_fn *finish; /* or NULL */
} gt_work_t;

typedef enum gt_progress_t {
    GT_TASK_DONE,   /* ended; gt_task_error says how */
    GT_TASK_WAITS,  /* gt_task_ready becomes 1 some time; the driver's waker is then called */
    GT_TASK_OUTPUT, /* waits until the client has taken what was written (httpd's drivers only) */
    GT_TASK_INPUT   /* waits until the client has sent more, or has gone (the driver that parks) */
} gt_progress_t;

/**
 * A task that will run `work` on `state`.
 * @param loop   carries its transfers and its waits for a time; NULL for work that never waits
 * @param waker  the driver's, copied
 * @param p      the task's memory; its owner ends or drops the task before destroying it
 */
gt_task_t *gt_task_make(const gt_work_t *work, void *state, gt_loop_t *loop,
                        const gt_waker_t *waker, apr_pool_t *p);

/**
 * End the task when it still waits after `span` µs from now: it leaves the awaited thing, as
 * gt_task_drop does, and ends with GT_TIMEOUT (GT0324). A step may set another span. With a loop
 * the driver is woken; without one the driver wakes by itself, see gt_task_time_left.
 */
void gt_task_limit(gt_task_t *task, apr_interval_time_t span);

/** µs until the end that gt_task_limit set. */
apr_interval_time_t gt_task_time_left(const gt_task_t *task);

/** Run steps until the task ends or waits. */
gt_progress_t gt_task_run(gt_task_t *task);

/** 1 when the awaited thing is there (a wake may be spurious). */
int gt_task_ready(gt_task_t *task);

/** How an ended task ended; NULL: well. */
gt_err_t *gt_task_error(const gt_task_t *task);

/** The task's pool. */
apr_pool_t *gt_task_pool(const gt_task_t *task);

/** The task's loop. */
gt_loop_t *gt_task_loop(const gt_task_t *task);

/**
 * End a task that is not waited for any more: it leaves the awaited thing (a transfer that changes
 * state goes on by itself), finish functions run with GT_CANCELLED. No wake comes after this
 * returns. Harmless for an ended task.
 */
void gt_task_drop(gt_task_t *task);

/* ---- for steps ---- */

/** The work is done: none of its steps follows. */
void gt_done(gt_task_t *task);

/** Run `work` first; its failure is ours. */
void gt_then(gt_task_t *task, const gt_work_t *work, void *state);

/** Run `work` first; its failure is put into *err (NULL: it went well) and our next step runs. */
void gt_then_try(gt_task_t *task, const gt_work_t *work, void *state, gt_err_t **err);

/** Run `work` in place of the steps that are left; its failure is ours. */
void gt_instead(gt_task_t *task, const gt_work_t *work, void *state);

/** Run our steps from the first one again, once others of the same thread had their turn. */
void gt_repeat(gt_task_t *task);

/** Start a transfer and wait until it is whole (or has failed: see gt_transfer_error). */
void gt_await(gt_task_t *task, gt_transfer_t *transfer);

/** Start a transfer when it is not yet, and wait until its status and first bytes are there. */
void gt_await_head(gt_task_t *task, gt_transfer_t *transfer);

/** The same step again when a streaming transfer has more bytes or has ended. */
void gt_again_on_bytes(gt_task_t *task, gt_transfer_t *transfer);

/** The same, but no longer than until this moment of the monotonic clock; the transfer goes on
 * then. Needs a loop. */
void gt_again_on_bytes_until(gt_task_t *task, gt_transfer_t *transfer, apr_time_t ticks);

/** Start a transfer when it is not yet; the same step again when the next piece of its body finds
 * room, or is not wanted any more (gt_transfer_give, gt_transfer_wants_body). */
void gt_again_on_room(gt_task_t *task, gt_transfer_t *transfer);

/** The same step again when the client has taken what was written. */
void gt_again_on_output(gt_task_t *task);

/** Start a transfer when it is not yet; the same step again when the client has sent more of its
 * request or is gone, or when the transfer has an answer already. */
void gt_again_on_input(gt_task_t *task, gt_transfer_t *transfer);

/** The same step again at this moment of the monotonic clock (gt_ticks); where that has passed,
 * once others of the same thread had their turn. Needs a loop. */
void gt_again_at(gt_task_t *task, apr_time_t ticks);

/** Wait until a bell has rung, but no longer than until this moment of the monotonic clock; the
 * next step asks gt_bell_has_rung. Needs a loop. */
void gt_await_bell(gt_task_t *task, gt_bell_t *bell, apr_time_t ticks);

/** Wait until this moment of the monotonic clock. Needs a loop. */
void gt_await_time(gt_task_t *task, apr_time_t ticks);

/** The same step again when a bell has rung, or at this moment of the monotonic clock. Needs a
 * loop. */
void gt_again_on_bell(gt_task_t *task, gt_bell_t *bell, apr_time_t ticks);

/** Wait until a job of the crew has ended, which the task joined (task/crew.h). */
void gt_join(gt_task_t *task, gt_flight_t *flight);

/** Right after joining: wait no longer than until this moment of the monotonic clock. The job goes
 * on; the next step asks gt_flight_has_ended. Needs a loop. */
void gt_join_until(gt_task_t *task, apr_time_t ticks);

#endif
