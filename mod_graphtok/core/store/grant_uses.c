/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Use counts of many grants, written by one statement.
 */

#include <assert.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "store/row.h"
#include "store/statements.h"

/* Rows out of one parameter, a JSON array: on PostgreSQL each value has the column's own type. */
static const gt_word_t uses_words[] = {
    {"uses",
     {"SELECT of_user, of_provider, times, ago, worked "
      "FROM json_to_recordset(CAST(%s AS json)) "
      "AS item(of_user {user_kind}, of_provider VARCHAR, times BIGINT, ago BIGINT, worked BIGINT)",
      "SELECT json_extract(value, '$.of_user') AS of_user, "
      "json_extract(value, '$.of_provider') AS of_provider, "
      "json_extract(value, '$.times') AS times, json_extract(value, '$.ago') AS ago, "
      "json_extract(value, '$.worked') AS worked FROM json_each(%s)"}},
    {NULL, {NULL, NULL}},
};

/* [{of_user, of_provider, times, seconds since the last use, since the token worked (or -1)}, …],
 * each owner once → user, provider of each that was written. An error changes {updated}. A row
 * that another transaction has in hand is left out: many rows at once must not wait. */
static const gt_sql_t add_uses = {
    "add uses",
    "WITH uses AS MATERIALIZED ({uses}), mine AS MATERIALIZED ("
    "SELECT of_user, of_provider, times, ago, worked FROM uses, {table} "
    "WHERE {user} = of_user AND provider = of_provider AND (times > 0 OR error_count > 0) {skip}) "
    "UPDATE {table} SET use_count = use_count + times, last_used_at = "
    "CASE WHEN times > 0 THEN {greater}({used}, {clock} - ago) ELSE last_used_at END, "
    "error_count = CASE WHEN status = 1 AND worked >= 0 AND {clock} - worked > {updated} "
    "THEN 0 ELSE error_count END FROM mine "
    "WHERE {user} = of_user AND provider = of_provider RETURNING {user}, provider",
    uses_words};

/* The database writes an owner as gt_store_owner does. */
static const char *use_key(const char *user, const char *provider, apr_pool_t *p)
{
    return apr_pstrcat(p, provider, " ", user, NULL);
}

static gt_err_t *use_json(json_t *list, apr_hash_t *by_owner, gt_uses_t *use,
                          const gt_store_t *store, apr_pool_t *p)
{
    json_t *json = json_object();
    gt_owner_t exact;

    json_array_append_new(list, json);
    GT_TRY(gt_store_owner(&exact, store, &use->owner, p));
    gt_json_set(json, "of_user", exact.user);
    gt_json_set(json, "of_provider", exact.provider);
    gt_json_set_number(json, "times", use->times);
    gt_json_set_number(json, "ago", apr_time_sec(use->ago));
    gt_json_set_number(json, "worked", use->worked_ago < 0 ? -1 : apr_time_sec(use->worked_ago));
    apr_hash_set(by_owner, use_key(exact.user, exact.provider, p), APR_HASH_KEY_STRING, use);
    return GT_OK;
}

gt_err_t *gt_grants_used(gt_uses_t *uses, int n, gt_store_t *store, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);
    apr_hash_t *by_owner = apr_hash_make(p);
    apr_array_header_t *rows;
    gt_db_value_t arg;

    assert(n <= GT_USES_MAX);
    for (int i = 0; i < n; i++) {
        uses[i].is_written = uses[i].times == 0;
        GT_TRY(use_json(list, by_owner, &uses[i], store, p));
    }
    arg = GT_TEXT(gt_json_dump(list, p));
    GT_TRY(gt_db_rows(&rows, store->db, &add_uses, &store->names, &arg, p));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);
        gt_uses_t *use = NULL;

        if (row->column[0] != NULL && row->column[1] != NULL)
            use = apr_hash_get(by_owner, use_key(row->column[0], row->column[1], p),
                               APR_HASH_KEY_STRING);
        if (use != NULL)
            use->is_written = 1;
    }
    return GT_OK;
}

const gt_sql_t *const gt_grant_uses_sql[] = {&add_uses, NULL};
