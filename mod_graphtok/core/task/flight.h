/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FLIGHT_H
#define GT_FLIGHT_H

/**
 * @file flight.h
 * Private to task/: a job, for tasks that wait for its end.
 */

#include "task/crew.h"

/** A task that waits for a job; lies in that task's memory. */
typedef struct gt_joiner_t {
    gt_waker_t waker;
    struct gt_joiner_t *next;
} gt_joiner_t;

/** Call the joiner's waker once when the job ends (at once when it has). */
void gt_flight_wait(gt_flight_t *flight, gt_joiner_t *joiner);

/** No waker any more; when this returns none is running. The job goes on. */
void gt_flight_leave(gt_flight_t *flight, gt_joiner_t *joiner);

#endif
