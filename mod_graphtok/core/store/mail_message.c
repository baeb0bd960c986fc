/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file mail_message.c
 * Writing rows of messages. Rows go in and out of a statement as one JSON array, so that a batch is
 * one statement on both engines. Each transaction begins with the folder's row, which names the
 * claim: a process that lost it writes nothing.
 */

#include "store/mail_message.h"

#include <assert.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "store/mail_message_rows.h"
#include "store/mail_rows.h"
#include "store/statements.h"

#define UID_MOST APR_UINT32_MAX

/* The account's row stays until the transaction ends: a tidying that saw it go in between would
 * leave behind what the transaction writes. */
#define CLAIMED                                                                                    \
    "EXISTS (SELECT 1 FROM {mail_accounts} AS account WHERE account.id = CAST(%lld AS BIGINT) "    \
    "AND account.claimed_by = %s {hold})"
#define GONE                                                                                       \
    "NOT EXISTS (SELECT 1 FROM {mail_accounts} AS account WHERE account.id = CAST(%lld AS "        \
    "BIGINT))"
#define DROP_SOME(which)                                                                           \
    "DELETE FROM {mail_messages} WHERE id {is_among}(SELECT id FROM {mail_messages} "              \
    "WHERE account_id = %lld AND folder = %s AND " which                                           \
    " ORDER BY uidvalidity, uid LIMIT %lld){end}"
#define DROP_FOLDER "DELETE FROM {mail_folders} WHERE account_id = %lld AND name = %s AND "

static const gt_word_t words[] = {
    {"fresh",
     {"SELECT * FROM json_to_recordset(CAST(%s AS json)) AS item(uid BIGINT, flags TEXT, "
      "seen SMALLINT, internal_date BIGINT, size BIGINT, sent_at BIGINT, message_id TEXT, "
      "attached SMALLINT, cut SMALLINT, sealed SMALLINT, subject TEXT, addresses TEXT, body TEXT, "
      "fields TEXT)",
      "SELECT json_extract(value, '$.uid') AS uid, json_extract(value, '$.flags') AS flags, "
      "json_extract(value, '$.seen') AS seen, json_extract(value, '$.internal_date') AS "
      "internal_date, json_extract(value, '$.size') AS size, json_extract(value, '$.sent_at') AS "
      "sent_at, json_extract(value, '$.message_id') AS message_id, json_extract(value, "
      "'$.attached') AS attached, json_extract(value, '$.cut') AS cut, json_extract(value, "
      "'$.sealed') AS sealed, json_extract(value, '$.subject') AS subject, json_extract(value, "
      "'$.addresses') AS addresses, json_extract(value, '$.body') AS body, json_extract(value, "
      "'$.fields') AS fields FROM json_each(%s)"}},
    {"flagged",
     {"SELECT * FROM json_to_recordset(CAST(%s AS json)) AS item(uid BIGINT, flags TEXT, "
      "seen SMALLINT)",
      "SELECT json_extract(value, '$.uid') AS uid, json_extract(value, '$.flags') AS flags, "
      "json_extract(value, '$.seen') AS seen FROM json_each(%s)"}},
    {NULL, {NULL, NULL}},
};

/* So many rows by their ids. PostgreSQL would rather walk through a table than join it with some
 * hundred ids whose number it does not know. */
static const gt_word_t by_id_words[] = {
    {"ranges",
     {"SELECT * FROM json_to_recordset(CAST(%s AS json)) AS item(first_uid BIGINT, "
      "last_uid BIGINT)",
      "SELECT json_extract(value, '$.first_uid') AS first_uid, json_extract(value, "
      "'$.last_uid') AS last_uid FROM json_each(%s)"}},
    {"is_among", {"= ANY (ARRAY", "IN "}},
    {"end", {")", ""}},
    {NULL, {NULL, NULL}},
};

