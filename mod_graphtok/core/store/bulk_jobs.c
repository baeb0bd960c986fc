/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Bulk jobs as rows. A job's sums are kept up by each result. They are counted anew when the job
 * ends, because a process may die between a result and its sum.
 */

#include "store/bulk_rows.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "store/ids.h"
#include "store/row.h"
#include "store/statements.h"

#define PURGE_ROWS 500

#define IS_BUSY                                                                                    \
    "CASE WHEN EXISTS (SELECT 1 FROM {bulk_items} WHERE job = held.id AND claim IS NOT NULL "      \
    "AND claimed_until > {now_ms}) THEN 1 ELSE 0 END"
#define JOB                                                                                        \
    "SELECT id, act, filter, filled_to, pages, administrator, address, request_id, detail, "       \
    "total, "                                                                                      \
    "succeeded, failed, is_filled, is_stopped, " IS_BUSY ", created_at, updated_at, begun_at, "    \
    "ended_at, {now_ms} FROM {bulk} AS held "

/* Of a job of named grants the request that makes it is still adding them. */
#define IS_SHOWN "(is_filled = 1 OR filter IS NOT NULL)"
#define IS_ACTIVE "ended_at = 0 AND is_stopped = 0"

/* The columns of a job. */
enum {
    ID,
    ACT,
    FILTER,
    FILLED_TO,
    PAGES,
    ADMINISTRATOR,
    ADDRESS,
    REQUEST_ID,
    DETAIL,
    TOTAL,
    SUCCEEDED,
    FAILED,
    IS_FILLED,
    IS_STOPPED,
    BUSY,
    CREATED_AT,
    UPDATED_AT,
    BEGUN_AT,
    ENDED_AT,
    CLOCK
};

/* id, act, filter, administrator, address, request id, how many there may be */
static const gt_sql_t make_job = {
    "make bulk job",
    "INSERT INTO {bulk} (id, act, filter, administrator, address, request_id, created_at, "
    "updated_at) SELECT CAST(%s AS VARCHAR), CAST(%s AS VARCHAR), CAST(%s AS TEXT), "
    "CAST(%s AS VARCHAR), CAST(%s AS VARCHAR), CAST(%s AS VARCHAR), {clock_ms}, {clock_ms} "
    "WHERE (SELECT count(*) FROM {bulk} WHERE " IS_ACTIVE ") < %lld",
    NULL};

/* id → the job */
static const gt_sql_t find_job = {"find bulk job", JOB "WHERE id = %s AND " IS_SHOWN, NULL};

/* how many → jobs */
static const gt_sql_t list_newest = {
    "list bulk jobs", JOB "WHERE " IS_SHOWN " ORDER BY created_at DESC, id LIMIT %lld", NULL};

/* how many → jobs */
static const gt_sql_t list_active = {
    "list active bulk jobs", JOB "WHERE " IS_ACTIVE " ORDER BY created_at, id LIMIT %lld", NULL};

/* 0 or 1, id, the same number */
static const gt_sql_t stop_job = {"stop bulk job",
                                  "UPDATE {bulk} SET is_stopped = %lld, updated_at = {clock_ms} "
                                  "WHERE id = %s AND ended_at = 0 AND is_stopped <> %lld",
                                  NULL};

#define COUNT_OF(outcome) "(SELECT count(*) FROM {bulk_items} WHERE job = id" outcome ")"
#define COUNTED                                                                                    \
    "total = " COUNT_OF("") ", succeeded = " COUNT_OF(" AND outcome = 1") ", failed = " COUNT_OF(  \
        " AND outcome = 2") ", updated_at = {clock_ms}"

/* detail, id */
static const gt_sql_t job_filled = {"fill bulk job",
                                    "UPDATE {bulk} SET is_filled = 1, detail = %s, " COUNTED
                                    " WHERE id = %s AND is_filled = 0",
                                    NULL};

/* id */
static const gt_sql_t end_job = {
    "end bulk job",
    "UPDATE {bulk} SET " COUNTED ", ended_at = {clock_ms} WHERE id = %s AND ended_at = 0 "
    "AND is_filled = 1 AND NOT EXISTS (SELECT 1 FROM {bulk_items} WHERE job = id AND outcome = 0)",
    NULL};

/* id */
static const gt_sql_t drop_job = {"drop bulk job", "DELETE FROM {bulk} WHERE id = %s", NULL};

/* ms → id */
static const gt_sql_t find_old = {
    "find old bulk job",
    "SELECT id FROM {bulk} WHERE updated_at < {now_ms} - %lld ORDER BY updated_at LIMIT 1", NULL};

/* id, id, how many */
static const gt_sql_t purge_items = {
    "purge bulk items",
    "DELETE FROM {bulk_items} WHERE job = %s AND n IN "
    "(SELECT n FROM {bulk_items} WHERE job = %s ORDER BY n LIMIT %lld)",
    NULL};

gt_err_t *gt_bulk_is_there(gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t ids;

    GT_TRY(gt_store_ids_with(&ids, GT_ADDS_BULK, store, p));
    if (ids.has[GT_ADDS_BULK])
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0490",
                  "store %s has no tables of bulk jobs: " GT_ADDITION_ADVICE, gt_store_name(store));
}

gt_err_t *gt_bulk_make(gt_store_t *store, const gt_bulk_job_t *job, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(job->id),          GT_TEXT(job->act),
                                  GT_TEXT(job->filter),      GT_TEXT(job->administrator),
                                  GT_TEXT(job->address),     GT_TEXT(job->request_id),
                                  GT_NUM(GT_BULK_ACTIVE_MAX)};
    int made;

    GT_TRY(gt_db_change(&made, store->db, &make_job, &store->names, args, p));
    if (made > 0)
        return GT_OK;
    return gt_err(p, GT_CONFLICT, "GT0491",
                  "store %s has %d bulk jobs that are neither done nor stopped: wait for one of "
                  "them, or stop one",
                  gt_store_name(store), GT_BULK_ACTIVE_MAX);
}

