/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SUMS_H
#define GT_SUMS_H

/** @file sums.h The sums of a store for an administrator, who asks once and needs the present
 * ones. */

#include "conf/config.h"
#include "store/grant.h"

/** A store's sums; counted now when that was not done within the last ten seconds. May block on the
 * database. */
GT_MUST gt_err_t *gt_sums_of_now(gt_grant_stats_t *stats, gt_store_t *store,
                                 const gt_config_t *config, apr_pool_t *p);

#endif
