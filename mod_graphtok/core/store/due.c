/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Claims and picks of background work, each one statement: a row that another transaction is just
 * picking is skipped, not waited for. Times go to the database as spans, since all nodes share its
 * clock.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "store/due.h"
#include "store/row.h"
#include "store/statements.h"

/* Rows are picked and changed by their owners: a table that is partitioned by the user needs no
 * index of ids. */
#define PICK                                                                                       \
    "WITH picked AS MATERIALIZED (SELECT {user} AS of_user, provider AS of_provider FROM {table} " \
    "WHERE "
#define IS_PICKED "({user}, provider) IN (SELECT of_user, of_provider FROM picked)"
#define PICKED "WHERE " IS_PICKED " RETURNING {user}, provider, generation"

/* A token of another resource leaves expires_at as it is, and last_used_at tells that there is
 * one. */
#define IS_EXPIRED                                                                                 \
    "status <> 0 AND {lease_over} AND ((encrypted_refresh_token = '' AND expires_at <= {in}) OR "  \
    "(expires_at <= {in} AND last_used_at <= {now} - %lld))"
#define IS_REMOVABLE "status = 0 AND {lease_over} AND updated_at <= {in}"
#define LONGEST_TURN apr_time_from_sec(600)

/** "17 seconds ago" for a statement that counts from now. */
static gt_db_value_t ago(apr_interval_time_t span)
{
    return GT_NUM(-apr_time_sec(span));
}

static gt_err_t *pick(apr_array_header_t **picked, gt_store_t *store, const gt_sql_t *sql,
                      const gt_db_value_t *args, apr_pool_t *p)
{
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, sql, &store->names, args, p));
    *picked = apr_array_make(p, rows->nelts, sizeof(gt_picked_t));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        gt_picked_t *one = apr_array_push(*picked);

        one->owner.user = row->column[0];
        one->owner.provider = row->column[1];
        if (one->owner.user == NULL || one->owner.provider == NULL ||
            !gt_number(&one->generation, row->column[2], 0, INT64_MAX))
            apr_array_pop(*picked);
    }
    return GT_OK;
}

/** Further ahead than a part that is due after `again`, or after a shorter time, can be: pauses
 * vary by a fifth, and a slice may wait for its turn. */
static apr_interval_time_t too_far(apr_interval_time_t again)
{
    return 2 * again + LONGEST_TURN;
}

/* → name of each job, seconds until its first and its last part are due, how many parts it has */
static const gt_sql_t list_jobs = {
    "list jobs",
    "SELECT name, min(due_at) - {now}, max(due_at) - {now}, count(*) FROM {jobs} GROUP BY name",
    NULL};

gt_err_t *gt_due_jobs(apr_array_header_t **due_jobs, gt_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &list_jobs, &store->names, NULL, p));
    *due_jobs = apr_array_make(p, rows->nelts, sizeof(gt_due_job_t));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        apr_int64_t first, last, parts;

        if (row->column[0] == NULL || !gt_number(&first, row->column[1], INT32_MIN, INT32_MAX) ||
            !gt_number(&last, row->column[2], INT32_MIN, INT32_MAX) ||
            !gt_number(&parts, row->column[3], 1, INT32_MAX))
            continue; /* no job's row: that of the turns counts milliseconds */
        APR_ARRAY_PUSH(*due_jobs, gt_due_job_t) = (gt_due_job_t){
            row->column[0], (int)parts, apr_time_from_sec(first), apr_time_from_sec(last)};
    }
    return GT_OK;
}

/* how many, name. SQLite compares no text with a number, so the parameter is made one. */
static const gt_sql_t make_parts = {
    "make parts",
    "INSERT INTO {jobs} (name, part) WITH RECURSIVE parts(part) AS (SELECT 0 UNION ALL "
    "SELECT part + 1 FROM parts WHERE part < %lld - 1) "
    "SELECT %s, part FROM parts WHERE true ON CONFLICT (name, part) DO NOTHING",
    NULL};

gt_err_t *gt_due_make_parts(gt_store_t *store, const char *name, int parts, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(parts), GT_TEXT(name)};

    return gt_db_change(NULL, store->db, &make_parts, &store->names, args, p);
}

int gt_due_job_is_due(const gt_due_job_t *due_job, apr_interval_time_t again)
{
    return due_job->first <= 0 || due_job->last > too_far(again);
}

/* name, seconds ahead that no part is, but after the clock was set back; seconds until it is due
 * again, worker, name → part; no row: nothing is due */