/* A number of a row that no version of ours wrote reads as 0. */
static apr_int64_t number(const gt_db_row_t *row, int column)
{
    apr_int64_t n;

    return gt_number(&n, row->column[column], 0, INT64_MAX / 1000) ? n : 0;
}

/* A time of the database's clock as one of ours; 0 stays. */
static apr_time_t time_of(const gt_db_row_t *row, int column, int clock)
{
    const apr_time_t at = apr_time_from_msec(number(row, column));

    return at == 0 ? 0 : at + gt_row_offset(apr_time_from_msec(number(row, clock)));
}

static gt_err_t *read_job(gt_bulk_job_t *job, const gt_db_row_t *row, apr_pool_t *p)
{
    *job = (gt_bulk_job_t){
        .id = row->column[ID],
        .act = row->column[ACT],
        .filter = row->column[FILTER],
        .filled_to = row->column[FILLED_TO],
        .pages = number(row, PAGES),
        .administrator = row->column[ADMINISTRATOR],
        .address = row->column[ADDRESS],
        .request_id = row->column[REQUEST_ID],
        .detail = row->column[DETAIL],
        .total = number(row, TOTAL),
        .succeeded = number(row, SUCCEEDED),
        .failed = number(row, FAILED),
        .is_filled = number(row, IS_FILLED) == 1,
        .is_stopped = number(row, IS_STOPPED) == 1,
        .is_busy = number(row, BUSY) == 1,
        .created_at = time_of(row, CREATED_AT, CLOCK),
        .updated_at = time_of(row, UPDATED_AT, CLOCK),
        .begun_at = time_of(row, BEGUN_AT, CLOCK),
        .ended_at = time_of(row, ENDED_AT, CLOCK),
    };
    return job->id != NULL && job->act != NULL
               ? GT_OK
               : gt_err(p, GT_DAMAGED, "GT0492", "a row of a bulk job cannot be read");
}

static gt_err_t *read_jobs(apr_array_header_t **jobs, gt_store_t *store, const gt_sql_t *sql,
                           gt_db_value_t arg, apr_pool_t *p)
{
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, sql, &store->names, &arg, p));
    *jobs = apr_array_make(p, rows->nelts, sizeof(gt_bulk_job_t));
    for (int i = 0; i < rows->nelts; i++)
        GT_TRY(read_job(apr_array_push(*jobs), &APR_ARRAY_IDX(rows, i, gt_db_row_t), p));
    return GT_OK;
}

gt_err_t *gt_bulk_find(gt_bulk_job_t **job, gt_store_t *store, const char *id, apr_pool_t *p)
{
    apr_array_header_t *jobs;

    *job = NULL;
    GT_TRY(read_jobs(&jobs, store, &find_job, GT_TEXT(id), p));
    if (jobs->nelts > 0)
        *job = &APR_ARRAY_IDX(jobs, 0, gt_bulk_job_t);
    return GT_OK;
}

gt_err_t *gt_bulk_newest(apr_array_header_t **jobs, gt_store_t *store, int most, apr_pool_t *p)
{
    return read_jobs(jobs, store, &list_newest, GT_NUM(most), p);
}

gt_err_t *gt_bulk_active(apr_array_header_t **jobs, gt_store_t *store, apr_pool_t *p)
{
    return read_jobs(jobs, store, &list_active, GT_NUM(GT_BULK_ACTIVE_MAX), p);
}

gt_err_t *gt_bulk_stop(gt_store_t *store, const char *job, int is_stopped, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(is_stopped), GT_TEXT(job), GT_NUM(is_stopped)};

    return gt_db_change(NULL, store->db, &stop_job, &store->names, args, p);
}

gt_err_t *gt_bulk_end(gt_store_t *store, const char *job, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(job)};

    return gt_db_change(NULL, store->db, &end_job, &store->names, args, p);
}

gt_err_t *gt_bulk_filled(gt_store_t *store, const char *job, const char *detail, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(detail), GT_TEXT(job)};

    GT_TRY(gt_db_change(NULL, store->db, &job_filled, &store->names, args, p));
    return gt_bulk_end(store, job, p);
}

gt_err_t *gt_bulk_drop(gt_store_t *store, const char *job, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(job), GT_TEXT(job), GT_NUM(PURGE_ROWS)};
    int dropped;

    GT_TRY(gt_db_change(&dropped, store->db, &purge_items, &store->names, args, p));
    return dropped < PURGE_ROWS ? gt_db_change(NULL, store->db, &drop_job, &store->names, args, p)
                                : GT_OK;
}

gt_err_t *gt_bulk_purge(int *more, gt_store_t *store, apr_interval_time_t age, apr_pool_t *p)
{
    const gt_db_value_t old = GT_NUM(apr_time_as_msec(age));
    apr_array_header_t *rows;

    *more = 0;
    if (!gt_store_has(store, GT_ADDS_BULK, p))
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, store->db, &find_old, &store->names, &old, p));
    *more = rows->nelts > 0;
    return *more ? gt_bulk_drop(store, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], p) : GT_OK;
}

const gt_sql_t *const gt_bulk_job_sql[] = {&make_job, &find_job,    &list_newest, &list_active,
                                           &stop_job, &job_filled,  &end_job,     &drop_job,
                                           &find_old, &purge_items, NULL};
