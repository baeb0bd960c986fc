/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The configuration's members with their bounds and rules, their defaults, and the checks that need
 * the whole. Numbers that missions name are the defaults here; a directive changes each.
 */

#include "conf/config.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "db/sql.h"
#include "net/url.h"

#define MSEC APR_INT64_C(1000)
#define SEC APR_INT64_C(1000000)
#define MINUTE (60 * SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* One segment of shared memory larger than this is probably a slip of the finger. */
#define CACHE_BYTES_WISE (APR_INT64_C(1) << 30)

/** Every byte a letter, a digit or one of `others`; no empty text. */
static int is_made_of(const char *text, const char *others)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!apr_isalnum(*c) && strchr(others, *c) == NULL)
            return 0;
    }
    return text[0] != '\0';
}

static int is_plain_name(const char *text)
{
    return apr_isalnum(text[0]) && is_made_of(text, "-_");
}

static int is_tenant(const char *text)
{
    return apr_isalnum(text[0]) && is_made_of(text, "-.");
}

static int is_client_id(const char *text)
{
    return is_made_of(text, "-._~");
}

/** Each word of NQCHAR (RFC 6749, 3.3): printable, neither quote nor backslash. */
static int is_scope(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return 0;
    }
    return text[strspn(text, " ")] != '\0';
}

/** GUIDs, blank-separated. */
static int is_guids(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    apr_size_t at = 0;
    const char *c = text;

    for (; *c != '\0'; c++) {
        if (*c == ' ' && (at == 0 || at == sizeof(shape) - 1)) {
            at = 0;
            continue;
        }
        if (at == sizeof(shape) - 1)
            return 0;
        if (shape[at] == 'x' ? !apr_isxdigit(*c) : *c != shape[at])
            return 0;
        at++;
    }
    return c != text && at == sizeof(shape) - 1;
}

static int is_journal(const char *text)
{
    return text[0] == '/' || strcmp(text, "off") == 0;
}

static int is_table(const char *text)
{
    return gt_sql_is_name(text, 1);
}

static int is_column(const char *text)
{
    return gt_sql_is_name(text, 0);
}

static int is_column_type(const char *text)
{
    return strcmp(text, "text") == 0 || strcmp(text, "integer") == 0 || strcmp(text, "uuid") == 0;
}

/** "table(column)". */
static int is_reference(const char *text)
{
    char copy[160];
    apr_size_t len = strlen(text);
    char *open;

    if (len >= sizeof(copy) || len < 4 || text[len - 1] != ')')
        return 0;
    memcpy(copy, text, len - 1);
    copy[len - 1] = '\0';
    open = strchr(copy, '(');
    if (open == NULL)
        return 0;
    *open = '\0';
    return gt_sql_is_name(copy, 1) && gt_sql_is_name(open + 1, 0);
}

#define IN_CONFIG(m) offsetof(struct gt_config_t, m)
#define IN_PROVIDER(m) offsetof(struct gt_provider_conf_t, m)
#define IN_STORE(m) offsetof(struct gt_store_conf_t, m)
#define END                                                                                        \
    {                                                                                              \
        .name = ""                                                                                 \
    }

