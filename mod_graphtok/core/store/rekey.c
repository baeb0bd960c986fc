/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Sealing rows anew with the writing keys. The database itself leaves out rows that are done, by
 * the beginning of a current seal, so that a pass over a store that is nearly done transfers no
 * rows. With Fernet, whose values name no key, each row must be read.
 */

#include "store/rekey.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/notice.h"
#include "base/text.h"
#include "store/rekey_access.h"
#include "store/rekey_messages.h"
#include "store/rekey_passwords.h"
#include "store/statements.h"
#include "store/store.h"

#define PAGE 500

/* The sealed columns of a grant's row: name here, name in texts, column, purpose of its key. */
#define SEALED(X)                                                                                  \
    X(ACCESS, "access", GT_ACCESS_COLUMN, GT_KEY_ACCESS)                                           \
    X(REFRESH, "refresh", GT_REFRESH_COLUMN, GT_KEY_REFRESH)                                       \
    X(ID_TOKEN, "id_token", GT_ID_TOKEN_COLUMN, GT_KEY_PERSONAL)

#define PLACE_OF(place, tag, column, purpose) place,
enum { SEALED(PLACE_OF) SEALS };

#define NAME_OF(place, tag, column, purpose) {column, purpose},
static const struct {
    const char *name;
    gt_purpose_t purpose;
} columns[SEALS] = {SEALED(NAME_OF)};

/* Parameters that say which rows are meant. */
#define OLD_ROWS (2 + 2 * SEALS)

/* Columns of list_old_rows. */
enum { ID, USER, PROVIDER, GENERATION, FIRST_SEAL };

/* A row as it was read, with its new seals. */
typedef struct one_row_t {
    gt_owner_t owner;
    apr_int64_t generation;
    const char *old[SEALS];   /* NULL: none */
    const char *fresh[SEALS]; /* NULL: as it is */
} one_row_t;

#define OR_OLD(place, tag, column, purpose) " OR " GT_IS_OLD(column)
#define IS_OLD_ROW "(false" SEALED(OR_OLD) ")"

#define KEY_WORD_OF(place, tag, column, purpose) {tag "_key", GT_KEY_WORD(column)},
static const gt_word_t key_words[] = {SEALED(KEY_WORD_OF){NULL, {NULL, NULL}}};

static void add_key(apr_array_header_t *rows, const char *id, apr_int64_t n)
{
    gt_key_rows_t *one = NULL;

    for (int i = 0; i < rows->nelts && one == NULL; i++)
        if (strcmp(APR_ARRAY_IDX(rows, i, gt_key_rows_t).id, id) == 0)
            one = &APR_ARRAY_IDX(rows, i, gt_key_rows_t);
    if (one == NULL) {
        one = apr_array_push(rows);
        *one = (gt_key_rows_t){apr_pstrdup(rows->pool, id), 0};
    }
    one->rows += n;
}

/* Whether one of the columns before this one is on the same key. */
static int is_repeated(const gt_db_row_t *row, int column)
{
    for (int i = 0; i < column; i++)
        if (row->column[i] != NULL && strcmp(row->column[i], row->column[column]) == 0)
            return 1;
    return 0;
}

static gt_err_t *read_count(apr_int64_t *n, const char *text, apr_pool_t *p)
{
    if (gt_number(n, text, 0, INT64_MAX))
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
}

gt_err_t *gt_rekey_add(apr_array_header_t *rows, const apr_array_header_t *found, int keys,
                       apr_pool_t *p)
{
    for (int i = 0; i < found->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(found, i, gt_db_row_t);
        apr_int64_t n;

        GT_TRY(read_count(&n, row->column[keys], p));
        for (int column = 0; column < keys; column++)
            if (row->column[column] != NULL && !is_repeated(row, column))
                add_key(rows, row->column[column], n);
    }
    return GT_OK;
}

