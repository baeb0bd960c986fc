/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any bytes as texts that come back to us from a database, a file or a browser: entries of the
 * journal, rows of grants and of mail accounts (a column each line), filters of jobs, cursors,
 * state cookies, keyrings that are edited. What was sealed opens only as it was sealed, and the
 * rest is refused as what it is.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/bulk.h"
#include "admin/cursor.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/key_set.h"
#include "crypt/keytext.h"
#include "oauth/login.h"
#include "store/mail_rows.h"
#include "store/row.h"
#include "vault/journal_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char keys[] = "k1 any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

static void need(int holds)
{
    if (!holds)
        abort();
}

static int is_class(const gt_err_t *err, gt_class_t wanted)
{
    return err == GT_OK || err->cls == wanted;
}

static void try_entry(const char *text, const gt_keyring_t *ring, apr_pool_t *p)
{
    gt_entry_t entry = {.name = "name"};
    gt_err_t *err = gt_entry_parse(&entry, text, p);

    need(is_class(err, GT_DAMAGED));
    if (err != GT_OK)
        return;
    need(entry.sealed != NULL && entry.key.grant.owner.user != NULL && entry.database != NULL);
    err = gt_entry_open(&entry, ring, p);
    need(is_class(err, GT_DAMAGED));
    need(err != GT_OK || entry.tokens.access != NULL || entry.tokens.refresh != NULL);
}

/* A column for each line; \N: NULL. Rows have as many as the statement asks for. */
static gt_db_row_t row_of(const char *text, int columns, apr_pool_t *p)
{
    gt_db_row_t row = {apr_pcalloc(p, (apr_size_t)columns * sizeof(char *)), columns};
    char *rest = apr_pstrdup(p, text);

    for (int i = 0; i < columns && rest != NULL; i++) {
        char *end = strchr(rest, '\n');

        if (end != NULL)
            *end = '\0';
        row.column[i] = strcmp(rest, "\\N") != 0 ? rest : NULL;
        rest = end != NULL ? end + 1 : NULL;
    }
    return row;
}

static void try_rows(const char *text, apr_pool_t *p)
{
#define ONE(name, column) +1
    const int columns = GT_ROW_COLUMNS(ONE, ONE);
#undef ONE
    gt_db_row_t row = row_of(text, columns, p);
    gt_mail_account_t account;
    gt_raw_t *raw;
    gt_err_t *err = gt_row_read(&raw, &row, NULL, p);

    need(is_class(err, GT_DAMAGED));
    if (err == GT_OK)
        need(raw->access != NULL && raw->refresh != NULL && raw->grant.error_count >= 0);
    for (int i = 15; i < 32; i++) {
        row = row_of(text, i, p);
        err = gt_mail_row_read(&account, &row, p);
        need(is_class(err, GT_DAMAGED));
        if (err == GT_OK)
            need(account.address != NULL && account.failures >= 0);
    }
}

static void try_admin(const char *text, apr_pool_t *p)
{
    gt_pick_t pick = gt_pick_all();
    gt_grant_filter_t filter = {.status = -1, .within = -1};
    gt_grant_place_t place;
    gt_err_t *err = gt_bulk_filter_read(&filter, text, p);

    need(is_class(err, GT_DAMAGED) && filter.within >= -1);
    if (gt_cursor_read(&place, text, &pick, p) == GT_CURSOR_OURS)
        need(*place.owner.user != '\0' && *place.owner.provider != '\0');
}

static void try_cookie(const char *text, const gt_keyring_t *ring, apr_pool_t *p)
{
    const gt_login_t expect = {.store = "main",
                               .provider = "microsoft",
                               .host = "https://app.example:443",
                               .user = "tom",
                               .return_to = "",
                               .tenant = ""};
    gt_login_t *login;

    /* Nothing was ever sealed for it with this key, so nothing opens. */
    need(gt_login_open(&login, text, text, &expect, apr_time_from_sec(600), ring, p) != GT_OK);
}

static void try_keys(const char *text, size_t len, apr_pool_t *p)
{
    const gt_secret_t *secret = gt_secret_make(text, len, p);
    gt_secret_t *rest, *line;
    gt_err_t *err = gt_keytext_take(&rest, &line, secret, "k1", p);

    need(is_class(err, GT_NOT_FOUND));
    need(err != GT_OK || gt_secret_len(rest) < len);
    (void)gt_keytext_since(secret, "k1", p);
    err = gt_keytext_line(&line, secret, NULL, NULL, p);
    need(is_class(err, GT_INVALID));
    (void)gt_key_set_parse_pem(text, len, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gt_keyring_t *ring;
    apr_pool_t *p;
    char *text;

    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data, size);
    if (gt_keyring_parse(&ring, gt_secret_from(keys, p), p) != GT_OK)
        abort();
    try_entry(text, ring, p);
    try_rows(text, p);
    try_admin(text, p);
    try_cookie(text, ring, p);
    try_keys(text, strlen(text), p);
    apr_pool_destroy(p);
    return 0;
}
