/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The resolved configuration as JSON and back: what `httpd -t -D DUMP_GRAPHTOK` prints and
 * graphtokctl reads. Members are those of the tables in conf/config.c; providers, stores and
 * clients are arrays. Secrets appear as references, passwords of the database as "***": a program
 * that needs one reads it where it stands (db_params_where).
 */

#include "conf/config.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "conf/entry.h"

#define MASK "***"
#define STORES_MAX 256

static json_t *list_to_json(const apr_array_header_t *objects, const gt_member_t *table,
                            apr_pool_t *p)
{
    json_t *list = json_array();

    for (int i = 0; i < objects->nelts; i++) {
        json_t *json = json_object();

        gt_members_to_json(json, APR_ARRAY_IDX(objects, i, void *), table, p);
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *providers_to_json(const apr_array_header_t *providers, apr_pool_t *p)
{
    json_t *list = list_to_json(providers, gt_provider_members, p);

    for (int i = 0; i < providers->nelts; i++) {
        const gt_provider_conf_t *provider = APR_ARRAY_IDX(providers, i, gt_provider_conf_t *);

        json_object_set_new(json_array_get(list, (size_t)i), "tenant_clients",
                            list_to_json(provider->tenant_clients, gt_tenant_client_members, p));
    }
    return list;
}

static json_t *clients_to_json(const apr_array_header_t *clients, apr_pool_t *p)
{
    json_t *list = list_to_json(clients, gt_client_members, p);

    for (int i = 0; i < clients->nelts; i++) {
        const apr_array_header_t *rules = APR_ARRAY_IDX(clients, i, gt_client_conf_t *)->allow;
        json_t *allow = json_array();

        for (int n = 0; rules != NULL && n < rules->nelts; n++)
            json_array_append_new(
                allow, json_string(gt_allow_text(&APR_ARRAY_IDX(rules, n, gt_allow_t), p)));
        json_object_set_new(json_array_get(list, (size_t)i), "allow", allow);
    }
    return list;
}

json_t *gt_config_to_json(const gt_config_t *config, apr_pool_t *p)
{
    json_t *json = gt_json_object(p);
    gt_config_t shown = *config;

    shown.db_params = gt_db_params_shown(config->db_driver, config->db_params, p);
    gt_members_to_json(json, &shown, gt_config_members, p);
    gt_json_put(json, "providers", providers_to_json(config->providers, p));
    gt_json_put(json, "stores", list_to_json(config->stores, gt_store_members, p));
    gt_json_put(json, "clients", clients_to_json(config->clients, p));
    gt_json_put(json, "jwts", list_to_json(config->jwts, gt_jwt_members, p));
    gt_json_put(json, "accounts", list_to_json(config->accounts, gt_account_members, p));
    return json;
}

/** The elements of a list member; NULL text in *err when it is fine. */
static gt_err_t *list_of(const json_t **list, const json_t *json, const char *key, apr_pool_t *p)
{
    *list = json_object_get(json, key);
    if (!json_is_array(*list) || json_array_size(*list) > STORES_MAX)
        return gt_err(p, GT_INVALID, "GT0153", "%s: it must be a list of at most %d", key,
                      STORES_MAX);
    return GT_OK;
}

/** Those of a provider; a configuration printed by an older httpd has none. */
static gt_err_t *tenant_clients_from(gt_provider_conf_t *provider, const json_t *json,
                                     apr_pool_t *p)
{
    const json_t *list;

    if (json_object_get(json, "tenant_clients") == NULL)
        return GT_OK;
    GT_TRY(list_of(&list, json, "tenant_clients", p));
    for (apr_size_t i = 0; i < json_array_size(list); i++) {
        gt_tenant_client_t *client = apr_pcalloc(p, sizeof(*client));
        gt_err_t *err =
            gt_members_from_json(client, gt_tenant_client_members, json_array_get(list, i), "", p);

        if (err != GT_OK)
            return gt_err_in(err, "tenant_clients[%" APR_SIZE_T_FMT "]", i);
        if (client->tenant == NULL || client->client_id == NULL || client->client_secret == NULL ||
            gt_provider_conf_client(provider, client->tenant) != NULL)
            return gt_err(p, GT_INVALID, "GT0154",
                          "tenant_clients[%" APR_SIZE_T_FMT "]: tenant, client_id and "
                          "client_secret must be there, and each tenant once",
                          i);
        APR_ARRAY_PUSH(provider->tenant_clients, gt_tenant_client_t *) = client;
    }
    return GT_OK;
}

/** The rule of a kind beyond its members' own; may complete the entry. */
typedef gt_err_t *rule_fn(void *entry, const json_t *json, apr_pool_t *p);

static gt_err_t *complete_provider(void *entry, const json_t *json, apr_pool_t *p)
{
    gt_provider_conf_t *provider = entry;

    GT_TRY(tenant_clients_from(provider, json, p));
    gt_provider_conf_sources(provider);
    if (provider->kind != GT_KIND_MICROSOFT)
        provider->cloud = GT_CLOUD_UNSET;
    return GT_OK;
}

/** The rules of a client; a configuration printed by an older httpd has none. */
static gt_err_t *complete_client(void *entry, const json_t *json, apr_pool_t *p)
{
    gt_client_conf_t *client = entry;
    const json_t *list;

    if (json_object_get(json, "allow") == NULL)
        return GT_OK;
    GT_TRY(list_of(&list, json, "allow", p));
    client->allow = apr_array_make(p, (int)json_array_size(list), sizeof(gt_allow_t));
    for (apr_size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i)), *why;

        if (text == NULL || !gt_allow_parse(apr_array_push(client->allow), text, &why, p))
            return gt_err(p, GT_INVALID, "GT0180", "allow[%" APR_SIZE_T_FMT "]: %s", i,
                          text != NULL ? why : "it must be a text");
    }
    return GT_OK;
}

