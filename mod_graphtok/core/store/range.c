/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A walk through a store. The end of a range is read from the index of ids alone, so that every
 * range holds the same number of rows, however the ids are spread.
 */

#include "store/range.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/statements.h"
#include "store/store.h"

void gt_range_begin(gt_range_t *range, gt_store_t *store)
{
    *range = (gt_range_t){.store = store, .after = GT_ID_BEFORE_ALL, .last = GT_ID_BEFORE_ALL};
}

/* id after which, how many → the last id of the next so many rows, how many they are; no row:
 * there is none after it */
static const gt_sql_t end_of_range = {
    "end of range",
    "SELECT id, count(*) OVER () FROM (SELECT id FROM {table} WHERE id > %s "
    "ORDER BY id LIMIT %lld) AS page ORDER BY id DESC LIMIT 1",
    NULL};

gt_err_t *gt_range_next(int *found, gt_range_t *range, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    const gt_db_value_t args[] = {GT_TEXT(range->last), GT_NUM(GT_RANGE_ROWS)};
    const gt_db_row_t *row;
    apr_array_header_t *rows;
    apr_int64_t n;

    *found = 0;
    GT_TRY(gt_db_rows(&rows, store->db, &end_of_range, &store->names, args, p));
    *found = !range->begun;
    range->begun = 1;
    if (rows->nelts == 0)
        return GT_OK;
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    if (row->column[0] == NULL || strlen(row->column[0]) >= sizeof(range->last) ||
        !gt_number(&n, row->column[1], 1, GT_RANGE_ROWS))
        return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    apr_cpystrn(range->after, range->last, sizeof(range->after));
    apr_cpystrn(range->last, row->column[0], sizeof(range->last));
    range->seen += n;
    *found = 1;
    return GT_OK;
}

const gt_sql_t *const gt_range_sql[] = {&end_of_range, NULL};
