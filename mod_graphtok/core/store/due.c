/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Claims and picks of background work, each one statement (db/sql.c): a row that somebody else is
 * just picking is skipped, not waited for. Times go to the database as spans, since its clock is
 * the one that all nodes share.
 */

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "store/due.h"
#include "store/row.h"

#define ID_DIGITS 32
#define LONGEST_TURN apr_time_from_sec(600)

/** "17 seconds ago" for a statement that counts from now. */
static gt_db_value_t ago(apr_interval_time_t span)
{
    return GT_NUM(-apr_time_sec(span));
}

static gt_err_t *pick(apr_array_header_t **picked, gt_store_t *store, gt_sql_t sql,
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

/** Further ahead than a part that is due after `again`, or after a shorter time, can be: pauses vary
 * by a fifth, and a slice may wait for its turn. */
static apr_interval_time_t too_far(apr_interval_time_t again)
{
    return 2 * again + LONGEST_TURN;
}

gt_err_t *gt_due_jobs(apr_array_header_t **due_jobs, gt_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_JOB_DUE, &store->names, NULL, p));
    *due_jobs = apr_array_make(p, rows->nelts, sizeof(gt_due_job_t));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        apr_int64_t first, last;

        if (row->column[0] == NULL || !gt_number(&first, row->column[1], INT32_MIN, INT32_MAX) ||
            !gt_number(&last, row->column[2], INT32_MIN, INT32_MAX))
            continue; /* no job's: the row of turns counts milliseconds */
        APR_ARRAY_PUSH(*due_jobs, gt_due_job_t) =
            (gt_due_job_t){row->column[0], apr_time_from_sec(first), apr_time_from_sec(last)};
    }
    return GT_OK;
}

int gt_due_job_is_due(const gt_due_job_t *due_job, apr_interval_time_t again)
{
    return due_job->first <= 0 || due_job->last > too_far(again);
}

gt_err_t *gt_due_claim(int *part, gt_store_t *store, const char *name, apr_interval_time_t again,
                       const char *worker, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(name), GT_NUM(apr_time_sec(too_far(again))),
                                  GT_NUM(apr_time_sec(again)), GT_TEXT(worker), GT_TEXT(name)};
    apr_array_header_t *rows;
    apr_int64_t number;

    *part = -1;
    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_JOB_CLAIM, &store->names, args, p));
    if (rows->nelts > 0 &&
        gt_number(&number, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, GT_PARTS - 1))
        *part = (int)number;
    return GT_OK;
}

gt_err_t *gt_due_again(gt_store_t *store, const char *name, int part, apr_interval_time_t again,
                       const char *worker, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_sec(again)), GT_TEXT(name), GT_NUM(part),
                                  GT_TEXT(worker)};

    return gt_db_change(NULL, store->db, GT_SQL_JOB_AGAIN, &store->names, args, p);
}

gt_err_t *gt_due_time_slots(apr_interval_time_t *wait, gt_store_t *store, int n, apr_int64_t rate,
                            apr_pool_t *p)
{
    apr_int64_t took = (n * INT64_C(1000) + rate - 1) / rate; /* ms */
    const gt_db_value_t args[] = {GT_NUM(took), GT_NUM(took), GT_NUM(took)};
    apr_array_header_t *rows;
    apr_int64_t ahead;

    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_JOB_TURNS, &store->names, args, p));
    /* Just below 0 when the clock moved on between two words of the statement. */
    if (rows->nelts == 0 ||
        !gt_number(&ahead, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, INT32_MAX))
        ahead = 0;
    *wait = apr_time_from_msec(ahead);
    return GT_OK;
}

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

    return pick(picked, store, GT_SQL_DUE_PICK, args, p);
}

gt_err_t *gt_due_let_go(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider)};

    return gt_db_change(NULL, store->db, GT_SQL_DUE_LET_GO, &store->names, args, p);
}

gt_err_t *gt_check_pick(apr_array_header_t **picked, gt_store_t *store,
                        const gt_check_params_t *params, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(params->part), GT_NUM(apr_time_sec(params->every)),
                                  GT_NUM(apr_time_sec(params->used_within)), GT_NUM(params->most)};

    return pick(picked, store, GT_SQL_CHECK_PICK, args, p);
}

gt_err_t *gt_due_expire(apr_array_header_t **picked, gt_store_t *store, apr_interval_time_t after,
                        int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(0), ago(after), GT_NUM(most)};

    return pick(picked, store, GT_SQL_EXPIRE, args, p);
}

gt_err_t *gt_due_remove(apr_array_header_t **picked, gt_store_t *store, apr_interval_time_t after,
                        int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {ago(after), GT_NUM(most)};

    return pick(picked, store, GT_SQL_REMOVE, args, p);
}

gt_err_t *gt_due_count(gt_due_counts_t *counts, const gt_range_t *range,
                       apr_interval_time_t expire_after, apr_interval_time_t remove_after,
                       apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    const gt_db_value_t args[] = {GT_NUM(0), ago(expire_after), ago(remove_after),
                                  GT_TEXT(range->after), GT_TEXT(range->last)};
    apr_int64_t expired, removable;
    apr_array_header_t *rows;
    const gt_db_row_t *row;

    GT_TRY(gt_db_rows(&rows, store->db, GT_SQL_CLEANUP_COUNT, &store->names, args, p));
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    if (!gt_number(&expired, row->column[0], 0, INT64_MAX) ||
        !gt_number(&removable, row->column[1], 0, INT64_MAX))
        return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    counts->expired += expired;
    counts->removable += removable;
    return GT_OK;
}

/** A UUID as both engines take it; NULL: it is none. */
static const char *id_of(const char *name, apr_pool_t *p)
{
    char *id = apr_palloc(p, ID_DIGITS + 1);
    apr_size_t len = 0;

    for (; *name != '\0'; name++) {
        if (*name == '-')
            continue;
        if (len == ID_DIGITS || !isxdigit((unsigned char)*name))
            return NULL;
        id[len++] = (char)tolower((unsigned char)*name);
    }
    id[len] = '\0';
    return len == ID_DIGITS ? id : NULL;
}

/* By a text, and as many as there may be where the statement wants that. */
static gt_err_t *find(apr_array_header_t *grants, gt_store_t *store, gt_sql_t sql, const char *text,
                      apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(text), GT_NUM(GT_DUTY_ADDRESSED)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, sql, &store->names, args, p));
    for (int i = 0; i < rows->nelts; i++) {
        gt_raw_t *raw;

        GT_TRY(gt_row_read(&raw, &APR_ARRAY_IDX(rows, i, gt_db_row_t), NULL, p));
        APR_ARRAY_PUSH(grants, gt_grant_t *) = &raw->grant;
    }
    return GT_OK;
}

gt_err_t *gt_grants_named(apr_array_header_t **grants, gt_store_t *store, const char *name,
                          apr_pool_t *p)
{
    const gt_owner_t owner = {name, "any"};
    const char *id = id_of(name, p);
    gt_owner_t exact;

    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    if (id != NULL)
        GT_TRY(find(*grants, store, GT_SQL_GRANT_BY_ID, id, p));
    if ((*grants)->nelts > 0)
        return GT_OK;
    GT_TRY(gt_store_owner(&exact, store, &owner, p));
    return find(*grants, store, GT_SQL_GRANT_OF_USER, exact.user, p);
}

gt_err_t *gt_duty_addressed(apr_array_header_t **grants, gt_store_t *store, const char *address,
                            apr_pool_t *p)
{
    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    return find(*grants, store, GT_SQL_GRANT_OF_ADDRESS, address, p);
}
