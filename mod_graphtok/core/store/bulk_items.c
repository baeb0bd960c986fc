/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The grants of bulk jobs as rows. Each has the generation that its grant had when the job was
 * made: an item that is done a second time, after its process died, finds the token that the first
 * time brought and refreshes nothing.
 */

#include "store/bulk_rows.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "store/row.h"
#include "store/statements.h"

/* No claim and no pause of ours is longer: one that ends later was written before the database's
 * clock was set back. */
#define LONGEST apr_time_from_sec(3600)

/* Rows out of one parameter, a JSON array: on PostgreSQL each value has the column's own type. */
static const gt_word_t named_words[] = {
    {"named",
     {"SELECT n, id, uuid FROM json_to_recordset(CAST(%s AS json)) "
      "AS item(n BIGINT, id VARCHAR, uuid UUID)",
      "SELECT json_extract(value, '$.n') AS n, json_extract(value, '$.id') AS id, "
      "json_extract(value, '$.uuid') AS uuid FROM json_each(%s)"}},
    {NULL, {NULL, NULL}},
};

#define IF_GONE(value) "CASE WHEN held.id IS NULL THEN " value " END"

/* job, detail and tag of one that is not there, [{n, id, uuid}, …] */
static const gt_sql_t add_named = {
    "add named to bulk job",
    "INSERT INTO {bulk_items} (job, n, grant_id, of_user, of_provider, generation, outcome, "
    "detail, "
    "tag, ended_at) SELECT CAST(%s AS VARCHAR), named.n, coalesce(CAST(held.id AS VARCHAR), "
    "named.id), CAST(held.{user} AS VARCHAR), held.provider, coalesce(held.generation, 0), "
    "CASE WHEN held.id IS NULL THEN 2 ELSE 0 END, " IF_GONE("CAST(%s AS VARCHAR)") ", " IF_GONE(
        "CAST(%s AS VARCHAR)") ", CASE WHEN held.id IS NULL THEN {clock_ms} ELSE 0 END FROM "
                               "({named}) AS named "
                               "LEFT JOIN {table} AS held ON held.id = named.uuid WHERE true ON "
                               "CONFLICT DO NOTHING",
    named_words};

/* job (twice), id after which, id up to which, status twice, provider twice, seconds twice, 1 for
 * those that are failing, job, pages before. Of a process that ended after this statement the range
 * is gone through again, and may be another one by then: places go on behind the last that is
 * taken, and a place that two processes take at once is an error. */
static const gt_sql_t fill_range = {
    "fill bulk job from range",
    "INSERT INTO {bulk_items} (job, n, grant_id, of_user, of_provider, generation) "
    "SELECT CAST(%s AS VARCHAR), coalesce((SELECT max(n) FROM {bulk_items} WHERE job = %s), -1) "
    "+ row_number() OVER (ORDER BY id), "
    "CAST(id AS VARCHAR), CAST({user} AS VARCHAR), provider, generation FROM {table} "
    "WHERE id > %s AND id <= %s AND (CAST(%lld AS BIGINT) < 0 OR status = %lld) "
    "AND (CAST(%s AS VARCHAR) IS NULL OR provider = %s) "
    "AND (CAST(%lld AS BIGINT) < 0 OR expires_at <= {in}) "
    "AND (CAST(%lld AS BIGINT) = 0 OR error_count > 0) "
    "AND EXISTS (SELECT 1 FROM {bulk} AS made WHERE made.id = %s AND made.pages = %lld "
    "AND made.is_filled = 0) ON CONFLICT (job, grant_id) DO NOTHING",
    NULL};

/* id up to which, how many more, job, pages before */
static const gt_sql_t note_range = {
    "note range of bulk job",
    "UPDATE {bulk} SET filled_to = %s, pages = pages + 1, total = total + %lld, "
    "updated_at = {clock_ms} WHERE id = %s AND pages = %lld",
    NULL};

#define ITEM "n, grant_id, of_user, of_provider, generation, tries, outcome, detail, tag, ended_at"

/* job, ms, how many, claim, ms, job, job → items */
static const gt_sql_t claim_items = {
    "claim bulk items",
    "WITH picked AS MATERIALIZED (SELECT n AS of_n FROM {bulk_items} WHERE job = %s "
    "AND outcome = 0 AND (claimed_until <= {now_ms} OR claimed_until > {now_ms} + %lld) "
    "ORDER BY n LIMIT %lld {skip}) "
    "UPDATE {bulk_items} SET claim = %s, claimed_until = {clock_ms} + %lld, tries = tries + 1 "
    "WHERE job = %s AND n IN (SELECT of_n FROM picked) "
    "AND EXISTS (SELECT 1 FROM {bulk} WHERE id = %s AND is_stopped = 0) RETURNING " ITEM
    ", {now_ms}",
    NULL};

