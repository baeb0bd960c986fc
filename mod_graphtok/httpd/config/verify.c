/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * check_config: everything `httpd -t` can judge without the network. An error here stops a start
 * and ends a running server at a graceful restart, so only mistakes in the configuration are
 * errors. Findings that do not stop a start are kept and logged in post_config: a start as Debian
 * does it has no terminal any more and no error log yet while the configuration is checked. A
 * finding about a secret is a warning at a start, and a *fault* under `httpd -t`, which stops
 * nothing, when the secret can never work (a broken keyring, a file that every user may read); a
 * secret that is away, or not readable for the user who runs the test, is a warning there too.
 */

#include "config/verify.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <unixd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/source.h"
#include "base/text.h"
#include "config/auth_type.h"
#include "config/child_user.h"
#include "config/db_source.h"
#include "config/given_names.h"
#include "config/host_names.h"
#include "config/journal_folder.h"
#include "config/mounts.h"
#include "config/published.h"
#include "config/route_set.h"
#include "config/setters.h"
#include "config/sign_in_place.h"
#include "config/tree.h"
#include "net/url.h"
#include "store/store.h"

APLOG_USE_MODULE(graphtok);

typedef gtm_verdict_t verdict_t;

void gtm_note(apr_array_header_t *list, const char *where, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = apr_pvsprintf(list->pool, fmt, args);
    va_end(args);
    APR_ARRAY_PUSH(list, const char *) =
        where != NULL ? apr_pstrcat(list->pool, where, ": ", text, NULL) : text;
}

const char *gtm_host_shown(const verdict_t *v, const server_rec *host)
{
    if (host == NULL)
        return "";
    return apr_psprintf(v->p, " (virtual host %s)",
                        host->server_hostname != NULL ? host->server_hostname : "without a name");
}

static const char *path_shown(const gtm_mount_t *mount)
{
    return mount->path[0] != '\0' ? mount->path : "/";
}

/** The names that a location gives the token by: no request may bring them along. */
static void keep_pass_name(const verdict_t *v, const ap_directive_t *node)
{
    const char *args = node->args;
    const char *word = gtm_tree_word(&args, v->p);

    if (strcasecmp(word, "off") == 0)
        return;
    if (v->server->config->providers->nelts == 0)
        gtm_note(v->errors, gtm_where(node, v->p),
                 "GraphTokPassToken: there is no <GraphTokProvider NAME>%s",
                 gtm_host_shown(v, gtm_tree_host(node, v->s)));
    while (*args != '\0') {
        word = gtm_tree_word(&args, v->p);
        if (strchr(word, '=') == NULL)
            gtm_given_names_add(v->server->passed, word);
    }
}

/** Note the children's user for graphtokctl; without root httpd has no other user. */
static void keep_user(gt_config_t *config)
{
    if (ap_unixd_config.user_id == (uid_t)-1 || ap_unixd_config.group_id == (gid_t)-1)
        return;
    config->httpd_user = ap_unixd_config.user_id;
    config->httpd_group = ap_unixd_config.group_id;
}

static void check_names_of_clients(const verdict_t *v, const ap_directive_t *node)
{
    const char *args = node->args;

    while (*args != '\0') {
        const char *name = gtm_tree_word(&args, v->p);

        if (*name != '\0' && gt_config_client(v->server->config, name) == NULL)
            gtm_note(v->errors, gtm_where(node, v->p),
                     "GraphTokUseClient: there is no <GraphTokClient %s>%s", name,
                     gtm_host_shown(v, gtm_tree_host(node, v->s)));
    }
}

static void check_names_of_providers(const verdict_t *v, const ap_directive_t *node)
{
    const char *args = node->args;

    while (*args != '\0') {
        const char *name = gtm_tree_word(&args, v->p);

        if (*name != '\0' && gt_config_provider(v->server->config, name) == NULL)
            gtm_note(v->errors, gtm_where(node, v->p),
                     "GraphTokUseProvider: there is no <GraphTokProvider %s>%s", name,
                     gtm_host_shown(v, gtm_tree_host(node, v->s)));
    }
}

