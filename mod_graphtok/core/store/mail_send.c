/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_send.c The primary key makes one of two requests with the same key the first. */

#include "store/mail_send.h"

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/mail_rows.h"
#include "store/row.h"
#include "store/statements.h"

#define DIGEST_COLUMN "request_digest"
#define BATCH 1000

/* owner, key, digest, message id, holder, seconds */
static const gt_sql_t begin_send = {
    "begin mail",
    "INSERT INTO {mail_sends} ({user}, provider, idempotency_key, request_digest, message_id, "
    "holder, state, began_at, ends_at) VALUES ({user_arg}, %s, %s, %s, %s, %s, 'sending', {clock}, "
    "{clock} + %lld) ON CONFLICT ({user}, provider, idempotency_key) DO NOTHING",
    NULL};

/* owner, key */
static const gt_sql_t find_send = {
    "find mail",
    "SELECT request_digest, message_id, state, status, holder, CASE WHEN ends_at < {clock} THEN 1 "
    "ELSE 0 END FROM {mail_sends} WHERE {owner} AND idempotency_key = %s",
    NULL};

/* holder, seconds, owner, key */
static const gt_sql_t send_again = {
    "begin mail again",
    "UPDATE {mail_sends} SET state = 'sending', holder = %s, ends_at = {clock} + %lld "
    "WHERE {owner} AND idempotency_key = %s AND state = 'temporary'",
    NULL};

/* holder, seconds, owner, key, holder before */
static const gt_sql_t take_over = {
    "take over mail",
    "UPDATE {mail_sends} SET holder = %s, ends_at = {clock} + %lld WHERE {owner} "
    "AND idempotency_key = %s AND holder = %s AND state = 'sending'",
    NULL};

/* state, status, owner, key, holder */
static const gt_sql_t end_send = {
    "end mail",
    "UPDATE {mail_sends} SET state = %s, status = %lld WHERE {owner} AND idempotency_key = %s "
    "AND holder = %s AND state = 'sending'",
    NULL};

/* how many */
static const gt_sql_t purge_sends = {
    "purge mails",
    "DELETE FROM {mail_sends} WHERE ({user}, provider, idempotency_key) IN (SELECT {user}, "
    "provider, idempotency_key FROM {mail_sends} WHERE began_at < {now} - 86400 "
    "ORDER BY began_at LIMIT %lld {skip})",
    NULL};

static const char *const states[GT_SEND_STATES] = {"sending", "sent", "refused", "temporary",
                                                   "unknown"};

const char *gt_send_state_text(gt_send_state_t state)
{
    return states[state];
}

/* A state that is none of ours is a newer version's: no one knows. */
static gt_send_state_t state_of(const char *text)
{
    for (int i = 0; i < GT_SEND_STATES; i++)
        if (text != NULL && strcmp(states[i], text) == 0)
            return (gt_send_state_t)i;
    return GT_SEND_UNKNOWN;
}

/* The key is bound in: a digest that is moved to another key does not open there. */
static gt_place_t place_of(const gt_send_t *send, const gt_store_t *store, const gt_ids_t *ids)
{
    gt_place_t place = gt_store_place(store, ids, DIGEST_COLUMN, &send->owner);

    place.resource = send->key;
    return place;
}

static gt_err_t *insert(int *begun, const gt_send_t *send, gt_store_t *store,
                        apr_interval_time_t span, apr_pool_t *p)
{
    gt_secret_t *digest = gt_secret_make(send->digest, sizeof(send->digest), p);
    const char *sealed;
    gt_place_t place;
    gt_ids_t ids;

    GT_TRY(gt_store_has_keys(store, p));
    gt_store_ids(&ids, store, p);
    place = place_of(send, store, &ids);
    GT_TRY(gt_seal(&sealed, store->ring, GT_KEY_PERSONAL, store->conf->cipher, &place, digest, p));
    const gt_db_value_t args[] = {GT_TEXT(send->owner.user), GT_TEXT(send->owner.provider),
                                  GT_TEXT(send->key),        GT_TEXT(sealed),
                                  GT_TEXT(send->message_id), GT_TEXT(send->holder),
                                  GT_NUM(apr_time_sec(span))};

    return gt_db_change(begun, store->db, &begin_send, &store->names, args, p);
}

