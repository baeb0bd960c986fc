/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRANT_HISTORY_H
#define GT_GRANT_HISTORY_H

/**
 * @file grant_history.h
 * The history of a grant: changes of its state and what administrators did to it, never the
 * ordinary refreshes. The last 50 entries of 30 days are kept, in a table beside the store's, and
 * go with the grant. No secret is in one. A store that is not migrated so far keeps none. Functions
 * may block on the database.
 */

#include "store/grant.h"

/** Entries of a grant that are kept, and days. */
#define GT_HISTORY_MAX 50
#define GT_HISTORY_DAYS 30

/** One entry. Texts are words of ours, or NULL where that is said. */
typedef struct gt_history_t {
    gt_owner_t owner;          /* for gt_history_add */
    apr_time_t at;             /* from gt_history_list */
    const char *event;         /* "refresh": a name of gt_notice_name */
    const char *outcome;       /* "succeeded", "failed" */
    const char *detail;        /* "refused AADSTS70008"; NULL: nothing to add */
    const char *tag;           /* of the failure; NULL: it did not fail */
    const char *administrator; /* who did it; NULL: no administrator */
    const char *address;       /* the administrator's; NULL: not known */
} gt_history_t;

/** Most entries of one gt_history_add. */
#define GT_HISTORY_ADD_MAX 500

/** Add one entry to each of `n` different grants, by one statement. One whose grant is gone is left
 * out. */
GT_MUST gt_err_t *gt_history_add(const gt_history_t *entries, int n, gt_store_t *store,
                                 apr_pool_t *p);

/** A grant's entries, the newest first: array of gt_history_t. */
GT_MUST gt_err_t *gt_history_list(apr_array_header_t **entries, gt_store_t *store,
                                  const gt_owner_t *owner, apr_pool_t *p);

/** Drop entries that are older than is kept. @param dropped  at most `most` */
GT_MUST gt_err_t *gt_history_purge(int *dropped, gt_store_t *store, int most, apr_pool_t *p);

#endif