/** The database of mod_dbd's main server, and names that locations use. */
static void visit(void *baton, const ap_directive_t *node)
{
    verdict_t *v = baton;
    gt_config_t *config = v->server->config;
    const char *args = node->args;
    int is_main = gtm_tree_in(node, "<VirtualHost") == NULL;
    const char *name;

    if (is_main && gtm_tree_is(node, "DBDriver"))
        config->db_driver = gtm_tree_word(&args, v->p);
    if (is_main && gtm_tree_is(node, "DBDParams")) {
        config->db_params = gtm_tree_word(&args, v->p);
        config->db_params_where = gtm_where(node, v->p);
    }
    if (gtm_tree_is(node, "GraphTokKeyring") && gtm_tree_in(node, "<GraphTokStore") == NULL)
        v->keyring_where = gtm_where(node, v->p);
    if (gtm_tree_is(node, "GraphTokJournal"))
        v->journal_where = gtm_where(node, v->p);
    if (gtm_tree_is(node, "GraphTokPassToken"))
        keep_pass_name(v, node);
    if (gtm_tree_is(node, "GraphTokUseProvider"))
        check_names_of_providers(v, node);
    if (gtm_tree_is(node, "GraphTokUseClient"))
        check_names_of_clients(v, node);
    if (gtm_tree_is(node, "GraphTokUseStore")) {
        name = gtm_tree_word(&args, v->p);
        if (gt_config_store(config, name) == NULL)
            gtm_note(v->errors, gtm_where(node, v->p),
                     "GraphTokUseStore: there is no <GraphTokStore %s>%s", name,
                     gtm_host_shown(v, gtm_tree_host(node, v->s)));
    }
}

/** 1 when a route of ours is at the directive's place, below it, or around it. */
static int is_near_mount(const verdict_t *v, const ap_directive_t *node)
{
    const server_rec *host = gtm_tree_host(node, v->s);
    const char *why, *path = gtm_mounts_path(&why, node, v->p);

    for (int i = 0; i < v->server->mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(v->server->mounts, i, gtm_mount_t);

        if (path == NULL ||
            ((host == NULL || mount->server == NULL || mount->server == host) &&
             (gtm_mounts_is_below(mount->path, path) || gtm_mounts_is_below(path, mount->path))))
            return 1;
    }
    return 0;
}

/** Judge GraphTokAllowOrigin: plain http can be forged; without a route below it does nothing. */
static void visit_origins(void *baton, const ap_directive_t *node)
{
    const verdict_t *v = baton;
    const char *args = node->args, *word;

    if (!gtm_tree_is(node, "GraphTokAllowOrigin"))
        return;
    if (!is_near_mount(v, node))
        gtm_note(v->warnings, gtm_where(node, v->p),
                 "GraphTokAllowOrigin: there is no SetHandler graphtok-auth or the like here; "
                 "it holds for our own routes alone%s",
                 gtm_host_shown(v, gtm_tree_host(node, v->s)));
    while (*args != '\0') {
        word = gtm_tree_word(&args, v->p);
        if (strncasecmp(word, "http://", 7) == 0 && !gt_url_is_safe(word))
            gtm_note(v->warnings, gtm_where(node, v->p),
                     "GraphTokAllowOrigin: pages of %s come without TLS, so that a network in "
                     "between can put its own in their place, which act for our users; write "
                     "https://%s",
                     word, gtm_host_shown(v, gtm_tree_host(node, v->s)));
    }
}

/** The caller's id in a location; NULL: only a request tells. */
static const char *user_of(const gtm_dir_t *dir)
{
    if (dir->caller_from == GT_CALLER_STATIC)
        return dir->caller_name;
    return dir->caller_from == GT_CALLER_SESSION ? "(a session's, OID@TENANT)" : NULL;
}

/** A sign-in that its store's column cannot hold would fail at the provider's answer. */
static void check_user_type(const verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const gt_store_conf_t *store = gt_config_store(v->server->config, dir->store);
    const char *user = user_of(dir);

    if (store == NULL || user == NULL || gt_store_user(store->user_type, user, v->p) != NULL)
        return;
    gtm_note(
        v->errors, mount->where,
        "SetHandler %s at %s: the user %s is no %s, which GraphTokUserColumn of store %s wants; "
        "write GraphTokUser remote-user or another GraphTokUseStore%s",
        mount->handler, path_shown(mount), user, store->user_type, store->name,
        gtm_host_shown(v, mount->server));
}