const gt_member_t gt_config_members[] = {
    {.name = "keyring", .kind = GT_MEMBER_SOURCE, .offset = IN_CONFIG(keyring)},
    {.name = "audit", .kind = GT_MEMBER_TEXT, .offset = IN_CONFIG(audit)},
    {.name = "audit_heads", .kind = GT_MEMBER_TEXT, .offset = IN_CONFIG(audit_heads)},
    {.name = "audit_required",
     .kind = GT_MEMBER_WORD,
     .offset = IN_CONFIG(audit_required),
     .words = "off on"},
    {.name = "public_url", .kind = GT_MEMBER_URL, .offset = IN_CONFIG(public_url)},
    {.name = "db_driver", .kind = GT_MEMBER_TEXT, .offset = IN_CONFIG(db_driver)},
    {.name = "db_params", .kind = GT_MEMBER_TEXT, .offset = IN_CONFIG(db_params), .max = 8191},
    {.name = "db_params_where",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_CONFIG(db_params_where),
     .max = 8191},
    {.name = "httpd_user",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_CONFIG(httpd_user),
     .min = 0,
     .max = UINT32_MAX},
    {.name = "httpd_group",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_CONFIG(httpd_group),
     .min = 0,
     .max = UINT32_MAX},
    {.name = "cache_slots",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_CONFIG(cache_slots),
     .min = 64,
     .max = 1048576},
    {.name = "cache_slot_bytes",
     .kind = GT_MEMBER_SIZE,
     .offset = IN_CONFIG(cache_slot_bytes),
     .min = 1024,
     .max = 65536},
    {.name = "limit_slots",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_CONFIG(limit_slots),
     .min = 1024,
     .max = 16777216},
    {.name = "cache_time",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(cache_time),
     .min = SEC,
     .max = HOUR},
    {.name = "refresh_margin",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(refresh_margin),
     .min = 10 * SEC,
     .max = 30 * MINUTE},
    {.name = "lease",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(lease),
     .min = 2 * SEC,
     .max = 10 * MINUTE},
    {.name = "state_time",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(state_time),
     .min = 30 * SEC,
     .max = HOUR},
    {.name = "session_time",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(session_time),
     .min = MINUTE,
     .max = 30 * DAY},
    {.name = "max_transfers",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_CONFIG(max_transfers),
     .min = 1,
     .max = 100000},
    {.name = "db_users",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_CONFIG(db_users),
     .min = 1,
     .max = 1000},
    {.name = "db_wait",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(db_wait),
     .min = 10 * MSEC,
     .max = MINUTE},
    {.name = "background",
     .kind = GT_MEMBER_WORD,
     .offset = IN_CONFIG(background),
     .words = "off on"},
    {.name = "refresh_ahead",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(refresh_ahead),
     .min = SEC,
     .max = 12 * HOUR},
    {.name = "refresh_used_within",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(refresh_used_within),
     .min = MINUTE,
     .max = 365 * DAY},
    {.name = "refresh_rate",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_CONFIG(refresh_rate),
     .min = 1,
     .max = 10000},
    {.name = "expire_after",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(expire_after),
     .min = HOUR,
     .max = 3650 * DAY},
    {.name = "cleanup_after",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(cleanup_after),
     .min = HOUR,
     .max = 3650 * DAY},
    {.name = "validate_every",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_CONFIG(validate_every),
     .max = 365 * DAY},
    {.name = "journal",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_CONFIG(journal),
     .max = 4000,
     .is_good = is_journal,
     .expects = "a full path, or off"},
    END};

const gt_member_t gt_provider_members[] = {
    {.name = "name",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_PROVIDER(name),
     .max = 32,
     .is_good = is_plain_name,
     .expects = "a name of letters, digits, '-' and '_'"},
    {.name = "kind",
     .kind = GT_MEMBER_WORD,
     .offset = IN_PROVIDER(kind),
     .words = "microsoft openid"},
    {.name = "tenant",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_PROVIDER(tenant),
     .max = 255,
     .is_good = is_tenant,
     .expects = "a tenant: a GUID, a domain, or organizations, common or consumers"},
    {.name = "client_id",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_PROVIDER(client_id),
     .max = 255,
     .is_good = is_client_id,
     .expects = "an application (client) id"},
    {.name = "client_secret", .kind = GT_MEMBER_SOURCE, .offset = IN_PROVIDER(client_secret)},
    {.name = "scope",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_PROVIDER(scope),
     .is_good = is_scope,
     .expects = "a list of scopes: printable, without quotes and backslashes"},
    {.name = "authority", .kind = GT_MEMBER_URL, .offset = IN_PROVIDER(authority)},
    {.name = "graph_url", .kind = GT_MEMBER_URL, .offset = IN_PROVIDER(graph_url)},
    {.name = "ca_file", .kind = GT_MEMBER_FILE, .offset = IN_PROVIDER(ca_file), .max = 4095},
    {.name = "proxy",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_PROVIDER(proxy),
     .max = 268,
     .is_good = gt_url_is_proxy,
     .expects = "a proxy's address, http://HOST:PORT"},
    {.name = "proxy_login", .kind = GT_MEMBER_SOURCE, .offset = IN_PROVIDER(proxy_login)},
    {.name = "connect_timeout",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_PROVIDER(connect_timeout),
     .min = 100 * MSEC,
     .max = MINUTE},
    {.name = "timeout",
     .kind = GT_MEMBER_SPAN,
     .offset = IN_PROVIDER(timeout),
     .min = 500 * MSEC,
     .max = 5 * MINUTE},
    {.name = "mailbox_calls",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_PROVIDER(mailbox_calls),
     .max = 1000},
    {.name = "mailbox_queue",
     .kind = GT_MEMBER_NUMBER,
     .offset = IN_PROVIDER(mailbox_queue),
     .max = 10000},
    {.name = "allowed_tenants",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_PROVIDER(allowed_tenants),
     .max = 8191,
     .is_good = is_guids,
     .expects = "a list of tenant GUIDs"},
    {.name = "where", .kind = GT_MEMBER_TEXT, .offset = IN_PROVIDER(where), .max = 8191},
    END};

