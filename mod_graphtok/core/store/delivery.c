/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file delivery.c
 * A lane whose first notification waits for another try is put off as a whole: its other rows are
 * no more in the way of those that are due.
 */

#include "store/delivery.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "store/statements.h"
#include "store/store.h"

#define ERROR_MOST 300
/* Rows that are looked through for first ones. Without a bound a claim walks through all that is
 * behind a few lanes: for a million rows longer than a statement may take. The first of a lane is
 * due no later than its others, so that it stands among them here. */
#define LOOKED_THROUGH "2000"
/* No claim is longer: one that ends later was written before the database's clock was set back. */
#define IS_FREE "(claimed_until <= {now} OR claimed_until > {now} + 130)"
#define IS_OURS " WHERE id = %lld AND claimed_by = %s"
#define FREED "claimed_by = NULL, claimed_until = 0"
#define COLUMNS                                                                                    \
    "id, CAST({user} AS VARCHAR), provider, kind, change_type, lane, body, attempts, claimed_by, " \
    "received_at"

static const gt_word_t words[] = {
    /* So many rows by their ids; see mail_message.c. */
    {"is_among", {"= ANY (ARRAY", "IN "}},
    {"end", {")", ""}},
    {NULL, {NULL, NULL}},
};

/* how many, claim, seconds → rows */
static const gt_sql_t claim_heads = {
    "claim deliveries",
    "WITH due AS MATERIALIZED (SELECT id, lane FROM {graph_notifications} WHERE state = 'pending' "
    "AND due_at <= {now} ORDER BY due_at, id LIMIT " LOOKED_THROUGH "), "
    "picked AS MATERIALIZED (SELECT head.id AS of_id FROM {graph_notifications} AS head "
    "WHERE head.id {is_among}(SELECT min(id) FROM due GROUP BY lane){end} "
    "AND head.state = 'pending' AND head.due_at <= {now} AND " IS_FREE
    " AND NOT EXISTS (SELECT 1 FROM {graph_notifications} AS earlier "
    "WHERE earlier.state = 'pending' AND earlier.lane = head.lane AND earlier.id < head.id) "
    "ORDER BY head.due_at, head.id LIMIT %lld {skip}) "
    "UPDATE {graph_notifications} SET claimed_by = %s, claimed_until = {clock} + %lld "
    "WHERE id {is_among}(SELECT of_id FROM picked){end} RETURNING " COLUMNS,
    words};

/* claim, seconds, lane → row */
static const gt_sql_t claim_next = {
    "claim next delivery",
    "UPDATE {graph_notifications} SET claimed_by = %s, claimed_until = {clock} + %lld "
    "WHERE id = (SELECT id FROM {graph_notifications} WHERE state = 'pending' AND lane = %s "
    "ORDER BY id LIMIT 1) AND state = 'pending' AND due_at <= {clock} AND " IS_FREE
    " RETURNING " COLUMNS,
    NULL};

/* status, id, claim */
static const gt_sql_t end_delivery = {
    "end delivery",
    "UPDATE {graph_notifications} SET state = 'delivered', settled_at = {clock}, "
    "attempts = attempts + 1, last_status = %lld, last_error = NULL, " FREED IS_OURS,
    NULL};

/* 1: dead, 1: dead, status, error, id, claim */
static const gt_sql_t fail_delivery = {
    "fail delivery",
    "UPDATE {graph_notifications} SET state = CASE WHEN CAST(%lld AS BIGINT) = 1 THEN 'dead' "
    "ELSE state END, settled_at = CASE WHEN CAST(%lld AS BIGINT) = 1 THEN {clock} ELSE 0 END, "
    "attempts = attempts + 1, last_status = %lld, last_error = %s, " FREED IS_OURS,
    NULL};

/* seconds, lane, seconds, id, claim. A process that was held up past its claim has no say: another
 * one may have delivered meanwhile. */
static const gt_sql_t put_off_lane = {
    "put off lane",
    "UPDATE {graph_notifications} SET due_at = {clock} + %lld WHERE state = 'pending' "
    "AND lane = %s AND due_at < {clock} + %lld AND EXISTS (SELECT 1 FROM {graph_notifications} "
    "AS own WHERE own.id = %lld AND own.claimed_by = %s)",
    NULL};

/* id, claim */
static const gt_sql_t let_go = {"let go delivery",
                                "UPDATE {graph_notifications} SET " FREED IS_OURS, NULL};

gt_delivery_t *gt_delivery_dup(const gt_delivery_t *delivery, apr_pool_t *p)
{
    gt_delivery_t *copy = apr_pmemdup(p, delivery, sizeof(*copy));

    copy->owner = gt_owner_dup(&delivery->owner, p);
    copy->kind = apr_pstrdup(p, delivery->kind);
    copy->change_type = apr_pstrdup(p, delivery->change_type);
    copy->lane = apr_pstrdup(p, delivery->lane);
    copy->body = apr_pstrdup(p, delivery->body);
    copy->claim = apr_pstrdup(p, delivery->claim);
    return copy;
}

