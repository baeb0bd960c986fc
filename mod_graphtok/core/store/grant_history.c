/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * A grant's entries stand in 50 places in turn, so that a grant never has more: the next entry
 * takes the place after the last one's, and that of the oldest when all are taken. Of two that are
 * added at the same moment the second finds its place taken, and is added again.
 */

#include "store/grant_history.h"

#include <assert.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "store/row.h"
#include "store/statements.h"

#define LONGEST 200 /* bytes of a text */
#define TRIES 3

/* Rows out of one parameter, a JSON array. */
static const gt_word_t entries_words[] = {
    {"entries",
     {"SELECT * FROM json_to_recordset(CAST(%s AS json)) AS item(of_user {user_kind}, "
      "of_provider VARCHAR, event VARCHAR, outcome VARCHAR, detail VARCHAR, tag VARCHAR, "
      "administrator VARCHAR, address VARCHAR)",
      "SELECT json_extract(value, '$.of_user') AS of_user, json_extract(value, '$.of_provider') AS "
      "of_provider, json_extract(value, '$.event') AS event, json_extract(value, '$.outcome') AS "
      "outcome, json_extract(value, '$.detail') AS detail, json_extract(value, '$.tag') AS tag, "
      "json_extract(value, '$.administrator') AS administrator, json_extract(value, '$.address') "
      "AS address FROM json_each(%s)"}},
    {"and_held", {" FOR KEY SHARE OF held SKIP LOCKED", ""}},
    {NULL, {NULL, NULL}},
};

/* [{of_user, of_provider, event, …}, …], each owner once */
#define ADD(name, lock)                                                                            \
    {                                                                                              \
        name,                                                                                      \
            "INSERT INTO {history} AS kept ({user}, provider, place, number, noted_at, event, "    \
            "outcome, detail, tag, administrator, address) SELECT of_user, of_provider, "          \
            "next - 50 * (next / 50), next, {now}, event, outcome, detail, tag, administrator, "   \
            "address FROM (SELECT entry.*, 1 + coalesce((SELECT max(number) FROM {history} AS "    \
            "past WHERE past.{user} = held.{user} AND past.provider = held.provider), 0) AS next " \
            "FROM ({entries}) AS entry, {table} AS held "                                          \
            "WHERE held.{user} = of_user AND held.provider = of_provider" lock                     \
            ") AS noted WHERE true ON CONFLICT ({user}, provider, place) DO UPDATE SET "           \
            "number = excluded.number, noted_at = excluded.noted_at, event = excluded.event, "     \
            "outcome = excluded.outcome, detail = excluded.detail, tag = excluded.tag, "           \
            "administrator = excluded.administrator, address = excluded.address "                  \
            "WHERE kept.number < excluded.number",                                                 \
            entries_words                                                                          \
    }

static const gt_sql_t add_history = ADD("add history", "");

/* Of many at once none must wait for another transaction, as one that deletes users: it may come to
 * wait for us. Grants that it has in hand are left out, and the others stay until we are done. */
static const gt_sql_t add_histories = ADD("add histories", "{and_held}");

/* owner → when, now, and the texts; the newest first */
static const gt_sql_t list_history = {
    "list history",
    "SELECT noted_at, {now}, event, outcome, detail, tag, administrator, address FROM {history} "
    "WHERE {owner} ORDER BY number DESC",
    NULL};

/* seconds, how many */
static const gt_sql_t purge_history = {
    "purge history",
    "DELETE FROM {history} WHERE ({user}, provider, place) IN (SELECT {user}, provider, place "
    "FROM {history} WHERE noted_at < {now} - %lld ORDER BY noted_at LIMIT %lld {skip})",
    NULL};

/* A text that does not fit is cut, between two characters. */
static void set(json_t *json, const char *key, const char *text, apr_pool_t *p)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;

    if (len > LONGEST)
        for (len = LONGEST; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    gt_json_set(json, key, text != NULL ? apr_pstrmemdup(p, text, len) : NULL);
}

static gt_err_t *entry_json(json_t *list, const gt_history_t *entry, const gt_store_t *store,
                            apr_pool_t *p)
{
    json_t *json = json_object();
    gt_owner_t exact;

    json_array_append_new(list, json);
    GT_TRY(gt_store_owner(&exact, store, &entry->owner, p));
    gt_json_set(json, "of_user", exact.user);
    gt_json_set(json, "of_provider", exact.provider);
    set(json, "event", entry->event, p);
    set(json, "outcome", entry->outcome, p);
    set(json, "detail", entry->detail, p);
    set(json, "tag", entry->tag, p);
    set(json, "administrator", entry->administrator, p);
    set(json, "address", entry->address, p);
    return GT_OK;
}

gt_err_t *gt_history_add(const gt_history_t *entries, int n, gt_store_t *store, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);
    gt_db_value_t arg;
    int added = 0;

    assert(n <= GT_HISTORY_ADD_MAX);
    if (n == 0 || !gt_store_has(store, GT_ADDS_HISTORY, p))
        return GT_OK;
    for (int i = 0; i < n; i++)
        GT_TRY(entry_json(list, &entries[i], store, p));
    arg = GT_TEXT(gt_json_dump(list, p));
    /* None was added: the grants are gone, or others took the places. */
    for (int i = 0; i < TRIES && added == 0; i++)
        GT_TRY(gt_db_change(&added, store->db, n > 1 ? &add_histories : &add_history, &store->names,
                            &arg, p));
    return GT_OK;
}

gt_err_t *gt_history_list(apr_array_header_t **entries, gt_store_t *store, const gt_owner_t *owner,
                          apr_pool_t *p)
{
    apr_array_header_t *rows;
    gt_owner_t exact;

    *entries = apr_array_make(p, 8, sizeof(gt_history_t));
    if (!gt_store_has(store, GT_ADDS_HISTORY, p))
        return GT_OK;
    GT_TRY(gt_store_owner(&exact, store, owner, p));
    const gt_db_value_t args[] = {GT_TEXT(exact.user), GT_TEXT(exact.provider)};

    GT_TRY(gt_db_rows(&rows, store->db, &list_history, &store->names, args, p));
    for (int i = 0; i < rows->nelts && i < GT_HISTORY_MAX; i++) {
        const char *const *column = APR_ARRAY_IDX(rows, i, gt_db_row_t).column;
        apr_int64_t at, clock;

        if (!gt_number(&at, column[0], 0, INT64_MAX / APR_USEC_PER_SEC) ||
            !gt_number(&clock, column[1], 0, INT64_MAX / APR_USEC_PER_SEC))
            continue; /* another program wrote it */
        APR_ARRAY_PUSH(*entries, gt_history_t) =
            (gt_history_t){.owner = exact,
                           .at = apr_time_from_sec(at) + gt_row_offset(apr_time_from_sec(clock)),
                           .event = column[2],
                           .outcome = column[3],
                           .detail = column[4],
                           .tag = column[5],
                           .administrator = column[6],
                           .address = column[7]};
    }
    return GT_OK;
}

gt_err_t *gt_history_purge(int *dropped, gt_store_t *store, int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(GT_HISTORY_DAYS * INT64_C(86400)), GT_NUM(most)};

    *dropped = 0;
    if (!gt_store_has(store, GT_ADDS_HISTORY, p))
        return GT_OK;
    return gt_db_change(dropped, store->db, &purge_history, &store->names, args, p);
}

const gt_sql_t *const gt_grant_history_sql[] = {&add_history, &add_histories, &list_history,
                                                &purge_history, NULL};
