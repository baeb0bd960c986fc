/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Mail accounts as administrators and sign-ins change them. Statements for one account and for all
 * are the same: of a range of ids.
 */

#include "store/mail_account.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/mail_rows.h"
#include "store/row.h"
#include "store/statements.h"

#define IDS "mail_accounts.id BETWEEN %lld AND %lld"

/* owner, address → id */
static const gt_sql_t find_again = {
    "find mail account again",
    "UPDATE {mail_accounts} SET due_at = {clock}, failures = 0, updated_at = {clock} "
    "WHERE {owner} AND lower(email_address) = lower(%s) RETURNING id",
    NULL};

/* owner, address: however its letters are written */
static const gt_sql_t find_address = {
    "find mail account by address",
    "SELECT id FROM {mail_accounts} WHERE {owner} AND lower(email_address) = lower(%s)", NULL};

/* owner, address, server, port, security twice, method twice, folders, push → id */
static const gt_sql_t add_account = {
    "add mail account",
    "INSERT INTO {mail_accounts} ({user}, provider, email_address, incoming_server, "
    "incoming_port, incoming_security, outgoing_server, outgoing_port, outgoing_security, "
    "incoming_auth_method, made_for, folders, push, due_at, created_at, updated_at) "
    "VALUES ({user_arg}, %s, %s, %s, %lld, %s, %s, %lld, %s, %s, %s, %s, {is_one}, {clock}, "
    "{clock}, {clock}) ON CONFLICT ({user}, provider, email_address) DO NOTHING RETURNING id",
    gt_mail_words};

/* after, how many */
static const gt_sql_t list_accounts = {
    "list mail accounts",
    "SELECT {account} FROM {mail_accounts} WHERE mail_accounts.id > %lld "
    "ORDER BY mail_accounts.id LIMIT %lld",
    gt_mail_words};

/* user, after, how many */
static const gt_sql_t list_of_user = {
    "list mail accounts of user",
    "SELECT {account} FROM {mail_accounts} WHERE mail_accounts.{user} = {user_arg} "
    "AND mail_accounts.id > %lld ORDER BY mail_accounts.id LIMIT %lld",
    gt_mail_words};

/* id */
static const gt_sql_t find_account = {
    "find mail account", "SELECT {account} FROM {mail_accounts} WHERE mail_accounts.id = %lld",
    gt_mail_words};

/* ids */
static const gt_sql_t by_password = {
    "mail accounts by password",
    "UPDATE {mail_accounts} SET incoming_auth_method = 'password', "
    "updated_at = {clock} WHERE " IDS " AND incoming_auth_method <> 'password'",
    NULL};

/* ids, 1 for one that was made with a password, too */
static const gt_sql_t by_token = {
    "mail accounts by token",
    "UPDATE {mail_accounts} SET incoming_auth_method = 'xoauth2', due_at = {clock}, "
    "failures = 0, updated_at = {clock} WHERE " IDS " AND incoming_auth_method = 'password' "
    "AND (made_for <> 'password' OR CAST(%lld AS BIGINT) = 1)",
    NULL};

/* 1 for on, ids, 1 for on */
static const gt_sql_t switch_sync = {
    "switch mail accounts",
    "UPDATE {mail_accounts} SET sync_enabled = {is_one}, due_at = {clock}, "
    "failures = 0, updated_at = {clock} WHERE " IDS " AND sync_enabled <> {is_one}",
    gt_mail_words};

/* ids */
static const gt_sql_t make_due = {
    "make mail accounts due",
    "UPDATE {mail_accounts} SET due_at = {clock}, failures = 0 WHERE " IDS " AND sync_enabled",
    NULL};

/* password, id */
static const gt_sql_t set_password = {
    "set password of mail account",
    "UPDATE {mail_accounts} SET password_encrypted = %s, due_at = {clock}, failures = 0, "
    "updated_at = {clock} WHERE id = %lld",
    NULL};

/* host, port, security twice, id */
static const gt_sql_t set_servers = {
    "set servers of mail account",
    "UPDATE {mail_accounts} SET incoming_server = %s, incoming_port = %lld, "
    "incoming_security = %s, outgoing_server = %s, outgoing_port = %lld, outgoing_security = %s, "
    "due_at = {clock}, failures = 0, updated_at = {clock} WHERE id = %lld",
    NULL};

/* id */
static const gt_sql_t delete_account = {"delete mail account",
                                        "DELETE FROM {mail_accounts} WHERE id = %lld", NULL};

static gt_db_value_t first_of(apr_int64_t id)
{
    return GT_NUM(id == GT_MAIL_ALL ? 1 : id);
}

static gt_db_value_t last_of(apr_int64_t id)
{
    return GT_NUM(id == GT_MAIL_ALL ? INT64_MAX : id);
}

static gt_db_value_t port_of(const gt_mail_server_t *server)
{
    return server->host != NULL ? GT_NUM(server->port) : GT_TEXT(NULL);
}

static const char *security_of(const gt_mail_server_t *server)
{
    return server->is_starttls ? "starttls" : "tls";
}

