/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BULK_H
#define GT_BULK_H

/**
 * @file bulk.h
 * Bulk jobs as an administrator asks for them and sees them: one act on many grants, that nodes do
 * in the background (admin/bulk_work.h) and that may take hours. Thread-safe. Functions may block
 * on the database.
 */

#include "admin/operation.h"
#include "admin/pick.h"
#include "base/json.h"
#include "store/bulk_rows.h"

/** Ids that a job may name. */
#define GT_BULK_IDS_MAX 10000

/** Work: make a job. One that names its grants is whole when the work ends; the grants of a filter
 * are found in the background. */
typedef struct gt_bulk_begin_t {
    gt_store_t *store;
    const gt_vault_parts_t *parts;
    const gt_operation_t *operation;
    const gt_pick_t *pick;         /* the filter, of this store; NULL: ids */
    const apr_array_header_t *ids; /* of const char *, GT_BULK_IDS_MAX at most */
    const gt_asker_t *asker;
    const char *id;            /* out: the job's */
    apr_array_header_t *named; /* own: of gt_bulk_named_t */
    int added;                 /* own: of them */
} gt_bulk_begin_t;
extern const gt_work_t gt_bulk_begin;

/** "waiting", "running", "stopping", "stopped", "done". */
const char *gt_bulk_state(const gt_bulk_job_t *job);

/** A job as JSON. The caller owns the reference. */
json_t *gt_bulk_json(const gt_bulk_job_t *job, apr_pool_t *p);

/** The outcome of that name, "waiting", "succeeded", "failed"; -1: there is none. */
int gt_bulk_outcome_of_name(const char *name);

/** Which of a job's items are shown. */
typedef struct gt_bulk_page_t {
    const char *job;
    const char *cursor; /* `next` of the page before; NULL: the first page */
    int outcome;        /* -1: any */
    int limit;          /* 0: none is */
} gt_bulk_page_t;

/**
 * Add a page of a job's items to an object, as `results` and `next`.
 * @return GT_INVALID (GT0986) for a cursor of another job, or none
 */
GT_MUST gt_err_t *gt_bulk_page(json_t *json, gt_store_t *store, const gt_bulk_page_t *page,
                               apr_pool_t *p);

/** The filter of a job, as its row keeps it. */
const char *gt_bulk_filter_text(const gt_pick_t *pick, apr_pool_t *p);

/** Read it. @return GT_DAMAGED when the row was written by no version of ours */
GT_MUST gt_err_t *gt_bulk_filter_read(gt_grant_filter_t *filter, const char *text, apr_pool_t *p);

/**
 * A job as it was within the last second: however many ask on this machine, the database is asked
 * once a second for each job.
 * @param view  out: gt_bulk_json, tied to `p`; NULL: there is no such job, or `is_known` is 0
 * @param is_known  out: 0: another process is asking for the first time: look again in a moment
 */
GT_MUST gt_err_t *gt_bulk_look(json_t **view, int *is_known, const gt_vault_parts_t *parts,
                               gt_store_t *store, const char *id, apr_pool_t *p);

#endif
