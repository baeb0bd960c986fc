/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Sealing passwords of mail accounts anew: one by one, since they are few. A password is written
 * when its seal is still the one that was read. */

#include "store/rekey_passwords.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/notice.h"
#include "base/text.h"
#include "store/mail_rows.h"
#include "store/rekey_access.h"
#include "store/statements.h"

static const gt_word_t words[] = {{"key", GT_KEY_WORD("password_encrypted")}, {NULL, {NULL, NULL}}};

/* → key id, how many passwords are on it */
static const gt_sql_t count_password_keys = {
    "count password keys",
    "SELECT {key}, count(*) FROM {mail_accounts} WHERE password_encrypted IS NOT NULL GROUP BY 1",
    words};

/* how a current seal begins: length and text → accounts */
static const gt_sql_t list_old_passwords = {
    "list old passwords",
    "SELECT {account} FROM {mail_accounts} WHERE password_encrypted IS NOT NULL "
    "AND " GT_IS_OLD("password_encrypted"),
    gt_mail_words};

/* new, id, old */
static const gt_sql_t write_password_seal = {
    "write password seal",
    "UPDATE {mail_accounts} SET password_encrypted = %s WHERE id = %lld "
    "AND password_encrypted = %s",
    NULL};

static int is_first(const gt_range_t *range)
{
    return strcmp(range->after, GT_ID_BEFORE_ALL) == 0;
}

gt_err_t *gt_rekey_password_rows(apr_array_header_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    const gt_store_t *store = range->store;
    apr_array_header_t *found;
    gt_ids_t ids;
    int has;

    GT_TRY(gt_mail_has_tables(&has, &ids, range->store, p));
    if (!has || !is_first(range))
        return GT_OK;
    GT_TRY(gt_db_rows(&found, store->db, &count_password_keys, &store->names, NULL, p));
    return gt_rekey_add(rows, found, 1, p);
}

static gt_place_t place_of(const gt_store_t *store, const gt_ids_t *ids,
                           const gt_mail_account_t *account)
{
    gt_place_t place = gt_store_place(store, ids, GT_MAIL_PASSWORD_COLUMN, &account->owner);

    place.resource = account->address;
    return place;
}

/* Those that are not on the writing key; of a store that writes Fernet all. */
static gt_err_t *list_old(apr_array_header_t **accounts, gt_ids_t *ids, gt_store_t *store,
                          apr_pool_t *p)
{
    static const gt_mail_account_t any = {.owner = {"", ""}, .address = ""};
    apr_array_header_t *rows;
    const char *text;
    gt_place_t place;
    int has;

    *accounts = apr_array_make(p, 1, sizeof(gt_mail_account_t));
    GT_TRY(gt_mail_has_tables(&has, ids, store, p));
    if (!has)
        return GT_OK;
    place = place_of(store, ids, &any);
    text = gt_seal_beginning(store->ring, GT_KEY_REFRESH, store->conf->cipher, &place, p);
    if (text == NULL)
        return gt_err(p, GT_INTERNAL, "GT0460", "no key of the keyring can write the column %s",
                      GT_MAIL_PASSWORD_COLUMN);
    const gt_db_value_t args[] = {GT_NUM(*text != '\0' ? (apr_int64_t)strlen(text) : 1),
                                  GT_TEXT(text)};

    GT_TRY(gt_db_rows(&rows, store->db, &list_old_passwords, &store->names, args, p));
    return gt_mail_rows_read(accounts, rows, p);
}

gt_err_t *gt_rekey_passwords_left(apr_int64_t *rows, const gt_range_t *range, apr_pool_t *p)
{
    apr_array_header_t *accounts;
    gt_ids_t ids;

    if (!is_first(range))
        return GT_OK;
    GT_TRY(list_old(&accounts, &ids, range->store, p));
    *rows += accounts->nelts;
    return GT_OK;
}

gt_err_t *gt_rekey_password_fernet(apr_int64_t *rows, const gt_range_t *range, const char *id,
                                   apr_pool_t *p)
{
    apr_array_header_t *accounts;
    gt_ids_t ids;

    if (!is_first(range))
        return GT_OK;
    GT_TRY(list_old(&accounts, &ids, range->store, p));
    for (int i = 0; i < accounts->nelts; i++)
        *rows += gt_rekey_opens(range->store,
                                APR_ARRAY_IDX(accounts, i, gt_mail_account_t).password, id, p);
    return GT_OK;
}

/* @param fresh  NULL: it is on the writing key already */
static gt_err_t *seal_anew(const char **fresh, const gt_mail_account_t *account,
                           const gt_ids_t *ids, const gt_store_t *store, apr_pool_t *p)
{
    const gt_place_t place = place_of(store, ids, account);
    gt_secret_t *clear;

    *fresh = NULL;
    if (gt_seal_is_current(store->ring, GT_KEY_REFRESH, store->conf->cipher, &place,
                           account->password, p))
        return GT_OK;
    GT_TRY(gt_unseal(&clear, store->ring, GT_KEY_REFRESH, &place, account->password, p));
    return gt_seal(fresh, store->ring, GT_KEY_REFRESH, store->conf->cipher, &place, clear, p);
}

static gt_err_t *write_seal(gt_rekey_t *pass, const gt_mail_account_t *account, const char *fresh,
                            apr_pool_t *p)
{
    const gt_store_t *store = pass->range.store;
    const gt_db_value_t args[] = {GT_TEXT(fresh), GT_NUM(account->id), GT_TEXT(account->password)};
    int written;

    GT_TRY(gt_db_change(&written, store->db, &write_password_seal, &store->names, args, p));
    pass->moved += written;
    pass->changed += !written;
    if (written)
        gt_notice(&(gt_notice_t){.kind = GT_NOTICE_REKEY,
                                 .store = gt_store_name(store),
                                 .user = account->owner.user,
                                 .provider = account->owner.provider});
    return GT_OK;
}

gt_err_t *gt_rekey_passwords(gt_rekey_t *pass, apr_pool_t *p)
{
    gt_store_t *store = pass->range.store;
    apr_array_header_t *accounts;
    const char *fresh;
    gt_ids_t ids;

    GT_TRY(list_old(&accounts, &ids, store, p));
    for (int i = 0; i < accounts->nelts; i++) {
        const gt_mail_account_t *account = &APR_ARRAY_IDX(accounts, i, gt_mail_account_t);
        gt_err_t *err = seal_anew(&fresh, account, &ids, store, p);

        pass->looked++;
        if (err != GT_OK && err->cls != GT_DAMAGED)
            return err;
        /* One that does not open is counted, and holds back no other. */
        if (err != GT_OK) {
            pass->stuck++;
            pass->why_stuck = gt_err_in(err, "mail account %" APR_INT64_T_FMT, account->id);
        }
        else if (fresh != NULL)
            GT_TRY(write_seal(pass, account, fresh, p));
    }
    return GT_OK;
}

const gt_sql_t *const gt_rekey_password_sql[] = {&count_password_keys, &list_old_passwords,
                                                 &write_password_seal, NULL};
