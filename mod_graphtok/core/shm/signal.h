/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SIGNAL_H
#define GT_SIGNAL_H

/**
 * @file signal.h
 * One word in memory that processes share: a broadcast wakes all threads that wait, in any
 * process. Each looks up for itself what has changed. It is a futex, and no process can die
 * holding it.
 */

#include "gt.h"

/** Lies in shared, zeroed memory. */
typedef struct gt_signal_t {
    apr_uint32_t count; /* of broadcasts */
} gt_signal_t;

/** How many broadcasts there were: take it before looking for changes, then wait with it. */
apr_uint32_t gt_signal_count(gt_signal_t *signal);

/** Wake all; nothing happens when `signal` is NULL. */
void gt_signal_broadcast(gt_signal_t *signal);

/** Wait for a broadcast after those `heard`, for `span` µs at most; may return early. */
void gt_signal_wait(gt_signal_t *signal, apr_uint32_t heard, apr_interval_time_t span);

#endif
