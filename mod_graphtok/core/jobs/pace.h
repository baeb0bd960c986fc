/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PACE_H
#define GT_PACE_H

/**
 * @file pace.h
 * How background refreshes are spread out in time, as sums without a clock or a database. Each of
 * the parts of the users begins at another moment before the end of their tokens; each claim of a
 * part takes no more than its share of the rate; those taken start one after the other. Pure;
 * thread-safe.
 */

#include "gt.h"

/** The share of one part in a rate for all of them. */
typedef struct gt_pace_t {
    int batch;                  /* how many a claim takes at most */
    apr_interval_time_t period; /* until the next, when that was not enough; whole seconds */
} gt_pace_t;

/** @param rate refreshes a second, of all parts together, 1 or more */
gt_pace_t gt_pace_of(apr_int64_t rate);

/** How long before its end a token is refreshed: between margin + ahead / 2 (part 0) and
 * margin + ahead (the last part). */
apr_interval_time_t gt_pace_lead(apr_interval_time_t margin, apr_interval_time_t ahead, int part);

/** How long until a part that had nothing more is looked at again: a small fraction of what there
 * is to spare, ± 20 % so that nodes and parts drift apart; 1 to 30 s. */
apr_interval_time_t gt_pace_pause(apr_interval_time_t ahead);

/** When the i-th of n begins, in a period: evenly, at a random place within its own stretch. */
apr_interval_time_t gt_pace_delay(int i, int n, apr_interval_time_t period);

#endif
