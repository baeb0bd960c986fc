/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HORN_H
#define GT_HORN_H

/**
 * @file horn.h
 * One word in memory that processes share: whoever blows wakes everybody who waits, in any process.
 * What the news is they look up themselves. A futex; nobody can die holding anything.
 */

#include "gt.h"

/** Lies in shared, zeroed memory. */
typedef struct gt_horn_t {
    apr_uint32_t blown; /* how often */
} gt_horn_t;

/** How often it was blown: take it before looking for news, then wait with it. */
apr_uint32_t gt_horn_heard(gt_horn_t *horn);

/** Wake all; nothing happens when `horn` is NULL. */
void gt_horn_blow(gt_horn_t *horn);

/** Wait until it is blown again since `heard`, for `span` µs at most; may return early. */
void gt_horn_wait(gt_horn_t *horn, apr_uint32_t heard, apr_interval_time_t span);

#endif
