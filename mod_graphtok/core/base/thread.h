/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_THREAD_H
#define GT_THREAD_H

/**
 * @file httpd_thread.h
 * Start threads inside another program's process, and wait on conditions by the monotonic clock, so
 * that a change of the wall clock moves no wait (apr_thread_cond_timedwait counts in wall time).
 * Thread-safe, except gt_thread_set_frame.
 */

#include <pthread.h>

#include "gt.h"

/**
 * Start a joinable thread with all signals blocked: httpd's own handling of SIGTERM and its kin
 * must land on httpd's threads.
 * @param name  at most 15 characters, for debuggers and top
 * @return APR_SUCCESS or why the system gave none
 */
apr_status_t gt_thread_start(pthread_t *thread, const char *name, void *(*run)(void *baton),
                             void *baton);

/**
 * Start a thread that is not joined, with all signals blocked. It may outlive everything but the process,
 * so it has no frame, and the module's code stays mapped from the first one on.
 * @param name  as above
 * @return APR_SUCCESS or why the system gave none
 */
apr_status_t gt_thread_detach(const char *name, void *(*run)(void *baton), void *baton);

/** Functions of the program around us that each thread of gt_thread_start calls at its begin and at
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

/** The machine's monotonic clock, µs. What gt_cond_wait counts in; tests cannot replace it. */
apr_time_t gt_mono(void);

/**
 * Wait until signalled or until gt_mono() reaches `until` (APR_INT64_MAX: for ever). May return
 * early for no reason, as every wait on a condition.
 */
void gt_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, apr_time_t until);

#endif
