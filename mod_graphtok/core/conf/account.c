/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file account.c
 * The entries of accounts. Source of the rules: Microsoft, "OAuth 2.0 Resource Owner Password
 * Credentials", "OAuth 2.0 client credentials flow"; RFC 9700 section 2.4.
 */

#include "conf/account.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"

#define USERS_LEN (sizeof(GT_ACCOUNT_USERS) - 1)

int gt_account_is_user(const char *user)
{
    return strncmp(user, GT_ACCOUNT_USERS, USERS_LEN) == 0;
}

char *gt_account_user(const gt_account_conf_t *account, apr_pool_t *p)
{
    return apr_pstrcat(p, GT_ACCOUNT_USERS, account->name, NULL);
}

const char *gt_account_provider(const gt_config_t *config, const gt_account_conf_t *account)
{
    if (account->provider != NULL)
        return account->provider;
    return config->providers->nelts == 1
               ? APR_ARRAY_IDX(config->providers, 0, const gt_provider_conf_t *)->name
               : NULL;
}

gt_grant_key_t gt_account_key(const gt_config_t *config, const gt_account_conf_t *account,
                              apr_pool_t *p)
{
    return (gt_grant_key_t){account->store,
                            {gt_account_user(account, p), gt_account_provider(config, account)}};
}

const gt_account_conf_t *gt_account_of(const gt_config_t *config, const gt_grant_key_t *key)
{
    const gt_account_conf_t *account;
    const char *provider;

    if (key->owner.user == NULL || !gt_account_is_user(key->owner.user))
        return NULL;
    account = gt_config_account(config, key->owner.user + USERS_LEN);
    provider = account != NULL ? gt_account_provider(config, account) : NULL;
    if (provider == NULL || strcmp(provider, key->owner.provider) != 0 ||
        strcmp(account->store, key->store) != 0)
        return NULL;
    return account;
}

int gt_account_opens_group(const gt_account_conf_t *account, const char *group)
{
    apr_size_t len = strlen(group);

    for (const char *at = account->groups; at != NULL && *at != '\0'; at += strspn(at, " ")) {
        apr_size_t here = strcspn(at, " ");

        if (here == len && strncasecmp(at, group, len) == 0)
            return 1;
        at += here;
    }
    return 0;
}

/* ---- checks ---- */

/** One entry, and where its findings go. */
typedef struct judged_t {
    const gt_account_conf_t *account;
    const gt_provider_conf_t *provider;
    apr_array_header_t *errors, *warnings;
    apr_pool_t *p;
} judged_t;

static void note(const judged_t *j, apr_array_header_t *list, const char *fmt, ...) GT_PRINTF(3, 4);

static void note(const judged_t *j, apr_array_header_t *list, const char *fmt, ...)
{
    const char *where = j->account->where;
    va_list args;

    va_start(args, fmt);
    APR_ARRAY_PUSH(list, const char *) =
        apr_pstrcat(j->p, where != NULL ? where : "", where != NULL ? ": " : "", "account ",
                    j->account->name, ": ", apr_pvsprintf(j->p, fmt, args), NULL);
    va_end(args);
}

/** 1 when the provider serves accounts of several tenants, as the words go that the flow refuses.
 */
static int has_no_tenant(const judged_t *j, const char *words)
{
    return j->provider->kind == GT_KIND_MICROSOFT && gt_has_word(words, j->provider->tenant);
}

static void check_password(const judged_t *j)
{
    const gt_account_conf_t *account = j->account;
    const char *scope = account->scope != NULL ? account->scope : j->provider->scope;

    if (account->user == NULL)
        note(j, j->errors, "GraphTokAccountGrant password needs GraphTokAccountUser");
    else if (j->provider->kind == GT_KIND_MICROSOFT && strchr(account->user, '@') == NULL)
        note(j, j->errors,
             "GraphTokAccountUser %s is no user name of Entra, as in events@contoso.com",
             account->user);
    if (account->password == NULL)
        note(j, j->errors,
             "GraphTokAccountGrant password needs GraphTokAccountPassword: write file:PATH, "
             "env:NAME or exec:COMMAND");
    else if (gt_source_kind(account->password) == GT_LITERAL)
        note(j, j->warnings,
             "its password stands in the configuration itself; file:PATH keeps it apart");
    if (has_no_tenant(j, "common consumers"))
        note(j, j->errors,
             "Entra takes no password at GraphTokTenant %s: name the account's tenant in provider "
             "%s",
             j->provider->tenant, j->provider->name);
    if (scope != NULL && !gt_has_word(scope, "offline_access"))
        note(j, j->warnings,
             "its scopes lack offline_access: there is no refresh token, and the password is sent "
             "again for each token");
    note(j, j->warnings,
         "GraphTokAccountGrant password shows the account's password to this server (ROPC), which "
         "RFC 9700 forbids and Microsoft advises against: it fails for accounts that need a second "
         "factor, for personal and most federated ones, and wrong passwords lock the account. "
         "Better: GraphTokAccountGrant client-credentials where application permissions do, or "
         "one sign-in by `graphtokctl login --account %s`",
         account->name);
}