static gt_err_t *read_row(gt_send_t *send, const gt_db_row_t *row, gt_store_t *store, apr_pool_t *p)
{
    const char *sealed = row->column[0];
    apr_int64_t status = 0;
    gt_secret_t *digest;
    gt_place_t place;
    gt_ids_t ids;
    gt_err_t *err;

    gt_store_ids(&ids, store, p);
    place = place_of(send, store, &ids);
    err = gt_unseal(&digest, store->ring, GT_KEY_PERSONAL, &place, sealed != NULL ? sealed : "", p);
    /* Rows live for a day and are not sealed anew. One whose key was retired meanwhile still says
     * how its mail ended, and so that it is not sent again. */
    if (err != GT_OK && err->cls != GT_DAMAGED)
        return err;
    send->is_other =
        err == GT_OK &&
        !gt_secret_equal(digest, gt_secret_make(send->digest, sizeof(send->digest), p));
    send->message_id = row->column[1];
    send->state = state_of(row->column[2]);
    send->status = gt_number(&status, row->column[3], 0, 599) ? (int)status : 0;
    send->holder = row->column[4] != NULL ? row->column[4] : "";
    send->is_over = strcmp(row->column[5], "1") == 0;
    return GT_OK;
}

/* Of several that repeat it at a time one is the first here, too. */
static gt_err_t *take_again(int *begun, gt_send_t *send, const char *holder, gt_store_t *store,
                            apr_interval_time_t span, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(holder), GT_NUM(apr_time_sec(span)),
                                  GT_TEXT(send->owner.user), GT_TEXT(send->owner.provider),
                                  GT_TEXT(send->key)};

    GT_TRY(gt_db_change(begun, store->db, &send_again, &store->names, args, p));
    send->state = GT_SEND_SENDING;
    if (*begun)
        send->holder = holder;
    return GT_OK;
}

gt_err_t *gt_send_begin(int *begun, gt_send_t *send, gt_store_t *store, apr_interval_time_t span,
                        apr_pool_t *p)
{
    const char *holder = send->holder;
    apr_array_header_t *rows;

    GT_TRY(gt_mail_demand(store, p));
    GT_TRY(gt_store_owner(&send->owner, store, &send->owner, p));
    GT_TRY(insert(begun, send, store, span, p));
    if (*begun)
        return GT_OK;
    const gt_db_value_t args[] = {GT_TEXT(send->owner.user), GT_TEXT(send->owner.provider),
                                  GT_TEXT(send->key)};

    GT_TRY(gt_db_rows(&rows, store->db, &find_send, &store->names, args, p));
    /* It was dropped for its age between the two. */
    if (rows->nelts == 0)
        return insert(begun, send, store, span, p);
    GT_TRY(read_row(send, &APR_ARRAY_IDX(rows, 0, gt_db_row_t), store, p));
    if (send->state != GT_SEND_TEMPORARY || send->is_other)
        return GT_OK;
    return take_again(begun, send, holder, store, span, p);
}

gt_err_t *gt_send_take_over(int *taken, gt_send_t *send, const char *holder, gt_store_t *store,
                            apr_interval_time_t span, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(holder),           GT_NUM(apr_time_sec(span)),
                                  GT_TEXT(send->owner.user), GT_TEXT(send->owner.provider),
                                  GT_TEXT(send->key),        GT_TEXT(send->holder)};

    GT_TRY(gt_db_change(taken, store->db, &take_over, &store->names, args, p));
    if (*taken)
        send->holder = holder;
    return GT_OK;
}

gt_err_t *gt_send_end(gt_store_t *store, const gt_send_t *send, gt_send_state_t state, int status,
                      apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(states[state]),    GT_NUM(status),
                                  GT_TEXT(send->owner.user), GT_TEXT(send->owner.provider),
                                  GT_TEXT(send->key),        GT_TEXT(send->holder)};

    return gt_db_change(NULL, store->db, &end_send, &store->names, args, p);
}

gt_err_t *gt_send_purge(int *more, gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(BATCH)};
    int changed;

    *more = 0;
    if (!gt_mail_is_kept(store, p))
        return GT_OK;
    GT_TRY(gt_db_change(&changed, store->db, &purge_sends, &store->names, args, p));
    *more = changed == BATCH;
    return GT_OK;
}

const gt_sql_t *const gt_mail_send_sql[] = {&begin_send, &find_send,   &send_again, &take_over,
                                            &end_send,   &purge_sends, NULL};