/* uidnext, modseq, exists, 1: all flags were read, account, name, uidvalidity, claim */
static const gt_sql_t place_folder = {
    "place mail folder",
    "UPDATE {mail_folders} SET uidnext = %lld, highestmodseq = %lld, messages = %lld, "
    "scanned_at = CASE WHEN CAST(%lld AS BIGINT) = 1 THEN {clock} ELSE scanned_at END, "
    "synced_at = {clock} WHERE account_id = %lld AND name = %s AND uidvalidity = %lld "
    "AND " CLAIMED,
    NULL};

/* account, name, use, uidvalidity, modseq, claim */
static const gt_sql_t begin_folder = {
    "begin mail folder",
    "INSERT INTO {mail_folders} AS kept (account_id, name, special_use, uidvalidity, "
    "highestmodseq, synced_at) SELECT CAST(%lld AS BIGINT), %s, %s, CAST(%lld AS BIGINT), "
    "CAST(%lld AS BIGINT), {clock} WHERE " CLAIMED
    " ON CONFLICT (account_id, name) DO UPDATE SET special_use = excluded.special_use, "
    "uidvalidity = excluded.uidvalidity, uidnext = 1, highestmodseq = excluded.highestmodseq, "
    "messages = -1, scanned_at = 0, synced_at = excluded.synced_at",
    NULL};

/* account, folder, uidvalidity, rows. One that is there was written by a round which ended before
 * the place moved on; its flags may be others by now. */
static const gt_sql_t add_messages = {
    "add mail messages",
    "INSERT INTO {mail_messages} AS kept (account_id, folder, uidvalidity, uid, flags, is_seen, "
    "internal_date, size, sent_at, message_id, has_attachments, is_cut, is_sealed, subject, "
    "addresses, text, fields) SELECT CAST(%lld AS BIGINT), %s, CAST(%lld AS BIGINT), uid, flags, "
    "seen, internal_date, size, sent_at, message_id, attached, cut, sealed, subject, addresses, "
    "body, fields FROM ({fresh}) AS fresh WHERE true "
    "ON CONFLICT (account_id, folder, uidvalidity, uid) DO UPDATE SET flags = excluded.flags, "
    "is_seen = excluded.is_seen WHERE kept.flags <> excluded.flags",
    words};

/* rows, account, folder, uidvalidity */
static const gt_sql_t flag_messages = {
    "flag mail messages",
    "UPDATE {mail_messages} SET flags = flagged.flags, is_seen = flagged.seen FROM ({flagged}) AS "
    "flagged WHERE account_id = %lld AND folder = %s AND uidvalidity = %lld AND "
    "mail_messages.uid = flagged.uid AND mail_messages.flags <> flagged.flags",
    words};

/* ranges, account, folder, uidvalidity, how many */
static const gt_sql_t remove_messages = {
    "remove mail messages",
    "DELETE FROM {mail_messages} WHERE id {is_among}(SELECT kept.id FROM ({ranges}) AS gone "
    "JOIN {mail_messages} AS kept ON kept.uid BETWEEN gone.first_uid AND gone.last_uid "
    "WHERE kept.account_id = %lld AND kept.folder = %s AND kept.uidvalidity = %lld LIMIT "
    "%lld){end}",
    by_id_words};

/* account, folder, uidvalidity, account, claim, how many */
static const gt_sql_t drop_messages = {"drop mail messages",
                                       DROP_SOME("uidvalidity <> %lld AND " CLAIMED), by_id_words};

/* account, folder, account, how many */
static const gt_sql_t drop_orphans = {"drop mail messages of none", DROP_SOME(GONE), by_id_words};

/* account, name, account, claim */
static const gt_sql_t drop_folder = {"drop mail folder", DROP_FOLDER CLAIMED, NULL};

/* account, name, account */
static const gt_sql_t drop_orphan = {"drop mail folder of none", DROP_FOLDER GONE, NULL};

