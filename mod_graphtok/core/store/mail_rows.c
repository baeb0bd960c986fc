/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_rows.c Words and columns of mail accounts, and what they mean. */

#include "store/mail_rows.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "store/ids.h"
#include "store/row.h"

/* The columns of {account}, in their order. The last one is the clock that judges the times. */
#define COLUMNS(X)                                                                                 \
    X(ID, "mail_accounts.id")                                                                      \
    X(USER, "CAST(mail_accounts.{user} AS VARCHAR)")                                               \
    X(PROVIDER, "mail_accounts.provider")                                                          \
    X(ADDRESS, "mail_accounts.email_address")                                                      \
    X(IN_SERVER, "mail_accounts.incoming_server")                                                  \
    X(IN_PORT, "coalesce(mail_accounts.incoming_port, 0)")                                         \
    X(IN_STARTTLS, "CASE WHEN mail_accounts.incoming_security = 'starttls' THEN 1 ELSE 0 END")     \
    X(OUT_SERVER, "mail_accounts.outgoing_server")                                                 \
    X(OUT_PORT, "coalesce(mail_accounts.outgoing_port, 0)")                                        \
    X(OUT_STARTTLS, "CASE WHEN mail_accounts.outgoing_security = 'starttls' THEN 1 ELSE 0 END")    \
    X(BY_PASSWORD, "CASE WHEN mail_accounts.incoming_auth_method = 'password' THEN 1 ELSE 0 END")  \
    X(PASSWORD, "mail_accounts.password_encrypted")                                                \
    X(FOLDERS, "mail_accounts.folders")                                                            \
    X(PUSH, "CASE WHEN mail_accounts.push THEN 1 ELSE 0 END")                                      \
    X(SYNC_ENABLED, "CASE WHEN mail_accounts.sync_enabled THEN 1 ELSE 0 END")                      \
    X(STATUS, "mail_accounts.sync_status")                                                         \
    X(HALT, "{halt}")                                                                              \
    X(LAST_SYNC, "coalesce(mail_accounts.last_sync_at, 0)")                                        \
    X(TRIED, "mail_accounts.tried_at")                                                             \
    X(LAST_ERROR, "mail_accounts.last_error")                                                      \
    X(FAILURES, "mail_accounts.failures")                                                          \
    X(DUE, "mail_accounts.due_at")                                                                 \
    X(CREATED, "mail_accounts.created_at")                                                         \
    X(CLAIM, "mail_accounts.claimed_by")                                                           \
    X(CLOCK, "{now}")

#define NAME(name, text) name,
enum { COLUMNS(NAME) END };
#define COMMA(name, text) ", " text
#define TEXT (&(COLUMNS(COMMA))[2])

const gt_word_t gt_mail_words[] = {
    {"account", {TEXT, NULL}},
    /* A batch of a process that stands still holds the row's key until its connection ends; that
     * is no reason to pass over the account. */
    {"unclaimed", {"FOR NO KEY UPDATE SKIP LOCKED", ""}},
    /* Numbers of gt_mail_halt_t. */
    {"halt",
     {"CASE WHEN NOT mail_accounts.sync_enabled THEN 1 WHEN mail_accounts.incoming_server IS NULL "
      "THEN 2 "
      "WHEN mail_accounts.incoming_auth_method = 'password' THEN "
      "CASE WHEN mail_accounts.password_encrypted IS NULL THEN 3 ELSE 0 END "
      "ELSE coalesce((SELECT CASE WHEN held.status = 1 THEN 0 ELSE 5 END FROM {grants} AS held "
      "WHERE held.{user} = mail_accounts.{user} AND held.provider = mail_accounts.provider), 4) "
      "END",
      NULL}},
    /* A number of ours as a truth of theirs. */
    {"is_one", {"(CAST(%lld AS BIGINT) = 1)", NULL}},
    {NULL, {NULL, NULL}},
};

static const char *const statuses[GT_MAIL_STATUSES] = {"new", "syncing", "ok", "error"};

const char *gt_mail_status_text(gt_mail_status_t status)
{
    return statuses[status];
}

const char *gt_mail_halt_text(gt_mail_halt_t halt)
{
    static const char *const texts[GT_MAIL_HALTS] = {
        NULL,
        "synchronising is switched off: graphtokctl account sync on",
        "it has no IMAP server: GraphTokIMAP of its provider, or graphtokctl account add --imap",
        "it signs in by a password and has none: graphtokctl account password, or back to OAuth by "
        "graphtokctl account oauth",
        "its user has no grant of the provider: the user must sign in",
        "its user's grant is not active: the user must sign in again"};

    return texts[halt];
}

static apr_int64_t number(const gt_db_row_t *row, int column, apr_int64_t most, int *is_damaged)
{
    apr_int64_t value = 0;

    if (!gt_number(&value, row->column[column], 0, most))
        *is_damaged = 1;
    return value;
}

/* A time of the database's clock as one of ours; 0 stays 0. */
static apr_time_t moment(const gt_db_row_t *row, int column, apr_time_t offset, int *is_damaged)
{
    apr_int64_t seconds = number(row, column, INT64_MAX / APR_USEC_PER_SEC / 2, is_damaged);

    return seconds == 0 ? 0 : apr_time_from_sec(seconds) + offset;
}

