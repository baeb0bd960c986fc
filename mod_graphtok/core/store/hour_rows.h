/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HOUR_ROWS_H
#define GT_HOUR_ROWS_H

/**
 * @file hour_rows.h
 * Figures of 30 days by hours, in a table beside the store's: each node writes rows of its own, and
 * writes one again while it grows. They are added up when they are read. A store that is not
 * migrated so far keeps none. Functions may block on the database; thread-safe.
 */

#include "base/hour.h"
#include "store/grant.h"

/** Days that are kept. */
#define GT_HOUR_DAYS 30

/** A row: which node's, and which of its pieces. */
typedef struct gt_hour_key_t {
    const char *run;
    apr_int64_t number;
} gt_hour_key_t;

/** Write a row, or write it again: the last one counts. */
GT_MUST gt_err_t *gt_hour_write(gt_store_t *store, const gt_hour_key_t *key, const gt_hour_t *hour,
                                apr_pool_t *p);

/** The hours of 30 days in which something was counted, the oldest first: array of gt_hour_t. */
GT_MUST gt_err_t *gt_hour_list(apr_array_header_t **hours, gt_store_t *store, apr_pool_t *p);

/** Drop those that are older. */
GT_MUST gt_err_t *gt_hour_purge(gt_store_t *store, apr_pool_t *p);

#endif
