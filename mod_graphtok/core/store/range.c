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
#include "store/mail_rows.h"
#include "store/statements.h"
#include "store/store.h"

void gt_range_begin(gt_range_t *range, gt_store_t *store)
{
    *range = (gt_range_t){.store = store, .after = GT_ID_BEFORE_ALL, .last = GT_ID_BEFORE_ALL};
}

void gt_range_begin_with_mail(gt_range_t *range, gt_store_t *store)
{
    gt_range_begin(range, store);
    range->with_mail = 1;
}

#define END_OF_RANGE(table, after)                                                                 \
    "SELECT id, count(*) OVER () FROM (SELECT id FROM " table " WHERE id > " after                 \
    " ORDER BY id LIMIT %lld) AS page ORDER BY id DESC LIMIT 1"

/* id after which, how many → the last id of the next so many rows, how many they are; no row:
 * there is none after it */
static const gt_sql_t end_of_range = {"end of range", END_OF_RANGE("{table}", "%s"), NULL};

/* the same */
static const gt_sql_t end_of_messages = {"end of range of mail messages",
                                         END_OF_RANGE("{mail_messages}", "%lld"), NULL};

static gt_err_t *miscounted(apr_pool_t *p)
{
    return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
}

static gt_err_t *next_of_grants(int *found, gt_range_t *range, apr_pool_t *p)
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
        return miscounted(p);
    apr_cpystrn(range->after, range->last, sizeof(range->after));
    apr_cpystrn(range->last, row->column[0], sizeof(range->last));
    range->seen += n;
    *found = 1;
    return GT_OK;
}

static gt_err_t *next_of_messages(int *found, gt_range_t *range, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(range->message_last), GT_NUM(GT_RANGE_ROWS)};
    const gt_store_t *store = range->store;
    const gt_db_row_t *row;
    apr_array_header_t *rows;
    apr_int64_t last, n;
    gt_ids_t ids;
    int has;

    GT_TRY(gt_mail_has_tables(&has, &ids, range->store, p));
    if (!has)
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, store->db, &end_of_messages, &store->names, args, p));
    if (rows->nelts == 0)
        return GT_OK;
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    if (!gt_number(&last, row->column[0], 1, INT64_MAX) ||
        !gt_number(&n, row->column[1], 1, GT_RANGE_ROWS))
        return miscounted(p);
    range->is_mail = 1;
    range->message_after = range->message_last;
    range->message_last = last;
    range->seen += n;
    *found = 1;
    return GT_OK;
}

gt_err_t *gt_range_next(int *found, gt_range_t *range, apr_pool_t *p)
{
    *found = 0;
    if (!range->is_mail)
        GT_TRY(next_of_grants(found, range, p));
    return *found || !range->with_mail ? GT_OK : next_of_messages(found, range, p);
}

const gt_sql_t *const gt_range_sql[] = {&end_of_range, &end_of_messages, NULL};
