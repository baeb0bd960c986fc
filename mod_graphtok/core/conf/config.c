/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The checks that need the whole configuration. Its members stand in config_members.c. */

#include "conf/config.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/cloud.h"
#include "conf/entry.h"
#include "conf/hooks.h"
#include "conf/provider_kinds.h"
#include "conf/store_names.h"
#include "net/local_end.h"
#include "conf/mail_check.h"
#include "net/pins.h"
#include "net/url.h"

/* A segment of shared memory larger than this is probably a typing mistake. */
#define CACHE_BYTES_WISE (APR_INT64_C(1) << 30)

const gt_provider_conf_t *gt_config_provider(const gt_config_t *config, const char *name)
{
    return gt_entry_find(config, &gt_entry_provider, name);
}

const gt_store_conf_t *gt_config_store(const gt_config_t *config, const char *name)
{
    return gt_entry_find(config, &gt_entry_store, name);
}

int gt_config_has_pins(const gt_config_t *config)
{
    for (int i = 0; i < config->providers->nelts; i++)
        if (APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *)->pins != NULL)
            return 1;
    return 0;
}

const gt_client_conf_t *gt_config_client(const gt_config_t *config, const char *name)
{
    return gt_entry_find(config, &gt_entry_client, name);
}

const gt_jwt_conf_t *gt_config_jwt(const gt_config_t *config, const char *name)
{
    return gt_entry_find(config, &gt_entry_jwt, name);
}

const gt_account_conf_t *gt_config_account(const gt_config_t *config, const char *name)
{
    return gt_entry_find(config, &gt_entry_account, name);
}

/** State of the checks. */
typedef struct verdict_t {
    const gt_config_t *config;
    apr_array_header_t *errors;
    apr_array_header_t *warnings;
    apr_pool_t *p;
} verdict_t;

static void note(apr_array_header_t *list, const char *where, apr_pool_t *p, const char *fmt, ...)
    GT_PRINTF(4, 5);

static void note(apr_array_header_t *list, const char *where, apr_pool_t *p, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = apr_pvsprintf(p, fmt, args);
    va_end(args);
    APR_ARRAY_PUSH(list, const char *) =
        where != NULL ? apr_pstrcat(p, where, ": ", text, NULL) : text;
}

/** Ids of Entra that the provider would refuse, and slips of the hand that took them from its
 * portal. */
static void check_ids(const verdict_t *v, const gt_provider_conf_t *provider)
{
    const char *tenant = provider->tenant;

    if (!gt_is_guid(provider->client_id))
        note(
            v->warnings, provider->where, v->p,
            "provider %s: GraphTokClientID '%s' is none of Entra's ids, which are GUIDs: write the "
            "Application (client) ID of the registration",
            provider->name, provider->client_id);
    else if (strcasecmp(provider->client_id, tenant) == 0)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokTenant and GraphTokClientID are the same: one is the Directory "
             "(tenant) ID of the registration, the other its Application (client) ID",
             provider->name);
    if (!gt_is_guid(tenant) && strchr(tenant, '.') == NULL &&
        !gt_has_word("common organizations consumers", tenant))
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokTenant '%s' is none that Entra knows: write the Directory "
             "(tenant) ID, a domain as in contoso.onmicrosoft.com, or organizations, common or "
             "consumers",
             provider->name, tenant);
    /* The portal's endpoints begin with the authority, and have the tenant behind it. */
    if (strstr(provider->authority, apr_pstrcat(v->p, "/", tenant, NULL)) != NULL ||
        strstr(provider->authority, "/v2.0") != NULL)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokAuthority %s goes too far: it is the host alone, and "
             "GraphTokTenant is added to it",
             provider->name, provider->authority);
}

static void warn_of_literal(const verdict_t *v, const gt_provider_conf_t *provider,
                            const gt_source_t *source, const char *what)
{
    if (source != NULL && gt_source_kind(source) == GT_LITERAL)
        note(v->warnings, provider->where, v->p,
             "provider %s: the %s stands in the configuration itself; file:PATH keeps it apart",
             provider->name, what);
}

