/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Sums of a store, counted in sixteen parts that stand in rows of their own.
 */

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/row.h"
#include "store/statements.h"

static const gt_word_t joined_words[] = {
    {"all_ends", {"string_agg(ends, ' ')", "group_concat(ends, ' ')"}},
    {"days_joined",
     {"string_agg(CAST(day AS VARCHAR) || ':' || CAST(n AS VARCHAR), ' ')",
      "group_concat(day || ':' || n, ' ')"}},
    {NULL, {NULL, NULL}},
};

/* → parts that were ever counted, seconds since the oldest of them was, the day of now, and the
 * sums: total, active, inactive, needing the user, expired, expiring soon, with errors */
#define SUMS                                                                                       \
    "SELECT count(*), coalesce({now} - min(counted_at), 0), {now} / 86400, "                       \
    "coalesce(sum(total), 0), coalesce(sum(active), 0), coalesce(sum(inactive), 0), "              \
    "coalesce(sum(needs_user), 0), coalesce(sum(expired), 0), coalesce(sum(expiring_soon), 0), "   \
    "coalesce(sum(failing), 0)"
static const gt_sql_t add_up = {"add up", SUMS " FROM {counts}", NULL};

/* → the same, and the ends by days of all parts */
static const gt_sql_t add_up_ends = {"add up with ends", SUMS ", {all_ends} FROM {counts}",
                                     joined_words};

/* "20423:17 20424:3 20423:5": a day of another time is passed over. */
static void add_ends(gt_grant_stats_t *stats, const char *text, apr_pool_t *p)
{
    char *rest = apr_pstrdup(p, text), *word, *state;
    apr_int64_t day, n;

    for (word = apr_strtok(rest, " ", &state); word != NULL; word = apr_strtok(NULL, " ", &state)) {
        char *colon = strchr(word, ':');

        if (colon == NULL)
            continue;
        *colon = '\0';
        if (gt_number(&day, word, stats->today, stats->today + GT_END_DAYS - 1) &&
            gt_number(&n, colon + 1, 0, INT32_MAX))
            stats->ends[day - stats->today] += n;
    }
}

gt_err_t *gt_grant_stats(gt_grant_stats_t *stats, gt_store_t *store, apr_pool_t *p)
{
    const int with_ends = gt_store_has(store, GT_ADDS_HOURS, p);
    apr_int64_t parts = 0, seconds = 0;
    apr_int64_t *const counts[] = {&parts,
                                   &seconds,
                                   &stats->today,
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

    memset(stats, 0, sizeof(*stats));
    GT_TRY(
        gt_db_rows(&rows, store->db, with_ends ? &add_up_ends : &add_up, &store->names, NULL, p));
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    for (i = 0; i < (int)(sizeof counts / sizeof counts[0]); i++)
        if (!gt_number(counts[i], row->column[i], INT64_MIN, INT64_MAX))
            return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    /* Below 0 after the database's clock was set back. */
    stats->age = seconds > 0 ? apr_time_from_sec(seconds) : 0;
    stats->is_whole = parts >= GT_COUNT_PARTS;
    if (with_ends && row->column[i] != NULL)
        add_ends(stats, row->column[i], p);
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

/* id after which, id up to which, days, part. Of a grant that is not active no token is served. */
static const gt_sql_t count_ends = {
    "count ends",
    "UPDATE {counts} SET ends = (SELECT {days_joined} FROM (SELECT day, count(*) AS n FROM "
    "(SELECT {expires} / 86400 AS day FROM {table} WHERE id > %s AND id <= %s AND status = 1 "
    "AND {expires} > {now} AND {expires} / 86400 < {now} / 86400 + %lld) AS ahead GROUP BY day) "
    "AS days) WHERE part = %lld",
    joined_words};

/* Ids are random, so their first digit cuts them into equal parts; others are counted as well. */
gt_err_t *gt_grant_count(gt_store_t *store, int part, apr_interval_time_t margin, apr_pool_t *p)
{
    static const char rest[] = "fffffffffffffffffffffffffffffff";
    const char *after = part > 0 ? apr_psprintf(p, "%x%s", part - 1, rest) : GT_ID_BEFORE_ALL;
    const gt_db_value_t args[] = {GT_NUM(part), GT_NUM(apr_time_sec(margin)), GT_TEXT(after),
                                  GT_TEXT(apr_psprintf(p, "%x%s", part, rest))};

    const gt_db_value_t ends[] = {args[2], args[3], GT_NUM(GT_END_DAYS), GT_NUM(part)};

    assert(part >= 0 && part < GT_COUNT_PARTS);
    GT_TRY(gt_db_change(NULL, store->db, &count_part, &store->names, args, p));
    return gt_store_has(store, GT_ADDS_HOURS, p)
               ? gt_db_change(NULL, store->db, &count_ends, &store->names, ends, p)
               : GT_OK;
}

const gt_sql_t *const gt_grant_sums_sql[] = {&count_part, &count_ends, &add_up, &add_up_ends, NULL};
