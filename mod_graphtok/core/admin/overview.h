/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_OVERVIEW_H
#define GT_OVERVIEW_H

/** @file overview.h A store at a glance, for an administrator. Nothing is counted for it: sums, and
 * figures of hours, are kept. Thread-safe. */

#include "base/json.h"
#include "store/survey.h"

/**
 * Add a store's sums, the ends of its tokens by days, and the figures of 30 days by hours to an
 * object. May block on the database.
 * @return as gt_survey_stats
 */
GT_MUST gt_err_t *gt_overview(json_t *json, gt_store_t *store, gt_survey_t *survey, apr_pool_t *p);

#endif
