/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BULK_ROWS_H
#define GT_BULK_ROWS_H

/**
 * @file bulk_rows.h
 * Rows of bulk jobs: one act on many grants of a store, asked for by an administrator. A job is
 * made, filled with its items, and then worked on by any number of processes. An item is claimed by
 * a process for a span; the claim of one that dies ends by itself. A result is written by the claim
 * that did the work, and by no other.
 *
 * A store that is not migrated so far has no such tables. Each function is a statement or two, and
 * may block on the database for them. Thread-safe.
 */

#include "store/grant.h"
#include "store/range.h"

/** Jobs of a store that are neither done nor stopped. */
#define GT_BULK_ACTIVE_MAX 50

/** A job. Texts live where it does. */
typedef struct gt_bulk_job_t {
    const char *id;
    const char *act;           /* name of a gt_operation_t */
    const char *filter;        /* JSON: its items are found by it; NULL: they were named */
    const char *filled_to;     /* id of a grant: the filter was asked about all up to this one */
    apr_int64_t pages;         /* ranges that the filter was asked about */
    const char *administrator; /* that asked for it, and the request, for the audit; or NULL */
    const char *address;
    const char *request_id;
    const char *detail; /* for people; NULL: nothing is to be said */
    apr_int64_t total, succeeded, failed;
    int is_filled;  /* 0: items are still being found */
    int is_stopped; /* 1: an administrator wants no item begun */
    int is_busy;    /* 1: some items are claimed now */
    apr_time_t created_at, updated_at;
    apr_time_t begun_at, ended_at; /* 0: not so far */
} gt_bulk_job_t;

/** How an item ended. The numbers stand in rows. */
typedef enum gt_bulk_outcome_t {
    GT_BULK_WAITS,
    GT_BULK_SUCCEEDED,
    GT_BULK_FAILED
} gt_bulk_outcome_t;

/** A grant of a job. */
typedef struct gt_bulk_item_t {
    apr_int64_t n; /* its place in the job, from 0 on, perhaps with gaps */
    const char *grant_id;
    gt_owner_t owner;       /* NULLs: there was no such grant */
    apr_int64_t generation; /* of the grant when the job was made */
    int tries;
    gt_bulk_outcome_t outcome;
    const char *detail, *tag; /* or NULL */
    apr_time_t ended_at;      /* 0: not so far */
} gt_bulk_item_t;

/** A grant that an administrator names. */
typedef struct gt_bulk_named_t {
    const char *id;   /* as it was written */
    const char *uuid; /* as both engines take it; NULL: the text is no id of a grant */
} gt_bulk_named_t;

/** An item as one claim holds it. */
typedef struct gt_bulk_hold_t {
    const char *job;
    const char *claim; /* a random text of the claim's own */
    apr_int64_t n;
} gt_bulk_hold_t;

/** GT_OK when the tables are there. @return GT_INTERNAL (GT0490): migrate */
GT_MUST gt_err_t *gt_bulk_is_there(gt_store_t *store, apr_pool_t *p);

/** Make a job without items. Read are: id, act, filter, administrator, address, request_id.
 * @return GT_CONFLICT (GT0491) when as many jobs as there may be are neither done nor stopped */
GT_MUST gt_err_t *gt_bulk_make(gt_store_t *store, const gt_bulk_job_t *job, apr_pool_t *p);

/** Add named grants; one that is not there has its result at once, one that was named before is
 * left out. @param from  the place of the first one @param named array of gt_bulk_named_t */
GT_MUST gt_err_t *gt_bulk_add(gt_store_t *store, const char *job, apr_int64_t from,
                              const apr_array_header_t *named, apr_pool_t *p);

/**
 * Add those grants of a range of ids that a filter means, and note how far the job is.
 * @param filled  0: another process did so before, and nothing changed
 * @param job     as it was read; out: with the sums of now
 */
GT_MUST gt_err_t *gt_bulk_fill(int *filled, gt_bulk_job_t *job, const gt_range_t *range,
                               const gt_grant_filter_t *filter, apr_pool_t *p);

/** All items are there: count them, and have the job worked on. @param detail  or NULL */
GT_MUST gt_err_t *gt_bulk_filled(gt_store_t *store, const char *job, const char *detail,
                                 apr_pool_t *p);

/** Delete some of the items of a job, and the job with the last of them. */
GT_MUST gt_err_t *gt_bulk_drop(gt_store_t *store, const char *job, apr_pool_t *p);

/** One job. @param job NULL: there is none of this id */
GT_MUST gt_err_t *gt_bulk_find(gt_bulk_job_t **job, gt_store_t *store, const char *id,
                               apr_pool_t *p);

/** The newest jobs, newest first: array of gt_bulk_job_t. */
GT_MUST gt_err_t *gt_bulk_newest(apr_array_header_t **jobs, gt_store_t *store, int most,
                                 apr_pool_t *p);

/** The jobs that are neither done nor stopped, oldest first. */
GT_MUST gt_err_t *gt_bulk_active(apr_array_header_t **jobs, gt_store_t *store, apr_pool_t *p);

/** Have no item of a job begun any more, or have them begun again. Changes nothing of a job that is
 * done. */
GT_MUST gt_err_t *gt_bulk_stop(gt_store_t *store, const char *job, int is_stopped, apr_pool_t *p);

/** A claim to be made. */
typedef struct gt_bulk_claim_t {
    const char *job;
    const char *claim;        /* a random text of its own */
    apr_interval_time_t span; /* it ends by itself after it, an hour at most */
    int most;                 /* items */
} gt_bulk_claim_t;

/** Claim the next items of a job, unless it is stopped. @param items  array of gt_bulk_item_t */
GT_MUST gt_err_t *gt_bulk_claim(apr_array_header_t **items, gt_store_t *store,
                                const gt_bulk_claim_t *claim, apr_pool_t *p);

/** A claim ends after `span` from now instead. */
GT_MUST gt_err_t *gt_bulk_prolong(gt_store_t *store, const char *job, const char *claim,
                                  apr_interval_time_t span, apr_pool_t *p);

/** Give an item up: others may claim it after `span`. @param has_begun 0: it counts as no try */
GT_MUST gt_err_t *gt_bulk_give_back(gt_store_t *store, const gt_bulk_hold_t *hold,
                                    apr_interval_time_t span, int has_begun, apr_pool_t *p);

/** Write the result of an item that is held. Of the last one of a job it ends the job.
 * @param item  outcome, detail and tag are read */
GT_MUST gt_err_t *gt_bulk_note(gt_store_t *store, const gt_bulk_hold_t *hold,
                               const gt_bulk_item_t *item, apr_pool_t *p);

/** End a job that has nothing left; no other changes. */
GT_MUST gt_err_t *gt_bulk_end(gt_store_t *store, const char *job, apr_pool_t *p);

/** A page of a job's items, by their place. */
typedef struct gt_bulk_rows_t {
    const char *job;
    apr_int64_t after; /* this place; -1: from the first */
    int outcome;       /* those that ended so; -1: all */
    int most;
} gt_bulk_rows_t;

/** Read it. @param items  array of gt_bulk_item_t */
GT_MUST gt_err_t *gt_bulk_items(apr_array_header_t **items, gt_store_t *store,
                                const gt_bulk_rows_t *page, apr_pool_t *p);

/** Delete some of the rows of a job that did not change for `age`. @param more 1: there may be
 * others */
GT_MUST gt_err_t *gt_bulk_purge(int *more, gt_store_t *store, apr_interval_time_t age,
                                apr_pool_t *p);

#endif