gt_err_t *gt_rekey_add_left(apr_int64_t *rows, const apr_array_header_t *found, apr_pool_t *p)
{
    apr_int64_t n;

    GT_TRY(read_count(&n, found->nelts == 1 ? APR_ARRAY_IDX(found, 0, gt_db_row_t).column[0] : NULL,
                      p));
    *rows += n;
    return GT_OK;
}

#define KEY_COLUMN(place, tag, column, purpose) "{" tag "_key}, "

/* id after which, id up to which → the columns' key ids, how many rows have these */
static const gt_sql_t count_keys = {
    "count keys",
    "SELECT " SEALED(KEY_COLUMN) "count(*) FROM {table} "
                                 "WHERE id > %s AND id <= %s GROUP BY 1, 2, 3",
    key_words};

gt_err_t *gt_rekey_rows(apr_array_header_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    const gt_db_value_t args[] = {GT_TEXT(range->after), GT_TEXT(range->last)};
    apr_array_header_t *found;

    if (range->is_mail)
        return gt_rekey_message_rows(rows, range, p);
    GT_TRY(gt_db_rows(&found, store->db, &count_keys, &store->names, args, p));
    GT_TRY(gt_rekey_add(rows, found, SEALS, p));
    GT_TRY(gt_rekey_password_rows(rows, range, p));
    return gt_rekey_access_rows(rows, range, p);
}

/* Ids after which and up to which, then for each column how a seal of the present form and key
 * begins; "" with a length of 1 where no beginning tells. */
static gt_err_t *old_rows(gt_db_value_t args[OLD_ROWS], const gt_range_t *range, const char *after,
                          apr_pool_t *p)
{
    static const gt_owner_t any_owner = {"", ""};
    gt_store_t *store = range->store;
    gt_ids_t ids;

    GT_TRY(gt_store_ids_sure(&ids, store, p));
    args[0] = GT_TEXT(after);
    args[1] = GT_TEXT(range->last);
    for (apr_size_t i = 0; i < SEALS; i++) {
        const gt_place_t place = gt_store_place(store, &ids, columns[i].name, &any_owner);
        const char *text =
            gt_seal_beginning(store->ring, columns[i].purpose, store->conf->cipher, &place, p);

        if (text == NULL)
            return gt_err(p, GT_INTERNAL, "GT0460", "no key of the keyring can write the column %s",
                          columns[i].name);
        args[2 + 2 * i] = GT_NUM(*text != '\0' ? (apr_int64_t)strlen(text) : 1);
        args[2 + 2 * i + 1] = GT_TEXT(text);
    }
    return GT_OK;
}

/* id after which, id up to which, how current seals begin: length and text for each sealed column
 * → rows */
static const gt_sql_t count_old_rows = {
    "count old rows", "SELECT count(*) FROM {table} WHERE id > %s AND id <= %s AND " IS_OLD_ROW,
    NULL};

gt_err_t *gt_rekey_left(apr_int64_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    gt_db_value_t args[OLD_ROWS];
    apr_array_header_t *found;

    if (range->is_mail)
        return gt_rekey_messages_left(rows, range, p);
    GT_TRY(old_rows(args, range, range->after, p));
    GT_TRY(gt_db_rows(&found, store->db, &count_old_rows, &store->names, args, p));
    GT_TRY(gt_rekey_add_left(rows, found, p));
    GT_TRY(gt_rekey_passwords_left(rows, range, p));
    return gt_rekey_access_left(rows, range, p);
}

#define SEALED_COLUMN(place, tag, column, purpose) ", " column

/* the same, how many → id, user, provider, generation, the sealed columns */
static const gt_sql_t list_old_rows = {
    "list old rows",
    "SELECT id, {user}, provider, generation" SEALED(
        SEALED_COLUMN) " FROM {table} WHERE id > %s AND id <= %s AND " IS_OLD_ROW
                       " ORDER BY id LIMIT %lld",
    NULL};

