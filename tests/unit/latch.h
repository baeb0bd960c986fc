/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_LATCH_H
#define GT_TEST_LATCH_H

/* Something that can be woken and waited for; counts its wakes. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "base/waker.h"
#include "patience.h"

typedef struct latch_t {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    int wakes;
    int is_dead; /* a wake from now on is a mistake */
} latch_t;

static inline void latch_wake(void *baton)
{
    latch_t *latch = baton;

    pthread_mutex_lock(&latch->lock);
    /* libcheck cannot end a test from a thread of its own when it does not fork. */
    if (latch->is_dead) {
        fprintf(stderr, "a wake after its end\n");
        abort();
    }
    latch->wakes++;
    pthread_cond_broadcast(&latch->woken);
    pthread_mutex_unlock(&latch->lock);
}

static inline gt_waker_t latch_init(latch_t *latch)
{
    pthread_mutex_init(&latch->lock, NULL);
    ck_assert_int_eq(gt_cond_init(&latch->woken), 0);
    latch->wakes = latch->is_dead = 0;
    return (gt_waker_t){latch_wake, latch};
}

/* Wait for so many wakes since its beginning; the test fails when they do not come. */
static inline void latch_await(latch_t *latch, int wakes)
{
    apr_time_t until = gt_mono() + PATIENCE;

    pthread_mutex_lock(&latch->lock);
    while (latch->wakes < wakes && gt_mono() < until)
        gt_cond_wait(&latch->woken, &latch->lock, until);
    ck_assert_msg(latch->wakes >= wakes, "%d wakes of %d", latch->wakes, wakes);
    pthread_mutex_unlock(&latch->lock);
}

static inline int latch_wakes(latch_t *latch)
{
    int wakes;

    pthread_mutex_lock(&latch->lock);
    wakes = latch->wakes;
    pthread_mutex_unlock(&latch->lock);
    return wakes;
}

/* No wake may come any more. */
static inline void latch_die(latch_t *latch)
{
    pthread_mutex_lock(&latch->lock);
    latch->is_dead = 1;
    pthread_mutex_unlock(&latch->lock);
}

#endif
