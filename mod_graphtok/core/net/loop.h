/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOOP_H
#define GT_LOOP_H

/**
 * @file loop.h
 * The child's one transfer thread: epoll and curl_multi_socket_action. It carries all calls to
 * providers (kept-alive connections, HTTP/2 by ALPN, DNS and TLS sessions shared) and the timers
 * of waiting tasks. It runs no step and no statement; it only moves bytes and wakes tasks. Start
 * it in the child, never before a fork. All functions are safe on any thread but the loop's own,
 * unless they say so.
 */

#include "base/err.h"
#include "base/waker.h"

/** Bounds of a loop. */
typedef struct gt_loop_limits_t {
    int max_transfers; /* under way at once; past it gt_await's transfer fails with GT_BUSY */
    int max_host_connections; /* to one host, of streams and of all others; more calls queue. While
                               * a lane takes over from another (net/lane.h) its share comes to
                               * it */
    int whole_handshakes; /* 1: no TLS session is resumed, so that each connection has a chain to
                               * hold pins against (net/pins.h) */
} gt_loop_limits_t;

/** Figures of a loop, a snapshot. */
typedef struct gt_loop_figures_t {
    int transfers;   /* under way */
    int connections; /* open, idle ones included */
    apr_int64_t started, failed;
} gt_loop_figures_t;

/** Start it. libcurl is initialised by this. @return GT_INTERNAL when the system lacks something */
GT_MUST gt_err_t *gt_loop_start(gt_loop_t **loop, const gt_loop_limits_t *limits, apr_pool_t *p);

/** Refuse new transfers (GT_BUSY); those under way go on. */
void gt_loop_close(gt_loop_t *loop);

/** Stop and join the thread; transfers under way end with GT_CANCELLED and wake their tasks. */
void gt_loop_stop(gt_loop_t *loop);

/** The figures now. */
void gt_loop_figures(gt_loop_figures_t *figures, gt_loop_t *loop);

/* ---- for task/ ---- */

typedef struct gt_timer_t gt_timer_t;

/** Wake at a moment of the monotonic clock. The timer lives in `p`; gt_timer_cancel before `p`
 * goes. */
gt_timer_t *gt_timer_start(gt_loop_t *loop, apr_time_t ticks, const gt_waker_t *waker,
                           apr_pool_t *p);

/** Wake once more, at another moment, by a timer that has fired or was cancelled. */
void gt_timer_again(gt_timer_t *timer, apr_time_t ticks);

/** Take a timer out; when this returns its waker is not running and will not be called. */
void gt_timer_cancel(gt_timer_t *timer);

/* ---- for task/finisher ---- */

/** 1 on the loop's own thread. */
int gt_loop_is_here(const gt_loop_t *loop);

/** Call `waker` at the end of each round, on the loop's thread: tasks that a round woke can then be
 * handed on together. It must not wait. NULL: none any more; when this returns the one before is
 * not running and will not be called. */
void gt_loop_after_round(gt_loop_t *loop, const gt_waker_t *waker);

#endif
