/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_THREAD_H
#define GT_THREAD_H

/**
 * @file thread.h
 * Threads of ours inside another program's process, and waits on conditions by the monotonic
 * clock, so that a change of the wall clock moves no wait (apr_thread_cond_timedwait counts in
 * wall time).
 *
 * Every thread that is joined belongs to a set (gt_threads_t), which lies in its owner beside the
 * lock and the conditions that its threads wait on. All sets go through the same calls:
 *
 *     gt_threads_init       nothing runs
 *     gt_threads_start      at once, or when there is first something to do
 *     gt_threads_must_end   each thread asks it before each wait, with the lock held
 *     gt_threads_stop       tells them, wakes them, joins them; nothing starts in this set any more
 *
 * Thread-safe, except gt_thread_set_frame.
 */

#include <pthread.h>

#include "base/waker.h"
#include "gt.h"

/** The most threads of a set. */
#define GT_THREADS_MAX 16

/** The threads of one owner. Only thread.c looks inside. */
typedef struct gt_threads_t {
    pthread_mutex_t *lock; /* the owner's; guards the members below */
    gt_waker_t waker;      /* has each of them ask gt_threads_must_end */
    pthread_t threads[GT_THREADS_MAX];
    int count;     /* started and not joined */
    int is_ending; /* from gt_threads_stop on */
} gt_threads_t;

/**
 * An empty set.
 * @param lock   the owner's, held by its threads when they ask whether to end
 * @param waker  called with the lock held: signals the conditions that the threads wait on
 */
void gt_threads_init(gt_threads_t *set, pthread_mutex_t *lock, const gt_waker_t *waker);

/**
 * Start one more thread, with all signals blocked: httpd's own handling of SIGTERM and its kin
 * must land on httpd's threads. Call it with the lock held.
 * @param name   at most 15 characters, for debuggers and top
 * @param baton  handed to `run`
 * @return 1; 0: the system gives none, or the set was stopped. Threads that started before go on.
 */
GT_MUST int gt_threads_start(gt_threads_t *set, const char *name, void (*run)(void *baton),
                             void *baton);

/** How many were started and not joined. Call it with the lock held. */
int gt_threads_count(const gt_threads_t *set);

/** 1 when the threads are to return. Call it with the lock held. */
int gt_threads_must_end(const gt_threads_t *set);

/** Tell all threads to return and wait until they have. Call it without the lock, from none of
 * them; a second call does nothing. */
void gt_threads_stop(gt_threads_t *set);

/** 1 when the calling thread is one of the set. */
int gt_threads_have_this(const gt_threads_t *set);

/**
 * Start a thread that is not joined, with all signals blocked. It may outlive everything but the
 * process, so it has no frame, and the module's code stays mapped from the first one on.
 * @param name  as above
 * @return APR_SUCCESS or why the system gave none
 */
apr_status_t gt_thread_detach(const char *name, void (*run)(void *baton), void *baton);

/**
 * Have the calling thread call `end` when it returns, before its frame's end; the function
 * registered last is called first. A second call with the same function does nothing. On a thread
 * that this file did not start nothing is called: its memory lasts as long as the process.
 */
void gt_thread_at_end(void (*end)(void));

/** Functions of the program around us that each thread of a set calls at its begin and at
 * its end. */
typedef struct gt_thread_frame_t {
    void *baton;
    void (*begin)(void *baton);
    void (*end)(void *baton);
} gt_thread_frame_t;

/** Set the frame (NULL: none). Call it before the first thread starts; the struct outlives them
 * all. */
void gt_thread_set_frame(const gt_thread_frame_t *frame);

/** A condition that gt_cond_wait can wait on. */
apr_status_t gt_cond_init(pthread_cond_t *cond);

/** The machine's monotonic clock, µs: the clock of gt_cond_wait. Tests cannot replace it. */
apr_time_t gt_mono(void);

/**
 * Wait until signalled or until gt_mono() reaches `until` (APR_INT64_MAX: for ever). May return
 * early for no reason, as every wait on a condition.
 */
void gt_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, apr_time_t until);

#endif