/** How it shows that it is the registration: in exactly one way. */
static void check_credentials(const verdict_t *v, const gt_provider_conf_t *provider)
{
    int ways = (provider->client_secret != NULL) + (provider->certificate != NULL) +
               (provider->client_assertion != NULL);

    if (ways == 0 && provider->client_auth != GT_AUTH_NONE)
        note(v->errors, provider->where, v->p,
             "provider %s lacks GraphTokClientSecret: write file:PATH, env:NAME or exec:COMMAND "
             "(or GraphTokClientCertificate or GraphTokClientAssertion in its place, or for a "
             "public client GraphTokClientAuth none)",
             provider->name);
    if (ways > 0 && provider->client_auth == GT_AUTH_NONE)
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokClientAuth none is for a public client, which shows no secret, "
             "certificate or token: leave out one or the other",
             provider->name);
    if (ways > 1)
        note(v->errors, provider->where, v->p,
             "provider %s: of GraphTokClientSecret, GraphTokClientCertificate and "
             "GraphTokClientAssertion write one: providers refuse a request that shows two",
             provider->name);
    if (provider->client_auth != GT_AUTH_AUTO && provider->client_auth != GT_AUTH_NONE &&
        provider->client_secret == NULL)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokClientAuth says where a secret stands, and there is none",
             provider->name);
    if (provider->secret_expires != NULL && provider->client_secret == NULL)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokClientSecretExpires says when a secret ends, and there is none",
             provider->name);
    warn_of_literal(v, provider, provider->client_secret, "client secret");
    warn_of_literal(v, provider, provider->spare_secret, "second client secret");
    warn_of_literal(v, provider, provider->client_assertion, "federated token");
}

/** Members that a registration needs and that are missing. */
static void check_registration(const verdict_t *v, const gt_provider_conf_t *provider)
{
    if (provider->client_id == NULL)
        note(v->errors, provider->where, v->p,
             "provider %s lacks GraphTokClientID: the application's id in the provider's portal",
             provider->name);
    else if (provider->kind == GT_KIND_MICROSOFT)
        check_ids(v, provider);
    check_credentials(v, provider);
    if (provider->proxy_login != NULL && gt_source_kind(provider->proxy_login) == GT_LITERAL)
        note(v->warnings, provider->where, v->p,
             "provider %s: the proxy's user and password stand in the configuration itself; "
             "file:PATH keeps them apart",
             provider->name);
    if (!gt_has_word(provider->scope, "openid"))
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokScope lacks openid, without which no user can be identified",
             provider->name);
    if (provider->kind == GT_KIND_MICROSOFT && !gt_has_word(provider->scope, "offline_access"))
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokScope lacks offline_access: no refresh token, users sign in "
             "again every hour",
             provider->name);
}

/* Graph's own hosts, of all its clouds, serve nothing without a version in front; a gateway may add
 * one. */
static void check_graph_url(const verdict_t *v, const gt_provider_conf_t *provider)
{
    const char *path = strchr(strstr(provider->graph_url, "://") + 3, '/');

    if (path != NULL && (strcmp(path, "/v1.0") == 0 || strcmp(path, "/beta") == 0))
        return;
    if (gt_cloud_is_graph(gt_url_origin(provider->graph_url, v->p)))
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokGraphURL %s must end with Graph's version: /v1.0 or /beta",
             provider->name, provider->graph_url);
    else if (path == NULL)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokGraphURL %s has no version (/v1.0): right only for a gateway "
             "that adds it",
             provider->name, provider->graph_url);
}

static void check_cloud(const verdict_t *v, const gt_provider_conf_t *provider)
{
    apr_array_header_t *faults = apr_array_make(v->p, 1, sizeof(const char *));

    gt_cloud_check(faults, provider, v->p);
    for (int i = 0; i < faults->nelts; i++)
        note(v->warnings, provider->where, v->p, "provider %s: %s", provider->name,
             APR_ARRAY_IDX(faults, i, const char *));
}

