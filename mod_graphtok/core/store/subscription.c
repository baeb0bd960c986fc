/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file subscription.c The statement that picks a row claims it: so any number of nodes share the
 * work, and the claim of one that dies ends by itself. */

#include "store/subscription.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/ids.h"
#include "store/statements.h"
#include "store/store.h"

#define BATCH 200
#define ERROR_MOST 300
/* No claim is longer: one that ends later was written before the database's clock was set back. */
#define IS_FREE "(claimed_until <= {now} OR claimed_until > {now} + 200)"
#define IS_OURS " WHERE id = %lld AND claimed_by = %s"
/* A lifecycle event that made it due meanwhile is seen by that. */
#define DUE_IN "due_at = CASE WHEN due_at <= {clock} THEN due_at ELSE {clock} + %lld END"
#define COLUMNS                                                                                    \
    "id, CAST({user} AS VARCHAR), provider, resource, subscription_id, client_state_hash, "        \
    "tenant, claimed_by, failures"

static const gt_word_t words[] = {
    {"names",
     {"= ANY (ARRAY(SELECT json_array_elements_text(CAST(%s AS json))))",
      "IN (SELECT value FROM json_each(%s))"}},
    /* So many rows by their ids; see mail_message.c. */
    {"is_among", {"= ANY (ARRAY", "IN "}},
    {"end", {")", ""}},
    {NULL, {NULL, NULL}},
};

/* resource, part, provider, resource, how many */
static const gt_sql_t add_rows = {
    "add subscriptions",
    "INSERT INTO {graph_subscriptions} ({user}, provider, resource, tenant, created_at, "
    "updated_at) SELECT own.{user}, own.provider, CAST(%s AS VARCHAR), own.account_tenant, "
    "{clock}, {clock} FROM {grants} AS own WHERE {part} = %lld AND own.status = 1 "
    "AND own.provider = %s AND NOT EXISTS (SELECT 1 FROM {graph_subscriptions} AS there "
    "WHERE there.{user} = own.{user} AND there.provider = own.provider AND there.resource = %s) "
    "LIMIT %lld ON CONFLICT ({user}, provider, resource) DO NOTHING",
    NULL};

/* part, how many. Said so that a grant is looked up for each row of the part: a join would walk
 * through all of them. */
static const gt_sql_t tidy_rows = {
    "tidy subscriptions",
    "WITH sub AS MATERIALIZED (SELECT id, {user}, provider FROM {graph_subscriptions} "
    "WHERE {part} = %lld) DELETE FROM {graph_subscriptions} WHERE id {is_among}(SELECT id FROM sub "
    "WHERE coalesce((SELECT own.status FROM {grants} AS own WHERE own.{user} = sub.{user} "
    "AND own.provider = sub.provider), 0) <> 1 LIMIT %lld){end}",
    words};

/* resource */
static const gt_sql_t call_rows = {
    "call subscriptions",
    "UPDATE {graph_subscriptions} SET due_at = {clock} WHERE resource = %s AND due_at > {now} "
    "AND failures = 0",
    NULL};

/* how many, claim, seconds twice → rows */
static const gt_sql_t claim_rows = {
    "claim subscriptions",
    "WITH picked AS MATERIALIZED (SELECT id AS of_id FROM {graph_subscriptions} "
    "WHERE due_at <= {now} AND " IS_FREE " ORDER BY due_at LIMIT %lld {skip}) "
    "UPDATE {graph_subscriptions} SET claimed_by = %s, claimed_until = {clock} + %lld, "
    "due_at = {clock} + %lld WHERE id IN (SELECT of_id FROM picked) RETURNING " COLUMNS,
    NULL};

/* hash, id, claim */
static const gt_sql_t begin_row = {
    "begin subscription",
    "UPDATE {graph_subscriptions} SET client_state_hash = %s, subscription_id = NULL, "
    "expires_at = 0, updated_at = {clock}" IS_OURS,
    NULL};

/* Graph's id, seconds, seconds, id, claim */
static const gt_sql_t end_row = {
    "keep subscription",
    "UPDATE {graph_subscriptions} SET subscription_id = coalesce(%s, subscription_id), "
    "expires_at = {clock} + %lld, " DUE_IN ", failures = 0, last_error = NULL, claimed_by = NULL, "
    "claimed_until = 0, updated_at = {clock}" IS_OURS,
    NULL};

/* error, seconds, id, claim */
static const gt_sql_t fail_row = {
    "fail subscription",
    "UPDATE {graph_subscriptions} SET failures = failures + 1, last_error = %s, " DUE_IN
    ", claimed_by = NULL, claimed_until = 0, updated_at = {clock}" IS_OURS,
    NULL};

