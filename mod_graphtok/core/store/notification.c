/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file notification.c
 * Rows go into a statement as one JSON array: a batch is one statement on both engines.
 */

#include "store/notification.h"

#include "base/err.h"
#include "base/json.h"
#include "conf/hooks.h"
#include "store/statements.h"
#include "store/store.h"

#define BATCH 1000

static const gt_word_t words[] = {
    {"fresh",
     {"SELECT * FROM json_to_recordset(CAST(%s AS json)) AS item(n BIGINT, of_row BIGINT, "
      "change_type TEXT, resource TEXT, lane TEXT, repeat_key TEXT, body TEXT)",
      "SELECT json_extract(value, '$.n') AS n, json_extract(value, '$.of_row') AS of_row, "
      "json_extract(value, '$.change_type') AS change_type, json_extract(value, '$.resource') AS "
      "resource, json_extract(value, '$.lane') AS lane, json_extract(value, '$.repeat_key') AS "
      "repeat_key, json_extract(value, '$.body') AS body FROM json_each(%s)"}},
    {NULL, {NULL, NULL}},
};

/* rows. One whose lane waits for another try waits with it. */
static const gt_sql_t add_notifications = {
    "add notifications",
    "INSERT INTO {graph_notifications} (subscription, {user}, provider, kind, change_type, "
    "resource, lane, repeat_key, body, received_at, due_at) SELECT own.id, own.{user}, "
    "own.provider, own.resource, fresh.change_type, fresh.resource, fresh.lane, fresh.repeat_key, "
    "fresh.body, {clock}, coalesce((SELECT late.due_at FROM {graph_notifications} AS late WHERE "
    "late.lane = fresh.lane AND late.state = 'pending' ORDER BY late.id DESC LIMIT 1), {clock}) "
    "FROM ({fresh}) AS fresh JOIN {graph_subscriptions} AS own "
    "ON own.id = fresh.of_row WHERE true ORDER BY fresh.n ON CONFLICT (repeat_key) DO NOTHING",
    words};

/* seconds, 1: pending ones, too, how many */
static const gt_sql_t purge_notifications = {
    "purge notifications",
    "DELETE FROM {graph_notifications} WHERE id IN (SELECT id FROM {graph_notifications} "
    "WHERE received_at < {now} - %lld AND (state <> 'pending' OR CAST(%lld AS BIGINT) = 1) "
    "ORDER BY received_at LIMIT %lld {skip})",
    NULL};

gt_err_t *gt_notifications_add(int *stored, gt_store_t *store, const apr_array_header_t *list,
                               apr_pool_t *p)
{
    json_t *rows = gt_json_own(json_array(), p);

    *stored = 0;
    for (int i = 0; i < list->nelts; i++) {
        const gt_notification_t *one = APR_ARRAY_IDX(list, i, const gt_notification_t *);
        json_t *row = json_object();

        gt_json_set_number(row, "n", i);
        gt_json_set_number(row, "of_row", one->subscription);
        gt_json_set(row, "change_type", one->change_type);
        gt_json_set(row, "resource", one->resource);
        gt_json_set(row, "lane", one->lane);
        gt_json_set(row, "repeat_key", one->repeat_key);
        gt_json_set(row, "body", one->body);
        json_array_append_new(rows, row);
    }
    if (list->nelts == 0)
        return GT_OK;
    const gt_db_value_t args[] = {GT_TEXT(gt_json_dump(rows, p))};

    return gt_db_change(stored, store->db, &add_notifications, &store->names, args, p);
}

gt_err_t *gt_notifications_purge(int *more, gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_sec(store->conf->notification_keep)),
                                  GT_NUM(!gt_hooks_deliver(store->conf)), GT_NUM(BATCH)};
    int changed;

    *more = 0;
    if (!gt_subscriptions_are_kept(store, p))
        return GT_OK;
    GT_TRY(gt_db_change(&changed, store->db, &purge_notifications, &store->names, args, p));
    *more = changed == BATCH;
    return GT_OK;
}

const gt_sql_t *const gt_notification_sql[] = {&add_notifications, &purge_notifications, NULL};