static void check_tenant_client(const verdict_t *v, const gt_provider_conf_t *provider,
                                const gt_tenant_client_t *client)
{
    const char *allowed = provider->allowed_tenants;

    if (allowed != NULL && strcasestr(allowed, client->tenant) == NULL)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokTenantClient %s is of a tenant that is not among "
             "GraphTokAllowedTenants: none of its accounts may sign in",
             provider->name, client->tenant);
    if (gt_source_kind(client->client_secret) == GT_LITERAL)
        note(v->warnings, provider->where, v->p,
             "provider %s: the client secret of tenant %s stands in the configuration itself; "
             "file:PATH keeps it apart",
             provider->name, client->tenant);
}

static void check_tenants(const verdict_t *v, const gt_provider_conf_t *provider)
{
    int any_tenant =
        strcmp(provider->tenant, "common") == 0 || strcmp(provider->tenant, "organizations") == 0;

    if (any_tenant && provider->allowed_tenants == NULL)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokTenant %s lets accounts of every organization sign in; "
             "GraphTokAllowedTenants narrows it",
             provider->name, provider->tenant);
    if (!any_tenant && provider->allowed_tenants != NULL)
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokAllowedTenants goes with GraphTokTenant common or organizations",
             provider->name);
    if (!any_tenant && provider->tenant_clients->nelts > 0)
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokTenantClient goes with GraphTokTenant common or organizations",
             provider->name);
    for (int i = 0; i < provider->tenant_clients->nelts; i++)
        check_tenant_client(v, provider,
                            APR_ARRAY_IDX(provider->tenant_clients, i, gt_tenant_client_t *));
}

static void note_all(const verdict_t *v, apr_array_header_t *list,
                     const gt_provider_conf_t *provider, const apr_array_header_t *ends)
{
    for (int i = 0; i < ends->nelts; i++)
        note(list, provider->where, v->p, "provider %s%s", provider->name,
             APR_ARRAY_IDX(ends, i, const char *));
}

/** Members that a kind of provider demands or forbids. */
static void check_kind(const verdict_t *v, const gt_provider_conf_t *provider)
{
    apr_array_header_t *errors = apr_array_make(v->p, 1, sizeof(const char *));
    apr_array_header_t *warnings = apr_array_make(v->p, 1, sizeof(const char *));

    if (provider->kind == GT_KIND_MICROSOFT) {
        check_tenants(v, provider);
        check_graph_url(v, provider);
        check_cloud(v, provider);
        if (provider->discovery != NULL)
            note(v->errors, provider->where, v->p,
                 "provider %s: GraphTokDiscovery goes with GraphTokKind openid", provider->name);
        if (provider->calendar_url != NULL)
            note(v->errors, provider->where, v->p,
                 "provider %s: GraphTokCalendarURL goes with GraphTokKind google", provider->name);
        return;
    }
    gt_kind_check(errors, warnings, provider, v->p);
    note_all(v, v->errors, provider, errors);
    note_all(v, v->warnings, provider, warnings);
}

static int is_plain(const char *url)
{
    return url != NULL && strncmp(url, "http:", 5) == 0;
}

static void check_pins(const verdict_t *v, const gt_provider_conf_t *provider)
{
    if (gt_pins_fault() != NULL)
        note(v->errors, provider->where, v->p, "provider %s: GraphTokPin cannot be kept: %s",
             provider->name, gt_pins_fault());
    if (is_plain(provider->authority) || is_plain(provider->graph_url) ||
        is_plain(provider->calendar_url))
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokPin needs https: there are no keys to look at with http",
             provider->name);
    if (gt_pins_count(provider->pins) < 2)
        note(v->warnings, provider->where, v->p,
             "provider %s: one GraphTokPin alone: on the day when its key is replaced nothing gets "
             "through; add that of a backup key",
             provider->name);
}

static void check_wire(const verdict_t *v, const gt_provider_conf_t *provider)
{
    const char *fault =
        provider->local_end != NULL ? gt_local_fault(provider->local_end, v->p) : NULL;

    if (provider->pins != NULL)
        check_pins(v, provider);
    /* It may come with the network, later. */
    if (fault != NULL)
        note(v->warnings, provider->where, v->p, "provider %s: GraphTokSourceAddress: %s",
             provider->name, fault);
}