/* The first row's id; 0: there is no row. */
static gt_err_t *read_id(apr_int64_t *id, const apr_array_header_t *rows, apr_pool_t *p)
{
    *id = 0;
    if (rows->nelts > 0 &&
        !gt_number(id, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 1, INT64_MAX))
        return gt_mail_damaged(NULL, p);
    return GT_OK;
}

static gt_err_t *find(gt_mail_account_t *account, gt_store_t *store, const gt_owner_t *owner,
                      apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider),
                                  GT_TEXT(account->address)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &find_again, &store->names, args, p));
    return read_id(&account->id, rows, p);
}

/* Its id is 0 when there is one already. */
static gt_err_t *insert(gt_mail_account_t *account, gt_store_t *store, const gt_owner_t *owner,
                        apr_pool_t *p)
{
    const char *method = account->by_password ? "password" : "xoauth2";
    const gt_db_value_t args[] = {GT_TEXT(owner->user),
                                  GT_TEXT(owner->provider),
                                  GT_TEXT(account->address),
                                  GT_TEXT(account->incoming.host),
                                  port_of(&account->incoming),
                                  GT_TEXT(security_of(&account->incoming)),
                                  GT_TEXT(account->outgoing.host),
                                  port_of(&account->outgoing),
                                  GT_TEXT(security_of(&account->outgoing)),
                                  GT_TEXT(method),
                                  GT_TEXT(method),
                                  GT_TEXT(account->folders),
                                  GT_NUM(account->push)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, &add_account, &store->names, args, p));
    return read_id(&account->id, rows, p);
}

gt_err_t *gt_mail_account_put(int *is_new, gt_mail_account_t *account, gt_store_t *store,
                              apr_pool_t *p)
{
    gt_owner_t owner;

    *is_new = 0;
    GT_TRY(gt_mail_demand(store, p));
    GT_TRY(gt_store_owner(&owner, store, &account->owner, p));
    GT_TRY(find(account, store, &owner, p));
    if (account->id != 0)
        return GT_OK;
    GT_TRY(insert(account, store, &owner, p));
    *is_new = account->id != 0;
    return *is_new ? GT_OK : find(account, store, &owner, p);
}

gt_err_t *gt_mail_account_add(gt_mail_account_t *account, gt_store_t *store,
                              const gt_secret_t *password, apr_pool_t *p)
{
    apr_array_header_t *rows;
    gt_owner_t owner;

    GT_TRY(gt_mail_demand(store, p));
    GT_TRY(gt_store_owner(&owner, store, &account->owner, p));
    const gt_db_value_t args[] = {GT_TEXT(owner.user), GT_TEXT(owner.provider),
                                  GT_TEXT(account->address)};

    /* Providers of mail tell no two mailboxes apart by the case of letters. */
    GT_TRY(gt_db_rows(&rows, store->db, &find_address, &store->names, args, p));
    account->id = 0;
    if (rows->nelts == 0)
        GT_TRY(insert(account, store, &owner, p));
    if (account->id == 0)
        return gt_err(p, GT_CONFLICT, "GT0498", "user %s has an account of %s with the address %s",
                      owner.user, owner.provider, account->address);
    return password == NULL ? GT_OK : gt_mail_account_set_password(store, account, password, p);
}

gt_err_t *gt_mail_account_list(apr_array_header_t **accounts, gt_store_t *store, const char *user,
                               apr_int64_t after, int most, apr_pool_t *p)
{
    const gt_db_value_t all[] = {GT_NUM(after), GT_NUM(most)};
    apr_array_header_t *rows;
    gt_owner_t owner = {user, ""};

    GT_TRY(gt_mail_demand(store, p));
    if (user != NULL)
        GT_TRY(gt_store_owner(&owner, store, &owner, p));
    const gt_db_value_t of_user[] = {GT_TEXT(owner.user), GT_NUM(after), GT_NUM(most)};

    GT_TRY(gt_db_rows(&rows, store->db, user != NULL ? &list_of_user : &list_accounts,
                      &store->names, user != NULL ? of_user : all, p));
    return gt_mail_rows_read(accounts, rows, p);
}

gt_err_t *gt_mail_account_get(gt_mail_account_t **account, gt_store_t *store, apr_int64_t id,
                              const char *user, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(id)};
    apr_array_header_t *rows;
    gt_owner_t owner = {user, ""};

    *account = NULL;
    GT_TRY(gt_mail_demand(store, p));
    if (user != NULL)
        GT_TRY(gt_store_owner(&owner, store, &owner, p));
    GT_TRY(gt_db_rows(&rows, store->db, &find_account, &store->names, args, p));
    if (rows->nelts == 0)
        return GT_OK;
    *account = apr_palloc(p, sizeof(**account));
    GT_TRY(gt_mail_row_read(*account, &APR_ARRAY_IDX(rows, 0, gt_db_row_t), p));
    if (user != NULL && strcmp(owner.user, (*account)->owner.user) != 0)
        *account = NULL;
    return GT_OK;
}

