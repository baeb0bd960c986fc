/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Sealing tokens of other resources anew. Tokens are found by the ids of their grants, so that a
 * walk takes them range by range with the grants. A token is written when its seal is still the one
 * that was read.
 */

#include "store/rekey_access.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/notice.h"
#include "base/text.h"
#include "store/statements.h"
#include "store/store.h"

#define PAGE 500

/* A grant has fewer tokens than this, so that a page holds at least one grant's. */
#define MOST_RESOURCES 64

/* Columns of list_old_access. */
enum { ID, USER, PROVIDER, RESOURCE, TOKEN };

#define OF_RANGE                                                                                   \
    " FROM {access} AS held JOIN {table} AS grants ON held.{user} = grants.{user} AND "            \
    "held.provider = grants.provider WHERE grants.id > %s AND grants.id <= %s"

static const gt_word_t words[] = {
    {"key", GT_KEY_WORD("held.encrypted_access_token")},
    /* Rows out of one parameter, a JSON array: on PostgreSQL each value has the column's own
     * type. */
    {"seals",
     {"SELECT of_user, of_provider, of_resource, old_token, new_token "
      "FROM json_to_recordset(CAST(%s AS json)) AS item(of_user {user_kind}, of_provider VARCHAR, "
      "of_resource VARCHAR, old_token TEXT, new_token TEXT)",
      "SELECT json_extract(value, '$.of_user') AS of_user, "
      "json_extract(value, '$.of_provider') AS of_provider, "
      "json_extract(value, '$.of_resource') AS of_resource, "
      "json_extract(value, '$.old_token') AS old_token, "
      "json_extract(value, '$.new_token') AS new_token FROM json_each(%s)"}},
    {NULL, {NULL, NULL}},
};

/* id after which, id up to which → key id, how many tokens are on it */
static const gt_sql_t count_access_keys = {"count access keys",
                                           "SELECT {key}, count(*)" OF_RANGE " GROUP BY 1", words};

/* the same, how a current seal begins: length and text → tokens */
static const gt_sql_t count_old_access = {
    "count old access", "SELECT count(*)" OF_RANGE " AND " GT_IS_OLD("held.encrypted_access_token"),
    NULL};

/* the same, how many → the grant's id, user, provider, resource, token */
static const gt_sql_t list_old_access = {
    "list old access",
    "SELECT grants.id, held.{user}, held.provider, held.resource, "
    "held.encrypted_access_token" OF_RANGE
    " AND " GT_IS_OLD("held.encrypted_access_token") " ORDER BY grants.id LIMIT %lld",
    NULL};

/* [{of_user, of_provider, of_resource, old_token, new_token}, …] → user, provider of each that
 * was written. One that another transaction has locked is left to the next pass. */
static const gt_sql_t write_access_seals = {
    "write access seals",
    "WITH seals AS MATERIALIZED ({seals}), mine AS MATERIALIZED ("
    "SELECT seals.* FROM seals, {access} WHERE {user} = of_user AND provider = of_provider AND "
    "resource = of_resource AND encrypted_access_token = old_token {skip}) "
    "UPDATE {access} SET encrypted_access_token = new_token FROM mine WHERE {user} = of_user AND "
    "provider = of_provider AND resource = of_resource RETURNING {user}, provider",
    words};

/* Of a store without the table there is nothing to be done. */
static gt_err_t *has_table(int *has, gt_ids_t *ids, const gt_range_t *range, apr_pool_t *p)
{
    GT_TRY(gt_store_ids_sure(ids, range->store, p));
    *has = ids->has[GT_ADDS_ACCESS];
    return GT_OK;
}

gt_err_t *gt_rekey_access_rows(apr_array_header_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    const gt_db_value_t args[] = {GT_TEXT(range->after), GT_TEXT(range->last)};
    apr_array_header_t *found;
    gt_ids_t ids;
    int has;

    GT_TRY(has_table(&has, &ids, range, p));
    if (!has)
        return GT_OK;
    GT_TRY(gt_db_rows(&found, store->db, &count_access_keys, &store->names, args, p));
    return gt_rekey_add(rows, found, 1, p);
}

