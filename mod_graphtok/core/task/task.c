/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A stack of step tables and the one thing the task waits for: a transfer, timer, job or bell. A
 * task has no lock and no state that a waker would touch: the awaited thing gets the driver's own
 * waker, and is asked itself whether it is there. So a wake may come early, late or twice, and "no
 * wake after this" is a promise of the awaited thing.
 */

#include "task/task.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/transfer.h"
#include "task/flight.h"

#define DEPTH_MAX 16

/* Steps run in one go; then others of the same thread get their turn. */
#define STEPS_MAX 1000

typedef struct frame_t {
    const gt_work_t *work;
    void *state;
    int next;          /* index of the step that runs next */
    gt_err_t **caught; /* takes a failure, which then does not fail the frame below; or NULL */
} frame_t;

typedef enum wait_t {
    WAIT_NOTHING,
    WAIT_TRANSFER,
    WAIT_TIME,
    WAIT_FLIGHT,
    WAIT_BELL, /* and those before: until a moment, too */
    WAIT_OUTPUT,
    WAIT_TURN /* it ran for long enough and is ready to go on */
} wait_t;

struct gt_task_t {
    apr_pool_t *pool;
    gt_loop_t *loop;
    gt_waker_t waker;
    frame_t frames[DEPTH_MAX];
    int depth; /* 0: ended */
    gt_err_t *err;
    int is_too_deep;          /* a step asked for more frames than there are */
    int said;                 /* the step has said what follows */
    apr_time_t ends_by;       /* ticks; APR_INT64_MAX: no limit */
    apr_interval_time_t span; /* of the limit */
    gt_timer_t *limit_timer;  /* made with the first wait under a limit */

    wait_t wait;
    gt_transfer_t *transfer;
    gt_transfer_point_t point;
    int takes_input; /* 1: bytes of the client make it go on as well */
    apr_time_t ticks;
    gt_timer_t *timer; /* made with the first wait for a time, then used again */
    gt_flight_t *flight;
    gt_joiner_t joiner;
    gt_bell_t *bell;
};

/* ---- functions for steps ---- */

static frame_t *top(gt_task_t *task)
{
    assert(task->depth > 0);
    return &task->frames[task->depth - 1];
}

static void say(gt_task_t *task, wait_t wait)
{
    assert(!task->said);
    task->said = 1;
    task->wait = wait;
    task->ticks = 0;
}

static void push(gt_task_t *task, const gt_work_t *work, void *state, gt_err_t **caught)
{
    if (task->depth == DEPTH_MAX) {
        task->is_too_deep = 1;
        return;
    }
    task->frames[task->depth++] = (frame_t){work, state, 0, caught};
    if (caught != NULL)
        *caught = GT_OK;
}

static void skip_rest(frame_t *frame)
{
    while (frame->work->steps[frame->next] != NULL)
        frame->next++;
}

void gt_done(gt_task_t *task)
{
    say(task, WAIT_NOTHING);
    skip_rest(top(task));
}

void gt_then(gt_task_t *task, const gt_work_t *work, void *state)
{
    say(task, WAIT_NOTHING);
    push(task, work, state, NULL);
}

void gt_then_try(gt_task_t *task, const gt_work_t *work, void *state, gt_err_t **err)
{
    assert(err != NULL);
    say(task, WAIT_NOTHING);
    push(task, work, state, err);
}

void gt_instead(gt_task_t *task, const gt_work_t *work, void *state)
{
    skip_rest(top(task));
    gt_then(task, work, state);
}

void gt_repeat(gt_task_t *task)
{
    say(task, WAIT_TURN);
    top(task)->next = 0;
}

static void await(gt_task_t *task, gt_transfer_t *transfer, gt_transfer_point_t point)
{
    say(task, WAIT_TRANSFER);
    task->transfer = transfer;
    task->point = point;
}

void gt_await(gt_task_t *task, gt_transfer_t *transfer)
{
    await(task, transfer, GT_POINT_END);
}

void gt_await_head(gt_task_t *task, gt_transfer_t *transfer)
{
    await(task, transfer, GT_POINT_HEAD);
}

void gt_again_on_bytes(gt_task_t *task, gt_transfer_t *transfer)
{
    await(task, transfer, GT_POINT_MORE);
    top(task)->next--;
}

void gt_again_on_bytes_until(gt_task_t *task, gt_transfer_t *transfer, apr_time_t ticks)
{
    gt_again_on_bytes(task, transfer);
    task->ticks = ticks;
}

void gt_again_on_room(gt_task_t *task, gt_transfer_t *transfer)
{
    await(task, transfer, GT_POINT_ROOM);
    top(task)->next--;
}

void gt_again_on_output(gt_task_t *task)
{
    say(task, WAIT_OUTPUT);
    top(task)->next--;
}

void gt_again_on_input(gt_task_t *task, gt_transfer_t *transfer)
{
    await(task, transfer, GT_POINT_HEAD);
    task->takes_input = 1;
    top(task)->next--;
}

