/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The setters behind directives. They run twice at start and once per restart, as root, so they
 * open nothing: a fault that needs a file, another directive or another section to be seen is
 * judged in verify.c. An error text says what is wrong and what to write; httpd puts file and line
 * before it.
 */

#include "config/setters.h"

#include <string.h>

#include <apr_strings.h>
#include <http_main.h>

#include "conf/entry.h"

char *gtm_where(const ap_directive_t *directive, apr_pool_t *p)
{
    return apr_psprintf(p, "%s:%d", directive->filename, directive->line_num);
}

static gtm_server_t *server_of(const cmd_parms *cmd)
{
    return gtm_server(cmd->server);
}

const char *gtm_setter_set(cmd_parms *cmd, void *object, const gt_member_t *table, const char *name,
                           const char *text)
{
    const gt_member_t *member = gt_member_find(table, name);
    const char *why = NULL;

    if (gt_member_set(object, member, text, ap_server_root, &why, cmd->pool))
        return NULL;
    if (cmd->server->is_virtual)
        return apr_psprintf(cmd->pool, "%s: %s (in the virtual host of %s:%u)", cmd->cmd->name, why,
                            cmd->server->defn_name, cmd->server->defn_line_number);
    return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", why, NULL);
}

const char *gtm_setter_joined(cmd_parms *cmd, const char *args)
{
    char *list = apr_pstrdup(cmd->pool, "");

    while (*args != '\0') {
        const char *word = ap_getword_conf(cmd->pool, &args);

        if (*word != '\0')
            list = apr_pstrcat(cmd->pool, list, *list != '\0' ? " " : "", word, NULL);
    }
    return list;
}

/** 1 when another container has a directive of this name, too: its row says what is wrong. */
static int is_shared(const cmd_parms *cmd)
{
    int rows = 0;

    for (const command_rec *row = gtm_directives; row->name != NULL; row++)
        rows += strcasecmp(row->name, cmd->cmd->name) == 0;
    return rows > 1;
}

static const char *misplaced(const cmd_parms *cmd, const char *container)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, " must stand inside <", container, " NAME>",
                       NULL);
}

/** The container of ours that is being read, or NULL. */
static const char *container_of(const gtm_server_t *server)
{
    return server->in_provider != NULL  ? "GraphTokProvider"
           : server->in_store != NULL   ? "GraphTokStore"
           : server->in_client != NULL  ? "GraphTokClient"
           : server->in_jwt != NULL     ? "GraphTokJWT"
           : server->in_account != NULL ? "GraphTokAccount"
                                        : NULL;
}

/** Refuse a directive that may not stand inside our containers. */
static const char *refuse_in_container(const cmd_parms *cmd)
{
    const gtm_server_t *server = server_of(cmd);
    const char *container = container_of(server);

    if (container == NULL)
        return NULL;
    if (server->in_client != NULL && is_shared(cmd))
        return DECLINE_CMD;
    return apr_pstrcat(cmd->pool, cmd->cmd->name, " must not stand inside <", container, ">", NULL);
}

const char *gtm_set_in_server(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (err == NULL)
        err = refuse_in_container(cmd);
    if (err != NULL)
        return err;
    return gtm_setter_set(cmd, server_of(cmd)->config, gt_config_members, cmd->info, arg);
}

const char *gtm_add_keyring(cmd_parms *cmd, void *dir, const char *arg)
{
    return server_of(cmd)->in_store != NULL ? gtm_set_in_store(cmd, dir, arg)
                                            : gtm_set_in_server(cmd, dir, arg);
}

const char *gtm_set_audit(cmd_parms *cmd, void *dir, const char *arg)
{
    int is_path = *arg != '|' && (strcmp(cmd->info, "audit") == 0 || strcmp(arg, "off") != 0);
    const char *path = is_path ? ap_server_root_relative(cmd->pool, arg) : NULL;
    const char *err = gtm_set_in_server(cmd, dir, path != NULL ? path : arg);
    apr_finfo_t folder;

    if (err != NULL || !is_path)
        return err;
    if (path == NULL || path[strlen(path) - 1] == '/')
        return apr_psprintf(cmd->pool, "%s: '%s' is no file's path", cmd->cmd->name, arg);
    if (apr_stat(&folder, ap_make_dirstr_parent(cmd->temp_pool, path), APR_FINFO_TYPE,
                 cmd->temp_pool) != APR_SUCCESS ||
        folder.filetype != APR_DIR)
        return apr_psprintf(cmd->pool, "%s: there is no folder for %s", cmd->cmd->name, path);
    if (apr_stat(&folder, path, APR_FINFO_TYPE, cmd->temp_pool) == APR_SUCCESS &&
        folder.filetype == APR_DIR)
        return apr_psprintf(cmd->pool, "%s: %s is a folder; name a file in it", cmd->cmd->name,
                            path);
    return NULL;
}

