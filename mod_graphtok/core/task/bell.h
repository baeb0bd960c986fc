/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BELL_H
#define GT_BELL_H

/**
 * @file bell.h
 * A task waits for a bell when it waits for neither a transfer nor a job nor a time. The bell lies
 * in the waiting task's memory. A ringer keeps its address under a lock of its own, and the task
 * makes the ringer drop it before that memory goes. One task a bell.
 */

#include <pthread.h>

#include "base/waker.h"
#include "gt.h"

/** Only bell.c looks inside. */
typedef struct gt_bell_t {
    pthread_mutex_t lock; /* guards the rest; taken before locks of a waker */
    int has_rung;
    int has_waker;
    gt_waker_t waker;
} gt_bell_t;

/** A bell that has not rung. */
void gt_bell_init(gt_bell_t *bell);

/** Call it when no task waits for the bell and no ringer knows it. */
void gt_bell_destroy(gt_bell_t *bell);

/** Wake the task that waits, now or later: a bell stays rung. From any thread. */
void gt_bell_ring(gt_bell_t *bell);

/** 1 when it has rung. */
int gt_bell_has_rung(gt_bell_t *bell);

/* ---- for task.c ---- */

/** Call the waker once it rings (at once when it has). */
void gt_bell_wait(gt_bell_t *bell, const gt_waker_t *waker);

/** No waker any more; when this returns none is running. */
void gt_bell_leave(gt_bell_t *bell);

#endif