void gt_await_time(gt_task_t *task, apr_time_t ticks)
{
    say(task, WAIT_TIME);
    task->ticks = ticks;
}

void gt_again_at(gt_task_t *task, apr_time_t ticks)
{
    say(task, ticks > gt_ticks() ? WAIT_TIME : WAIT_TURN);
    task->ticks = ticks;
    top(task)->next--;
}

void gt_await_bell(gt_task_t *task, gt_bell_t *bell, apr_time_t ticks)
{
    say(task, WAIT_BELL);
    task->bell = bell;
    task->ticks = ticks;
}

void gt_again_on_bell(gt_task_t *task, gt_bell_t *bell, apr_time_t ticks)
{
    gt_await_bell(task, bell, ticks);
    top(task)->next--;
}

void gt_join(gt_task_t *task, gt_flight_t *flight)
{
    say(task, WAIT_FLIGHT);
    task->flight = flight;
}

void gt_join_until(gt_task_t *task, apr_time_t ticks)
{
    assert(task->wait == WAIT_FLIGHT);
    task->ticks = ticks;
}

/* ---- waiting ---- */

/* It waits for a moment, too, or for nothing else. */
static int has_time(const gt_task_t *task)
{
    return task->wait == WAIT_TIME || (task->wait <= WAIT_BELL && task->ticks != 0);
}

static int is_there(gt_task_t *task)
{
    if (has_time(task) && gt_ticks() >= task->ticks)
        return 1;
    switch (task->wait) {
    case WAIT_TRANSFER:
        return gt_transfer_reached(task->transfer, task->point);
    case WAIT_FLIGHT:
        return gt_flight_has_ended(task->flight);
    case WAIT_BELL:
        return gt_bell_has_rung(task->bell);
    default:
        return task->wait != WAIT_TIME;
    }
}

static void set_timer(const gt_task_t *task, gt_timer_t **timer, apr_time_t ticks)
{
    if (*timer == NULL)
        *timer = gt_timer_start(task->loop, ticks, &task->waker, task->pool);
    else
        gt_timer_again(*timer, ticks);
}

/* Give the waker to the awaited thing. A transfer that is not under way starts by this. The limit
 * lies still while waits come and go. */
static void begin_wait(gt_task_t *task)
{
    if (task->loop != NULL && task->ends_by != APR_INT64_MAX && task->limit_timer == NULL)
        set_timer(task, &task->limit_timer, task->ends_by);
    switch (task->wait) {
    case WAIT_TRANSFER:
        gt_transfer_wait(task->transfer, task->point, &task->waker);
        break;
    case WAIT_FLIGHT:
        task->joiner.waker = task->waker;
        gt_flight_wait(task->flight, &task->joiner);
        break;
    case WAIT_BELL:
        gt_bell_wait(task->bell, &task->waker);
        break;
    case WAIT_TURN:
        task->waker.wake(task->waker.baton);
        break;
    default:
        break;
    }
    if (has_time(task))
        set_timer(task, &task->timer, task->ticks);
}

/* Leave the awaited thing; no wake comes after this. */
static void leave_wait(gt_task_t *task)
{
    if (task->wait == WAIT_TRANSFER)
        gt_transfer_leave(task->transfer);
    else if (task->wait == WAIT_FLIGHT)
        gt_flight_leave(task->flight, &task->joiner);
    else if (task->wait == WAIT_BELL)
        gt_bell_leave(task->bell);
    if (has_time(task) && task->timer != NULL)
        gt_timer_cancel(task->timer);
    task->wait = WAIT_NOTHING;
}

/* The awaited thing is there, or its time is over. A timer may still be about to ring, or a job
 * about to tell its end, so both are left; a transfer goes on, and calls our waker no more. */
static void end_wait(gt_task_t *task)
{
    if (task->wait == WAIT_TRANSFER) {
        gt_transfer_wait_no_more(task->transfer);
        task->wait = WAIT_NOTHING;
    }
    leave_wait(task);
}

/* 1: the time limit is over. A thing that came at the last moment counts, but not that the task may
 * write or run on. */
static int is_late(gt_task_t *task)
{
    int goes_on = task->wait == WAIT_OUTPUT || task->wait == WAIT_TURN;

    return task->depth > 0 && (goes_on || !is_there(task)) && gt_ticks() >= task->ends_by;
}

/* ---- running ---- */

static void finish_top(gt_task_t *task, gt_err_t *err)
{
    frame_t *frame = top(task);

    if (frame->work->finish != NULL)
        frame->work->finish(task, frame->state, err);
    task->said = 0;
    task->depth--;
}

/* A failure runs outwards until a frame catches it. */
static void fail(gt_task_t *task, gt_err_t *err)
{
    while (task->depth > 0) {
        gt_err_t **caught = top(task)->caught;

        finish_top(task, err);
        if (caught != NULL) {
            *caught = err;
            return;
        }
    }
    task->err = err;
}

