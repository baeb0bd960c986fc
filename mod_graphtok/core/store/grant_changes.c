/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Reading the changes that the caches of all nodes must hear of, and dropping rows that are kept no
 * longer.
 */

#include "base/err.h"
#include "base/text.h"
#include "store/grant_access.h"
#include "store/grant_history.h"
#include "store/hour_rows.h"
#include "store/row.h"
#include "store/session_rows.h"
#include "store/statements.h"

#define GONE_STAYS apr_time_from_sec(2 * 3600) /* GraphTokCacheTime is an hour at most */

/* A time further ahead was written before the clock was set back. */
#define SOON_MS "{now_ms} + 5000"

/* The generation up to which a cached token is stale: that of the row itself when the grant is
 * inactive, or when a claims challenge ended its token. */
#define STALE                                                                                      \
    "CASE WHEN status = 0 OR (claims IS NOT NULL AND {expires} <= {now}) THEN generation "         \
    "ELSE generation - 1 END"

/* Every one of a grant that is not there; a first generation may be ahead of the clock, too. */
#define STALE_GONE                                                                                 \
    "CASE WHEN EXISTS (SELECT 1 FROM {table} AS held WHERE held.{user} = went.{user} "             \
    "AND held.provider = went.provider) THEN revision ELSE 9223372036854775807 END"

/* milliseconds, twice → user, provider, generation up to which a cached token is stale. Rows that
 * were written before the clock was set back are ahead of now: of these only the last ones are
 * read, since there may be those of an hour. */
#define CHANGES                                                                                    \
    "SELECT * FROM (SELECT {user}, provider, " STALE " FROM {table} "                              \
    "WHERE revision > {now_ms} - %lld AND revision <= " SOON_MS " UNION ALL "                      \
    "SELECT {user}, provider, " STALE_GONE " FROM {gone} AS went "                                 \
    "WHERE revision > {now_ms} - %lld AND revision <= " SOON_MS " LIMIT 20000) AS lately "         \
    "UNION ALL SELECT * FROM (SELECT {user}, provider, " STALE " FROM {table} "                    \
    "WHERE revision > " SOON_MS " ORDER BY revision DESC LIMIT 500) AS ahead "                     \
    "UNION ALL SELECT * FROM (SELECT {user}, provider, " STALE_GONE " FROM {gone} AS went "        \
    "WHERE revision > " SOON_MS " ORDER BY revision DESC LIMIT 500) AS gone_ahead"
static const gt_sql_t list_changes = {"list changes", CHANGES, NULL};

/* The same, with milliseconds once more → also owners of sessions that were ended: no token is
 * stale by that. */
static const gt_sql_t list_changes_and_ends = {
    "list changes and ends",
    CHANGES " UNION ALL SELECT * FROM (SELECT {user}, provider, 0 FROM {sessions} "
            "WHERE revision > 0 AND revision > {now_ms} - %lld AND revision <= " SOON_MS
            " LIMIT 20000) AS ended "
            "UNION ALL SELECT * FROM (SELECT {user}, provider, 0 FROM {sessions} "
            "WHERE revision > 0 AND revision > " SOON_MS
            " ORDER BY revision DESC LIMIT 500) AS ended_ahead",
    NULL};

gt_err_t *gt_grant_changes(apr_array_header_t **changes, gt_store_t *store,
                           apr_interval_time_t span, apr_pool_t *p)
{
    const gt_db_value_t since = GT_NUM(apr_time_as_msec(span)), args[] = {since, since, since};
    apr_array_header_t *rows;
    int i;

    GT_TRY(gt_db_rows(&rows, store->db,
                      gt_store_has(store, GT_ADDS_SESSIONS, p) ? &list_changes_and_ends
                                                               : &list_changes,
                      &store->names, args, p));
    *changes = apr_array_make(p, rows->nelts, sizeof(gt_change_t));
    for (i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        gt_change_t *change = apr_array_push(*changes);

        change->owner.user = row->column[0];
        change->owner.provider = row->column[1];
        if (change->owner.user == NULL || change->owner.provider == NULL ||
            !gt_number(&change->stale, row->column[2], 0, INT64_MAX))
            apr_array_pop(*changes);
    }
    return GT_OK;
}

/* milliseconds, how many */
static const gt_sql_t purge_deletions = {
    "purge deletions",
    "DELETE FROM {gone} WHERE ({user}, provider) IN (SELECT {user}, provider FROM {gone} "
    "WHERE revision < {now_ms} - %lld ORDER BY revision LIMIT %lld {skip})",
    NULL};

gt_err_t *gt_grant_purge(int *more, gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t notes[] = {GT_NUM(apr_time_as_msec(GONE_STAYS)), GT_NUM(GT_PURGE_MAX)};
    int gone = 0, dropped = 0, over = 0, past = 0;

    *more = 0;
    GT_TRY(gt_db_change(&gone, store->db, &purge_deletions, &store->names, notes, p));
    GT_TRY(gt_access_purge(&dropped, store, GT_PURGE_MAX, p));
    GT_TRY(gt_sessions_purge(&over, store, GT_PURGE_MAX, p));
    GT_TRY(gt_history_purge(&past, store, GT_PURGE_MAX, p));
    GT_TRY(gt_hour_purge(store, p));
    *more = gone >= GT_PURGE_MAX || dropped >= GT_PURGE_MAX || over >= GT_PURGE_MAX ||
            past >= GT_PURGE_MAX;
    return GT_OK;
}

const gt_sql_t *const gt_grant_changes_sql[] = {&list_changes, &list_changes_and_ends,
                                                &purge_deletions, NULL};