const char *gtm_set_in_provider(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    if (server_of(cmd)->in_client != NULL && is_shared(cmd))
        return DECLINE_CMD;
    /* GraphTokCAFile is of both. */
    if (server_of(cmd)->in_jwt != NULL && strcmp(cmd->info, "ca_file") == 0)
        return gtm_set_in_jwt(cmd, dir, arg);
    if (server_of(cmd)->in_provider == NULL)
        return misplaced(cmd, "GraphTokProvider");
    return gtm_setter_set(cmd, server_of(cmd)->in_provider, gt_provider_members, cmd->info, arg);
}

const char *gtm_set_secrets(cmd_parms *cmd, void *dir, const char *first, const char *second)
{
    gt_provider_conf_t *provider = server_of(cmd)->in_provider;
    int is_of_client = strcmp(cmd->info, "secret") == 0;
    int is_second = provider != NULL && provider->client_secret != NULL;
    const char *err;

    /* The directive is of both sections, and each has its row. */
    if (is_of_client != (server_of(cmd)->in_client != NULL))
        return DECLINE_CMD;
    if (is_of_client)
        return second == NULL ? gtm_set_in_client(cmd, dir, first)
                              : "GraphTokClientSecret takes one secret inside <GraphTokClient>";
    if (is_second && (second != NULL || provider->spare_secret != NULL))
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           ": at most two, the one that is used and the one that it takes the "
                           "place of",
                           NULL);
    if (is_second)
        return gtm_setter_set(cmd, provider, gt_provider_members, "spare_secret", first);
    err = gtm_set_in_provider(cmd, dir, first);
    if (err != NULL || second == NULL)
        return err;
    return gtm_setter_set(cmd, server_of(cmd)->in_provider, gt_provider_members, "spare_secret",
                          second);
}

/** A path means a file: what stands in a configuration itself is no certificate. */
static const char *file_of(const char *text, apr_pool_t *p)
{
    int is_source = strncmp(text, "file:", 5) == 0 || strncmp(text, "env:", 4) == 0 ||
                    strncmp(text, "exec:", 5) == 0;

    return is_source ? text : apr_pstrcat(p, "file:", text, NULL);
}

const char *gtm_set_certificate(cmd_parms *cmd, void *dir, const char *file, const char *key)
{
    const char *err = gtm_set_in_provider(cmd, dir, file_of(file, cmd->pool));
    gt_provider_conf_t *provider = server_of(cmd)->in_provider;

    if (err != NULL)
        return err;
    return gtm_setter_set(cmd, provider, gt_provider_members, "certificate_key",
                          file_of(key != NULL ? key : file, cmd->pool));
}

const char *gtm_set_proxy(cmd_parms *cmd, void *dir, const char *url, const char *login)
{
    const char *err = gtm_set_in_provider(cmd, dir, url);

    if (err != NULL || login == NULL)
        return err;
    return gtm_setter_set(cmd, server_of(cmd)->in_provider, gt_provider_members, "proxy_login",
                          login);
}

const char *gtm_add_tenant_client(cmd_parms *cmd, void *dir, const char *tenant,
                                  const char *client_id, const char *secret)
{
    gt_provider_conf_t *provider = server_of(cmd)->in_provider;
    const gt_member_t *table = gt_tenant_client_members;
    gt_tenant_client_t *client = apr_pcalloc(cmd->pool, sizeof(*client));
    const char *err;

    (void)dir;
    if (provider == NULL)
        return misplaced(cmd, "GraphTokProvider");
    err = gtm_setter_set(cmd, client, table, "tenant", tenant);
    if (err == NULL)
        err = gtm_setter_set(cmd, client, table, "client_id", client_id);
    if (err == NULL)
        err = gtm_setter_set(cmd, client, table, "client_secret", secret);
    if (err == NULL && gt_provider_conf_client(provider, tenant) != NULL)
        err = apr_psprintf(cmd->pool, "GraphTokTenantClient: tenant %s has one already", tenant);
    if (err == NULL)
        APR_ARRAY_PUSH(provider->tenant_clients, gt_tenant_client_t *) = client;
    return err;
}

const char *gtm_list_in_provider(cmd_parms *cmd, void *dir, const char *args)
{
    return gtm_set_in_provider(cmd, dir, gtm_setter_joined(cmd, args));
}