/** 1 when some place that the same GraphTokRoutes holds for has a route of this name. */
static int is_served(const verdict_t *v, const char *routes, const char *name)
{
    for (int i = 0; i < v->server->mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(v->server->mounts, i, gtm_mount_t);

        /* Merging copies the pointer: the same text is the same directive. */
        if (gtm_mount_settings(mount, v->s, v->p)->routes == routes &&
            gtm_route_has(mount->handler, name))
            return 1;
    }
    return 0;
}

/** A name of another handler's route is a slip; one directive may hold for several handlers. */
static void check_routes(const verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const apr_array_header_t *names =
        dir->routes != NULL ? gt_split(dir->routes, " ", v->p) : apr_array_make(v->p, 0, 1);

    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (!is_served(v, dir->routes, name))
            gtm_note(v->warnings, mount->where,
                     "GraphTokRoutes at %s: %s has no route '%s', but: %s%s", path_shown(mount),
                     mount->handler, name, gtm_route_names(mount->handler, v->p),
                     gtm_host_shown(v, mount->server));
    }
}

/** Calendars are Graph's and Google's, Graph is Microsoft's. */
static void check_kind(const verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const gt_provider_conf_t *provider =
        dir->provider != NULL ? gt_config_provider(v->server->config, dir->provider) : NULL;

    gtm_check_graph(v, mount, dir);
    if (provider == NULL || provider->kind != GT_KIND_OPENID ||
        strcmp(mount->handler, "graphtok-calendar") != 0)
        return;
    gtm_note(v->errors, mount->where,
             "SetHandler %s at %s: provider %s is of GraphTokKind openid and has no calendars; "
             "Microsoft's and Google's have%s",
             mount->handler, path_shown(mount), provider->name, gtm_host_shown(v, mount->server));
}

/** Without Require httpd names no user, and lets in all. */
static void check_open(const verdict_t *v, const gtm_mount_t *mount, const gtm_dir_t *dir)
{
    const char *path = path_shown(mount);
    const char *host = gtm_host_shown(v, mount->server);

    if (dir->caller_from == GT_CALLER_STATIC)
        gtm_note(v->warnings, mount->where,
                 "SetHandler %s at %s without Require: every client acts as the static user "
                 "%s%s",
                 mount->handler, path, dir->caller_name, host);
    if (dir->caller_from == GT_CALLER_REMOTE_USER)
        gtm_note(
            v->warnings, mount->where,
            "SetHandler %s at %s: GraphTokUser remote-user without Require or AuthType: no user "
            "is known there%s",
            mount->handler, path, host);
}

static void check_mount(const verdict_t *v, const gtm_mount_t *mount)
{
    const gtm_dir_t *dir = gtm_mount_settings(mount, v->s, v->p);
    const char *path = path_shown(mount);
    const char *host = gtm_host_shown(v, mount->server);

    check_routes(v, mount, dir);
    if (strcmp(mount->handler, "graphtok-metrics") == 0) {
        if (!mount->has_require)
            gtm_note(v->warnings, mount->where,
                     "SetHandler %s at %s without Require: every client can read the figures%s",
                     mount->handler, path, host);
        return;
    }
    if (gtm_route_is_administration(mount->handler)) {
        gtm_check_administration(v, mount, dir);
        return;
    }
    if (strcmp(mount->handler, "graphtok-webhook") == 0) {
        gtm_check_webhook(v, mount, dir);
        return;
    }
    if (v->server->config->providers->nelts == 0)
        gtm_note(v->errors, mount->where,
                 "SetHandler %s at %s: there is no <GraphTokProvider NAME>%s", mount->handler, path,
                 host);
    else if (dir->provider == NULL && dir->account == NULL)
        gtm_note(v->errors, mount->where,
                 "SetHandler %s at %s: several providers are configured; say which with "
                 "GraphTokUseProvider NAME%s",
                 mount->handler, path, host);
    check_kind(v, mount, dir);
    gtm_check_mail(v, mount, dir);
    gtm_check_auth(v, mount, dir);
    if (dir->account != NULL || strcmp(mount->handler, "graphtok-exchange") == 0) {
        (dir->account != NULL ? gtm_check_account_mount : gtm_check_exchange)(v, mount, dir);
        return;
    }
    if (strcmp(mount->handler, "graphtok-health") == 0) {
        gtm_check_health(v, mount, dir);
        return;
    }
    check_user_type(v, mount, dir);
    if (dir->provider != NULL &&
        gtm_sign_in_is_amiss(dir, mount->path, mount->server != NULL ? mount->server : v->s, v->p))
        gtm_note(
            v->warnings, mount->where,
            "SetHandler %s at %s: no graphtok-auth of this server signs in for its provider %s and "
            "its store %s, so that no user is known there%s",
            mount->handler, path, dir->provider, dir->store, host);
    if (!mount->has_require)
        check_open(v, mount, dir);
}