static void check_client_credentials(const judged_t *j)
{
    const gt_account_conf_t *account = j->account;
    static const char tail[] = "/.default";
    apr_size_t len = account->scope != NULL ? strlen(account->scope) : 0;

    if (account->user != NULL || account->password != NULL)
        note(j, j->errors,
             "GraphTokAccountGrant client-credentials has no user: leave out GraphTokAccountUser "
             "and GraphTokAccountPassword, or write GraphTokAccountGrant password");
    if (j->provider->client_auth == GT_AUTH_NONE)
        note(j, j->errors,
             "GraphTokAccountGrant client-credentials needs a client secret or certificate, and "
             "provider %s has GraphTokClientAuth none",
             j->provider->name);
    if (j->provider->kind != GT_KIND_MICROSOFT && account->scope == NULL)
        note(j, j->errors, "GraphTokAccountGrant client-credentials needs GraphTokAccountScope");
    if (has_no_tenant(j, "common organizations consumers"))
        note(j, j->errors,
             "GraphTokAccountGrant client-credentials needs one tenant: provider %s has "
             "GraphTokTenant %s",
             j->provider->name, j->provider->tenant);
    if (j->provider->kind == GT_KIND_MICROSOFT && account->scope != NULL &&
        (strchr(account->scope, ' ') != NULL || len < sizeof(tail) ||
         strcmp(account->scope + len - (sizeof(tail) - 1), tail) != 0))
        note(j, j->errors,
             "GraphTokAccountGrant client-credentials takes one scope, RESOURCE/.default: which "
             "permissions that means, the registration says");
}

static void check_groups(const judged_t *j)
{
    const char *scope = j->account->scope != NULL ? j->account->scope : j->provider->scope;

    if (j->account->groups == NULL)
        return;
    if (j->provider->kind != GT_KIND_MICROSOFT)
        note(j, j->errors,
             "GraphTokAccountGroups is for Microsoft's groups, and provider %s is not "
             "of GraphTokKind microsoft",
             j->provider->name);
    else if (j->account->grant == GT_GRANT_CLIENT)
        note(j, j->warnings,
             "GraphTokAccountGroups will not help: Graph opens the events of groups to no "
             "application permission, and each call will be refused; they need a user, "
             "GraphTokAccountGrant password");
    else if (scope != NULL && !gt_has_scope(scope, "Group.ReadWrite.All") &&
             !gt_has_scope(scope, "Group.Read.All"))
        note(j, j->warnings,
             "GraphTokAccountGroups is set, and its scopes lack Group.ReadWrite.All: Graph will "
             "refuse each call for the events of these groups; add it to GraphTokAccountScope, as "
             "a delegated permission with admin consent to the registration");
}

/** The rows of accounts are named by text that no person's id has. */
static void check_store(const gt_config_t *config, const judged_t *j)
{
    const gt_store_conf_t *store = gt_config_store(config, j->account->store);

    if (store == NULL)
        note(j, j->errors, "GraphTokAccountStore: there is no <GraphTokStore %s>",
             j->account->store);
    else if (j->account->grant == GT_GRANT_PASSWORD && strcmp(store->user_type, "text") != 0)
        note(j, j->errors,
             "its grant belongs to user " GT_ACCOUNT_USERS "%s, and GraphTokUserColumn of store %s "
             "is of type %s: name a store with a column of type text, GraphTokAccountStore",
             j->account->name, store->name, store->user_type);
}

void gt_accounts_check(const gt_config_t *config, apr_array_header_t *errors,
                       apr_array_header_t *warnings, apr_pool_t *p)
{
    for (int i = 0; i < config->accounts->nelts; i++) {
        judged_t j = {APR_ARRAY_IDX(config->accounts, i, const gt_account_conf_t *), NULL, errors,
                      warnings, p};
        const char *provider = gt_account_provider(config, j.account);

        check_store(config, &j);
        if (provider == NULL) {
            note(&j, errors,
                 "several providers are configured: say which, GraphTokAccountProvider NAME");
            continue;
        }
        j.provider = gt_config_provider(config, provider);
        if (j.provider == NULL) {
            note(&j, errors, "GraphTokAccountProvider: there is no <GraphTokProvider %s>",
                 provider);
            continue;
        }
        (j.account->grant == GT_GRANT_PASSWORD ? check_password : check_client_credentials)(&j);
        check_groups(&j);
    }
}