static gt_err_t *judge_jwt(void *entry, const json_t *json, apr_pool_t *p)
{
    const gt_jwt_conf_t *jwt = entry;

    (void)json;
    return jwt->user != NULL ? GT_OK : gt_err(p, GT_INVALID, "GT0156", "user cannot be null");
}

static gt_err_t *judge_account(void *entry, const json_t *json, apr_pool_t *p)
{
    const gt_account_conf_t *account = entry;

    (void)json;
    return account->store != NULL ? GT_OK : gt_err(p, GT_INVALID, "GT0156", "store cannot be null");
}

/** Read one entry, whose members are those of `entry` where the JSON does not say them. */
static gt_err_t *entry_from(gt_conf_entry_t *entry, const gt_entry_kind_t *kind, const json_t *json,
                            rule_fn *rule, apr_pool_t *p)
{
    const char *also = kind == &gt_entry_provider ? "tenant_clients"
                       : kind == &gt_entry_client ? "allow"
                                                  : "";

    GT_TRY(gt_members_from_json(entry, kind->members, json, also, p));
    return rule != NULL ? rule(entry, json, p) : GT_OK;
}

static gt_err_t *entries_from(gt_config_t *config, const gt_entry_kind_t *kind, const json_t *json,
                              rule_fn *rule, apr_pool_t *p)
{
    const json_t *list;

    GT_TRY(list_of(&list, json, kind->list, p));
    apr_array_clear(gt_entries(config, kind));
    for (apr_size_t i = 0; i < json_array_size(list); i++) {
        gt_conf_entry_t *entry = kind == &gt_entry_provider
                                     ? (void *)gt_provider_conf_default("", p)
                                     : gt_entry_make(kind, "", p);
        gt_err_t *err = entry_from(entry, kind, json_array_get(list, i), rule, p);

        if (err != GT_OK)
            return gt_err_in(err, "%s[%" APR_SIZE_T_FMT "]", kind->list, i);
        if (entry->name == NULL || entry->name[0] == '\0' ||
            gt_entry_find(config, kind, entry->name) != NULL)
            return gt_err(p, GT_INVALID, "GT0154",
                          "%s[%" APR_SIZE_T_FMT "]: name: it must be there and differ", kind->list,
                          i);
        APR_ARRAY_PUSH(gt_entries(config, kind), gt_conf_entry_t *) = entry;
    }
    return GT_OK;
}

/** The same of a list that a configuration without such entries, or of an older version, lacks. */
static gt_err_t *entries_if_any(gt_config_t *config, const gt_entry_kind_t *kind,
                                const json_t *json, rule_fn *rule, apr_pool_t *p)
{
    return json_object_get(json, kind->list) != NULL ? entries_from(config, kind, json, rule, p)
                                                     : GT_OK;
}

/** A text that was emptied by null but is never NULL in a configuration. */
static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static gt_err_t *required_of(const gt_provider_conf_t *c, apr_pool_t *p)
{
    if (c->kind != GT_KIND_MICROSOFT && (c->scope == NULL || c->authority == NULL))
        return gt_err(p, GT_INVALID, "GT0156", "provider %s: scope and authority cannot be null",
                      c->name);
    if (c->kind == GT_KIND_MICROSOFT &&
        (c->tenant == NULL || c->scope == NULL || c->authority == NULL || c->graph_url == NULL))
        return gt_err(p, GT_INVALID, "GT0156",
                      "provider %s: tenant, scope, authority and graph_url cannot be null",
                      c->name);
    return GT_OK;
}

/** Members that have a default, or must be written, cannot be null. */
static gt_err_t *required(const gt_config_t *config, apr_pool_t *p)
{
    for (int i = 0; i < config->providers->nelts; i++)
        GT_TRY(required_of(APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *), p));
    for (int i = 0; i < config->stores->nelts; i++) {
        const gt_store_conf_t *c = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);

        if (c->table == NULL || c->user_column == NULL || c->user_type == NULL)
            return gt_err(p, GT_INVALID, "GT0156",
                          "store %s: table, user_column and user_type cannot be null", c->name);
    }
    return GT_OK;
}

