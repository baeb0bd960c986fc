/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SURVEY_H
#define GT_SURVEY_H

/**
 * @file survey.h
 * Whether a store answers, and its sums, for health, metrics and mod_status. Any number of
 * anonymous requests may ask at once. So a process asks the database once a second at most, on one
 * thread, and the other threads get the answer before. Thread-safe.
 */

#include "store/mail_account.h"

/** The last answers about a store in this process. */
typedef struct gt_survey_t gt_survey_t;

/**
 * Make it; nothing is known yet.
 * @param margin  "expiring soon" is within this span
 * @param worker  this process's name in rows that all nodes read; stays the caller's
 */
gt_survey_t *gt_survey_make(gt_store_t *store, apr_interval_time_t margin, const char *worker,
                            apr_pool_t *p);

/** 1 when the database answers for the store, as it was heard less than three seconds ago. For two
 * minutes gt_survey_follow goes on asking, so that the next looks cost no statement; the first one
 * may block for a short one. */
int gt_survey_ping(gt_survey_t *survey, apr_pool_t *p);

/**
 * The store's sums. Parts that are due are counted first, for 50 ms at most (500 ms while some were
 * never counted; not at all where one part takes longer than 40 ms), and gt_survey_follow goes on
 * counting for two minutes.
 * @return GT_STORE_AWAY (GT0440) while the first caller has no answer yet; the database's error
 */
GT_MUST gt_err_t *gt_survey_stats(gt_grant_stats_t *stats, gt_survey_t *survey, apr_pool_t *p);

/**
 * Sums of a store's mail accounts, at most five seconds old.
 * @param age  of them, µs
 * @return as gt_mail_sums; GT_STORE_AWAY (GT0440) while the first caller has no answer yet
 */
GT_MUST gt_err_t *gt_survey_mail(gt_mail_sums_t *sums, apr_interval_time_t *age,
                                 gt_survey_t *survey, apr_pool_t *p);

/** Ask the database, and count parts that are due for 50 ms at most, each if it was looked at in
 * the last two minutes. A periodic function of the crew calls it once a second. */
void gt_survey_follow(gt_survey_t *survey, apr_pool_t *scratch);

#endif