/* id */
static const gt_sql_t begin_job = {
    "begin bulk job",
    "UPDATE {bulk} SET begun_at = {clock_ms}, updated_at = {clock_ms} WHERE id = %s "
    "AND begun_at = 0",
    NULL};

/* ms, job, claim */
static const gt_sql_t prolong_claim = {
    "prolong bulk claim",
    "UPDATE {bulk_items} SET claimed_until = {clock_ms} + %lld WHERE job = %s "
    "AND claim IS NOT NULL AND claim = %s",
    NULL};

#define IS_HELD "WHERE job = %s AND n = %lld AND claim = %s AND outcome = 0"

/* ms, tries that do not count, job, place, claim */
static const gt_sql_t give_back = {
    "give back bulk item",
    "UPDATE {bulk_items} SET claim = NULL, claimed_until = {clock_ms} + %lld, tries = tries - %lld "
    "" IS_HELD,
    NULL};

/* outcome, detail, tag, job, place, claim */
static const gt_sql_t note_result = {
    "note bulk result",
    "UPDATE {bulk_items} SET outcome = %lld, detail = %s, tag = %s, ended_at = {clock_ms}, "
    "claim = NULL " IS_HELD,
    NULL};

/* how many succeeded, how many failed, job → how many are left; no row: the job was ended
 * meanwhile, and all of its items were counted then */
static const gt_sql_t count_result = {
    "count bulk result",
    "UPDATE {bulk} SET succeeded = succeeded + %lld, failed = failed + %lld, "
    "updated_at = {clock_ms} WHERE id = %s AND ended_at = 0 RETURNING total - succeeded - failed",
    NULL};

/* job, place, how many → items */
static const gt_sql_t list_items = {"list bulk items",
                                    "SELECT " ITEM ", {now_ms} FROM {bulk_items} "
                                    "WHERE job = %s AND n > %lld ORDER BY n LIMIT %lld",
                                    NULL};

/* job, outcome, place, how many → items */
static const gt_sql_t list_outcome = {"list bulk outcome",
                                      "SELECT " ITEM ", {now_ms} FROM {bulk_items} WHERE job = %s "
                                      "AND outcome = %lld AND n > %lld ORDER BY n LIMIT %lld",
                                      NULL};

gt_err_t *gt_bulk_add(gt_store_t *store, const char *job, apr_int64_t from,
                      const apr_array_header_t *named, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);

    for (int i = 0; i < named->nelts; i++) {
        const gt_bulk_named_t *one = &APR_ARRAY_IDX(named, i, gt_bulk_named_t);
        json_t *json = json_object();

        gt_json_set_number(json, "n", from + i);
        gt_json_set(json, "id", one->id);
        gt_json_set(json, "uuid", one->uuid);
        json_array_append_new(list, json);
    }

    const gt_db_value_t args[] = {GT_TEXT(job), GT_TEXT("no such grant"), GT_TEXT("GT0493"),
                                  GT_TEXT(gt_json_dump(list, p))};

    return gt_db_change(NULL, store->db, &add_named, &store->names, args, p);
}

gt_err_t *gt_bulk_fill(int *filled, gt_bulk_job_t *job, const gt_range_t *range,
                       const gt_grant_filter_t *filter, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    const gt_db_value_t args[] = {
        GT_TEXT(job->id),          GT_TEXT(job->id),           GT_TEXT(range->after),
        GT_TEXT(range->last),      GT_NUM(filter->status),     GT_NUM(filter->status),
        GT_TEXT(filter->provider), GT_TEXT(filter->provider),  GT_NUM(filter->within),
        GT_NUM(filter->within),    GT_NUM(filter->is_failing), GT_TEXT(job->id),
        GT_NUM(job->pages)};
    int added;

    GT_TRY(gt_db_change(&added, store->db, &fill_range, &store->names, args, p));

    const gt_db_value_t note[] = {GT_TEXT(range->last), GT_NUM(added), GT_TEXT(job->id),
                                  GT_NUM(job->pages)};

    GT_TRY(gt_db_change(filled, store->db, &note_range, &store->names, note, p));
    job->pages++;
    job->total += added;
    return GT_OK;
}

/* A number of a row that no version of ours wrote reads as 0. */
static apr_int64_t number(const gt_db_row_t *row, int column)
{
    apr_int64_t n;

    return gt_number(&n, row->column[column], 0, INT64_MAX / 1000) ? n : 0;
}

