/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Sealing messages of mail anew. The texts of a message never change while its row is there, so
 * that a row is written by its id alone: what was read is what it still holds, under whichever key.
 */

#include "store/rekey_messages.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/notice.h"
#include "base/text.h"
#include "store/mail_message_rows.h"
#include "store/mail_rows.h"
#include "store/rekey_access.h"
#include "store/statements.h"

/* Messages of a statement. A text may have 128 KiB (mail/mime.h), and is half as long again when it
 * is sealed. */
#define PAGE 50

/* The sealed columns. */
#define SEALED(X) X(subject) X(addresses) X(text) X(fields)

#define PLACE_OF(column) column##_SEAL,
enum { SEALED(PLACE_OF) SEALS };

#define NAME_OF(column) #column,
static const char *const columns[SEALS] = {SEALED(NAME_OF)};

/* Columns of list_old_messages. */
enum { ID, USER, PROVIDER, ACCOUNT, VALIDITY, UID, FOLDER, FIRST_SEAL };

/* Parameters that say which messages are meant. */
#define OLD_ROWS (2 + 2 * SEALS)

#define IN_RANGE " WHERE kept.id > %lld AND kept.id <= %lld AND kept.is_sealed = 1"

/* A join with the accounts would have PostgreSQL walk through them all for each range. */
#define OF_RANGE                                                                                   \
    " FROM {mail_messages} AS kept" IN_RANGE " AND (SELECT 1 FROM {mail_accounts} AS account "     \
    "WHERE account.id = kept.account_id) = 1"

#define OR_OLD(column) " OR " GT_IS_OLD("kept." #column)
#define IS_OLD " AND (false" SEALED(OR_OLD) ")"

#define KEY_WORD_OF(column) {#column "_key", GT_KEY_WORD("kept." #column)},
#define RECORD_OF(column) ", new_" #column " TEXT"
#define EXTRACT_OF(column) ", json_extract(value, '$.new_" #column "') AS new_" #column

static const gt_word_t words[] = {
    SEALED(KEY_WORD_OF)
    /* Rows out of one parameter, a JSON array. */
    {"seals",
     {"SELECT * FROM json_to_recordset(CAST(%s AS json)) AS item(of_id BIGINT" SEALED(
          RECORD_OF) ")",
      "SELECT json_extract(value, '$.of_id') AS of_id" SEALED(EXTRACT_OF) " FROM json_each(%s)"}},
    {NULL, {NULL, NULL}},
};

#define KEY_COLUMN(column) "{" #column "_key}, "

/* id after which, id up to which → the columns' key ids, how many messages have these */
static const gt_sql_t count_message_keys = {
    "count keys of mail messages",
    "SELECT " SEALED(KEY_COLUMN) "count(*)" OF_RANGE " GROUP BY 1, 2, 3, 4", words};

/* the same, then for each column how a current seal begins: length and text → messages */
static const gt_sql_t count_old_messages = {"count mail messages to be sealed anew",
                                            "SELECT count(*)" OF_RANGE IS_OLD, NULL};

#define SEALED_COLUMN(column) ", kept." #column

/* the same, how many → the message, the sealed columns */
static const gt_sql_t list_old_messages = {
    "list mail messages to be sealed anew",
    "SELECT kept.id, CAST(account.{user} AS VARCHAR), account.provider, kept.account_id, "
    "kept.uidvalidity, kept.uid, kept.folder" SEALED(
        SEALED_COLUMN) " FROM {mail_messages} AS kept JOIN {mail_accounts} AS account "
                       "ON account.id = kept.account_id" IN_RANGE IS_OLD
                       " ORDER BY kept.id LIMIT %lld",
    NULL};

#define KEEP_OR_SET(column) #column " = coalesce(new_" #column ", " #column "), "

/* [{of_id, new_…}, …] → account of each that was written. One that another transaction has
 * locked is left to the next pass. */
static const gt_sql_t write_message_seals = {
    "write seals of mail messages",
    "WITH seals AS MATERIALIZED ({seals}), mine AS MATERIALIZED ("
    "SELECT seals.* FROM seals, {mail_messages} AS kept WHERE kept.id = of_id "
    "AND kept.is_sealed = 1 {skip}) "
    "UPDATE {mail_messages} SET " SEALED(KEEP_OR_SET) "is_sealed = 1 FROM mine WHERE id = of_id "
                                                      "RETURNING account_id",
    words};

