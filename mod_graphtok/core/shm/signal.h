/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SIGNAL_H
#define GT_SIGNAL_H

/**
 * @file signal.h
 * One word in memory that processes share: whoever blows wakes everybody who waits, in any process.
 * What the news is they look up themselves. A futex; nobody can die holding anything.
 */

#include "gt.h"

/** Lies in shared, zeroed memory. */
typedef struct gt_signal_t {
    apr_uint32_t blown; /* how often */
} gt_signal_t;

/** How often it was blown: take it before looking for news, then wait with it. */
apr_uint32_t gt_signal_count(gt_signal_t *signal);

/** Wake all; nothing happens when `horn` is NULL. */
void gt_signal_broadcast(gt_signal_t *signal);

/** Wait until it is blown again since `heard`, for `span` µs at most; may return early. */
void gt_signal_wait(gt_signal_t *signal, apr_uint32_t heard, apr_interval_time_t span);

#endif
