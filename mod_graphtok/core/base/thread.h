/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_THREAD_H
#define GT_THREAD_H

/**
 * @file thread.h
 * Threads of ours inside somebody else's process, and waits that a stepped wall clock does not
 * touch (apr_thread_cond_timedwait counts in wall time).
 */

#include <pthread.h>

#include "gt.h"

/**
 * Start a joinable thread with all signals blocked: httpd's own handling of SIGTERM and its kin must
 * land on httpd's threads.
 * @param name  at most 15 characters, for debuggers and top
 * @return APR_SUCCESS or why the system gave none
 */
apr_status_t gt_thread_start(pthread_t *thread, const char *name, void *(*run)(void *baton),
                             void *baton);

/** What the program around us does on each thread of ours before it works and after it has worked. */
typedef struct gt_thread_frame_t {
    void *baton;
    void (*begin)(void *baton);
    void (*end)(void *baton);
} gt_thread_frame_t;

/** Set the frame (NULL: none). Before threads start; the struct must outlive them. */
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