const gt_member_t gt_store_members[] = {
    {.name = "name",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_STORE(name),
     .max = 32,
     .is_good = is_plain_name,
     .expects = "a name of letters, digits, '-' and '_'"},
    {.name = "table",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_STORE(table),
     .is_good = is_table,
     .expects = "a table's name: letters, digits, '_', optionally with its schema before a dot"},
    {.name = "cipher",
     .kind = GT_MEMBER_WORD,
     .offset = IN_STORE(cipher),
     .words = "aes-256-gcm fernet"},
    {.name = "user_column",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_STORE(user_column),
     .is_good = is_column,
     .expects = "a column's name: letters, digits and '_'"},
    {.name = "user_type",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_STORE(user_type),
     .is_good = is_column_type,
     .expects = "one of: text integer uuid"},
    {.name = "references",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_STORE(references),
     .is_good = is_reference,
     .expects = "table(column)"},
    {.name = "where", .kind = GT_MEMBER_TEXT, .offset = IN_STORE(where), .max = 8191},
    END};

gt_provider_conf_t *gt_provider_conf_blank(const char *name, apr_pool_t *p)
{
    gt_provider_conf_t *provider = apr_pcalloc(p, sizeof(*provider));

    provider->name = apr_pstrdup(p, name);
    provider->kind = GT_KIND_UNSET;
    provider->connect_timeout = 5 * SEC;
    provider->timeout = 20 * SEC;
    provider->mailbox_calls = 4;
    provider->mailbox_queue = 100;
    return provider;
}

/** What a kind has for members that are not set; NULL: nothing. */
typedef struct kind_defaults_t {
    const char *tenant, *scope, *authority, *graph_url;
} kind_defaults_t;

static const kind_defaults_t kind_defaults[] = {
    [GT_KIND_MICROSOFT] = {"common",
                           "openid profile email offline_access User.Read Calendars.ReadWrite",
                           "https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"},
    [GT_KIND_OPENID] = {NULL, "openid profile email offline_access", NULL, NULL},
};

static void set_unset(const char **member, const char *text)
{
    if (*member == NULL)
        *member = text;
}

void gt_provider_conf_complete(gt_provider_conf_t *provider)
{
    const kind_defaults_t *defaults;

    if (provider->kind == GT_KIND_UNSET && strcmp(provider->name, "google") != 0)
        provider->kind = GT_KIND_MICROSOFT;
    defaults =
        &kind_defaults[provider->kind == GT_KIND_OPENID ? GT_KIND_OPENID : GT_KIND_MICROSOFT];
    set_unset(&provider->tenant, defaults->tenant);
    set_unset(&provider->scope, defaults->scope);
    set_unset(&provider->authority, defaults->authority);
    set_unset(&provider->graph_url, defaults->graph_url);
}

gt_provider_conf_t *gt_provider_conf_default(const char *name, apr_pool_t *p)
{
    gt_provider_conf_t *provider = gt_provider_conf_blank(name, p);

    provider->kind = GT_KIND_MICROSOFT;
    gt_provider_conf_complete(provider);
    return provider;
}

gt_store_conf_t *gt_store_conf_default(const char *name, apr_pool_t *p)
{
    gt_store_conf_t *store = apr_pcalloc(p, sizeof(*store));

    store->name = apr_pstrdup(p, name);
    store->table = "user_tokens";
    store->cipher = GT_AES_256_GCM;
    store->user_column = "user_id";
    store->user_type = "text";
    return store;
}