static const gt_sql_t claim_part = {
    "claim part",
    "WITH picked AS MATERIALIZED (SELECT part FROM {jobs} WHERE name = %s "
    "AND (due_at <= {now} OR due_at > {now} + %lld) "
    "ORDER BY due_at, part LIMIT 1 {skip}) "
    "UPDATE {jobs} SET due_at = {clock} + %lld, worker = %s "
    "WHERE name = %s AND part IN (SELECT part FROM picked) RETURNING part",
    NULL};

gt_err_t *gt_due_claim(int *part, gt_store_t *store, const char *name, apr_interval_time_t again,
                       const char *worker, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(name), GT_NUM(apr_time_sec(too_far(again))),
                                  GT_NUM(apr_time_sec(again)), GT_TEXT(worker), GT_TEXT(name)};
    apr_array_header_t *rows;
    apr_int64_t number;

    *part = -1;
    GT_TRY(gt_db_rows(&rows, store->db, &claim_part, &store->names, args, p));
    if (rows->nelts > 0 &&
        gt_number(&number, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, GT_PARTS - 1))
        *part = (int)number;
    return GT_OK;
}

/* seconds, name, part, worker */
static const gt_sql_t put_off_part = {"put off part",
                                      "UPDATE {jobs} SET due_at = {clock} + %lld "
                                      "WHERE name = %s AND part = %lld AND worker = %s",
                                      NULL};

gt_err_t *gt_due_again(gt_store_t *store, const char *name, int part, apr_interval_time_t again,
                       const char *worker, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_sec(again)), GT_TEXT(name), GT_NUM(part),
                                  GT_TEXT(worker)};

    return gt_db_change(NULL, store->db, &put_off_part, &store->names, args, p);
}

/* name */
static const gt_sql_t call_parts = {"call parts", "UPDATE {jobs} SET due_at = 0 WHERE name = %s",
                                    NULL};

gt_err_t *gt_due_now(gt_store_t *store, const char *name, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(name)};

    return gt_db_change(NULL, store->db, &call_parts, &store->names, args, p);
}

/* milliseconds that the turns take (three times) → milliseconds until the first of them. Where
 * this row stands due_at counts milliseconds: the first moment that is not taken. One so far
 * ahead was written before the database's clock was set back. */
static const gt_sql_t take_turns = {
    "take turns",
    "INSERT INTO {jobs} AS taken (name, part, due_at) VALUES ('turns', 0, {clock_ms} + %lld) "
    "ON CONFLICT (name, part) DO UPDATE SET due_at = %lld + CASE WHEN taken.due_at "
    "BETWEEN {clock_ms} AND {clock_ms} + 300000 THEN taken.due_at ELSE {clock_ms} END "
    "RETURNING due_at - %lld - {clock_ms}",
    NULL};

gt_err_t *gt_due_time_slots(apr_interval_time_t *wait, gt_store_t *store, int n, apr_int64_t rate,
                            apr_pool_t *p)
{
    apr_int64_t took = (n * INT64_C(1000) + rate - 1) / rate; /* ms */
    const gt_db_value_t args[] = {GT_NUM(took), GT_NUM(took), GT_NUM(took)};
    apr_array_header_t *rows;
    apr_int64_t ahead;

    GT_TRY(gt_db_rows(&rows, store->db, &take_turns, &store->names, args, p));
    /* Just below 0 when the clock moved on between two words of the statement. */
    if (rows->nelts == 0 ||
        !gt_number(&ahead, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, INT32_MAX))
        ahead = 0;
    *wait = apr_time_from_msec(ahead);
    return GT_OK;
}

/* part, longest past, lead, used within, the longest hold, how many, not again for → user,
 * provider, generation. Nothing in the first half of a token's life: where tokens are short, that
 * would never end. */
static const gt_sql_t pick_due = {
    "pick due",
    PICK "{part} = %lld AND status = 1 "
         "AND expires_at > {in} AND expires_at <= {in} AND {used} >= {now} - %lld "
         "AND (due_after <= {now} OR due_after > {now} + %lld) AND {lease_over} "
         "AND encrypted_refresh_token <> '' "
         "AND {expires} - {now} <= {now} - coalesce({updated}, 0) "
         "ORDER BY expires_at LIMIT %lld {skip}) "
         "UPDATE {table} SET due_after = {clock} + %lld " PICKED,
    NULL};