gt_err_t *gt_rekey_message_rows(apr_array_header_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(range->message_after), GT_NUM(range->message_last)};
    const gt_store_t *store = range->store;
    apr_array_header_t *found;

    GT_TRY(gt_db_rows(&found, store->db, &count_message_keys, &store->names, args, p));
    return gt_rekey_add(rows, found, SEALS, p);
}

/* As rekey.c's old_rows. */
static gt_err_t *old_rows(gt_db_value_t args[OLD_ROWS], const gt_range_t *range, apr_int64_t after,
                          apr_pool_t *p)
{
    static const gt_owner_t any = {"", ""};
    gt_store_t *store = range->store;
    gt_ids_t ids;

    GT_TRY(gt_store_ids_sure(&ids, store, p));
    args[0] = GT_NUM(after);
    args[1] = GT_NUM(range->message_last);
    for (int i = 0; i < SEALS; i++) {
        const gt_place_t place = gt_store_place(store, &ids, columns[i], &any);
        const char *text =
            gt_seal_beginning(store->ring, GT_KEY_PERSONAL, store->conf->cipher, &place, p);

        if (text == NULL)
            return gt_err(p, GT_INTERNAL, "GT0460", "no key of the keyring can write the column %s",
                          columns[i]);
        args[2 + 2 * i] = GT_NUM(*text != '\0' ? (apr_int64_t)strlen(text) : 1);
        args[3 + 2 * i] = GT_TEXT(text);
    }
    return GT_OK;
}

gt_err_t *gt_rekey_messages_left(apr_int64_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    gt_db_value_t args[OLD_ROWS];
    apr_array_header_t *found;

    GT_TRY(old_rows(args, range, range->message_after, p));
    GT_TRY(gt_db_rows(&found, store->db, &count_old_messages, &store->names, args, p));
    return gt_rekey_add_left(rows, found, p);
}

/* Those of a range after an id. @param last  out: the id of the last one; the range's when the page
 * is not full */
static gt_err_t *list_messages(apr_array_header_t **found, apr_int64_t *last,
                               const gt_range_t *range, apr_int64_t after, int most, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    gt_db_value_t args[OLD_ROWS + 1];

    GT_TRY(old_rows(args, range, after, p));
    args[OLD_ROWS] = GT_NUM(most);
    GT_TRY(gt_db_rows(found, store->db, &list_old_messages, &store->names, args, p));
    *last = range->message_last;
    if ((*found)->nelts == most &&
        !gt_number(last, APR_ARRAY_IDX(*found, most - 1, gt_db_row_t).column[ID], after + 1,
                   range->message_last))
        return gt_mail_damaged("of a message", p);
    return GT_OK;
}

gt_err_t *gt_rekey_messages_fernet(apr_int64_t *rows, const gt_range_t *range, const char *id,
                                   apr_pool_t *p)
{
    apr_int64_t after = range->message_after;
    gt_err_t *err = GT_OK;
    apr_pool_t *page;

    apr_pool_create(&page, p);
    while (err == GT_OK && after < range->message_last) {
        apr_array_header_t *found = NULL;

        apr_pool_clear(page);
        err = list_messages(&found, &after, range, after, PAGE, page);
        for (int i = 0; err == GT_OK && i < found->nelts; i++)
            *rows += gt_rekey_opens_one(range->store,
                                        APR_ARRAY_IDX(found, i, gt_db_row_t).column + FIRST_SEAL,
                                        SEALS, id, page);
    }
    err = gt_err_dup(err, p);
    apr_pool_destroy(page);
    return err;
}

/* @param fresh  NULL: there is none, or it is on the writing key already */
static gt_err_t *seal_column(const char **fresh, const gt_mail_seal_t *seal, int column,
                             const char *old)
{
    const gt_place_t place = gt_mail_place(seal, columns[column]);
    const gt_store_t *store = seal->store;
    gt_secret_t *clear;

    *fresh = NULL;
    if (old == NULL || gt_seal_is_current(store->ring, GT_KEY_PERSONAL, store->conf->cipher, &place,
                                          old, seal->pool))
        return GT_OK;
    GT_TRY(gt_unseal(&clear, store->ring, GT_KEY_PERSONAL, &place, old, seal->pool));
    return gt_seal(fresh, store->ring, GT_KEY_PERSONAL, store->conf->cipher, &place, clear,
                   seal->pool);
}

/* Put a message on the list of those to be written, when anything of it is new. A column that does
 * not open does not hold back the rest. @param damage  the last of it */