/* Those of a range after an id. */
static gt_err_t *list_rows(apr_array_header_t **found, const gt_range_t *range, const char *after,
                           int most, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    gt_db_value_t args[OLD_ROWS + 1];

    GT_TRY(old_rows(args, range, after, p));
    args[OLD_ROWS] = GT_NUM(most);
    return gt_db_rows(found, store->db, &list_old_rows, &store->names, args, p);
}

int gt_rekey_opens(const gt_store_t *store, const char *sealed, const char *id, apr_pool_t *p)
{
    const char *held = gt_sealed_key_id(sealed, p);
    const gt_key_t *key;

    if (held == NULL || *held != '\0')
        return 0;
    key = gt_seal_fernet_key(store->ring, sealed, p);
    return key != NULL && strcmp(key->id, id) == 0;
}

int gt_rekey_opens_one(const gt_store_t *store, const char *const *sealed, int n, const char *id,
                       apr_pool_t *p)
{
    for (int i = 0; i < n; i++)
        if (gt_rekey_opens(store, sealed[i], id, p))
            return 1;
    return 0;
}

gt_err_t *gt_rekey_fernet_rows(apr_int64_t *rows, const gt_range_t *range, const char *id,
                               apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    char after[sizeof(range->after)];
    gt_err_t *err = GT_OK;
    apr_pool_t *page;
    int n = PAGE;

    if (range->is_mail)
        return gt_rekey_messages_fernet(rows, range, id, p);
    memcpy(after, range->after, sizeof(after));
    apr_pool_create(&page, p);
    while (err == GT_OK && n == PAGE) {
        apr_array_header_t *found = NULL;

        apr_pool_clear(page);
        err = list_rows(&found, range, after, PAGE, page);
        n = err == GT_OK ? found->nelts : 0;
        for (int i = 0; i < n; i++) {
            const gt_db_row_t *row = &APR_ARRAY_IDX(found, i, gt_db_row_t);

            *rows += gt_rekey_opens_one(store, row->column + FIRST_SEAL, SEALS, id, page);
            apr_cpystrn(after, row->column[ID], sizeof(after));
        }
    }
    if (err == GT_OK)
        err = gt_rekey_access_fernet(rows, range, id, page);
    if (err == GT_OK)
        err = gt_rekey_password_fernet(rows, range, id, page);
    err = gt_err_dup(err, p);
    apr_pool_destroy(page);
    return err;
}

static gt_err_t *read_row(one_row_t *one, const gt_db_row_t *row, const gt_store_t *store,
                          apr_pool_t *p)
{
    const gt_owner_t owner = {row->column[USER], row->column[PROVIDER]};

    memset(one, 0, sizeof(*one));
    if (owner.user == NULL || owner.provider == NULL ||
        !gt_number(&one->generation, row->column[GENERATION], 0, INT64_MAX))
        return gt_err(p, GT_DAMAGED, "GT0422", "a column of the grant's row cannot be read");
    GT_TRY(gt_store_owner(&one->owner, store, &owner, p));
    for (int i = 0; i < SEALS; i++)
        one->old[i] = row->column[FIRST_SEAL + i];
    return GT_OK;
}

static gt_err_t *seal_column(one_row_t *one, int column, gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t ids;
    gt_store_ids(&ids, store, p);
    const gt_place_t place = gt_store_place(store, &ids, columns[column].name, &one->owner);
    const gt_purpose_t purpose = columns[column].purpose;
    const char *old = one->old[column];
    gt_secret_t *clear;

    if (old == NULL || *old == '\0' ||
        gt_seal_is_current(store->ring, purpose, store->conf->cipher, &place, old, p))
        return GT_OK;
    GT_TRY(gt_unseal(&clear, store->ring, purpose, &place, old, p));
    return gt_seal(&one->fresh[column], store->ring, purpose, store->conf->cipher, &place, clear,
                   p);
}

/* A column that does not open does not hold back the rest of its row. @param damage the last of
 * it */
