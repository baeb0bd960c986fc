/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BULK_WORK_H
#define GT_BULK_WORK_H

/**
 * @file bulk_work.h
 * Bulk jobs as a kind of background work, shared by all nodes of a database. Three parts of each
 * store are claimed apart, so that none holds up another: finding the grants of filters, acts that
 * take turns of GraphTokRefreshRate, and all other acts.
 */

#include "jobs/job_kind.h"
#include "store/bulk_rows.h"

/** The kind. */
extern const gt_job_kind_t gt_job_bulk;

/** Have a job of a store looked at soon, by whichever node comes first. */
GT_MUST gt_err_t *gt_bulk_call(gt_store_t *store, apr_pool_t *p);

/** Grants that a filter's job may have. */
#define GT_BULK_FILTER_MAX 1000000

#endif
