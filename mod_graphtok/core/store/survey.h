/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SURVEY_H
#define GT_SURVEY_H

/**
 * @file survey.h
 * Whether a store answers, and its sums, for health, metrics and the page. Anonymous requests ask, any
 * number of them at once; so a process asks the database once a second at most, by one thread, and
 * the others get what was known before. Thread-safe.
 */

#include "store/grant.h"

/** What a process knows of a store. */
typedef struct gt_survey_t gt_survey_t;

/**
 * Make it; nothing is known yet.
 * @param margin  "expiring soon" is within this span
 * @param worker  who counts, in rows that all nodes read; stays the caller's
 */
gt_survey_t *gt_survey_make(gt_store_t *store, apr_interval_time_t margin, const char *worker,
                            apr_pool_t *p);

/** Whether the database answers for the store. */
int gt_survey_is_up(gt_survey_t *survey, apr_pool_t *p);

/**
 * The store's sums. Parts that are due are counted first, for 50 ms at most (500 ms while some were
 * never counted), and gt_survey_count goes on with it for two minutes.
 * @return GT_STORE_AWAY (GT0440) while the first one to ask has no answer yet
 */
GT_MUST gt_err_t *gt_survey_stats(gt_grant_stats_t *stats, gt_survey_t *survey, apr_pool_t *p);

/** Count parts that are due, for 50 ms at most, while sums are looked at. For a thread that comes by
 * once a second. */
void gt_survey_count(gt_survey_t *survey, apr_pool_t *scratch);

#endif
