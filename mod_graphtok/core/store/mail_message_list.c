/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_message_list.c Reading rows of folders and messages; sealed texts are opened. */

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/mail_message_rows.h"
#include "store/mail_rows.h"
#include "store/row.h"
#include "store/statements.h"

/* Columns of a message. */
enum {
    ID,
    ACCOUNT,
    FOLDER,
    VALIDITY,
    UID,
    FLAGS,
    SEEN,
    DATE,
    SIZE,
    SENT,
    MESSAGE_ID,
    ATTACHED,
    CUT,
    SEALED,
    SUBJECT,
    ADDRESSES,
    TEXT,
    FIELDS
};

#define COLUMNS                                                                                    \
    "SELECT id, account_id, folder, uidvalidity, uid, flags, is_seen, internal_date, size, "       \
    "sent_at, message_id, has_attachments, is_cut, is_sealed, subject, addresses, text, fields "   \
    "FROM {mail_messages} "

#define NEWEST                                                                                     \
    "AND (internal_date, id) < (CAST(%lld AS BIGINT), CAST(%lld AS BIGINT)) "                      \
    "ORDER BY internal_date DESC, id DESC LIMIT %lld"

/* account → rows, now */
static const gt_sql_t list_folders = {
    "list mail folders",
    "SELECT name, special_use, uidvalidity, uidnext, highestmodseq, messages, scanned_at, {now} "
    "FROM {mail_folders} WHERE account_id = %lld ORDER BY name",
    NULL};

/* account, folder, uidvalidity, after, how many */
static const gt_sql_t list_uids = {
    "list mail uids",
    "SELECT uid FROM {mail_messages} WHERE account_id = %lld AND folder = %s AND "
    "uidvalidity = %lld AND uid > %lld ORDER BY uid LIMIT %lld",
    NULL};

/* account, date, id, how many */
static const gt_sql_t list_messages = {"list mail messages",
                                       COLUMNS "WHERE account_id = %lld " NEWEST, NULL};

/* account, folder, date, id, how many */
static const gt_sql_t list_of_folder = {"list mail messages of folder",
                                        COLUMNS "WHERE account_id = %lld AND folder = %s " NEWEST,
                                        NULL};

/* the same */
static const gt_sql_t list_unread = {
    "list unread mail messages",
    COLUMNS "WHERE account_id = %lld AND folder = %s AND is_seen = 0 " NEWEST, NULL};

/* account, id */
static const gt_sql_t find_message = {"find mail message",
                                      COLUMNS "WHERE account_id = %lld AND id = %lld", NULL};

/* id */
static const gt_sql_t find_account = {
    "find account of mail message", "SELECT account_id FROM {mail_messages} WHERE id = %lld", NULL};

/* ---- seals ---- */

gt_mail_seal_t gt_mail_seal_of(gt_store_t *store, const gt_owner_t *owner, apr_int64_t account,
                               apr_pool_t *p)
{
    gt_mail_seal_t seal = {.store = store, .owner = owner, .account = account, .pool = p};

    gt_store_ids(&seal.ids, store, p);
    return seal;
}

gt_place_t gt_mail_place(const gt_mail_seal_t *seal, const char *column)
{
    gt_place_t place = gt_store_place(seal->store, &seal->ids, column, seal->owner);

    place.resource = apr_psprintf(
        seal->pool, "%" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %s",
        seal->account, seal->uidvalidity, seal->uid, seal->folder);
    return place;
}

gt_err_t *gt_mail_seal(const char **sealed, const gt_mail_seal_t *seal, const char *column,
                       const char *text)
{
    const gt_place_t place = gt_mail_place(seal, column);
    const gt_secret_t *clear = gt_secret_from(text, seal->pool);

    GT_TRY(gt_store_has_keys(seal->store, seal->pool));
    return gt_seal(sealed, seal->store->ring, GT_KEY_PERSONAL, seal->store->conf->cipher, &place,
                   clear, seal->pool);
}

static gt_err_t *open_with(gt_secret_t **clear, const gt_mail_seal_t *seal, const char *column,
                           const char *sealed)
{
    const gt_place_t place = gt_mail_place(seal, column);

    return gt_unseal(clear, seal->store->ring, GT_KEY_PERSONAL, &place, sealed, seal->pool);
}