gt_err_t *gt_config_from_json(gt_config_t **config, const json_t *json, apr_pool_t *p)
{
    gt_config_t *fresh = gt_config_default(p);

    GT_TRY(gt_members_from_json(fresh, gt_config_members, json,
                                "providers stores clients jwts accounts", p));
    GT_TRY(entries_from(fresh, &gt_entry_provider, json, complete_provider, p));
    GT_TRY(entries_from(fresh, &gt_entry_store, json, NULL, p));
    if (gt_config_store(fresh, "main") == NULL)
        return gt_err(p, GT_INVALID, "GT0155", "stores: main is missing");
    GT_TRY(entries_if_any(fresh, &gt_entry_client, json, complete_client, p));
    GT_TRY(entries_if_any(fresh, &gt_entry_jwt, json, judge_jwt, p));
    GT_TRY(entries_if_any(fresh, &gt_entry_account, json, judge_account, p));
    GT_TRY(required(fresh, p));
    fresh->db_driver = or_empty(fresh->db_driver);
    fresh->db_params = or_empty(fresh->db_params);
    *config = fresh;
    return GT_OK;
}

/** 1 for the name of a parameter that holds a secret: pass, password, sslpassword; not passfile. */
static int is_secret_name(const char *name, apr_size_t len)
{
    static const char *const names[] = {"pass", "password", "pwd", "sslpassword", "secret"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0)
            return 1;
    }
    return 0;
}

/** The end of a value: quoted with '' (libpq: backslash escapes), else up to a separator. */
static const char *value_end(const char *value, const char *separators)
{
    const char *c = value;
    int quoted = *c == '\'';

    if (quoted)
        c++;
    for (; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0')
            c++;
        else if (quoted && *c == '\'')
            return c + 1;
        else if (!quoted && strchr(separators, *c) != NULL)
            return c;
    }
    return c;
}

static const char *skip_blanks(const char *c)
{
    while (apr_isspace(*c))
        c++;
    return c;
}

/**
 * "key=value" pairs as libpq reads them: blanks between pairs and round '=', or '&' in a URL.
 * A piece that is no such pair is masked as a whole: it may belong to a password.
 */
static char *mask_pairs(const char *params, const char *separators, apr_pool_t *p)
{
    const char *name_ends = apr_pstrcat(p, "=", separators, NULL);
    char *shown = apr_pstrdup(p, "");
    const char *c = params;

    while (*c != '\0') {
        apr_size_t blanks = strspn(c, separators);
        apr_size_t name_len = strcspn(c + blanks, name_ends);
        const char *name = c + blanks;
        const char *equals = skip_blanks(name + name_len);
        const char *value = *equals == '=' ? skip_blanks(equals + 1) : name;
        const char *end = value_end(value, separators);
        int is_hidden = value == name || name_len == 0 || is_secret_name(name, name_len);

        shown = apr_pstrcat(p, shown, apr_pstrmemdup(p, c, (apr_size_t)(value - c)), NULL);
        if (end > value)
            shown = apr_pstrcat(
                p, shown, is_hidden ? MASK : apr_pstrmemdup(p, value, (apr_size_t)(end - value)),
                NULL);
        c = end;
    }
    return shown;
}

/** "scheme://user:password@host/db?password=…". */
static char *mask_url(const char *params, const char *authority, apr_pool_t *p)
{
    const char *path = authority + strcspn(authority, "/?");
    const char *at = strrchr(authority, '@');
    const char *colon = at != NULL ? memchr(authority, ':', (apr_size_t)(at - authority)) : NULL;
    const char *query = strchr(path, '?');
    const char *from = at != NULL ? at : authority;
    char *shown = apr_pstrmemdup(p, params, (apr_size_t)(from - params));

    /* An '@' behind the authority: perhaps a password with a raw '/' or '?'. */
    if (at != NULL && at > path)
        return apr_pstrcat(p, apr_pstrmemdup(p, params, (apr_size_t)(authority - params)), MASK,
                           NULL);
    if (colon != NULL)
        shown =
            apr_pstrcat(p, apr_pstrmemdup(p, params, (apr_size_t)(colon + 1 - params)), MASK, NULL);
    if (query == NULL)
        return apr_pstrcat(p, shown, from, NULL);
    return apr_pstrcat(p, shown, apr_pstrmemdup(p, from, (apr_size_t)(query + 1 - from)),
                       mask_pairs(query + 1, "&", p), NULL);
}

char *gt_db_params_shown(const char *driver, const char *params, apr_pool_t *p)
{
    const char *scheme = strstr(params, "://");

    if (strcmp(driver, "sqlite3") == 0)
        return apr_pstrdup(p, params);
    if (strcmp(driver, "pgsql") != 0)
        return params[0] != '\0' ? apr_pstrdup(p, MASK) : apr_pstrdup(p, "");
    if (scheme != NULL && strcspn(params, " =") > (apr_size_t)(scheme - params))
        return mask_url(params, scheme + 3, p);
    return mask_pairs(params, " \t\r\n\v\f", p);
}

char *gt_config_database(const gt_config_t *config, apr_pool_t *p)
{
    return apr_pstrcat(p, config->db_driver, " ",
                       gt_db_params_shown(config->db_driver, config->db_params, p), NULL);
}
