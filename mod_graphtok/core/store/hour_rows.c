/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file hour_rows.c
 * Rows of hours. A row says what a node has counted since an hour began, not what to add: written
 * twice it is the same.
 */

#include "store/hour_rows.h"

#include "base/err.h"
#include "base/text.h"
#include "store/statements.h"
#include "store/store.h"

#define FIGURES (3 + GT_HOUR_BUCKETS) /* of a row, behind its hour */

/* run, number, hour, refreshed, failed, failed_calls, calls of each bucket */
static const gt_sql_t write_hour = {
    "write hour",
    "INSERT INTO {hours} (run, number, hour, refreshed, failed, failed_calls, calls0, calls1, "
    "calls2, calls3, calls4, calls5, calls6, calls7, calls8, calls9, calls10, calls11, calls12) "
    "VALUES (%s, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, "
    "%lld, %lld, %lld, %lld, %lld) ON CONFLICT (run, number) DO UPDATE SET (refreshed, failed, "
    "failed_calls, calls0, calls1, calls2, calls3, calls4, calls5, calls6, calls7, calls8, "
    "calls9, calls10, calls11, calls12) = (excluded.refreshed, excluded.failed, "
    "excluded.failed_calls, excluded.calls0, excluded.calls1, excluded.calls2, excluded.calls3, "
    "excluded.calls4, excluded.calls5, excluded.calls6, excluded.calls7, excluded.calls8, "
    "excluded.calls9, excluded.calls10, excluded.calls11, excluded.calls12)",
    NULL};

/* hours → hour, and the sums of the figures in their order */
static const gt_sql_t list_hours = {
    "list hours",
    "SELECT hour, sum(refreshed), sum(failed), sum(failed_calls), sum(calls0), sum(calls1), "
    "sum(calls2), sum(calls3), sum(calls4), sum(calls5), sum(calls6), sum(calls7), sum(calls8), "
    "sum(calls9), sum(calls10), sum(calls11), sum(calls12) FROM {hours} "
    "WHERE hour > {now} / 3600 - %lld AND hour <= {now} / 3600 + 1 GROUP BY hour ORDER BY hour",
    NULL};

/* hours */
static const gt_sql_t purge_hours = {"purge hours",
                                     "DELETE FROM {hours} WHERE hour <= {now} / 3600 - %lld", NULL};

gt_err_t *gt_hour_write(gt_store_t *store, const gt_hour_key_t *key, const gt_hour_t *hour,
                        apr_pool_t *p)
{
    gt_db_value_t args[GT_SQL_PARAMS];
    int n = 0;

    if (!gt_store_has(store, GT_ADDS_HOURS, p))
        return GT_OK;
    args[n++] = GT_TEXT(key->run);
    args[n++] = GT_NUM(key->number);
    args[n++] = GT_NUM(hour->hour);
    args[n++] = GT_NUM(hour->refreshed);
    args[n++] = GT_NUM(hour->failed);
    args[n++] = GT_NUM(hour->failed_calls);
    for (int i = 0; i < GT_HOUR_BUCKETS; i++)
        args[n++] = GT_NUM(hour->calls[i]);
    return gt_db_change(NULL, store->db, &write_hour, &store->names, args, p);
}

/** @return 0 for a row of another program, which is left out */
static int read_hour(gt_hour_t *hour, const gt_db_row_t *row)
{
    apr_int64_t *figures[FIGURES] = {&hour->refreshed, &hour->failed, &hour->failed_calls};

    for (int i = 0; i < GT_HOUR_BUCKETS; i++)
        figures[3 + i] = &hour->calls[i];
    if (!gt_number(&hour->hour, row->column[0], 0, INT32_MAX))
        return 0;
    for (int i = 0; i < FIGURES; i++)
        if (!gt_number(figures[i], row->column[1 + i], 0, INT64_MAX))
            return 0;
    return 1;
}

gt_err_t *gt_hour_list(apr_array_header_t **hours, gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(GT_HOUR_DAYS * 24)};
    apr_array_header_t *rows;

    *hours = apr_array_make(p, GT_HOUR_DAYS * 24, sizeof(gt_hour_t));
    if (!gt_store_has(store, GT_ADDS_HOURS, p))
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, store->db, &list_hours, &store->names, args, p));
    for (int i = 0; i < rows->nelts; i++) {
        gt_hour_t hour;

        if (read_hour(&hour, &APR_ARRAY_IDX(rows, i, gt_db_row_t)))
            APR_ARRAY_PUSH(*hours, gt_hour_t) = hour;
    }
    return GT_OK;
}

gt_err_t *gt_hour_purge(gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(GT_HOUR_DAYS * 24)};

    return gt_store_has(store, GT_ADDS_HOURS, p)
               ? gt_db_change(NULL, store->db, &purge_hours, &store->names, args, p)
               : GT_OK;
}

const gt_sql_t *const gt_hour_sql[] = {&write_hour, &list_hours, &purge_hours, NULL};