static gt_err_t *seal_row(one_row_t *one, gt_err_t **damage, gt_store_t *store, apr_pool_t *p)
{
    for (int i = 0; i < SEALS; i++) {
        gt_err_t *err = seal_column(one, i, store, p);

        if (err != GT_OK && err->cls != GT_DAMAGED)
            return err;
        if (err != GT_OK)
            *damage = gt_err_in(err, "user %s, provider %s", one->owner.user, one->owner.provider);
    }
    return GT_OK;
}

static json_t *seals_json(const char *const seals[SEALS])
{
    json_t *json = json_object();

    for (int i = 0; i < SEALS; i++)
        if (seals[i] != NULL)
            gt_json_set(json, columns[i].name, seals[i]);
    return json;
}

/* Put a row on the list of those to be written, when anything of it is new. */
static void note_row(json_t *list, const one_row_t *one, const gt_store_t *store, apr_pool_t *p)
{
    const char *refresh = one->fresh[REFRESH];
    json_t *fresh = seals_json(one->fresh);
    json_t *old = seals_json(one->old);
    json_t *row = json_object();

    gt_json_set(old, store->conf->user_column, one->owner.user);
    gt_json_set(old, "provider", one->owner.provider);
    gt_json_set_number(old, "generation", one->generation);
    if (refresh != NULL)
        gt_json_set(fresh, "key_id", gt_sealed_key_id(refresh, p));
    gt_json_put(row, "old", old);
    gt_json_put(row, "fresh", fresh);
    if (one->fresh[ACCESS] != NULL || refresh != NULL || one->fresh[ID_TOKEN] != NULL)
        json_array_append(list, row);
    json_decref(row);
}

static gt_err_t *take_row(gt_rekey_t *pass, json_t *list, const gt_db_row_t *row, apr_pool_t *p)
{
    one_row_t one;
    gt_err_t *damage = read_row(&one, row, pass->range.store, p);

    if (damage == GT_OK)
        GT_TRY(seal_row(&one, &damage, pass->range.store, p));
    note_row(list, &one, pass->range.store, p);
    if (damage != GT_OK) {
        pass->stuck++;
        pass->why_stuck = damage;
    }
    return GT_OK;
}

#define OLD_AND_NEW(place, tag, column, purpose)                                                   \
    ", old." column " AS old_" tag ", fresh." column " AS new_" tag
#define OLD_AND_NEW_SQLITE(place, tag, column, purpose)                                            \
    ", json_extract(value, '$.old." column "') AS old_" tag                                        \
    ", json_extract(value, '$.fresh." column "') AS new_" tag

/* Rows out of one parameter, a JSON array: on PostgreSQL each value has the column's own type. */
static const gt_word_t seal_words[] = {
    {"seals",
     {"SELECT old.{user} AS of_user, old.provider AS of_provider, old.generation AS of_generation, "
      "fresh.key_id AS new_key" SEALED(OLD_AND_NEW) " FROM json_array_elements(CAST(%s AS json)) "
                                                    "AS item, json_populate_record(CAST(NULL AS "
                                                    "{table}), item.value -> 'old') AS old, "
                                                    "json_populate_record(CAST(NULL AS {table}), "
                                                    "item.value -> 'fresh') AS fresh",
      "SELECT json_extract(value, '$.old.{user_name}') AS of_user, "
      "json_extract(value, '$.old.provider') AS of_provider, "
      "json_extract(value, '$.old.generation') AS of_generation, "
      "json_extract(value, '$.fresh.key_id') AS new_key" SEALED(
          OLD_AND_NEW_SQLITE) " FROM json_each(%s)"}},
    {NULL, {NULL, NULL}},
};

#define KEEP_OR_SET(place, tag, column, purpose) column " = coalesce(new_" tag ", " column "), "

/* rows as {"old": …, "fresh": …}, by the columns' names: the seals that were read, and the new
 * ones (missing: keep) → user, provider of each that was written. No generation is written: the
 * tokens are the same. A row that another transaction has locked is left to the next pass: a
 * statement for many rows must not wait. */