gt_config_t *gt_config_default(apr_pool_t *p)
{
    gt_config_t *config = apr_pcalloc(p, sizeof(*config));

    config->providers = apr_array_make(p, 2, sizeof(gt_provider_conf_t *));
    config->stores = apr_array_make(p, 2, sizeof(gt_store_conf_t *));
    APR_ARRAY_PUSH(config->stores, gt_store_conf_t *) = gt_store_conf_default("main", p);
    config->db_driver = "";
    config->db_params = "";
    config->cache_slots = 4096;
    config->cache_slot_bytes = 6144;
    config->limit_slots = 65536;
    config->cache_time = 5 * MINUTE;
    config->refresh_margin = 5 * MINUTE;
    config->lease = 30 * SEC;
    config->state_time = 10 * MINUTE;
    config->session_time = 8 * HOUR;
    config->max_transfers = 1024;
    config->db_users = 8;
    config->db_wait = 2 * SEC;
    config->background = 1;
    config->refresh_ahead = 10 * MINUTE;
    config->refresh_used_within = DAY;
    config->refresh_rate = 50;
    config->expire_after = 90 * DAY;
    config->cleanup_after = 30 * DAY;
    config->validate_every = 0;
    config->journal = "/var/lib/graphtok/journal";
    return config;
}

const gt_provider_conf_t *gt_config_provider(const gt_config_t *config, const char *name)
{
    for (int i = 0; i < config->providers->nelts; i++) {
        const gt_provider_conf_t *provider =
            APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *);

        if (strcmp(provider->name, name) == 0)
            return provider;
    }
    return NULL;
}

const gt_store_conf_t *gt_config_store(const gt_config_t *config, const char *name)
{
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *store = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);

        if (strcmp(store->name, name) == 0)
            return store;
    }
    return NULL;
}

/** What the checks share. */
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

static int has_word(const char *list, const char *word, apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(list, " ", p);

    for (int i = 0; i < words->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(words, i, const char *), word) == 0)
            return 1;
    }
    return 0;
}

/** Ids of Entra that the provider would refuse, and slips of the hand that took them from its portal. */
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
        !has_word("common organizations consumers", tenant, v->p))
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokTenant '%s' is none that Entra knows: write the Directory "
             "(tenant) ID, a domain as in contoso.onmicrosoft.com, or organizations, common or "
             "consumers",
             provider->name, tenant);
}

/** What a registration needs, and what is missing in it. */
static void check_registration(const verdict_t *v, const gt_provider_conf_t *provider)
{
    if (provider->client_id == NULL)
        note(v->errors, provider->where, v->p,
             "provider %s lacks GraphTokClientID: the application's id in the provider's portal",
             provider->name);
    else if (provider->kind == GT_KIND_MICROSOFT)
        check_ids(v, provider);
    if (provider->client_secret == NULL)
        note(v->errors, provider->where, v->p,
             "provider %s lacks GraphTokClientSecret: write file:PATH, env:NAME or exec:COMMAND",
             provider->name);
    else if (gt_source_kind(provider->client_secret) == GT_LITERAL)
        note(v->warnings, provider->where, v->p,
             "provider %s: the client secret stands in the configuration itself; "
             "file:PATH keeps it apart",
             provider->name);
    if (provider->proxy_login != NULL && gt_source_kind(provider->proxy_login) == GT_LITERAL)
        note(v->warnings, provider->where, v->p,
             "provider %s: the proxy's user and password stand in the configuration itself; "
             "file:PATH keeps them apart",
             provider->name);
    if (!has_word(provider->scope, "openid", v->p))
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokScope lacks openid, without which nobody can be identified",
             provider->name);
    if (!has_word(provider->scope, "offline_access", v->p))
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokScope lacks offline_access: no refresh token, users sign in "
             "again every hour",
             provider->name);
}

/* Graph's own hosts, of all its clouds, serve nothing without a version in front; a gateway may add
 * one. */
static void check_graph_url(const verdict_t *v, const gt_provider_conf_t *provider)
{
    static const char *const hosts[] = {"https://graph.microsoft.", "https://dod-graph.microsoft.",
                                        "https://microsoftgraph."};
    const char *path = strchr(strstr(provider->graph_url, "://") + 3, '/');

    if (path != NULL && (strcmp(path, "/v1.0") == 0 || strcmp(path, "/beta") == 0))
        return;
    for (apr_size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (strncmp(provider->graph_url, hosts[i], strlen(hosts[i])) != 0)
            continue;
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokGraphURL %s must end with Graph's version: /v1.0 or /beta",
             provider->name, provider->graph_url);
        return;
    }
    if (path == NULL)
        note(v->warnings, provider->where, v->p,
             "provider %s: GraphTokGraphURL %s has no version (/v1.0): right only for a gateway "
             "that adds it",
             provider->name, provider->graph_url);
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
}