static gt_err_t *read_items(apr_array_header_t **items, const apr_array_header_t *rows,
                            apr_pool_t *p)
{
    *items = apr_array_make(p, rows->nelts, sizeof(gt_bulk_item_t));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        const apr_int64_t outcome = number(row, 6), ended = number(row, 9);
        const apr_time_t offset = gt_row_offset(apr_time_from_msec(number(row, 10)));

        if (row->column[1] == NULL || outcome > GT_BULK_FAILED)
            return gt_err(p, GT_DAMAGED, "GT0492", "a row of a bulk job cannot be read");
        APR_ARRAY_PUSH(*items, gt_bulk_item_t) = (gt_bulk_item_t){
            .n = number(row, 0),
            .grant_id = row->column[1],
            .owner = {row->column[2], row->column[3]},
            .generation = number(row, 4),
            .tries = (int)number(row, 5),
            .outcome = (gt_bulk_outcome_t)outcome,
            .detail = row->column[7],
            .tag = row->column[8],
            .ended_at = ended == 0 ? 0 : apr_time_from_msec(ended) + offset,
        };
    }
    return GT_OK;
}

gt_err_t *gt_bulk_claim(apr_array_header_t **items, gt_store_t *store, const gt_bulk_claim_t *claim,
                        apr_pool_t *p)
{
    const gt_db_value_t args[] = {
        GT_TEXT(claim->job),   GT_NUM(apr_time_as_msec(LONGEST)),     GT_NUM(claim->most),
        GT_TEXT(claim->claim), GT_NUM(apr_time_as_msec(claim->span)), GT_TEXT(claim->job),
        GT_TEXT(claim->job)};
    const gt_db_value_t job = GT_TEXT(claim->job);
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &claim_items, &store->names, args, p));
    GT_TRY(read_items(items, rows, p));
    return rows->nelts > 0 ? gt_db_change(NULL, store->db, &begin_job, &store->names, &job, p)
                           : GT_OK;
}

gt_err_t *gt_bulk_prolong(gt_store_t *store, const char *job, const char *claim,
                          apr_interval_time_t span, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_as_msec(span)), GT_TEXT(job), GT_TEXT(claim)};

    return gt_db_change(NULL, store->db, &prolong_claim, &store->names, args, p);
}

gt_err_t *gt_bulk_give_back(gt_store_t *store, const gt_bulk_hold_t *hold, apr_interval_time_t span,
                            int has_begun, apr_pool_t *p)
{
    const apr_interval_time_t most = LONGEST - apr_time_from_sec(1);
    const gt_db_value_t args[] = {GT_NUM(apr_time_as_msec(span < most ? span : most)),
                                  GT_NUM(has_begun ? 0 : 1), GT_TEXT(hold->job), GT_NUM(hold->n),
                                  GT_TEXT(hold->claim)};

    return gt_db_change(NULL, store->db, &give_back, &store->names, args, p);
}

gt_err_t *gt_bulk_note(gt_store_t *store, const gt_bulk_hold_t *hold, const gt_bulk_item_t *item,
                       apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(item->outcome), GT_TEXT(item->detail),
                                  GT_TEXT(item->tag),    GT_TEXT(hold->job),
                                  GT_NUM(hold->n),       GT_TEXT(hold->claim)};
    const gt_db_value_t sums[] = {GT_NUM(item->outcome == GT_BULK_SUCCEEDED),
                                  GT_NUM(item->outcome == GT_BULK_FAILED), GT_TEXT(hold->job)};
    apr_array_header_t *rows;
    apr_int64_t left;
    int noted;

    GT_TRY(gt_db_change(&noted, store->db, &note_result, &store->names, args, p));
    if (noted == 0)
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, store->db, &count_result, &store->names, sums, p));
    if (rows->nelts == 0 ||
        !gt_number(&left, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], INT64_MIN, INT64_MAX) ||
        left > 0)
        return GT_OK;
    return gt_bulk_end(store, hold->job, p);
}

gt_err_t *gt_bulk_items(apr_array_header_t **items, gt_store_t *store, const gt_bulk_rows_t *page,
                        apr_pool_t *p)
{
    const gt_db_value_t all[] = {GT_TEXT(page->job), GT_NUM(page->after), GT_NUM(page->most)};
    const gt_db_value_t some[] = {GT_TEXT(page->job), GT_NUM(page->outcome), GT_NUM(page->after),
                                  GT_NUM(page->most)};
    const int is_all = page->outcome < 0;
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, is_all ? &list_items : &list_outcome, &store->names,
                      is_all ? all : some, p));
    return read_items(items, rows, p);
}

const gt_sql_t *const gt_bulk_item_sql[] = {
    &add_named, &fill_range,  &note_range,   &claim_items, &begin_job,    &prolong_claim,
    &give_back, &note_result, &count_result, &list_items,  &list_outcome, NULL};