static const gt_sql_t write_seals = {
    "write seals",
    "WITH seals AS MATERIALIZED ({seals}), mine AS MATERIALIZED ("
    "SELECT seals.* FROM seals, {table} WHERE {user} = of_user AND provider = of_provider AND "
    "generation = of_generation AND encrypted_access_token = old_access AND "
    "encrypted_refresh_token = old_refresh {skip}) "
    "UPDATE {table} SET " SEALED(
        KEEP_OR_SET) "key_id = coalesce(new_key, key_id) FROM mine "
                     "WHERE {user} = of_user AND provider = of_provider RETURNING {user}, provider",
    seal_words};

static gt_err_t *write_rows(gt_rekey_t *pass, const json_t *list, apr_pool_t *p)
{
    const apr_int64_t wanted = (apr_int64_t)json_array_size(list);
    apr_array_header_t *written;
    gt_db_value_t arg;

    if (wanted == 0)
        return GT_OK;
    arg = GT_TEXT(gt_json_dump(list, p));
    GT_TRY(gt_db_rows(&written, pass->range.store->db, &write_seals, &pass->range.store->names,
                      &arg, p));
    for (int i = 0; i < written->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(written, i, gt_db_row_t);

        gt_notice(&(gt_notice_t){.kind = GT_NOTICE_REKEY,
                                 .store = gt_store_name(pass->range.store),
                                 .user = row->column[0],
                                 .provider = row->column[1]});
    }
    pass->moved += written->nelts;
    pass->changed += wanted - written->nelts;
    return GT_OK;
}

void gt_rekey_begin(gt_rekey_t *pass, gt_store_t *store)
{
    *pass = (gt_rekey_t){.ended = 0};
    gt_range_begin_with_mail(&pass->range, store);
    apr_cpystrn(pass->after, pass->range.last, sizeof(pass->after));
    apr_cpystrn(pass->access_after, pass->range.last, sizeof(pass->access_after));
}

/* To the next range when this one was looked through: its grants, then their other tokens, or its
 * messages. */
static gt_err_t *enter_range(gt_rekey_t *pass, apr_pool_t *p)
{
    int found;

    if (strcmp(pass->after, pass->range.last) != 0 ||
        strcmp(pass->access_after, pass->range.last) != 0 ||
        pass->message_after != pass->range.message_last)
        return GT_OK;
    GT_TRY(gt_range_next(&found, &pass->range, p));
    pass->ended = !found;
    return GT_OK;
}

static gt_err_t *go_on(gt_rekey_t *pass, int most, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);
    apr_array_header_t *found;

    if (!pass->has_passwords) {
        pass->has_passwords = 1;
        GT_TRY(gt_rekey_passwords(pass, p));
        if (pass->looked > 0)
            return GT_OK;
    }
    GT_TRY(enter_range(pass, p));
    if (pass->ended)
        return GT_OK;
    if (pass->range.is_mail)
        return gt_rekey_messages_some(pass, most, p);
    if (strcmp(pass->after, pass->range.last) == 0)
        return gt_rekey_access_some(pass, most, p);
    GT_TRY(list_rows(&found, &pass->range, pass->after, most, p));
    for (int i = 0; i < found->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(found, i, gt_db_row_t);

        GT_TRY(take_row(pass, list, row, p));
        apr_cpystrn(pass->after, row->column[ID], sizeof(pass->after));
        pass->looked++;
    }
    if (found->nelts < most)
        apr_cpystrn(pass->after, pass->range.last, sizeof(pass->after));
    return write_rows(pass, list, p);
}

gt_err_t *gt_rekey_some(gt_rekey_t *pass, int most, apr_pool_t *p)
{
    gt_rekey_t after = *pass;

    GT_TRY(go_on(&after, most, p));
    *pass = after;
    return GT_OK;
}

const gt_sql_t *const gt_rekey_sql[] = {&count_keys, &count_old_rows, &list_old_rows, &write_seals,
                                        NULL};
