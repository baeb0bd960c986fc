/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The configuration's members with their rules. The rows stand in .def files, one a member; each
 * row has its default, which a directive changes.
 */

#include "conf/config.h"

#include <stddef.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"
#include "conf/cloud.h"
#include "conf/entry.h"
#include "conf/hooks.h"
#include "conf/expiry.h"
#include "conf/member_rows.h"
#include "db/sql.h"
#include "net/local_end.h"
#include "net/mail_server.h"
#include "net/pins.h"
#include "net/url.h"

/** Every byte a letter, a digit or one of `others`; no empty text. */
static int is_made_of(const char *text, const char *others)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!apr_isalnum(*c) && strchr(others, *c) == NULL)
            return 0;
    }
    return text[0] != '\0';
}

/** 1 when a blank-separated list has a word. */
static int holds_word(const char *list, const char *word, apr_size_t len)
{
    while (*list != '\0') {
        apr_size_t here = strcspn(list, " ");

        if (here == len && strncmp(list, word, len) == 0)
            return 1;
        list += here + (list[here] == ' ');
    }
    return 0;
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

static int is_word(const char *text, apr_size_t len, const char *word)
{
    return len == strlen(word) && strncmp(text, word, len) == 0;
}

/** Ways to name a user, blank-separated. */
static int is_subjects(const char *text)
{
    const char *word = text;

    while (*word != '\0') {
        apr_size_t len = strcspn(word, " ");

        if (!is_word(word, len, GT_SUBJECT_USER) && !is_word(word, len, GT_SUBJECT_BEHALF) &&
            (len <= strlen(GT_SUBJECT_JWT) ||
             strncmp(word, GT_SUBJECT_JWT, strlen(GT_SUBJECT_JWT)) != 0))
            return 0;
        word += len + (word[len] == ' ');
    }
    return word != text;
}

/** Resources of subscriptions, each once. */
static int is_subscribe(const char *text)
{
    return strcmp(text, "calendar") == 0 || strcmp(text, "mail") == 0 ||
           strcmp(text, "calendar mail") == 0 || strcmp(text, "mail calendar") == 0;
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

static int is_imap(const char *text)
{
    return gt_mail_server_is_good(text, "imap");
}

static int is_smtp(const char *text)
{
    return gt_mail_server_is_good(text, "smtp");
}

/** Of a claim, an issuer, an audience: no control characters. */
static int is_plain_text(const char *text)
{
    return !gt_has_control(text, strlen(text)) && text[strspn(text, " ")] != '\0';
}

/** Algorithms, blank-separated, all of one kind: what verifies with a public key must never verify
 * with a shared secret as well (RFC 8725 section 3.1). */
static int is_algorithms(const char *text)
{
    static const char *const kinds[] = {"HS256 HS384 HS512", "RS256 RS384 RS512 PS256 PS384 PS512 "
                                                             "ES256 ES384 ES512 EdDSA"};
    int fits[] = {1, 1};

    for (const char *word = text + strspn(text, " "); *word != '\0';) {
        apr_size_t len = strcspn(word, " ");

        for (int i = 0; i < 2; i++)
            fits[i] = fits[i] && holds_word(kinds[i], word, len);
        word += len;
        word += strspn(word, " ");
    }
    return text[strspn(text, " ")] != '\0' && (fits[0] || fits[1]);
}

/** A token of RFC 9110, of which our own cookies and the prefix that they may have are none. */
static int is_cookie_name(const char *text)
{
    return is_made_of(text, "!#$%&'*+-.^_`|~") && strncmp(text, "graphtok-", 9) != 0 &&
           strncmp(text, "__Host-graphtok-", 16) != 0;
}

#define LAST                                                                                       \
    {                                                                                              \
        .name = ""                                                                                 \
    }

#define OWNER struct gt_config_t
const gt_member_t gt_config_members[] = {
#include "conf/server.def"
    LAST};
#undef OWNER

#define OWNER struct gt_provider_conf_t
const gt_member_t gt_provider_members[] = {
#include "conf/provider.def"
    LAST};
#undef OWNER

#define OWNER struct gt_store_conf_t
const gt_member_t gt_store_members[] = {
#include "conf/store.def"
    LAST};
#undef OWNER

#define OWNER struct gt_client_conf_t
const gt_member_t gt_client_members[] = {
#include "conf/client.def"
    LAST};
#undef OWNER

#define OWNER struct gt_jwt_conf_t
const gt_member_t gt_jwt_members[] = {
#include "conf/jwt.def"
    LAST};
#undef OWNER

#define OWNER struct gt_account_conf_t
const gt_member_t gt_account_members[] = {
#include "conf/account.def"
    LAST};
#undef OWNER

static int is_guid(const char *text)
{
    return gt_is_guid(text);
}

/* Set by GraphTokTenantClient, which has no row of its own. */
#define OWNER gt_tenant_client_t
const gt_member_t gt_tenant_client_members[] = {
    TEXT(tenant, "", 36, is_guid, "a tenant's GUID", NULL, "")
        TEXT(client_id, "", 255, is_client_id, "an application (client) id", NULL, "")
            SOURCE(client_secret, "", "") LAST};
#undef OWNER

gt_provider_conf_t *gt_provider_conf_blank(const char *name, apr_pool_t *p)
{
    gt_provider_conf_t *provider = gt_entry_make(&gt_entry_provider, name, p);

    provider->kind = GT_KIND_UNSET;
    provider->cloud = GT_CLOUD_UNSET;
    provider->tenant_clients = apr_array_make(p, 0, sizeof(gt_tenant_client_t *));
    return provider;
}

#define OPENID_SCOPE "openid profile email offline_access"

static void set_unset(const char **member, const char *text)
{
    if (*member == NULL)
        *member = text;
}

static void complete_microsoft(gt_provider_conf_t *provider, apr_pool_t *p)
{
    if (provider->cloud == GT_CLOUD_UNSET)
        provider->cloud = GT_CLOUD_GLOBAL;
    set_unset(&provider->tenant, "common");
    set_unset(&provider->scope, OPENID_SCOPE " User.Read Calendars.ReadWrite");
    set_unset(&provider->authority, gt_cloud(provider->cloud)->authority);
    if (provider->graph_url == NULL)
        provider->graph_url = apr_pstrcat(p, gt_cloud(provider->cloud)->graph, "/v1.0", NULL);
    if (provider->cloud != GT_CLOUD_GLOBAL)
        return;
    set_unset(&provider->imap, "imaps://outlook.office365.com:993");
    set_unset(&provider->smtp, "smtp://smtp.office365.com:587");
}

/** The issuer of a discovery document, by the path that is added to each (OpenID Connect Discovery
 * 1.0, section 4). */
static const char *issuer_of(const char *discovery, apr_pool_t *p)
{
    const char *path = strstr(discovery, "/.well-known/openid-configuration");

    return path != NULL ? apr_pstrmemdup(p, discovery, (apr_size_t)(path - discovery)) : discovery;
}

void gt_provider_conf_complete(gt_provider_conf_t *provider, apr_pool_t *p)
{
    if (provider->kind == GT_KIND_UNSET)
        provider->kind = strcmp(provider->name, "google") == 0 ? GT_KIND_GOOGLE : GT_KIND_MICROSOFT;
    switch (provider->kind) {
    case GT_KIND_GOOGLE:
        set_unset(&provider->scope, "openid profile email calendar");
        set_unset(&provider->authority, "https://accounts.google.com");
        set_unset(&provider->calendar_url, "https://www.googleapis.com/calendar/v3");
        set_unset(&provider->imap, "imaps://imap.gmail.com:993");
        set_unset(&provider->smtp, "smtp://smtp.gmail.com:587");
        break;
    case GT_KIND_OPENID:
        set_unset(&provider->scope, OPENID_SCOPE);
        if (provider->discovery != NULL)
            set_unset(&provider->authority, issuer_of(provider->discovery, p));
        break;
    default:
        complete_microsoft(provider, p);
    }
}

gt_provider_conf_t *gt_provider_conf_default(const char *name, apr_pool_t *p)
{
    gt_provider_conf_t *provider = gt_provider_conf_blank(name, p);

    provider->kind = GT_KIND_MICROSOFT;
    gt_provider_conf_complete(provider, p);
    return provider;
}

gt_store_conf_t *gt_store_conf_default(const char *name, apr_pool_t *p)
{
    return gt_entry_make(&gt_entry_store, name, p);
}

gt_client_conf_t *gt_client_conf_default(const char *name, apr_pool_t *p)
{
    return gt_entry_make(&gt_entry_client, name, p);
}

gt_jwt_conf_t *gt_jwt_conf_default(const char *name, apr_pool_t *p)
{
    return gt_entry_make(&gt_entry_jwt, name, p);
}

int gt_jwt_conf_is_secret(const gt_jwt_conf_t *jwt)
{
    return jwt->algorithms != NULL && strncmp(jwt->algorithms, "HS", 2) == 0;
}

gt_config_t *gt_config_default(apr_pool_t *p)
{
    gt_config_t *config = apr_pcalloc(p, sizeof(*config));

    gt_members_default(config, gt_config_members, p);
    config->providers = apr_array_make(p, 2, sizeof(gt_provider_conf_t *));
    config->stores = apr_array_make(p, 2, sizeof(gt_store_conf_t *));
    APR_ARRAY_PUSH(config->stores, gt_store_conf_t *) = gt_store_conf_default("main", p);
    config->clients = apr_array_make(p, 2, sizeof(gt_client_conf_t *));
    config->jwts = apr_array_make(p, 2, sizeof(gt_jwt_conf_t *));
    config->accounts = apr_array_make(p, 2, sizeof(gt_account_conf_t *));
    config->db_driver = "";
    config->db_params = "";
    return config;
}

gt_source_t *gt_provider_conf_source(const gt_provider_conf_t *provider, int i,
                                     const char **directive)
{
    static const char *const directives[GT_PROVIDER_SOURCES] = {
        "GraphTokClientSecret",      "GraphTokClientSecret",    "GraphTokClientCertificate",
        "GraphTokClientCertificate", "GraphTokClientAssertion", "GraphTokProxy"};
    gt_source_t *const sources[GT_PROVIDER_SOURCES] = {
        provider->client_secret,   provider->spare_secret,     provider->certificate,
        provider->certificate_key, provider->client_assertion, provider->proxy_login};

    if (directive != NULL)
        *directive = directives[i];
    return sources[i];
}

void gt_provider_conf_sources(const gt_provider_conf_t *provider)
{
    if (provider->certificate != NULL) {
        gt_source_whole(provider->certificate);
        gt_source_public(provider->certificate);
    }
    if (provider->certificate_key != NULL)
        gt_source_whole(provider->certificate_key);
    if (provider->client_assertion != NULL)
        gt_source_public(provider->client_assertion);
}
