/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LIMIT_H
#define GT_LIMIT_H

/**
 * @file limit.h
 * Rate limits in shared memory: a sliding log of the last calls for each key. Never
 * more than `count` calls within any `span`, wherever it begins; all of them may come at once. A
 * check is one CAS; no lock, so no process can die holding one. Counters of idle keys are reused;
 * a full set gives up the one nearest to idle. Safe in any thread and process.
 */

#include "gt.h"

typedef struct gt_limits_t gt_limits_t; /* process-local view of a segment */

/** A limit as configured: "200/min". */
typedef struct gt_limit_t {
    apr_int64_t count;        /* ≥ 1 */
    apr_interval_time_t span; /* µs */
} gt_limit_t;

typedef struct gt_limit_answer_t {
    int allowed;
    apr_int64_t remaining;           /* calls left at once */
    apr_interval_time_t retry_after; /* µs; refused: until one is allowed; else until all are */
} gt_limit_answer_t;

/** Bytes a segment needs for `slots` counters (rounded up to whole sets of 8); 0 when there can be
 * no such segment. */
apr_size_t gt_limits_size(apr_int64_t slots);

/** Use a segment, as gt_slots_open does. NULL: another shape. */
gt_limits_t *gt_limits_open(void *memory, apr_size_t size, apr_int64_t slots, apr_pool_t *p);

/**
 * Count one call against a limit and say whether it is allowed; a refused call does not count.
 * @param name   limit class and the caller that it counts ("events\0main\0tom"): hashed with a
 * secret of the segment, so no client can aim at another's counter
 */
void gt_limit_check(gt_limit_answer_t *answer, gt_limits_t *limits, const gt_limit_t *limit,
                    const void *name, apr_size_t name_len);

/**
 * Undo the latest call that gt_limit_check allowed for this name: it turned out to be a call that
 * the limit is not meant for. Nothing happens where none is counted.
 */
void gt_limit_give_back(gt_limits_t *limits, const gt_limit_t *limit, const void *name,
                        apr_size_t name_len);

/**
 * Hold a name for `span` µs (an hour at most): gt_limit_held says so to each process that asks
 * with the same name. The later of two moments wins. Names are those of gt_limit_check, a class of
 * its own in front.
 */
void gt_limit_hold(gt_limits_t *limits, apr_interval_time_t span, const void *name,
                   apr_size_t name_len);

/** How long a name is still held, µs; 0: not at all. */
apr_interval_time_t gt_limit_held(gt_limits_t *limits, const void *name, apr_size_t name_len);

/** How many counters are not idle now. Looks at all of them. */
apr_int64_t gt_limits_used(const gt_limits_t *limits);

/** Parse "COUNT/SPAN": "10/min", "20/h", "5/10s"; at most a million calls in at most 31
 * days. 0 when it is not one. */
GT_MUST int gt_limit_parse(gt_limit_t *limit, const char *text);

#endif