/* id, claim */
static const gt_sql_t let_go = {"let go subscription",
                                "UPDATE {graph_subscriptions} SET due_at = {clock}, "
                                "claimed_by = NULL, claimed_until = 0" IS_OURS,
                                NULL};

/* id, claim */
static const gt_sql_t drop_row = {"drop subscription", "DELETE FROM {graph_subscriptions}" IS_OURS,
                                  NULL};

/* owner → rows */
static const gt_sql_t list_of_owner = {
    "subscriptions of owner", "SELECT " COLUMNS " FROM {graph_subscriptions} WHERE {owner}", NULL};

/* owner */
static const gt_sql_t drop_of_owner = {"drop subscriptions of owner",
                                       "DELETE FROM {graph_subscriptions} WHERE {owner}", NULL};

/* 1: it is lost, id, Graph's id */
static const gt_sql_t make_due = {
    "make subscription due",
    "UPDATE {graph_subscriptions} SET due_at = {clock}, subscription_id = "
    "CASE WHEN CAST(%lld AS BIGINT) = 1 THEN NULL ELSE subscription_id END "
    "WHERE id = %lld AND subscription_id = %s",
    NULL};

/* names, names → rows */
static const gt_sql_t find_named = {"find subscriptions",
                                    "SELECT " COLUMNS
                                    " FROM {graph_subscriptions} WHERE subscription_id {names} "
                                    "OR (subscription_id IS NULL AND client_state_hash {names})",
                                    words};

/* ---- rows ---- */

static gt_err_t *read_rows(apr_array_header_t **subscriptions, const apr_array_header_t *rows,
                           apr_pool_t *p)
{
    *subscriptions = apr_array_make(p, rows->nelts, sizeof(gt_subscription_t));
    for (int i = 0; i < rows->nelts; i++) {
        const char **column = APR_ARRAY_IDX(rows, i, gt_db_row_t).column;
        gt_subscription_t *sub = apr_array_push(*subscriptions);
        apr_int64_t failures;

        *sub = (gt_subscription_t){.owner = {column[1], column[2]},
                                   .resource = column[3],
                                   .subscription_id = column[4],
                                   .state_hash = column[5],
                                   .tenant = column[6],
                                   .claim = column[7]};
        if (!gt_number(&sub->id, column[0], 1, INT64_MAX) || column[1] == NULL ||
            column[2] == NULL || column[3] == NULL ||
            !gt_number(&failures, column[8], 0, INT32_MAX))
            return gt_err(p, GT_DAMAGED, "GT0437", "subscriptions: the row %s cannot be read",
                          column[0] != NULL ? column[0] : "of an unknown id");
        sub->failures = (int)failures;
    }
    return GT_OK;
}

int gt_subscriptions_are_kept(gt_store_t *store, apr_pool_t *p)
{
    if (gt_store_has(store, GT_ADDS_HOOKS, p))
        return 1;
    if (store->conf->subscribe != NULL && gt_store_answers(store) &&
        apr_atomic_xchg32(&store->hooks_are_missed, 1) == 0)
        gt_log(GT_LOG_WARNING, "GT0435",
               "store %s subscribes to nothing yet: its database lacks the "
               "tables: " GT_ADDITION_ADVICE,
               store->conf->name);
    return 0;
}

gt_err_t *gt_subscriptions_demand(gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t ids;

    GT_TRY(gt_store_ids_with(&ids, GT_ADDS_HOOKS, store, p));
    if (ids.has[GT_ADDS_HOOKS])
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0436",
                  "store %s has no tables of change notifications: " GT_ADDITION_ADVICE,
                  store->conf->name);
}

/* ---- the work on them ---- */

gt_err_t *gt_subscription_add(int *added, gt_store_t *store, const char *provider,
                              const char *resource, int part, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(resource), GT_NUM(part), GT_TEXT(provider),
                                  GT_TEXT(resource), GT_NUM(BATCH)};

    return gt_db_change(added, store->db, &add_rows, &store->names, args, p);
}

gt_err_t *gt_subscription_tidy(int *dropped, gt_store_t *store, int part, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(part), GT_NUM(BATCH)};

    return gt_db_change(dropped, store->db, &tidy_rows, &store->names, args, p);
}

gt_err_t *gt_subscription_call(gt_store_t *store, const char *resource, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(resource)};

    return gt_db_change(NULL, store->db, &call_rows, &store->names, args, p);
}