/** What stands in the sections of one kind, or must not. */
static void check_kind(const verdict_t *v, const gt_provider_conf_t *provider)
{
    switch (provider->kind) {
    case GT_KIND_MICROSOFT:
        check_tenants(v, provider);
        check_graph_url(v, provider);
        break;
    case GT_KIND_OPENID:
        if (provider->authority == NULL)
            note(v->errors, provider->where, v->p,
                 "provider %s lacks GraphTokAuthority: the provider's issuer, below which its "
                 "/.well-known/openid-configuration stands",
                 provider->name);
        if (provider->tenant != NULL || provider->allowed_tenants != NULL ||
            provider->graph_url != NULL)
            note(v->errors, provider->where, v->p,
                 "provider %s: GraphTokTenant, GraphTokAllowedTenants and GraphTokGraphURL go with "
                 "GraphTokKind microsoft",
                 provider->name);
        break;
    default:
        note(v->errors, provider->where, v->p,
             "provider %s: Google is no kind of its own yet; write GraphTokKind openid (or "
             "microsoft), or call the provider otherwise",
             provider->name);
    }
}

static void check_provider(const verdict_t *v, const gt_provider_conf_t *provider)
{
    check_registration(v, provider);
    check_kind(v, provider);
    if (provider->timeout >= v->config->lease)
        note(v->errors, provider->where, v->p,
             "provider %s: GraphTokTimeout %s must be shorter than GraphTokLease %s, or a refresh "
             "could outlive its lease",
             provider->name, gt_span_text(provider->timeout, v->p),
             gt_span_text(v->config->lease, v->p));
}

static void check_store(const verdict_t *v, const gt_store_conf_t *store, int number)
{
    if (store->cipher == GT_FERNET)
        note(v->warnings, store->where, v->p,
             "store %s writes Fernet, which cannot show that a value was moved to another user's "
             "row; GraphTokCipher aes-256-gcm can, and reads Fernet too",
             store->name);
    for (int i = 0; i < number; i++) {
        const gt_store_conf_t *other = APR_ARRAY_IDX(v->config->stores, i, gt_store_conf_t *);

        if (strcasecmp(other->table, store->table) == 0)
            note(v->errors, store->where, v->p,
                 "store %s has the table of store %s, %s: each needs a GraphTokTable of its own",
                 store->name, other->name, store->table);
    }
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
             "DBDParams '%s' is found from whatever folder httpd was started in: write a full path",
             config->db_params);
}

static void check_audit(const verdict_t *v)
{
    const char *audit = v->config->audit, *heads = v->config->audit_heads;

    if (audit != NULL && heads != NULL && audit[0] != '|' && strcmp(audit, heads) == 0)
        note(v->errors, NULL, v->p,
             "GraphTokAuditHeads: %s is GraphTokAudit's own file, so that whoever cuts off its end "
             "takes the notes along; name another one",
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
    if (config->keyring == NULL)
        note(warnings, NULL, p,
             "GraphTokKeyring is missing: tokens are sealed with a key derived from the client "
             "secret of provider %s, and when that secret is renewed every user must sign in "
             "again; make a keyring with `graphtokctl keys add --derived --keyring FILE` and write "
             "GraphTokKeyring file:FILE",
             APR_ARRAY_IDX(config->providers, 0, const gt_provider_conf_t *)->name);
    else if (gt_source_kind(config->keyring) == GT_LITERAL)
        note(warnings, NULL, p,
             "GraphTokKeyring: the key stands in the configuration itself; file:PATH keeps it "
             "apart");
    if (config->cache_slots * config->cache_slot_bytes > CACHE_BYTES_WISE)
        note(warnings, NULL, p,
             "GraphTokCacheSlots times GraphTokCacheSlotSize is more than 1 GiB of shared memory");
    check_database(&v);
    check_audit(&v);
    for (int i = 0; i < config->providers->nelts; i++)
        check_provider(&v, APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *));
    for (int i = 0; i < config->stores->nelts; i++)
        check_store(&v, APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *), i);
}
