/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLOCK_H
#define GT_CLOCK_H

/**
 * @file clock.h
 * Time. Wall clock for what is stored and shown, monotonic clock for waits. Both replaceable by
 * tests. Times are apr_time_t (µs since 1970, UTC), spans apr_interval_time_t (µs).
 */

#include "gt.h"

/** Wall clock now. */
apr_time_t gt_now(void);

/** Monotonic clock now, µs from an arbitrary start; the same in all processes of a machine. */
apr_time_t gt_ticks(void);

/** Replace both clocks (tests); NULL gives the real ones back. Not thread-safe. */
void gt_clock_set(apr_time_t (*now)(void), apr_time_t (*ticks)(void));

/** RFC 3339 in UTC with whole seconds: 2026-11-21T07:00:00Z. */
char *gt_rfc3339(apr_time_t t, apr_pool_t *p);

/** Parse RFC 3339 / ISO 8601 date-time with offset or Z, fraction allowed. 0 when it is not one. */
GT_MUST int gt_rfc3339_parse(apr_time_t *t, const char *text);

/**
 * Parse an ISO 8601 local date-time without offset ("2026-11-21T07:00[:00[.fraction]]").
 * @param t  the same moment read as UTC, for comparing two times of one zone
 */
GT_MUST int gt_local_time_parse(apr_time_t *t, const char *text);

/**
 * Parse a span the way administrators write it: a number and s, min, m, h, d (also "sec", "hour",
 * "day"); a bare number is seconds; "ms" for milliseconds.
 * @return 1, or 0 when it is not a span or exceeds ten years
 */
GT_MUST int gt_span_parse(apr_interval_time_t *span, const char *text);

/** A span as the largest whole unit: "5min", "90s". */
char *gt_span_text(apr_interval_time_t span, apr_pool_t *p);

/** Parse Retry-After: whole seconds or an HTTP date (RFC 9110 10.2.3). Of several numbers with
 * commas between, as Graph has sent them, the largest. 0 µs when absent or broken; at most one
 * hour. */
apr_interval_time_t gt_retry_after(const char *text);

/** Waits after failures in a row, of work that is tried again and again. Zeroed to begin; for one
 * thread at a time. */
typedef struct gt_backoff_t {
    int failures;
    apr_time_t until; /* ticks */
} gt_backoff_t;

/** 1 while the work is not to be tried again. */
int gt_backoff_lasts(const gt_backoff_t *backoff);

/** The work was tried. @return the wait that begins now: 0 after a success, else as gt_backoff
 * says */
apr_interval_time_t gt_backoff_after(gt_backoff_t *backoff, int failed, apr_interval_time_t base,
                                     apr_interval_time_t max);

/** The n-th wait (n from 0) of base, doubled each time up to max, ± 20 % jitter. */
apr_interval_time_t gt_backoff(int n, apr_interval_time_t base, apr_interval_time_t max);

#endif
