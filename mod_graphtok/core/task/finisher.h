/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FINISHER_H
#define GT_FINISHER_H

/**
 * @file finisher.h
 * Threads that go on with parked connections, so that the end of a call needs none of the
 * server's: neither its listener nor a worker is woken, and answers that come together are written
 * one after the other by threads that are awake already. Which thread may touch a connection is
 * decided here and nowhere else: the worker that holds it, a finisher that works on it, or none of
 * them while it lies in the server's poll set.
 *
 * A supervisor sees to two things: connections that lay idle for too long after their answer, and
 * work that no finisher gets to (an output filter may sleep). Both are given to the server's
 * workers.
 */

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "net/loop.h"

/** The finishers of a process. */
typedef struct gt_finishers_t gt_finishers_t;

/** The operations of a connection's slot. */
typedef struct gt_conn_ops_t {
    /** Go on, on a finisher's thread. @return 0: the connection waits on in the poll set; else
     * gt_mono() until which it may be idle. */
    apr_time_t (*work)(void *baton);
    /** See that the server gives the connection to a worker. Any thread, under the finishers' lock:
     * must not wait, nor call anything of this header. */
    void (*call)(void *baton);
} gt_conn_ops_t;

/** A connection's place. Only finisher.c looks inside; as new (all zero but the first three) it
 * is held by the worker that made it. */
typedef struct gt_conn_slot_t {
    gt_finishers_t *finishers;
    const gt_conn_ops_t *ops;
    void *baton;

    int at;          /* where it is */
    int is_woken;    /* there is something to go on with */
    int is_late;     /* its idle time is over */
    apr_time_t when; /* gt_mono(): queued since, or idle until */
    struct gt_conn_slot_t *next, *previous;
} gt_conn_slot_t;

/** Start the threads (at most 8); they end with gt_finishers_stop. Lives in `p`.
 * @param loop  a round of its wakes hands them on together, at its end; NULL: none
 * @return GT_INTERNAL when the system gives no thread */
GT_MUST gt_err_t *gt_finishers_start(gt_finishers_t **finishers, int threads, gt_loop_t *loop,
                                     apr_pool_t *p);

/** From now on nothing lies idle: a server that ends waits for no client. Thread-safe. */
void gt_finishers_close(gt_finishers_t *finishers);

/** Join the threads; queued slots are left as they are. */
void gt_finishers_stop(gt_finishers_t *finishers);

/** A worker got the connection: wait for the finisher that works on it, if one does. The worker
 * then looks by itself whether there is something to go on with. May be called again. */
void gt_conn_slot_take(gt_conn_slot_t *slot);

/** The worker will touch the connection no more: it lies in the server's poll set, or is on its way
 * there. */
void gt_conn_slot_release(gt_conn_slot_t *slot);

/** There is something to go on with. Any thread. */
void gt_conn_slot_wake(gt_conn_slot_t *slot);

#endif
