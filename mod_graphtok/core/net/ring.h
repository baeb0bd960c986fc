/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RING_H
#define GT_RING_H

/**
 * @file ring.h
 * Private to net/: the loop's timers and watches, whatever thread sets them. Wakers are called on
 * the loop's thread with the ring's lock held (see carry.h for why that is safe).
 */

#include <pthread.h>

#include "net/alarm.h"
#include "net/loop.h"

typedef struct gt_ring_t {
    pthread_mutex_t lock;
    int epoll_fd;
    apr_uint64_t mark;       /* bits of the epoll datum that say: a watch */
    gt_alarms_t timers;      /* in gt_ticks */
    gt_watch_t **watches;    /* by descriptor; NULL: none */
    int room;                /* of watches */
    apr_uint32_t generation; /* tells a watch from an older one of the same descriptor */
} gt_ring_t;

/** An empty one, whose watches go into this epoll set. */
void gt_ring_init(gt_ring_t *ring, int epoll_fd, apr_uint64_t mark);

/** Frees it; timers and watches still set will never wake. */
void gt_ring_free(gt_ring_t *ring);

/** µs until the earliest timer, 0 when it is due, -1 when there is none. */
apr_interval_time_t gt_ring_next(gt_ring_t *ring);

/** Wake by every timer that is due. */
void gt_ring_timers_on_loop(gt_ring_t *ring);

/** Wake by the watch of an epoll event. */
void gt_ring_watch_on_loop(gt_ring_t *ring, apr_uint64_t datum);

/** A loop's ring. */
gt_ring_t *gt_loop_ring(gt_loop_t *loop);

/** Make the loop look at its timers again. */
void gt_loop_nudge(gt_loop_t *loop);

#endif