const char *gtm_add_in_provider(cmd_parms *cmd, void *dir, const char *word)
{
    const gt_provider_conf_t *provider = server_of(cmd)->in_provider;
    const char *words =
        provider != NULL ? gt_member_text(provider, gt_provider_members, cmd->info) : NULL;

    return gtm_set_in_provider(
        cmd, dir, words != NULL ? apr_pstrcat(cmd->pool, words, " ", word, NULL) : word);
}

const char *gtm_set_in_store(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    if (server_of(cmd)->in_store == NULL)
        return misplaced(cmd, "GraphTokStore");
    return gtm_setter_set(cmd, server_of(cmd)->in_store, gt_store_members, cmd->info, arg);
}

const char *gtm_list_in_store(cmd_parms *cmd, void *dir, const char *args)
{
    return gtm_set_in_store(cmd, dir, gtm_setter_joined(cmd, args));
}

const char *gtm_set_in_client(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    if (server_of(cmd)->in_client == NULL)
        return is_shared(cmd) ? DECLINE_CMD : misplaced(cmd, "GraphTokClient");
    return gtm_setter_set(cmd, server_of(cmd)->in_client, gt_client_members, cmd->info, arg);
}

const char *gtm_list_in_client(cmd_parms *cmd, void *dir, const char *args)
{
    return gtm_set_in_client(cmd, dir, gtm_setter_joined(cmd, args));
}

const char *gtm_set_in_jwt(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    if (server_of(cmd)->in_jwt == NULL)
        return misplaced(cmd, "GraphTokJWT");
    return gtm_setter_set(cmd, server_of(cmd)->in_jwt, gt_jwt_members, cmd->info, arg);
}

const char *gtm_list_in_jwt(cmd_parms *cmd, void *dir, const char *args)
{
    return gtm_set_in_jwt(cmd, dir, gtm_setter_joined(cmd, args));
}

const char *gtm_set_jwt_keys(cmd_parms *cmd, void *dir, const char *arg)
{
    gt_jwt_conf_t *jwt = server_of(cmd)->in_jwt;
    int is_url = strncasecmp(arg, "https:", 6) == 0 || strncasecmp(arg, "http:", 5) == 0;

    if (jwt == NULL)
        return gtm_set_in_jwt(cmd, dir, arg);
    jwt->keys = NULL;
    jwt->keys_url = NULL;
    return gtm_setter_set(cmd, jwt, gt_jwt_members, is_url ? "keys_url" : "keys", arg);
}

const char *gtm_setter_enter_dir(cmd_parms *cmd, gtm_dir_t *dir)
{
    const char *err = ap_check_cmd_context(cmd, NOT_IN_LIMIT | NOT_IN_HTACCESS);

    if (err == NULL)
        err = refuse_in_container(cmd);
    if (err == NULL && dir->where == NULL)
        dir->where = gtm_where(cmd->directive, cmd->pool);
    return err;
}

const char *gtm_set_in_dir(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = gtm_setter_enter_dir(cmd, dir);

    return err != NULL ? err : gtm_setter_set(cmd, dir, gtm_dir_members, cmd->info, arg);
}

const char *gtm_list_in_dir(cmd_parms *cmd, void *dir, const char *args)
{
    return gtm_set_in_dir(cmd, dir, gtm_setter_joined(cmd, args));
}

const char *gtm_set_user_column(cmd_parms *cmd, void *dir, const char *args)
{
    gt_store_conf_t *store = server_of(cmd)->in_store;
    const char *err = gtm_set_in_store(cmd, dir, ap_getword_conf(cmd->pool, &args));
    const char *word = ap_getword_conf(cmd->pool, &args);

    if (err == NULL && *word != '\0' && strcasecmp(word, "REFERENCES") != 0) {
        err = gtm_setter_set(cmd, store, gt_store_members, "user_type", word);
        word = ap_getword_conf(cmd->pool, &args);
    }
    if (err == NULL && strcasecmp(word, "REFERENCES") == 0) {
        err = gtm_setter_set(cmd, store, gt_store_members, "references",
                             ap_getword_conf(cmd->pool, &args));
        word = ap_getword_conf(cmd->pool, &args);
    }
    if (err == NULL && *word != '\0')
        return apr_psprintf(cmd->pool,
                            "GraphTokUserColumn: '%s' is one word too many; write NAME "
                            "[text|integer|uuid] [REFERENCES table(column)]",
                            word);
    return err;
}

