/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HOUR_H
#define GT_HOUR_H

/**
 * @file hour.h
 * The figures of an hour, as they are counted in shared memory (metrics/pieces.h), kept in rows
 * (store/hour_rows.h) and shown. Times of calls are a histogram, so that those of several servers
 * can be added. Pure; thread-safe.
 */

#include "gt.h"

/** Buckets of the histogram; the last one has no bound. */
#define GT_HOUR_BUCKETS 13

/** Upper bounds of all buckets but the last, µs. */
extern const apr_int64_t gt_hour_bounds[GT_HOUR_BUCKETS - 1];

typedef struct gt_hour_t {
    apr_int64_t hour;                   /* since 1970, by UTC */
    apr_int64_t refreshed, failed;      /* refreshes by how they ended */
    apr_int64_t failed_calls;           /* calls to a provider's API that brought no answer */
    apr_int64_t calls[GT_HOUR_BUCKETS]; /* the others, by the time until the answer's head */
} gt_hour_t;

/** How many calls were answered. */
apr_int64_t gt_hour_calls(const gt_hour_t *hour);

/** The time within which so many of a hundred calls were answered, µs, as near as the buckets
 * tell; of those in the last bucket its lower bound. 0: there were none. */
apr_int64_t gt_hour_quantile(const gt_hour_t *hour, int percent);

#endif
