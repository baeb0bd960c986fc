/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ALARM_H
#define GT_ALARM_H

/**
 * @file alarm.h
 * Moments in order: a binary heap whose entries lie in their owners' structs, so that setting one
 * allocates nothing and taking one out from the middle is cheap. For the loop. No lock of its own.
 */

#include "gt.h"

/** An entry; zeroed: not set. Only the heap writes it. */
typedef struct gt_alarm_t {
    apr_time_t at;   /* a moment of the clock its heap is used with, µs */
    apr_size_t slot; /* place in the heap plus one; 0: not set */
} gt_alarm_t;

typedef struct gt_alarms_t {
    gt_alarm_t **entries; /* malloc'ed */
    apr_size_t used, room;
} gt_alarms_t;

/** Set an alarm that is not set. Aborts when there is no memory, as APR does. */
void gt_alarm_set(gt_alarms_t *alarms, gt_alarm_t *alarm, apr_time_t at);

/** Take it out; nothing happens when it is not set. */
void gt_alarm_clear(gt_alarms_t *alarms, gt_alarm_t *alarm);

/** The earliest, or NULL. */
gt_alarm_t *gt_alarm_first(const gt_alarms_t *alarms);

/** Free the heap (not its entries' owners). */
void gt_alarms_free(gt_alarms_t *alarms);

#endif