static void check_provider(const verdict_t *v, const gt_provider_conf_t *provider)
{
    check_registration(v, provider);
    check_wire(v, provider);
    check_kind(v, provider);
    if (provider->timeout >= v->config->lease)
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokTimeout %s must be shorter than GraphTokLease %s, or a refresh "
             "could outlive its lease",
             provider->name, gt_span_text(provider->timeout, v->p),
             gt_span_text(v->config->lease, v->p));
}

static void warn_of_keys(const verdict_t *v, const char *where, const apr_array_header_t *keyring)
{
    for (int i = 0; keyring != NULL && i < keyring->nelts; i++)
        if (gt_source_kind(APR_ARRAY_IDX(keyring, i, const gt_source_t *)) == GT_LITERAL)
            note(v->warnings, where, v->p,
                 "GraphTokKeyring: the key stands in the configuration itself; file:PATH keeps it "
                 "apart");
}

/** Of two stores, in either order. */
static void check_kept_tables(const verdict_t *v, const gt_store_conf_t *store,
                              const gt_store_conf_t *other)
{
    int is_sure;
    const char *clash = gt_store_kept_clash(&is_sure, store, other, v->p);

    if (clash == NULL && (clash = gt_store_kept_clash(&is_sure, other, store, v->p)) != NULL)
        store = other;
    if (clash != NULL)
        note(is_sure ? v->errors : v->warnings, store->where, v->p, "store %s %s", store->name,
             clash);
}

static void check_store(const verdict_t *v, const gt_store_conf_t *store, int number)
{
    if (store->cipher == GT_FERNET)
        note(v->warnings, store->where, v->p,
             "store %s writes Fernet, which cannot show that a value was moved to another user's "
             "row; GraphTokCipher aes-256-gcm can, and reads Fernet too",
             store->name);
    warn_of_keys(v, store->where, store->keyring);
    if (gt_store_table_is_ours(store))
        note(v->errors, store->where, v->p,
             "store %s has the table %s, which all stores share: choose another name", store->name,
             store->table);
    if (gt_store_column_is_ours(store))
        note(v->errors, store->where, v->p,
             "store %s: GraphTokUserColumn %s has the name of a column that the tables of a store "
             "have for something else: choose another name",
             store->name, store->user_column);
    for (int i = 0; i < number; i++) {
        const gt_store_conf_t *other = APR_ARRAY_IDX(v->config->stores, i, gt_store_conf_t *);
        int is_sure;
        const char *clash = gt_store_names_clash(&is_sure, store, other, v->p);

        if (clash != NULL)
            note(is_sure ? v->errors : v->warnings, store->where, v->p, "store %s %s", store->name,
                 clash);
        check_kept_tables(v, store, other);
    }
}

/** An entry that could give nothing, or for no user. */
static void check_client(const verdict_t *v, const gt_client_conf_t *client)
{
    if (client->secret == NULL && client->jwt == NULL)
        note(v->errors, client->where, v->p,
             "client %s lacks GraphTokClientSecret, by which it shows who it is: write file:PATH, "
             "env:NAME or exec:COMMAND; or GraphTokUseJWT",
             client->name);
    else if (client->secret != NULL && gt_source_kind(client->secret) == GT_LITERAL)
        note(v->warnings, client->where, v->p,
             "client %s: its secret stands in the configuration itself; file:PATH keeps it apart",
             client->name);
    if (client->resources == NULL && client->allow == NULL)
        note(v->errors, client->where, v->p,
             "client %s may have nothing: write GraphTokClientResource graph, and in "
             "GraphTokClientScope the scopes that its tokens may have; or in GraphTokAllow the "
             "routes that it may call",
             client->name);
    else if (client->resources == NULL && client->scopes != NULL)
        note(v->warnings, client->where, v->p,
             "client %s: GraphTokClientScope is for tokens of a GraphTokClientResource, and there "
             "is none",
             client->name);
    else if (client->resources != NULL && client->scopes == NULL)
        note(v->errors, client->where, v->p,
             "client %s lacks GraphTokClientScope: the scopes that its tokens may have",
             client->name);
    if (client->subjects == NULL)
        note(v->errors, client->where, v->p,
             "client %s lacks GraphTokClientSubject: how it says whose token it wants",
             client->name);
}