/* seconds, how many */
static const gt_sql_t drop_old = {
    "drop old mail messages",
    "DELETE FROM {mail_messages} WHERE id {is_among}(SELECT id FROM {mail_messages} "
    "WHERE internal_date < {now} - %lld ORDER BY internal_date LIMIT %lld {skip}){end}",
    by_id_words};

/* → account, name; a folder whose account is gone */
static const gt_sql_t find_orphan = {
    "find mail folder of none",
    "SELECT account_id, name FROM {mail_folders} AS folder WHERE NOT EXISTS (SELECT 1 FROM "
    "{mail_accounts} AS account WHERE account.id = folder.account_id) LIMIT 1",
    NULL};

/* ---- rows as JSON ---- */

static apr_int64_t seconds(apr_time_t t)
{
    return t / APR_USEC_PER_SEC;
}

/* A text as its column has it: sealed, or in clear. */
static gt_err_t *write_text(gt_json_writer_t *rows, const char *member, const char *column,
                            const char *text, gt_mail_seal_t *seal)
{
    const char *sealed;

    gt_json_key(rows, member);
    if (text == NULL || !seal->store->conf->mail_seal) {
        gt_json_write(rows, text);
        return GT_OK;
    }
    GT_TRY(gt_mail_seal(&sealed, seal, column, text));
    gt_json_write_plain(rows, sealed);
    return GT_OK;
}

static void write_number(gt_json_writer_t *rows, const char *member, apr_int64_t number)
{
    gt_json_key(rows, member);
    gt_json_write_number(rows, number);
}

static gt_err_t *write_message(gt_json_writer_t *rows, const gt_mail_message_t *message,
                               gt_mail_seal_t *seal)
{
    seal->uid = message->uid;
    gt_json_open(rows, '{');
    write_number(rows, "uid", message->uid);
    gt_json_key(rows, "flags");
    gt_json_write(rows, message->flags);
    write_number(rows, "seen", message->is_seen);
    write_number(rows, "internal_date", seconds(message->internal_date));
    write_number(rows, "size", message->size);
    write_number(rows, "sent_at", seconds(message->sent_at));
    gt_json_key(rows, "message_id");
    gt_json_write(rows, message->message_id);
    write_number(rows, "attached", message->has_attachments != 0);
    write_number(rows, "cut", message->is_cut != 0);
    write_number(rows, "sealed", seal->store->conf->mail_seal != 0);
    GT_TRY(write_text(rows, "subject", "subject", message->subject, seal));
    GT_TRY(write_text(rows, "addresses", "addresses", message->addresses, seal));
    GT_TRY(write_text(rows, "body", "text", message->text, seal));
    GT_TRY(write_text(rows, "fields", "fields", message->fields, seal));
    gt_json_close(rows, '}');
    return GT_OK;
}

static apr_size_t length(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

/* Bytes that a row's JSON takes when its texts are sealed: base64 makes them half as long again. */
static apr_size_t room_for(const gt_mail_message_t *message)
{
    return 1024 + length(message->flags) + length(message->message_id) +
           (length(message->subject) + length(message->addresses) + length(message->text) +
            length(message->fields)) *
               3 / 2;
}

static gt_err_t *fresh_json(const char **json, const gt_mail_batch_t *batch, gt_store_t *store,
                            apr_pool_t *p)
{
    gt_mail_seal_t seal = gt_mail_seal_of(store, &batch->account->owner, batch->account->id, p);
    apr_size_t room = 16;
    gt_json_writer_t *rows;

    seal.folder = batch->folder->name;
    seal.uidvalidity = batch->folder->uidvalidity;
    for (int i = 0; i < batch->fresh->nelts; i++)
        room += room_for(&APR_ARRAY_IDX(batch->fresh, i, gt_mail_message_t));
    rows = gt_json_writer_make(room, p);
    gt_json_open(rows, '[');
    for (int i = 0; i < batch->fresh->nelts; i++)
        GT_TRY(write_message(rows, &APR_ARRAY_IDX(batch->fresh, i, gt_mail_message_t), &seal));
    gt_json_close(rows, ']');
    *json = gt_json_written(rows);
    return GT_OK;
}

static const char *flagged_json(const apr_array_header_t *flagged, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);

    for (int i = 0; i < flagged->nelts; i++) {
        const gt_mail_flags_t *one = &APR_ARRAY_IDX(flagged, i, gt_mail_flags_t);
        json_t *row = json_object();

        json_array_append_new(list, row);
        gt_json_set_number(row, "uid", one->uid);
        gt_json_set(row, "flags", one->flags);
        gt_json_set_number(row, "seen", one->is_seen);
    }
    return gt_json_dump(list, p);
}

