/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TIMER_H
#define GT_TIMER_H

/**
 * @file timer.h
 * Private to net/: the loop's timers, which any thread may set. Wakers are called on
 * the loop's thread with the timers' lock held (see transfer_struct.h for why that is safe).
 */

#include <pthread.h>

#include "net/alarm.h"
#include "net/loop.h"

typedef struct gt_timers_t {
    pthread_mutex_t lock;
    int is_live;        /* 0: the loop has ended, and nothing is set any more */
    gt_alarms_t alarms; /* in gt_ticks */
} gt_timers_t;

/** Without a timer. */
void gt_timers_init(gt_timers_t *timers);

/** Frees it; timers still set will never wake. */
void gt_timers_free(gt_timers_t *timers);

/** µs until the earliest timer, 0 when it is due, -1 when there is none. */
apr_interval_time_t gt_timers_next(gt_timers_t *timers);

/** Wake by every timer that is due. */
void gt_timers_fire_on_loop(gt_timers_t *timers);

/** A loop's timers. */
gt_timers_t *gt_loop_timers(gt_loop_t *loop);

/** Make the loop look at its timers again. */
void gt_loop_nudge(gt_loop_t *loop);

#endif