static gt_err_t *read_rows(apr_array_header_t **deliveries, const apr_array_header_t *rows,
                           apr_time_t claimed_at, apr_pool_t *p)
{
    *deliveries = apr_array_make(p, rows->nelts, sizeof(gt_delivery_t));
    for (int i = 0; i < rows->nelts; i++) {
        const char **column = APR_ARRAY_IDX(rows, i, gt_db_row_t).column;
        gt_delivery_t *one = apr_array_push(*deliveries);
        apr_int64_t attempts;

        *one = (gt_delivery_t){.owner = {column[1], column[2]},
                               .kind = column[3],
                               .change_type = column[4],
                               .lane = column[5],
                               .body = column[6],
                               .claim = column[8],
                               .claimed_at = claimed_at};
        if (!gt_number(&one->id, column[0], 1, INT64_MAX) ||
            !gt_number(&attempts, column[7], 0, INT32_MAX) ||
            !gt_number(&one->received_at, column[9], 0, INT64_MAX) || column[1] == NULL)
            return gt_err(p, GT_DAMAGED, "GT0438", "notifications: the row %s cannot be read",
                          column[0] != NULL ? column[0] : "of an unknown id");
        one->attempts = (int)attempts;
    }
    return GT_OK;
}

/* Another one each time: a process that was held up past its claim must not take the next one for
 * its own. */
static const char *new_claim(const char *worker, apr_pool_t *p)
{
    return apr_pstrcat(p, worker, "#", gt_random_text(9, p), NULL);
}

gt_err_t *gt_delivery_claim(apr_array_header_t **deliveries, gt_store_t *store, const char *worker,
                            int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(most), GT_TEXT(new_claim(worker, p)),
                                  GT_NUM(apr_time_sec(GT_DELIVERY_CLAIM))};
    apr_time_t before = gt_ticks();
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &claim_heads, &store->names, args, p));
    return read_rows(deliveries, rows, before, p);
}

gt_err_t *gt_delivery_next(gt_delivery_t **next, gt_store_t *store, const gt_delivery_t *before,
                           apr_pool_t *p)
{
    const char *worker = apr_pstrmemdup(p, before->claim, strcspn(before->claim, "#"));
    const gt_db_value_t args[] = {GT_TEXT(new_claim(worker, p)),
                                  GT_NUM(apr_time_sec(GT_DELIVERY_CLAIM)), GT_TEXT(before->lane)};
    apr_time_t ticks = gt_ticks();
    apr_array_header_t *rows, *deliveries;

    GT_TRY(gt_db_rows(&rows, store->db, &claim_next, &store->names, args, p));
    GT_TRY(read_rows(&deliveries, rows, ticks, p));
    *next = deliveries->nelts > 0 ? &APR_ARRAY_IDX(deliveries, 0, gt_delivery_t) : NULL;
    return GT_OK;
}

gt_err_t *gt_delivery_done(gt_store_t *store, const gt_delivery_t *delivery, int status,
                           apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(status), GT_NUM(delivery->id), GT_TEXT(delivery->claim)};

    return gt_db_change(NULL, store->db, &end_delivery, &store->names, args, p);
}

static gt_err_t *put_off(gt_store_t *store, const gt_delivery_t *delivery,
                         apr_interval_time_t again, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_sec(again)), GT_TEXT(delivery->lane),
                                  GT_NUM(apr_time_sec(again)), GT_NUM(delivery->id),
                                  GT_TEXT(delivery->claim)};

    return gt_db_change(NULL, store->db, &put_off_lane, &store->names, args, p);
}

/* The lane first: no other process takes its head in between, since that is still claimed. */
gt_err_t *gt_delivery_failed(int *ours, gt_store_t *store, const gt_delivery_t *delivery,
                             const gt_delivery_failure_t *failure, apr_pool_t *p)
{
    apr_size_t len = strlen(failure->error);

    /* A text that does not fit is cut, between two characters. */
    if (len > ERROR_MOST)
        for (len = ERROR_MOST; len > 0 && ((unsigned char)failure->error[len] & 0xc0) == 0x80;)
            len--;
    const gt_db_value_t args[] = {
        GT_NUM(failure->is_dead), GT_NUM(failure->is_dead),
        GT_NUM(failure->status),  GT_TEXT(apr_pstrmemdup(p, failure->error, len)),
        GT_NUM(delivery->id),     GT_TEXT(delivery->claim)};

    if (!failure->is_dead)
        GT_TRY(put_off(store, delivery, failure->again, p));
    return gt_db_change(ours, store->db, &fail_delivery, &store->names, args, p);
}

gt_err_t *gt_delivery_let_go(gt_store_t *store, const gt_delivery_t *delivery,
                             apr_interval_time_t again, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(delivery->id), GT_TEXT(delivery->claim)};

    if (again > 0)
        GT_TRY(put_off(store, delivery, again, p));
    return gt_db_change(NULL, store->db, &let_go, &store->names, args, p);
}

const gt_sql_t *const gt_delivery_sql[] = {
    &claim_heads, &claim_next, &end_delivery, &fail_delivery, &put_off_lane, &let_go, NULL};