static gt_err_t *seal_message(json_t *list, const gt_mail_seal_t *seal, const gt_db_row_t *row,
                              apr_int64_t id, gt_err_t **damage)
{
    json_t *json = json_object();
    const char *fresh;

    gt_json_set_number(json, "of_id", id);
    for (int i = 0; i < SEALS; i++) {
        gt_err_t *err = seal_column(&fresh, seal, i, row->column[FIRST_SEAL + i]);

        if (err != GT_OK && err->cls != GT_DAMAGED) {
            json_decref(json);
            return err;
        }
        if (err != GT_OK)
            *damage = gt_err_in(err, "mail message %" APR_INT64_T_FMT, id);
        else if (fresh != NULL)
            gt_json_set(json, apr_pstrcat(seal->pool, "new_", columns[i], NULL), fresh);
    }
    if (json_object_size(json) > 1)
        json_array_append(list, json);
    json_decref(json);
    return GT_OK;
}

static gt_err_t *take_message(gt_rekey_t *pass, json_t *list, const gt_db_row_t *row, apr_pool_t *p)
{
    const gt_owner_t owner = {row->column[USER], row->column[PROVIDER]};
    apr_int64_t id, account;
    gt_err_t *damage = GT_OK;
    gt_mail_seal_t seal;

    if (owner.user == NULL || owner.provider == NULL || row->column[FOLDER] == NULL ||
        !gt_number(&id, row->column[ID], 1, INT64_MAX) ||
        !gt_number(&account, row->column[ACCOUNT], 1, INT64_MAX))
        return gt_mail_damaged("of a message", p);
    seal = gt_mail_seal_of(pass->range.store, &owner, account, p);
    seal.folder = row->column[FOLDER];
    if (gt_number(&seal.uidvalidity, row->column[VALIDITY], 0, APR_UINT32_MAX) &&
        gt_number(&seal.uid, row->column[UID], 1, APR_UINT32_MAX))
        GT_TRY(seal_message(list, &seal, row, id, &damage));
    else
        damage = gt_mail_damaged("of a message", p);
    if (damage != GT_OK) {
        pass->stuck++;
        pass->why_stuck = damage;
    }
    return GT_OK;
}

/* Once for each account of a batch, whose messages mostly follow each other.
 * @param account  id, as a text */
static void note_account(const char *account, const apr_array_header_t *found,
                         const gt_store_t *store)
{
    for (int i = 0; i < found->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(found, i, gt_db_row_t);

        if (strcmp(row->column[ACCOUNT], account) != 0)
            continue;
        gt_notice(&(gt_notice_t){.kind = GT_NOTICE_REKEY,
                                 .store = gt_store_name(store),
                                 .user = row->column[USER],
                                 .provider = row->column[PROVIDER]});
        return;
    }
}

static gt_err_t *write_messages(gt_rekey_t *pass, const json_t *list,
                                const apr_array_header_t *found, apr_pool_t *p)
{
    const apr_int64_t wanted = (apr_int64_t)json_array_size(list);
    const gt_store_t *store = pass->range.store;
    apr_array_header_t *written;
    const char *before = "";
    gt_db_value_t arg;

    if (wanted == 0)
        return GT_OK;
    arg = GT_TEXT(gt_json_dump(list, p));
    GT_TRY(gt_db_rows(&written, store->db, &write_message_seals, &store->names, &arg, p));
    for (int i = 0; i < written->nelts; i++) {
        const char *account = APR_ARRAY_IDX(written, i, gt_db_row_t).column[0];

        if (account == NULL || strcmp(account, before) == 0)
            continue;
        note_account(account, found, store);
        before = account;
    }
    pass->moved += written->nelts;
    pass->changed += wanted - written->nelts;
    return GT_OK;
}

gt_err_t *gt_rekey_messages_some(gt_rekey_t *pass, int most, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);
    apr_array_header_t *found;

    GT_TRY(list_messages(&found, &pass->message_after, &pass->range, pass->message_after,
                         most < PAGE ? most : PAGE, p));
    for (int i = 0; i < found->nelts; i++)
        GT_TRY(take_message(pass, list, &APR_ARRAY_IDX(found, i, gt_db_row_t), p));
    pass->looked += found->nelts;
    return write_messages(pass, list, found, p);
}

const gt_sql_t *const gt_rekey_message_sql[] = {&count_message_keys, &count_old_messages,
                                                &list_old_messages, &write_message_seals, NULL};
