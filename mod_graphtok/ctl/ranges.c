/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Counting in a whole store, range by range. The bar's total is the number of rows that were
 * counted last; a store without sums has a bar without an end, and so has one that keeps mail,
 * whose messages are not summed up anywhere.
 */

#include "ranges.h"

#include "progress.h"

/* Counting the rows anew would take as long as the work that the bar is for. */
static apr_int64_t rows_of(gt_store_t *store, apr_pool_t *p)
{
    gt_grant_stats_t stats;

    return gt_grant_stats(&stats, store, p) == GT_OK && stats.is_whole ? stats.total : -1;
}

/* @param range  before the first one  @param total  for the bar; -1: not known */
static gt_err_t *walk(gt_range_t *range, apr_int64_t total, const char *what, ctl_range_fn *fn,
                      void *baton, apr_pool_t *p)
{
    ctl_progress_t bar;
    apr_pool_t *scratch;
    gt_err_t *err = GT_OK;
    int found = 1;

    apr_pool_create(&scratch, p);
    ctl_progress_begin(&bar, what, total);
    while (err == GT_OK && found && !ctl_stop_asked()) {
        apr_pool_clear(scratch);
        err = gt_range_next(&found, range, scratch);
        if (err == GT_OK && found)
            err = fn(baton, range, scratch);
        ctl_progress_show(&bar, range->seen);
    }
    ctl_progress_end(&bar);
    err = gt_err_dup(err, p);
    apr_pool_destroy(scratch);
    return err;
}

gt_err_t *ctl_each_range(gt_store_t *store, const char *what, ctl_range_fn *fn, void *baton,
                         apr_pool_t *p)
{
    gt_range_t range;

    gt_range_begin(&range, store);
    return walk(&range, rows_of(store, p), what, fn, baton, p);
}

gt_err_t *ctl_each_sealed(gt_store_t *store, const char *what, ctl_range_fn *fn, void *baton,
                          apr_pool_t *p)
{
    gt_range_t range;

    gt_range_begin_with_mail(&range, store);
    return walk(&range, gt_store_conf(store)->mail_sync ? -1 : rows_of(store, p), what, fn, baton,
                p);
}