/* As rekey.c's old_rows, for one column. */
static gt_err_t *old_tokens(gt_db_value_t args[4], const gt_range_t *range, const char *after,
                            const gt_ids_t *ids, apr_pool_t *p)
{
    static const gt_owner_t any = {"", ""};
    const gt_store_t *store = range->store;
    const gt_place_t place = gt_store_place(store, ids, GT_ACCESS_COLUMN, &any);
    const char *text =
        gt_seal_beginning(store->ring, GT_KEY_ACCESS, store->conf->cipher, &place, p);

    if (text == NULL)
        return gt_err(p, GT_INTERNAL, "GT0460", "no key of the keyring can write the column %s",
                      GT_ACCESS_COLUMN);
    args[0] = GT_TEXT(after);
    args[1] = GT_TEXT(range->last);
    args[2] = GT_NUM(*text != '\0' ? (apr_int64_t)strlen(text) : 1);
    args[3] = GT_TEXT(text);
    return GT_OK;
}

gt_err_t *gt_rekey_access_left(apr_int64_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    apr_array_header_t *found;
    gt_db_value_t args[4];
    gt_ids_t ids;
    int has;

    GT_TRY(has_table(&has, &ids, range, p));
    if (!has)
        return GT_OK;
    GT_TRY(old_tokens(args, range, range->after, &ids, p));
    GT_TRY(gt_db_rows(&found, store->db, &count_old_access, &store->names, args, p));
    return gt_rekey_add_left(rows, found, p);
}

/* Those of a range after an id; `most` and more is a full page. */
static gt_err_t *list_tokens(apr_array_header_t **found, const gt_range_t *range, const char *after,
                             int most, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    gt_db_value_t args[5];
    gt_ids_t ids;
    int has;

    *found = apr_array_make(p, 1, sizeof(gt_db_row_t));
    GT_TRY(has_table(&has, &ids, range, p));
    if (!has)
        return GT_OK;
    GT_TRY(old_tokens(args, range, after, &ids, p));
    args[4] = GT_NUM(most);
    return gt_db_rows(found, store->db, &list_old_access, &store->names, args, p);
}

static const char *id_of(const apr_array_header_t *found, int i)
{
    const char *id = APR_ARRAY_IDX(found, i, gt_db_row_t).column[ID];

    return id != NULL ? id : "";
}

/* A full page may have cut a grant's tokens: those of its last grant are left to the next one.
 * @return the number of tokens that count */
static int whole_grants(const apr_array_header_t *found, int most)
{
    int n = found->nelts;

    if (n < most)
        return n;
    while (n > 1 && strcmp(id_of(found, n - 1), id_of(found, found->nelts - 1)) == 0)
        n--;
    return n;
}

gt_err_t *gt_rekey_access_fernet(apr_int64_t *rows, const gt_range_t *range, const char *id,
                                 apr_pool_t *p)
{
    char after[sizeof(range->after)];
    apr_array_header_t *found;
    int n;

    memcpy(after, range->after, sizeof(after));
    do {
        GT_TRY(list_tokens(&found, range, after, PAGE, p));
        n = whole_grants(found, PAGE);
        for (int i = 0; i < n; i++)
            *rows += gt_rekey_opens(range->store,
                                    APR_ARRAY_IDX(found, i, gt_db_row_t).column[TOKEN], id, p);
        if (n > 0)
            apr_cpystrn(after, id_of(found, n - 1), sizeof(after));
    } while (found->nelts == PAGE);
    return GT_OK;
}

