/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Counting a whole store now. Nodes count it part by part while the sums are asked for
 * (store/survey.h). */

#include "admin/sums.h"

#define FRESH apr_time_from_sec(10)

gt_err_t *gt_sums_of_now(gt_grant_stats_t *stats, gt_store_t *store, const gt_config_t *config,
                         apr_pool_t *p)
{
    GT_TRY(gt_grant_stats(stats, store, p));
    if (stats->is_whole && stats->age < FRESH)
        return GT_OK;
    for (int part = 0; part < GT_COUNT_PARTS; part++)
        GT_TRY(gt_grant_count(store, part, config->refresh_margin, p));
    return gt_grant_stats(stats, store, p);
}