static const char *ranges_json(const apr_array_header_t *ranges, apr_pool_t *p)
{
    json_t *list = gt_json_own(json_array(), p);

    for (int i = 0; i < ranges->nelts; i++) {
        const gt_mail_range_t *range = &APR_ARRAY_IDX(ranges, i, gt_mail_range_t);
        json_t *row = json_object();

        json_array_append_new(list, row);
        gt_json_set_number(row, "first_uid", range->from);
        gt_json_set_number(row, "last_uid", range->to);
    }
    return gt_json_dump(list, p);
}

static int has_some(const apr_array_header_t *list)
{
    assert(list == NULL || list->nelts <= GT_MAIL_BATCH);
    return list != NULL && list->nelts > 0;
}

/* ---- writing ---- */

gt_err_t *gt_mail_write(int *is_ours, gt_mail_batch_t *batch, gt_store_t *store, apr_pool_t *p)
{
    const gt_mail_account_t *account = batch->account;
    const gt_mail_folder_t *folder = batch->folder;
    gt_db_act_t acts[4] = {{&place_folder, NULL, 1, 0}};
    gt_db_acts_t all = {acts, 1};
    const char *fresh = NULL;
    int *counted[4] = {NULL};

    batch->added = batch->changed = batch->removed = 0;
    if (has_some(batch->fresh))
        GT_TRY(fresh_json(&fresh, batch, store, p));
    const gt_db_value_t id = GT_NUM(account->id), name = GT_TEXT(folder->name);
    const gt_db_value_t validity = GT_NUM(folder->uidvalidity), most = GT_NUM(GT_MAIL_BATCH);
    const gt_db_value_t place[] = {GT_NUM(folder->uidnext),
                                   GT_NUM(folder->modseq),
                                   GT_NUM(folder->exists),
                                   GT_NUM(batch->is_scanned),
                                   id,
                                   name,
                                   validity,
                                   id,
                                   GT_TEXT(account->claim)};
    const gt_db_value_t add[] = {id, name, validity, GT_TEXT(fresh)};
    const gt_db_value_t flag[] = {
        GT_TEXT(has_some(batch->flagged) ? flagged_json(batch->flagged, p) : NULL), id, name,
        validity};
    const gt_db_value_t gone[] = {
        GT_TEXT(has_some(batch->gone) ? ranges_json(batch->gone, p) : NULL), id, name, validity,
        most};

    acts[0].args = place;
    if (fresh != NULL) {
        counted[all.count] = &batch->added;
        acts[all.count++] = (gt_db_act_t){&add_messages, add, 0, 0};
    }
    if (has_some(batch->flagged)) {
        counted[all.count] = &batch->changed;
        acts[all.count++] = (gt_db_act_t){&flag_messages, flag, 0, 0};
    }
    if (has_some(batch->gone)) {
        counted[all.count] = &batch->removed;
        acts[all.count++] = (gt_db_act_t){&remove_messages, gone, 0, 0};
    }
    GT_TRY(gt_db_together(is_ours, store->db, &store->names, &all, p));
    for (int i = 1; *is_ours && i < all.count; i++)
        *counted[i] = acts[i].changed;
    return GT_OK;
}