/** Put the defaults into the outermost settings of each server, so that requests find every member
 * set and nothing is filled in for each of them. */
static void fill_defaults(const verdict_t *v)
{
    for (server_rec *s = v->s; s != NULL; s = s->next) {
        gtm_dir_t *dir = ap_get_module_config(s->lookup_defaults, &graphtok_module);

        if (dir != NULL)
            gtm_dir_defaults(dir, v->server->config, v->p);
    }
}

static void judge(verdict_t *v)
{
    gt_config_t *config = v->server->config;

    keep_user(v->server->config);
    gtm_tree_each(visit, v);
    apr_array_clear(v->server->mounts);
    gtm_mounts_find(v->server->mounts, v->errors, v->s, v->p);
    fill_defaults(v);
    gt_config_check(config, v->errors, v->warnings, v->p);
    gtm_check_server(v);
    gtm_check_jwts(v);
    gtm_check_accounts(v);
    gtm_check_triage(v);
    gtm_check_hooks(v);
    gtm_published_check(v->faults, config, v->p);
    for (int i = 0; i < config->providers->nelts; i++) {
        gtm_check_provider_files(v, APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *));
        gtm_check_mail_servers(v, APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *));
    }
    for (int i = 0; i < config->clients->nelts; i++) {
        gtm_check_client_secret(v, APR_ARRAY_IDX(config->clients, i, gt_client_conf_t *));
        gtm_check_client(v, APR_ARRAY_IDX(config->clients, i, gt_client_conf_t *));
    }
    gtm_check_keyrings(v);
    if (config->public_url == NULL)
        gtm_names_check(v->warnings, v->server->mounts, v->s, v->p);
    else
        gtm_public_url_check(v->warnings, config->public_url, v->server->mounts, v->p);
    gtm_auth_type_check(v->warnings, v->server->mounts, config, v->s, v->p);
    gtm_sign_in_check(v->errors, v->s, v->p);
    gtm_tree_each(visit_origins, v);
    for (int i = 0; i < v->server->mounts->nelts; i++)
        check_mount(v, &APR_ARRAY_IDX(v->server->mounts, i, gtm_mount_t));
}

static void print(const apr_array_header_t *texts, int level, const char *tag, server_rec *s)
{
    for (int i = 0; i < texts->nelts; i++)
        ap_log_error(APLOG_MARK, level, 0, s, "%s: %s", tag, APR_ARRAY_IDX(texts, i, const char *));
}

static void tell(const verdict_t *v, int fault_level, int bare)
{
    print(v->faults, fault_level | bare, "GT0851", v->s);
    print(v->warnings, APLOG_WARNING | bare, "GT0852", v->s);
    print(v->notes, APLOG_INFO | bare, "GT0853", v->s);
}

int gtm_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    verdict_t *v = apr_pcalloc(pconf, sizeof(*v));
    int is_first_pass = ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG;

    (void)plog;
    (void)ptemp;
    v->server = gtm_server(s);
    v->s = s;
    v->p = pconf;
    v->is_test = ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
    v->errors = apr_array_make(pconf, 4, sizeof(const char *));
    v->warnings = apr_array_make(pconf, 4, sizeof(const char *));
    v->faults = apr_array_make(pconf, 4, sizeof(const char *));
    v->notes = apr_array_make(pconf, 4, sizeof(const char *));
    v->server->verdict = v;
    judge(v);
    /* On a terminal the bare text, in the log a line like the others. */
    print(v->errors, APLOG_ERR | (v->is_test || is_first_pass ? APLOG_STARTUP : 0), "GT0850", s);
    if (v->is_test)
        tell(v, APLOG_ERR, APLOG_STARTUP);
    return v->errors->nelts > 0 || (v->is_test && v->faults->nelts > 0) ? !OK : OK;
}

void gtm_check_tell(const server_rec *s)
{
    const verdict_t *v = gtm_server(s)->verdict;

    if (v != NULL)
        tell(v, APLOG_WARNING, 0);
}
