/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_RANGES_H
#define CTL_RANGES_H

/**
 * @file ranges.h
 * Counting in a whole store, range by range, with a bar for its progress. One thread, that of the
 * verb.
 */

#include "ctl.h"
#include "store/range.h"

/** Count one range's rows. */
typedef gt_err_t *ctl_range_fn(void *baton, const gt_range_t *range, apr_pool_t *scratch);

/** Count all grants of a store, or until an end is asked for (progress.h).
 * @param what  before the bar */
GT_MUST gt_err_t *ctl_each_range(gt_store_t *store, const char *what, ctl_range_fn *fn, void *baton,
                                 apr_pool_t *p);

/** The same for all that is sealed: its grants, then its messages of mail. */
GT_MUST gt_err_t *ctl_each_sealed(gt_store_t *store, const char *what, ctl_range_fn *fn,
                                  void *baton, apr_pool_t *p);

#endif