gt_err_t *gt_subscription_claim(apr_array_header_t **subscriptions, gt_store_t *store,
                                const char *worker, int most, apr_pool_t *p)
{
    /* Another one each time: a process that was held up past its claim must not take the next one
     * for its own. */
    const gt_db_value_t args[] = {
        GT_NUM(most), GT_TEXT(apr_pstrcat(p, worker, "#", gt_random_text(9, p), NULL)),
        GT_NUM(apr_time_sec(GT_SUBSCRIPTION_CLAIM)), GT_NUM(apr_time_sec(GT_SUBSCRIPTION_CLAIM))};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &claim_rows, &store->names, args, p));
    return read_rows(subscriptions, rows, p);
}

gt_err_t *gt_subscription_begin(int *ours, gt_store_t *store, const gt_subscription_t *sub,
                                const char *state_hash, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(state_hash), GT_NUM(sub->id), GT_TEXT(sub->claim)};

    return gt_db_change(ours, store->db, &begin_row, &store->names, args, p);
}

gt_err_t *gt_subscription_done(int *ours, gt_store_t *store, const gt_subscription_t *sub,
                               const char *id, apr_interval_time_t life, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(id), GT_NUM(apr_time_sec(life)),
                                  GT_NUM(apr_time_sec(life - life / 3)), GT_NUM(sub->id),
                                  GT_TEXT(sub->claim)};

    return gt_db_change(ours, store->db, &end_row, &store->names, args, p);
}

gt_err_t *gt_subscription_failed(gt_store_t *store, const gt_subscription_t *sub, const char *error,
                                 apr_interval_time_t again, apr_pool_t *p)
{
    apr_size_t len = strlen(error);

    /* A text that does not fit is cut, between two characters. */
    if (len > ERROR_MOST)
        for (len = ERROR_MOST; len > 0 && ((unsigned char)error[len] & 0xc0) == 0x80;)
            len--;
    const gt_db_value_t args[] = {GT_TEXT(apr_pstrmemdup(p, error, len)),
                                  GT_NUM(apr_time_sec(again)), GT_NUM(sub->id),
                                  GT_TEXT(sub->claim)};

    return gt_db_change(NULL, store->db, &fail_row, &store->names, args, p);
}

static gt_err_t *end_claim(gt_store_t *store, const gt_sql_t *sql, const gt_subscription_t *sub,
                           apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(sub->id), GT_TEXT(sub->claim)};

    return gt_db_change(NULL, store->db, sql, &store->names, args, p);
}

gt_err_t *gt_subscription_let_go(gt_store_t *store, const gt_subscription_t *sub, apr_pool_t *p)
{
    return end_claim(store, &let_go, sub, p);
}

gt_err_t *gt_subscription_drop(gt_store_t *store, const gt_subscription_t *sub, apr_pool_t *p)
{
    return end_claim(store, &drop_row, sub, p);
}

gt_err_t *gt_subscriptions_of(apr_array_header_t **subscriptions, gt_store_t *store,
                              const gt_owner_t *owner, apr_pool_t *p)
{
    gt_owner_t exact;
    apr_array_header_t *rows;

    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(exact.user), GT_TEXT(exact.provider)};

    GT_TRY(gt_db_rows(&rows, store->db, &list_of_owner, &store->names, args, p));
    return read_rows(subscriptions, rows, p);
}

gt_err_t *gt_subscriptions_end(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    gt_owner_t exact;

    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(exact.user), GT_TEXT(exact.provider)};

    return gt_db_change(NULL, store->db, &drop_of_owner, &store->names, args, p);
}

gt_err_t *gt_subscription_due(gt_store_t *store, const gt_subscription_t *sub, int is_lost,
                              apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(is_lost), GT_NUM(sub->id), GT_TEXT(sub->subscription_id)};

    return gt_db_change(NULL, store->db, &make_due, &store->names, args, p);
}

gt_err_t *gt_subscriptions_named(apr_array_header_t **subscriptions, gt_store_t *store,
                                 const json_t *names, apr_pool_t *p)
{
    const char *text = gt_json_dump(names, p);
    const gt_db_value_t args[] = {GT_TEXT(text), GT_TEXT(text)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &find_named, &store->names, args, p));
    return read_rows(subscriptions, rows, p);
}

const gt_sql_t *const gt_subscription_sql[] = {
    &add_rows, &tidy_rows, &call_rows, &claim_rows,    &begin_row,     &end_row,    &fail_row,
    &let_go,   &drop_row,  &make_due,  &list_of_owner, &drop_of_owner, &find_named, NULL};