/* Put a token on the list of those to be written. @param owner  as the seals know it */
static gt_err_t *seal_token(json_t *list, const gt_owner_t *owner, const gt_db_row_t *row,
                            gt_store_t *store, apr_pool_t *p)
{
    const char *old = row->column[TOKEN], *fresh;
    gt_secret_t *clear;
    gt_place_t place;
    json_t *json;
    gt_ids_t ids;

    gt_store_ids(&ids, store, p);
    place = gt_store_place(store, &ids, GT_ACCESS_COLUMN, owner);
    place.resource = row->column[RESOURCE];
    if (gt_seal_is_current(store->ring, GT_KEY_ACCESS, store->conf->cipher, &place, old, p))
        return GT_OK;
    GT_TRY(gt_unseal(&clear, store->ring, GT_KEY_ACCESS, &place, old, p));
    GT_TRY(gt_seal(&fresh, store->ring, GT_KEY_ACCESS, store->conf->cipher, &place, clear, p));
    json = json_object();
    gt_json_set(json, "of_user", owner->user);
    gt_json_set(json, "of_provider", owner->provider);
    gt_json_set(json, "of_resource", row->column[RESOURCE]);
    gt_json_set(json, "old_token", old);
    gt_json_set(json, "new_token", fresh);
    json_array_append_new(list, json);
    return GT_OK;
}

/* A token that does not open is counted, and holds back no other. */
static gt_err_t *take_token(gt_rekey_t *pass, json_t *list, const gt_db_row_t *row, apr_pool_t *p)
{
    const gt_owner_t owner = {row->column[USER], row->column[PROVIDER]};
    gt_owner_t exact;
    gt_err_t *err;

    if (owner.user == NULL || owner.provider == NULL || row->column[RESOURCE] == NULL ||
        row->column[TOKEN] == NULL)
        return gt_err(p, GT_DAMAGED, "GT0422", "a column of the grant's row cannot be read");
    GT_TRY(gt_store_owner(&exact, pass->range.store, &owner, p));
    err = seal_token(list, &exact, row, pass->range.store, p);
    if (err == GT_OK || err->cls != GT_DAMAGED)
        return err;
    pass->stuck++;
    pass->why_stuck = gt_err_in(err, "user %s, provider %s", exact.user, exact.provider);
    return GT_OK;
}

static gt_err_t *write_tokens(gt_rekey_t *pass, const json_t *list, apr_pool_t *p)
{
    const apr_int64_t wanted = (apr_int64_t)json_array_size(list);
    const gt_store_t *store = pass->range.store;
    apr_array_header_t *written;
    gt_db_value_t arg;

    if (wanted == 0)
        return GT_OK;
    arg = GT_TEXT(gt_json_dump(list, p));
    GT_TRY(gt_db_rows(&written, store->db, &write_access_seals, &store->names, &arg, p));
    for (int i = 0; i < written->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(written, i, gt_db_row_t);

        gt_notice(&(gt_notice_t){.kind = GT_NOTICE_REKEY,
                                 .store = gt_store_name(store),
                                 .user = row->column[0],
                                 .provider = row->column[1]});
    }
    pass->moved += written->nelts;
    pass->changed += wanted - written->nelts;
    return GT_OK;
}

gt_err_t *gt_rekey_access_some(gt_rekey_t *pass, int most, apr_pool_t *p)
{
    const int page = most > MOST_RESOURCES ? most : MOST_RESOURCES;
    json_t *list = gt_json_own(json_array(), p);
    apr_array_header_t *found;
    int n;

    GT_TRY(list_tokens(&found, &pass->range, pass->access_after, page, p));
    n = whole_grants(found, page);
    for (int i = 0; i < n; i++)
        GT_TRY(take_token(pass, list, &APR_ARRAY_IDX(found, i, gt_db_row_t), p));
    pass->looked += n;
    apr_cpystrn(pass->access_after, found->nelts == page ? id_of(found, n - 1) : pass->range.last,
                sizeof(pass->access_after));
    return write_tokens(pass, list, p);
}

const gt_sql_t *const gt_rekey_access_sql[] = {&count_access_keys, &count_old_access,
                                               &list_old_access, &write_access_seals, NULL};
