/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLEANUP_H
#define GT_CLEANUP_H

/**
 * @file cleanup.h
 * One slice of tidying a store: a grant that cannot be refreshed any more is
 * deactivated, one that has long been inactive is removed. For the background and for graphtokctl.
 * May block on the database. Thread-safe.
 */

#include "conf/config.h"
#include "store/due.h"

/** @param counts  added to
 *  @param more    out: 1 when there is more to do */
GT_MUST gt_err_t *gt_cleanup(gt_due_counts_t *counts, int *more, gt_store_t *store,
                             const gt_config_t *config, apr_pool_t *p);

#endif