static gt_mail_server_t server_of(const gt_db_row_t *row, int column, int *is_damaged)
{
    return (gt_mail_server_t){row->column[column], (int)number(row, column + 1, 65535, is_damaged),
                              (int)number(row, column + 2, 1, is_damaged)};
}

gt_err_t *gt_mail_damaged(const char *id, apr_pool_t *p)
{
    return gt_err(p, GT_DAMAGED, "GT0494", "mail: the row %s cannot be read",
                  id != NULL ? id : "of an unknown id");
}

static int status_of(const char *text, int *is_damaged)
{
    for (int i = 0; text != NULL && i < GT_MAIL_STATUSES; i++)
        if (strcmp(text, statuses[i]) == 0)
            return i;
    *is_damaged = 1;
    return 0;
}

static void read_times(gt_mail_account_t *account, const gt_db_row_t *row, int *is_damaged)
{
    const apr_time_t clock = moment(row, CLOCK, 0, is_damaged), offset = gt_row_offset(clock);

    account->last_sync_at = moment(row, LAST_SYNC, offset, is_damaged);
    account->tried_at = moment(row, TRIED, offset, is_damaged);
    account->due_at = moment(row, DUE, offset, is_damaged);
    account->created_at = moment(row, CREATED, offset, is_damaged);
}

gt_err_t *gt_mail_row_read(gt_mail_account_t *account, const gt_db_row_t *row, apr_pool_t *p)
{
    int is_damaged = row->columns != END || row->column[USER] == NULL ||
                     row->column[PROVIDER] == NULL || row->column[ADDRESS] == NULL;

    if (!is_damaged) {
        *account = (gt_mail_account_t){
            .id = number(row, ID, INT64_MAX, &is_damaged),
            .owner = {row->column[USER], row->column[PROVIDER]},
            .address = row->column[ADDRESS],
            .incoming = server_of(row, IN_SERVER, &is_damaged),
            .outgoing = server_of(row, OUT_SERVER, &is_damaged),
            .by_password = (int)number(row, BY_PASSWORD, 1, &is_damaged),
            .password = row->column[PASSWORD],
            .folders = row->column[FOLDERS],
            .push = (int)number(row, PUSH, 1, &is_damaged),
            .sync_enabled = (int)number(row, SYNC_ENABLED, 1, &is_damaged),
            .status = (gt_mail_status_t)status_of(row->column[STATUS], &is_damaged),
            .halt = (gt_mail_halt_t)number(row, HALT, GT_MAIL_HALTS - 1, &is_damaged),
            .last_error = row->column[LAST_ERROR],
            .failures = (int)number(row, FAILURES, INT32_MAX, &is_damaged),
            .claim = row->column[CLAIM]};
        read_times(account, row, &is_damaged);
    }
    if (is_damaged)
        return gt_mail_damaged(row->columns > 0 ? row->column[0] : NULL, p);
    return GT_OK;
}

gt_err_t *gt_mail_rows_read(apr_array_header_t **accounts, const apr_array_header_t *rows,
                            apr_pool_t *p)
{
    *accounts = apr_array_make(p, rows->nelts, sizeof(gt_mail_account_t));
    for (int i = 0; i < rows->nelts; i++)
        GT_TRY(
            gt_mail_row_read(apr_array_push(*accounts), &APR_ARRAY_IDX(rows, i, gt_db_row_t), p));
    return GT_OK;
}

int gt_mail_is_kept(gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t ids;

    /* A database that does not answer is told of elsewhere. */
    if (!store->conf->mail_sync || gt_store_ids_with(&ids, GT_ADDS_MAIL, store, p) != GT_OK)
        return 0;
    if (ids.has[GT_ADDS_MAIL])
        return 1;
    if (apr_atomic_xchg32(&store->mail_is_missed, 1) == 0)
        gt_log(GT_LOG_WARNING, "GT0495",
               "store %s keeps no mail yet: its database lacks the tables: " GT_ADDITION_ADVICE,
               store->conf->name);
    return 0;
}

gt_err_t *gt_mail_has_tables(int *has, gt_ids_t *ids, gt_store_t *store, apr_pool_t *p)
{
    *has = 0;
    if (!store->conf->mail_sync)
        return GT_OK;
    GT_TRY(gt_store_ids_sure(ids, store, p));
    *has = ids->has[GT_ADDS_MAIL];
    return GT_OK;
}

gt_err_t *gt_mail_demand(gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t ids;

    if (!store->conf->mail_sync)
        return gt_err(p, GT_NOT_FOUND, "GT0496",
                      "store %s keeps no mail: GraphTokMailSync is off there", store->conf->name);
    GT_TRY(gt_store_ids_with(&ids, GT_ADDS_MAIL, store, p));
    if (ids.has[GT_ADDS_MAIL])
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0497", "store %s has no tables of mail: " GT_ADDITION_ADVICE,
                  store->conf->name);
}