gt_err_t *gt_mail_folder_begin(int *is_ours, gt_store_t *store, const gt_mail_account_t *account,
                               const gt_mail_folder_t *folder, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(account->id),    GT_TEXT(folder->name),
                                  GT_TEXT(folder->use),   GT_NUM(folder->uidvalidity),
                                  GT_NUM(folder->modseq), GT_NUM(account->id),
                                  GT_TEXT(account->claim)};

    return gt_db_change(is_ours, store->db, &begin_folder, &store->names, args, p);
}

gt_err_t *gt_mail_drop(int *dropped, gt_store_t *store, const gt_mail_account_t *account,
                       const char *folder, apr_int64_t but, apr_pool_t *p)
{
    const gt_db_value_t args[] = {
        GT_NUM(account->id), GT_TEXT(folder),         GT_NUM(but),
        GT_NUM(account->id), GT_TEXT(account->claim), GT_NUM(GT_MAIL_BATCH)};

    return gt_db_change(dropped, store->db, &drop_messages, &store->names, args, p);
}

gt_err_t *gt_mail_folder_drop(gt_store_t *store, const gt_mail_account_t *account,
                              const char *folder, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(account->id), GT_TEXT(folder), GT_NUM(account->id),
                                  GT_TEXT(account->claim)};

    return gt_db_change(NULL, store->db, &drop_folder, &store->names, args, p);
}

/* ---- tidying ---- */

static gt_err_t *tidy_old(apr_int64_t *dropped, int *more, gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(apr_time_sec(store->conf->mail_keep)),
                                  GT_NUM(GT_MAIL_BATCH)};
    int n;

    if (store->conf->mail_keep == 0)
        return GT_OK;
    GT_TRY(gt_db_change(&n, store->db, &drop_old, &store->names, args, p));
    *dropped += n;
    *more |= n == GT_MAIL_BATCH;
    return GT_OK;
}

static gt_err_t *drop_some_of(int *dropped, gt_store_t *store, apr_int64_t account,
                              const char *folder, apr_pool_t *p)
{
    const gt_db_value_t account_id = GT_NUM(account);
    const gt_db_value_t some[] = {account_id, GT_TEXT(folder), account_id, GT_NUM(GT_MAIL_BATCH)};
    const gt_db_value_t all[] = {account_id, GT_TEXT(folder), account_id};

    GT_TRY(gt_db_change(dropped, store->db, &drop_orphans, &store->names, some, p));
    return *dropped < GT_MAIL_BATCH
               ? gt_db_change(NULL, store->db, &drop_orphan, &store->names, all, p)
               : GT_OK;
}

static gt_err_t *tidy_orphan(apr_int64_t *dropped, int *more, gt_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *rows;
    const gt_db_row_t *row;
    apr_int64_t account;
    int n;

    GT_TRY(gt_db_rows(&rows, store->db, &find_orphan, &store->names, NULL, p));
    if (rows->nelts == 0)
        return GT_OK;
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    if (!gt_number(&account, row->column[0], 1, INT64_MAX) || row->column[1] == NULL)
        return gt_mail_damaged("of a folder", p);
    GT_TRY(drop_some_of(&n, store, account, row->column[1], p));
    *dropped += n;
    *more = 1;
    return GT_OK;
}

gt_err_t *gt_mail_tidy(apr_int64_t *dropped, int *more, gt_store_t *store, apr_pool_t *p)
{
    *more = 0;
    GT_TRY(tidy_old(dropped, more, store, p));
    return tidy_orphan(dropped, more, store, p);
}

const gt_sql_t *const gt_mail_message_sql[] = {
    &place_folder, &begin_folder, &add_messages, &flag_messages, &remove_messages, &drop_messages,
    &drop_orphans, &drop_folder,  &drop_orphan,  &drop_old,      &find_orphan,     NULL};