/* At trace: the step that ran, and what comes of it. */
static void trace(gt_task_t *task, const frame_t *frame, int step, const gt_err_t *err)
{
    /* In the order of wait_t. */
    static const char *const waits[] = {
        "done",           "waits for a call",     "waits for its time", "waits for a job",
        "waits for news", "waits for the client", "waits for its turn"};
    const char *inner = frame != top(task) ? top(task)->work->name : NULL;

    if (err != GT_OK)
        gt_log(GT_LOG_TRACE, NULL, "step %d of %s: %s", step, frame->work->name, err->tag);
    else
        gt_log(GT_LOG_TRACE, NULL, "step %d of %s: %s%s%s", step, frame->work->name,
               waits[task->wait], inner != NULL ? ", next is " : "", inner != NULL ? inner : "");
}

static void run_step(gt_task_t *task)
{
    frame_t *frame = top(task);
    gt_step_fn *step = frame->work->steps[frame->next];
    int depth = task->depth, number;
    gt_err_t *err;

    if (step == NULL) {
        finish_top(task, GT_OK);
        return;
    }
    number = ++frame->next;
    task->said = 0;
    err = step(task, frame->state);
    if (err == GT_OK && task->is_too_deep)
        err = gt_err(task->pool, GT_INTERNAL, "GT0320", "work nested more than %d deep in %s",
                     DEPTH_MAX, frame->work->name);
    if (err == GT_OK && has_time(task) && task->loop == NULL)
        err = gt_err(task->pool, GT_INTERNAL, "GT0321", "%s waits, but has no loop to wait on",
                     frame->work->name);
    task->is_too_deep = 0;
    if (gt_log_wants(GT_LOG_TRACE))
        trace(task, frame, number, err);
    if (err == GT_OK)
        return;
    /* Work that a failing step asked for has not begun: forget it. */
    task->depth = depth;
    task->wait = WAIT_NOTHING;
    fail(task, err);
}

gt_task_t *gt_task_make(const gt_work_t *work, void *state, gt_loop_t *loop,
                        const gt_waker_t *waker, apr_pool_t *p)
{
    gt_task_t *task = apr_pcalloc(p, sizeof(*task));

    task->pool = p;
    task->loop = loop;
    task->waker = *waker;
    task->ends_by = APR_INT64_MAX;
    push(task, work, state, NULL);
    return task;
}

void gt_task_limit(gt_task_t *task, apr_interval_time_t span)
{
    task->span = span;
    task->ends_by = gt_ticks() + span;
    if (task->limit_timer != NULL)
        set_timer(task, &task->limit_timer, task->ends_by);
}

apr_interval_time_t gt_task_time_left(const gt_task_t *task)
{
    return task->ends_by - gt_ticks();
}

static gt_progress_t run_steps(gt_task_t *task)
{
    for (int steps = 0; task->depth > 0; steps++) {
        if (steps == STEPS_MAX)
            task->wait = WAIT_TURN;
        else
            run_step(task);
        if (task->wait == WAIT_OUTPUT)
            return GT_TASK_OUTPUT;
        if (task->wait == WAIT_NOTHING)
            continue;
        if (task->wait == WAIT_TURN || !is_there(task)) {
            begin_wait(task);
            return task->takes_input ? GT_TASK_INPUT : GT_TASK_WAITS;
        }
        task->wait = WAIT_NOTHING;
    }
    return GT_TASK_DONE;
}

static void stop_limit_timer(const gt_task_t *task)
{
    if (task->limit_timer != NULL)
        gt_timer_cancel(task->limit_timer);
}

static void end_late(gt_task_t *task)
{
    const char *name = task->frames[0].work->name;

    gt_task_drop(task);
    task->err = gt_err(task->pool, GT_TIMEOUT, "GT0324", "%s took longer than %g s", name,
                       (double)apr_time_as_msec(task->span) / 1000);
}

gt_progress_t gt_task_run(gt_task_t *task)
{
    gt_progress_t progress;

    if (is_late(task)) {
        end_late(task);
        return GT_TASK_DONE;
    }
    /* Of input the driver knows. */
    if (task->depth > 0 && !task->takes_input && !is_there(task))
        return GT_TASK_WAITS;
    task->takes_input = 0;
    end_wait(task);
    progress = run_steps(task);
    if (progress == GT_TASK_DONE)
        stop_limit_timer(task);
    return progress;
}

int gt_task_ready(gt_task_t *task)
{
    return task->depth == 0 || is_there(task) || is_late(task);
}

gt_err_t *gt_task_error(const gt_task_t *task)
{
    return task->err;
}

apr_pool_t *gt_task_pool(const gt_task_t *task)
{
    return task->pool;
}

gt_loop_t *gt_task_loop(const gt_task_t *task)
{
    return task->loop;
}

void gt_task_drop(gt_task_t *task)
{
    gt_err_t *err;

    if (task->depth == 0)
        return;
    leave_wait(task);
    stop_limit_timer(task);
    err = gt_err(task->pool, GT_CANCELLED, "GT0322", "its caller waits for it no longer");
    while (task->depth > 0) {
        gt_err_t **caught = top(task)->caught;

        finish_top(task, err);
        if (caught != NULL)
            *caught = err;
    }
    task->err = err;
}