gt_err_t *gt_due_pick(apr_array_header_t **picked, gt_store_t *store, const gt_due_params_t *params,
                      apr_pool_t *p)
{
    const gt_db_value_t args[] = {
        GT_NUM(params->part),
        ago(params->past),
        GT_NUM(apr_time_sec(params->lead)),
        GT_NUM(apr_time_sec(params->used_within)),
        GT_NUM(apr_time_sec(params->hold) + 1),
        GT_NUM(params->most),
        GT_NUM(apr_time_sec(params->hold)),
    };

    return pick(picked, store, &pick_due, args, p);
}

/* owner */
static const gt_sql_t let_go = {"let go", "UPDATE {table} SET due_after = 0 WHERE {owner}", NULL};

gt_err_t *gt_due_let_go(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider)};

    return gt_db_change(NULL, store->db, &let_go, &store->names, args, p);
}

/* part, not within, used within, how many → user, provider, generation */
static const gt_sql_t pick_unchecked = {
    "pick unchecked",
    PICK "{part} = %lld AND status = 1 "
         "AND (checked_at <= {now} - %lld OR checked_at > {now} + 1) AND {used} >= {now} - %lld "
         "ORDER BY checked_at LIMIT %lld {skip}) "
         "UPDATE {table} SET checked_at = {clock} " PICKED,
    NULL};

gt_err_t *gt_check_pick(apr_array_header_t **picked, gt_store_t *store,
                        const gt_check_params_t *params, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(params->part), GT_NUM(apr_time_sec(params->every)),
                                  GT_NUM(apr_time_sec(params->used_within)), GT_NUM(params->most)};

    return pick(picked, store, &pick_unchecked, args, p);
}

/* owner */
static const gt_sql_t not_checked = {"not checked",
                                     "UPDATE {table} SET checked_at = 0 WHERE {owner}", NULL};

gt_err_t *gt_check_let_go(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider)};

    return gt_db_change(NULL, store->db, &not_checked, &store->names, args, p);
}

/* 0, seconds (negative), the same (positive), how many → user, provider, generation */
static const gt_sql_t expire = {
    "expire",
    PICK IS_EXPIRED " LIMIT %lld {skip}) "
                    "UPDATE {table} SET status = 0, error_message = 'expired', {changed} "
                    "" PICKED,
    NULL};

gt_err_t *gt_due_expire(apr_array_header_t **picked, gt_store_t *store, apr_interval_time_t after,
                        int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(0), ago(after), GT_NUM(apr_time_sec(after)), GT_NUM(most)};

    return pick(picked, store, &expire, args, p);
}

/* seconds (negative), how many → user, provider, generation */
static const gt_sql_t remove_inactive = {"remove inactive",
                                         PICK IS_REMOVABLE " LIMIT %lld "
                                                           "{skip}) DELETE FROM {table} " PICKED,
                                         NULL};

gt_err_t *gt_due_remove(apr_array_header_t **picked, gt_store_t *store, apr_interval_time_t after,
                        int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {ago(after), GT_NUM(most)};

    return pick(picked, store, &remove_inactive, args, p);
}

/* 0, seconds (negative), the same (positive), seconds (negative), id after which, id up to which
 * → expired, removable */
static const gt_sql_t count_cleanup = {"count cleanup",
                                       "SELECT count(CASE WHEN " IS_EXPIRED " THEN 1 END), "
                                       "count(CASE WHEN " IS_REMOVABLE " THEN 1 END) "
                                       "FROM {table} WHERE id > %s AND id <= %s",
                                       NULL};

gt_err_t *gt_due_count(gt_due_counts_t *counts, const gt_range_t *range,
                       apr_interval_time_t expire_after, apr_interval_time_t remove_after,
                       apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    const gt_db_value_t args[] = {
        GT_NUM(0),         ago(expire_after),     GT_NUM(apr_time_sec(expire_after)),
        ago(remove_after), GT_TEXT(range->after), GT_TEXT(range->last)};
    apr_int64_t expired, removable;
    apr_array_header_t *rows;
    const gt_db_row_t *row;

    GT_TRY(gt_db_rows(&rows, store->db, &count_cleanup, &store->names, args, p));
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    if (!gt_number(&expired, row->column[0], 0, INT64_MAX) ||
        !gt_number(&removable, row->column[1], 0, INT64_MAX))
        return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    counts->expired += expired;
    counts->removable += removable;
    return GT_OK;
}

const gt_sql_t *const gt_due_sql[] = {&list_jobs,      &make_parts,  &claim_part, &put_off_part,
                                      &call_parts,     &take_turns,  &pick_due,   &let_go,
                                      &pick_unchecked, &not_checked, &expire,     &remove_inactive,
                                      &count_cleanup,  NULL};