static void check_database(const verdict_t *v)
{
    const gt_config_t *config = v->config;
    const char *where = config->db_params_where;

    if (config->db_driver[0] == '\0')
        note(v->errors, where, v->p,
             "there is no database: load mod_dbd and write DBDriver pgsql (or sqlite3) and "
             "DBDParams in the main server");
    else if (strcmp(config->db_driver, "pgsql") != 0 && strcmp(config->db_driver, "sqlite3") != 0)
        note(v->errors, where, v->p, "DBDriver %s cannot be used: pgsql and sqlite3 can",
             config->db_driver);
    else if (config->db_params[0] == '\0')
        note(v->errors, where, v->p, "DBDParams is missing");
    else if (strcmp(config->db_driver, "sqlite3") == 0 && config->db_params[0] != '/')
        note(v->warnings, where, v->p,
             "DBDParams '%s' depends on the folder that httpd is started in: write a full path",
             config->db_params);
}

static void check_audit(const verdict_t *v)
{
    const char *audit = v->config->audit, *heads = v->config->audit_heads;

    if (audit != NULL && heads != NULL && audit[0] != '|' && strcmp(audit, heads) == 0)
        note(v->errors, NULL, v->p,
             "GraphTokAuditHeads: %s is GraphTokAudit's own file: its notes would be cut off "
             "together "
             "with its records; name another one",
             heads);
    if (audit == NULL && heads != NULL && strcmp(heads, "off") != 0)
        note(v->warnings, NULL, v->p,
             "GraphTokAuditHeads without GraphTokAudit: nothing is recorded, so nothing is noted");
    if (audit == NULL && v->config->audit_required)
        note(v->warnings, NULL, v->p,
             "GraphTokAuditRequired without GraphTokAudit: nothing is recorded, and tokens are "
             "handed out");
}

void gt_config_check(const gt_config_t *config, apr_array_header_t *errors,
                     apr_array_header_t *warnings, apr_pool_t *p)
{
    const verdict_t v = {config, errors, warnings, p};

    /* Without a provider nothing of ours is in use: a module that is merely loaded must not stop
     * the server. */
    if (config->providers->nelts == 0)
        return;
    if (config->keyring == NULL &&
        APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *)->client_secret == NULL)
        note(errors, NULL, p,
             "GraphTokKeyring is missing, and provider %s has no client secret that a key could be "
             "derived from: make a keyring with `graphtokctl genkey --out FILE` and write "
             "GraphTokKeyring file:FILE",
             APR_ARRAY_IDX(config->providers, 0, const gt_provider_conf_t *)->name);
    else if (config->keyring == NULL)
        note(warnings, NULL, p,
             "GraphTokKeyring is missing: tokens are sealed with a key derived from the client "
             "secret of provider %s, and when that secret is renewed every user must sign in "
             "again; make a keyring with `graphtokctl keys add --derived --keyring FILE` and write "
             "GraphTokKeyring file:FILE",
             APR_ARRAY_IDX(config->providers, 0, const gt_provider_conf_t *)->name);
    warn_of_keys(&v, NULL, config->keyring);
    if (config->cache_slots * config->cache_slot_bytes > CACHE_BYTES_WISE)
        note(warnings, NULL, p,
             "GraphTokCacheSlots times GraphTokCacheSlotSize is more than 1 GiB of shared memory");
    check_database(&v);
    check_audit(&v);
    for (int i = 0; i < config->providers->nelts; i++)
        check_provider(&v, APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *));
    for (int i = 0; i < config->stores->nelts; i++)
        check_store(&v, APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *), i);
    for (int i = 0; i < config->clients->nelts; i++)
        check_client(&v, APR_ARRAY_IDX(config->clients, i, gt_client_conf_t *));
    gt_accounts_check(config, errors, warnings, p);
    gt_hooks_check(config, errors, warnings, p);
    gt_mail_check(config, warnings, p);
}