gt_err_t *gt_mail_unseal(const char **text, gt_mail_seal_t *seal, const char *column,
                         const char *sealed)
{
    gt_secret_t *clear;
    gt_err_t *err;
    int is_new;

    *text = NULL;
    if (sealed == NULL)
        return GT_OK;
    GT_TRY(gt_store_has_keys(seal->store, seal->pool));
    err = open_with(&clear, seal, column, sealed);
    if (err != GT_OK) {
        /* Without the ids as they are now, no value can be said to be damaged. */
        GT_TRY(gt_store_ids_now(&is_new, &seal->ids, seal->store, seal->pool));
        if (!is_new)
            return err;
        GT_TRY(open_with(&clear, seal, column, sealed));
    }
    *text = gt_secret_text(clear);
    return GT_OK;
}

/* ---- folders ---- */

static gt_err_t *read_folder(gt_mail_folder_t *folder, const gt_db_row_t *row, apr_pool_t *p)
{
    apr_int64_t scanned, clock;

    folder->name = row->column[0];
    folder->use = row->column[1];
    if (folder->name == NULL ||
        !gt_number(&folder->uidvalidity, row->column[2], 0, APR_UINT32_MAX) ||
        !gt_number(&folder->uidnext, row->column[3], 1, (apr_int64_t)APR_UINT32_MAX + 1) ||
        !gt_number(&folder->modseq, row->column[4], 0, INT64_MAX) ||
        !gt_number(&folder->exists, row->column[5], -1, APR_UINT32_MAX) ||
        !gt_number(&scanned, row->column[6], 0, INT64_MAX / APR_USEC_PER_SEC) ||
        !gt_number(&clock, row->column[7], 0, INT64_MAX / APR_USEC_PER_SEC))
        return gt_mail_damaged("of a folder or message", p);
    folder->scanned_at =
        scanned > 0 ? apr_time_from_sec(scanned) + gt_row_offset(apr_time_from_sec(clock)) : 0;
    return GT_OK;
}

gt_err_t *gt_mail_folders(apr_array_header_t **folders, gt_store_t *store,
                          const gt_mail_account_t *account, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(account->id)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &list_folders, &store->names, args, p));
    *folders = apr_array_make(p, rows->nelts, sizeof(gt_mail_folder_t));
    for (int i = 0; i < rows->nelts; i++)
        GT_TRY(read_folder(apr_array_push(*folders), &APR_ARRAY_IDX(rows, i, gt_db_row_t), p));
    return GT_OK;
}

gt_err_t *gt_mail_uids(apr_array_header_t **uids, gt_store_t *store,
                       const gt_mail_account_t *account, const gt_mail_folder_t *folder,
                       apr_int64_t after, int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(account->id), GT_TEXT(folder->name),
                                  GT_NUM(folder->uidvalidity), GT_NUM(after), GT_NUM(most)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &list_uids, &store->names, args, p));
    *uids = apr_array_make(p, rows->nelts, sizeof(apr_int64_t));
    for (int i = 0; i < rows->nelts; i++)
        if (!gt_number(apr_array_push(*uids), APR_ARRAY_IDX(rows, i, gt_db_row_t).column[0], 1,
                       APR_UINT32_MAX))
            return gt_mail_damaged("of a folder or message", p);
    return GT_OK;
}

/* ---- messages ---- */

static int is_one(const char *column)
{
    return column != NULL && strcmp(column, "1") == 0;
}

static gt_err_t *open_texts(gt_mail_message_t *message, const gt_db_row_t *row,
                            gt_mail_seal_t *seal)
{
    message->subject = row->column[SUBJECT];
    message->addresses = row->column[ADDRESSES];
    message->text = row->column[TEXT];
    message->fields = row->column[FIELDS];
    if (!is_one(row->column[SEALED]))
        return GT_OK;
    seal->folder = message->folder;
    seal->uidvalidity = message->uidvalidity;
    seal->uid = message->uid;
    GT_TRY(gt_mail_unseal(&message->subject, seal, "subject", row->column[SUBJECT]));
    GT_TRY(gt_mail_unseal(&message->addresses, seal, "addresses", row->column[ADDRESSES]));
    GT_TRY(gt_mail_unseal(&message->text, seal, "text", row->column[TEXT]));
    return gt_mail_unseal(&message->fields, seal, "fields", row->column[FIELDS]);
}