/** The one name in "<Container NAME>"; all containers have the same rule for it. */
static const char *container_name(const char **name, cmd_parms *cmd, const char *args)
{
    const char *end = strrchr(args, '>');
    gt_provider_conf_t scratch;
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (err == NULL)
        err = refuse_in_container(cmd);
    if (err != NULL)
        return err;
    if (end == NULL)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, "> directive missing closing '>'", NULL);
    args = apr_pstrmemdup(cmd->pool, args, (apr_size_t)(end - args));
    *name = ap_getword_conf(cmd->pool, &args);
    if (**name == '\0' || *args != '\0')
        return apr_pstrcat(cmd->pool, cmd->cmd->name, "> needs one name: ", cmd->cmd->name,
                           " NAME>", NULL);
    return gtm_setter_set(cmd, &scratch, gt_provider_members, "name", *name);
}

/** Walk the directives inside; only ours may stand there (the setters refuse those of
 * elsewhere). */
static const char *walk_container(cmd_parms *cmd)
{
    ap_directive_t *first = cmd->directive->first_child;
    const char *name = cmd->cmd->name;

    for (ap_directive_t *at = first; at != NULL; at = at->next) {
        if (strncasecmp(at->directive, "GraphTok", 8) != 0) {
            cmd->err_directive = at;
            return apr_pstrcat(cmd->pool, at->directive, " must not stand inside ", name, ">",
                               NULL);
        }
    }
    return ap_walk_config(first, cmd, cmd->context);
}

/** The entry that a container is about; NULL with an error. The store main exists before it is
 * defined, at most once, as any other entry. */
static void *begin_entry(const char **err, cmd_parms *cmd, const char *args,
                         const gt_entry_kind_t *kind)
{
    const gt_config_t *config = server_of(cmd)->config;
    gt_conf_entry_t *entry;
    const char *name = NULL;

    *err = container_name(&name, cmd, args);
    if (*err != NULL)
        return NULL;
    entry = gt_entry_find(config, kind, name);
    if (entry != NULL && entry->where != NULL) {
        *err = apr_psprintf(cmd->pool, "%s %s is defined already, at %s", kind->word, name,
                            entry->where);
        return NULL;
    }
    if (entry == NULL) {
        entry = kind == &gt_entry_provider ? (void *)gt_provider_conf_blank(name, cmd->pool)
                                           : gt_entry_make(kind, name, cmd->pool);
        APR_ARRAY_PUSH(gt_entries(config, kind), gt_conf_entry_t *) = entry;
    }
    entry->where = gtm_where(cmd->directive, cmd->pool);
    return entry;
}

const char *gtm_open_provider(cmd_parms *cmd, void *dir, const char *args)
{
    gtm_server_t *server = server_of(cmd);
    const char *err;

    (void)dir;
    server->in_provider = begin_entry(&err, cmd, args, &gt_entry_provider);
    if (server->in_provider == NULL)
        return err;
    err = walk_container(cmd);
    gt_provider_conf_complete(server->in_provider, cmd->pool);
    gt_provider_conf_sources(server->in_provider);
    server->in_provider = NULL;
    return err;
}

const char *gtm_open_client(cmd_parms *cmd, void *dir, const char *args)
{
    gtm_server_t *server = server_of(cmd);
    const char *err;

    (void)dir;
    server->in_client = begin_entry(&err, cmd, args, &gt_entry_client);
    if (server->in_client != NULL)
        err = walk_container(cmd);
    server->in_client = NULL;
    return err;
}

const char *gtm_open_account(cmd_parms *cmd, void *dir, const char *args)
{
    gtm_server_t *server = server_of(cmd);
    const char *err;

    (void)dir;
    server->in_account = begin_entry(&err, cmd, args, &gt_entry_account);
    if (server->in_account != NULL)
        err = walk_container(cmd);
    server->in_account = NULL;
    return err;
}

const char *gtm_open_store(cmd_parms *cmd, void *dir, const char *args)
{
    gtm_server_t *server = server_of(cmd);
    const char *err;

    (void)dir;
    server->in_store = begin_entry(&err, cmd, args, &gt_entry_store);
    if (server->in_store != NULL)
        err = walk_container(cmd);
    server->in_store = NULL;
    return err;
}

const char *gtm_open_jwt(cmd_parms *cmd, void *dir, const char *args)
{
    gtm_server_t *server = server_of(cmd);
    const char *err;
    gt_jwt_conf_t *jwt = begin_entry(&err, cmd, args, &gt_entry_jwt);

    (void)dir;
    if (jwt == NULL)
        return err;
    server->in_jwt = jwt;
    err = walk_container(cmd);
    server->in_jwt = NULL;
    /* A published key is no secret: a file that all may read, and a command's every line. */
    if (jwt->keys != NULL && !gt_jwt_conf_is_secret(jwt)) {
        gt_source_public(jwt->keys);
        gt_source_whole(jwt->keys);
    }
    return err;
}
