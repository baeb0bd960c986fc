/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_ASIDE_H
#define GT_TEST_ASIDE_H

/* A thread as the module's own are: at its end it frees what it holds (gt_thread_at_end), which a
 * bare thread of a test would leave to AddressSanitizer. */

#include <check.h>

#include "base/thread.h"

typedef struct aside_t {
    pthread_mutex_t lock;
    gt_threads_t threads;
} aside_t;

static inline void aside_end(void *baton)
{
    (void)baton; /* what runs aside returns by itself */
}

static inline void aside_start(aside_t *aside, void (*run)(void *baton), void *baton)
{
    const gt_waker_t waker = {aside_end, NULL};
    int started;

    pthread_mutex_init(&aside->lock, NULL);
    gt_threads_init(&aside->threads, &aside->lock, &waker);
    pthread_mutex_lock(&aside->lock);
    started = gt_threads_start(&aside->threads, "aside", run, baton);
    pthread_mutex_unlock(&aside->lock);
    ck_assert_int_eq(started, 1);
}

static inline void aside_join(aside_t *aside)
{
    gt_threads_stop(&aside->threads);
    pthread_mutex_destroy(&aside->lock);
}

#endif