static gt_err_t *read_message(gt_mail_message_t *message, const gt_db_row_t *row,
                              gt_mail_seal_t *seal)
{
    apr_int64_t date, sent;

    if (!gt_number(&message->id, row->column[ID], 1, INT64_MAX) ||
        !gt_number(&message->account, row->column[ACCOUNT], 1, INT64_MAX) ||
        !gt_number(&message->uidvalidity, row->column[VALIDITY], 0, APR_UINT32_MAX) ||
        !gt_number(&message->uid, row->column[UID], 1, APR_UINT32_MAX) ||
        !gt_number(&date, row->column[DATE], INT64_MIN / APR_USEC_PER_SEC,
                   INT64_MAX / APR_USEC_PER_SEC) ||
        !gt_number(&message->size, row->column[SIZE], -1, INT64_MAX) ||
        !gt_number(&sent, row->column[SENT], INT64_MIN / APR_USEC_PER_SEC,
                   INT64_MAX / APR_USEC_PER_SEC) ||
        row->column[FOLDER] == NULL || row->column[FLAGS] == NULL)
        return gt_mail_damaged("of a folder or message", seal->pool);
    message->folder = row->column[FOLDER];
    message->flags = row->column[FLAGS];
    message->is_seen = is_one(row->column[SEEN]);
    message->internal_date = apr_time_from_sec(date);
    message->sent_at = apr_time_from_sec(sent);
    message->message_id = row->column[MESSAGE_ID];
    message->has_attachments = is_one(row->column[ATTACHED]);
    message->is_cut = is_one(row->column[CUT]);
    return open_texts(message, row, seal);
}

static gt_err_t *ask(apr_array_header_t **rows, gt_store_t *store, const gt_mail_list_t *list,
                     apr_pool_t *p)
{
    const gt_db_value_t account = GT_NUM(list->account->id), most = GT_NUM(list->most);
    const gt_db_value_t date =
        GT_NUM(list->before_id > 0 ? apr_time_sec(list->before_date) : INT64_MAX);
    const gt_db_value_t id = GT_NUM(list->before_id > 0 ? list->before_id : INT64_MAX);
    const gt_db_value_t all[] = {account, date, id, most};
    const gt_db_value_t one[] = {account, GT_TEXT(list->folder), date, id, most};

    if (list->folder == NULL)
        return gt_db_rows(rows, store->db, &list_messages, &store->names, all, p);
    return gt_db_rows(rows, store->db, list->is_unread ? &list_unread : &list_of_folder,
                      &store->names, one, p);
}

gt_err_t *gt_mail_messages(apr_array_header_t **messages, gt_store_t *store,
                           const gt_mail_list_t *list, apr_pool_t *p)
{
    gt_mail_seal_t seal = gt_mail_seal_of(store, &list->account->owner, list->account->id, p);
    apr_array_header_t *rows;

    GT_TRY(ask(&rows, store, list, p));
    *messages = apr_array_make(p, rows->nelts, sizeof(gt_mail_message_t));
    for (int i = 0; i < rows->nelts; i++)
        GT_TRY(
            read_message(apr_array_push(*messages), &APR_ARRAY_IDX(rows, i, gt_db_row_t), &seal));
    return GT_OK;
}

gt_err_t *gt_mail_message(gt_mail_message_t **message, gt_store_t *store,
                          const gt_mail_account_t *account, apr_int64_t id, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(account->id), GT_NUM(id)};
    gt_mail_seal_t seal = gt_mail_seal_of(store, &account->owner, account->id, p);
    apr_array_header_t *rows;

    *message = NULL;
    GT_TRY(gt_db_rows(&rows, store->db, &find_message, &store->names, args, p));
    if (rows->nelts == 0)
        return GT_OK;
    *message = apr_pcalloc(p, sizeof(**message));
    return read_message(*message, &APR_ARRAY_IDX(rows, 0, gt_db_row_t), &seal);
}

gt_err_t *gt_mail_message_account(apr_int64_t *account, gt_store_t *store, apr_int64_t id,
                                  apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(id)};
    apr_array_header_t *rows;

    *account = 0;
    GT_TRY(gt_db_rows(&rows, store->db, &find_account, &store->names, args, p));
    if (rows->nelts > 0 &&
        !gt_number(account, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 1, INT64_MAX))
        return gt_mail_damaged("of a folder or message", p);
    return GT_OK;
}

const gt_sql_t *const gt_mail_list_sql[] = {&list_folders,   &list_uids,   &list_messages,
                                            &list_of_folder, &list_unread, &find_message,
                                            &find_account,   NULL};