gt_err_t *gt_mail_account_auth(int *changed, gt_store_t *store, apr_int64_t id, int by_a_password,
                               apr_pool_t *p)
{
    const gt_db_value_t args[] = {first_of(id), last_of(id), GT_NUM(id != GT_MAIL_ALL)};

    GT_TRY(gt_mail_demand(store, p));
    return gt_db_change(changed, store->db, by_a_password ? &by_password : &by_token, &store->names,
                        args, p);
}

gt_err_t *gt_mail_account_sync(int *changed, gt_store_t *store, apr_int64_t id, int on,
                               apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(on != 0), first_of(id), last_of(id), GT_NUM(on != 0)};

    GT_TRY(gt_mail_demand(store, p));
    return gt_db_change(changed, store->db, &switch_sync, &store->names, args, p);
}

gt_err_t *gt_mail_account_due(int *changed, gt_store_t *store, apr_int64_t id, apr_pool_t *p)
{
    const gt_db_value_t args[] = {first_of(id), last_of(id)};

    GT_TRY(gt_mail_demand(store, p));
    return gt_db_change(changed, store->db, &make_due, &store->names, args, p);
}

/* The address is bound in: a value that is moved to another account does not open there. */
static gt_place_t place_of(const gt_store_t *store, const gt_ids_t *ids, const gt_owner_t *owner,
                           const char *address)
{
    gt_place_t place = gt_store_place(store, ids, GT_MAIL_PASSWORD_COLUMN, owner);

    place.resource = address;
    return place;
}

gt_err_t *gt_mail_account_set_password(gt_store_t *store, const gt_mail_account_t *account,
                                       const gt_secret_t *password, apr_pool_t *p)
{
    const char *sealed = NULL;
    gt_owner_t owner;
    gt_place_t place;
    gt_ids_t ids;
    int changed;

    GT_TRY(gt_mail_demand(store, p));
    GT_TRY(gt_store_owner(&owner, store, &account->owner, p));
    GT_TRY(gt_store_has_keys(store, p));
    gt_store_ids(&ids, store, p);
    place = place_of(store, &ids, &owner, account->address);
    if (password != NULL)
        GT_TRY(gt_seal(&sealed, store->ring, GT_KEY_REFRESH, store->conf->cipher, &place, password,
                       p));
    const gt_db_value_t args[] = {GT_TEXT(sealed), GT_NUM(account->id)};

    GT_TRY(gt_db_change(&changed, store->db, &set_password, &store->names, args, p));
    if (changed > 0)
        return GT_OK;
    return gt_err(p, GT_NOT_FOUND, "GT0499", "there is no mail account %" APR_INT64_T_FMT,
                  account->id);
}

gt_err_t *gt_mail_account_password(gt_secret_t **password, const gt_mail_account_t *account,
                                   gt_store_t *store, apr_pool_t *p)
{
    const gt_sealed_value_t value = {account->password != NULL ? account->password : "",
                                     GT_MAIL_PASSWORD_COLUMN, account->address, &account->owner};
    gt_ids_t ids;

    gt_store_ids(&ids, store, p);
    return gt_row_unseal(password, &value, &ids, store, p);
}

gt_err_t *gt_mail_account_set_servers(int *changed, gt_store_t *store,
                                      const gt_mail_account_t *account, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(account->incoming.host),
                                  port_of(&account->incoming),
                                  GT_TEXT(security_of(&account->incoming)),
                                  GT_TEXT(account->outgoing.host),
                                  port_of(&account->outgoing),
                                  GT_TEXT(security_of(&account->outgoing)),
                                  GT_NUM(account->id)};

    GT_TRY(gt_mail_demand(store, p));
    return gt_db_change(changed, store->db, &set_servers, &store->names, args, p);
}

gt_err_t *gt_mail_account_delete(int *changed, gt_store_t *store, apr_int64_t id, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(id)};

    GT_TRY(gt_mail_demand(store, p));
    return gt_db_change(changed, store->db, &delete_account, &store->names, args, p);
}

gt_mail_account_t *gt_mail_account_dup(const gt_mail_account_t *account, apr_pool_t *p)
{
    gt_mail_account_t *made = apr_pmemdup(p, account, sizeof(*made));

    made->owner = gt_owner_dup(&account->owner, p);
    made->address = apr_pstrdup(p, account->address);
    made->incoming.host = apr_pstrdup(p, account->incoming.host);
    made->outgoing.host = apr_pstrdup(p, account->outgoing.host);
    made->password = apr_pstrdup(p, account->password);
    made->folders = apr_pstrdup(p, account->folders);
    made->last_error = apr_pstrdup(p, account->last_error);
    made->claim = apr_pstrdup(p, account->claim);
    return made;
}

const gt_sql_t *const gt_mail_account_sql[] = {
    &find_address, &set_servers,  &find_again,     &add_account, &list_accounts,
    &list_of_user, &find_account, &by_password,    &by_token,    &switch_sync,
    &make_due,     &set_password, &delete_account, NULL};
