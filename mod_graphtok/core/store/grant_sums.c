/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Sums of a store, counted in sixteen parts that stand in rows of their own.
 */

#include <assert.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/row.h"
#include "store/statements.h"

/* → parts that were ever counted, seconds since the oldest of them was, and the sums: total,
 * active, inactive, needing the user, expired, expiring soon, with errors */
static const gt_sql_t add_up = {
    "add up",
    "SELECT count(*), coalesce({now} - min(counted_at), 0), coalesce(sum(total), 0), "
    "coalesce(sum(active), 0), coalesce(sum(inactive), 0), coalesce(sum(needs_user), 0), "
    "coalesce(sum(expired), 0), coalesce(sum(expiring_soon), 0), coalesce(sum(failing), 0) "
    "FROM {counts}",
    NULL};

gt_err_t *gt_grant_stats(gt_grant_stats_t *stats, gt_store_t *store, apr_pool_t *p)
{
    apr_int64_t parts = 0, seconds = 0;
    apr_int64_t *const counts[] = {&parts,
                                   &seconds,
                                   &stats->total,
                                   &stats->active,
                                   &stats->inactive,
                                   &stats->needs_user,
                                   &stats->expired,
                                   &stats->expiring_soon,
                                   &stats->refresh_failures};
    apr_array_header_t *rows;
    const gt_db_row_t *row;
    int i;

    GT_TRY(gt_db_rows(&rows, store->db, &add_up, &store->names, NULL, p));
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    for (i = 0; i < (int)(sizeof counts / sizeof counts[0]); i++)
        if (!gt_number(counts[i], row->column[i], INT64_MIN, INT64_MAX))
            return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    /* Below 0 after the database's clock was set back. */
    stats->age = seconds > 0 ? apr_time_from_sec(seconds) : 0;
    stats->is_whole = parts >= GT_COUNT_PARTS;
    return GT_OK;
}

/* part, margin, id after which, id up to which */
static const gt_sql_t count_part = {
    "count part",
    "INSERT INTO {counts} (part, total, active, inactive, needs_user, expired, expiring_soon, "
    "failing, counted_at) SELECT CAST(%lld AS INTEGER), count(*), "
    "count(*) FILTER (WHERE status = 1), count(*) FILTER (WHERE status = 0), "
    "count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE {expires} <= {now}), "
    "count(*) FILTER (WHERE {expires} > {now} AND {expires} <= {now} + %lld), "
    "count(*) FILTER (WHERE error_count > 0), {now} FROM {table} WHERE id > %s AND id <= %s "
    "ON CONFLICT (part) DO UPDATE SET total = excluded.total, active = excluded.active, "
    "inactive = excluded.inactive, needs_user = excluded.needs_user, "
    "expired = excluded.expired, expiring_soon = excluded.expiring_soon, "
    "failing = excluded.failing, counted_at = excluded.counted_at",
    NULL};

/* Ids are random, so their first digit cuts them into equal parts; others are counted as well. */
gt_err_t *gt_grant_count(gt_store_t *store, int part, apr_interval_time_t margin, apr_pool_t *p)
{
    static const char rest[] = "fffffffffffffffffffffffffffffff";
    const char *after = part > 0 ? apr_psprintf(p, "%x%s", part - 1, rest) : GT_ID_BEFORE_ALL;
    const gt_db_value_t args[] = {GT_NUM(part), GT_NUM(apr_time_sec(margin)), GT_TEXT(after),
                                  GT_TEXT(apr_psprintf(p, "%x%s", part, rest))};

    assert(part >= 0 && part < GT_COUNT_PARTS);
    return gt_db_change(NULL, store->db, &count_part, &store->names, args, p);
}

const gt_sql_t *const gt_grant_sums_sql[] = {&count_part, &add_up, NULL};
