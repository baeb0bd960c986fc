/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The setters behind directives. They run twice at start and once per restart, as root, so they
 * open nothing: what needs a file, another directive or another section is judged in verify.c.
 * An error text says what is wrong and what to write; httpd puts file and line before it.
 */

#include "config/setters.h"

#include <stddef.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_main.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/given_names.h"
#include "config/route_set.h"
#include "net/url.h"

APLOG_USE_MODULE(graphtok);

#define KIB APR_INT64_C(1024)
#define MIB (1024 * KIB)
#define IN_DIR(m) offsetof(struct gtm_dir_t, m)

const char *const gtm_limit_names[GTM_LIMIT_CLASSES] = {"login",  "callback", "user",   "calendar",
                                                        "events", "create",   "update", "delete"};

const gt_limit_t gtm_limit_defaults[GTM_LIMIT_CLASSES] = {
    [GTM_LIMIT_LOGIN] = {10, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_CALLBACK] = {20, APR_USEC_PER_SEC * 3600},
    [GTM_LIMIT_USER] = {100, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_CALENDAR] = {100, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_EVENTS] = {200, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_CREATE] = {50, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_UPDATE] = {50, APR_USEC_PER_SEC * 60},
    [GTM_LIMIT_DELETE] = {50, APR_USEC_PER_SEC * 60},
};

/** A user id: 1 to 255 bytes (the table's bound), no control characters. */
static int is_user(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            return 0;
    }
    return 1;
}

static int is_return_to(const char *text)
{
    return gt_is_local_path(text) || gt_url_is_safe(text);
}

const gt_member_t gtm_dir_members[] = {
    {.name = "user_from",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(caller_from),
     .words = "static session remote-user expr"},
    {.name = "user",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_DIR(caller_name),
     .max = 255,
     .is_good = is_user,
     .expects = "a user id without control characters"},
    {.name = "user_expr", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(caller_text), .max = 8191},
    {.name = "provider", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(provider)},
    {.name = "store", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(store)},
    {.name = "routes", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(routes)},
    {.name = "shared_mailboxes", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(mailboxes)},
    {.name = "sign_in",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_DIR(sign_in),
     .is_good = gt_is_local_path,
     .expects = "the path of a place with SetHandler graphtok-auth, such as /auth"},
    {.name = "return_to",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_DIR(return_to),
     .is_good = is_return_to,
     .expects = "a path of this server (/…) or an https URL"},
    {.name = "session_realm",
     .kind = GT_MEMBER_TEXT,
     .offset = IN_DIR(session_realm),
     .max = 64,
     .is_good = is_user,
     .expects = "a name without control characters"},
    {.name = "request_max",
     .kind = GT_MEMBER_SIZE,
     .offset = IN_DIR(request_max),
     .min = KIB,
     .max = 64 * MIB},
    {.name = "answer_max",
     .kind = GT_MEMBER_SIZE,
     .offset = IN_DIR(answer_max),
     .min = KIB,
     .max = 1024 * MIB},
    {.name = "pass_token",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(pass_to),
     .words = "off header env"},
    {.name = "pass_name", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(pass_name), .max = 64},
    {.name = "pass_resource",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(pass_resource),
     .words = "graph"},
    {.name = "pass_missing",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(pass_missing),
     .words = "sign-in refuse none"},
    {.name = "pass_cookie",
     .kind = GT_MEMBER_WORD,
     .offset = IN_DIR(pass_cookie),
     .words = "off on"},
    {.name = "limiting", .kind = GT_MEMBER_WORD, .offset = IN_DIR(limits_off), .words = "on off"},
    {.name = "where", .kind = GT_MEMBER_TEXT, .offset = IN_DIR(where), .max = 8191},
    {.name = ""}};

char *gtm_where(const ap_directive_t *directive, apr_pool_t *p)
{
    return apr_psprintf(p, "%s:%d", directive->filename, directive->line_num);
}

static gtm_server_t *server_of(const cmd_parms *cmd)
{
    return gtm_server(cmd->server);
}

/** Set the member that the directive's row names, or say what is wrong with the value. */
static const char *set(cmd_parms *cmd, void *object, const gt_member_t *table, const char *name,
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

/** Words with httpd's quoting, joined by single blanks. */
static const char *joined(cmd_parms *cmd, const char *args)
{
    char *list = apr_pstrdup(cmd->pool, "");

    while (*args != '\0') {
        const char *word = ap_getword_conf(cmd->pool, &args);

        if (*word != '\0')
            list = apr_pstrcat(cmd->pool, list, *list != '\0' ? " " : "", word, NULL);
    }
    return list;
}

static const char *misplaced(const cmd_parms *cmd, const char *container)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, " must stand inside <", container, " NAME>",
                       NULL);
}

/** What may not stand inside our containers. */
static const char *refuse_in_container(const cmd_parms *cmd)
{
    const gtm_server_t *server = server_of(cmd);

    if (server->in_provider != NULL)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " must not stand inside <GraphTokProvider>",
                           NULL);
    if (server->in_store != NULL)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " must not stand inside <GraphTokStore>",
                           NULL);
    return NULL;
}

const char *gtm_set_in_server(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (err == NULL)
        err = refuse_in_container(cmd);
    if (err != NULL)
        return err;
    return set(cmd, server_of(cmd)->config, gt_config_members, cmd->info, arg);
}

const char *gtm_set_audit(cmd_parms *cmd, void *dir, const char *arg)
{
    int is_path = *arg != '|' && (strcmp(cmd->info, "audit") == 0 || strcmp(arg, "off") != 0);
    const char *path = is_path ? ap_server_root_relative(cmd->pool, arg) : NULL;
    const char *err = gtm_set_in_server(cmd, dir, path ? path : arg);
    apr_finfo_t folder;

    if (err != NULL || !is_path)
        return err;
    if (path == NULL || path[strlen(path) - 1] == '/')
        return apr_psprintf(cmd->pool, "%s: '%s' is no file's path", cmd->cmd->name, arg);
    if (apr_stat(&folder, ap_make_dirstr_parent(cmd->temp_pool, path), APR_FINFO_TYPE,
                 cmd->temp_pool) != APR_SUCCESS ||
        folder.filetype != APR_DIR)
        return apr_psprintf(cmd->pool, "%s: there is no folder for %s", cmd->cmd->name, path);
    return NULL;
}

const char *gtm_set_in_provider(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    if (server_of(cmd)->in_provider == NULL)
        return misplaced(cmd, "GraphTokProvider");
    return set(cmd, server_of(cmd)->in_provider, gt_provider_members, cmd->info, arg);
}

const char *gtm_set_proxy(cmd_parms *cmd, void *dir, const char *url, const char *login)
{
    const char *err = gtm_set_in_provider(cmd, dir, url);

    if (err != NULL || login == NULL)
        return err;
    return set(cmd, server_of(cmd)->in_provider, gt_provider_members, "proxy_login", login);
}

const char *gtm_list_in_provider(cmd_parms *cmd, void *dir, const char *args)
{
    return gtm_set_in_provider(cmd, dir, joined(cmd, args));
}

const char *gtm_set_in_store(cmd_parms *cmd, void *dir, const char *arg)
{
    (void)dir;
    if (server_of(cmd)->in_store == NULL)
        return misplaced(cmd, "GraphTokStore");
    return set(cmd, server_of(cmd)->in_store, gt_store_members, cmd->info, arg);
}

/** What every per-location directive begins with. */
static const char *enter_dir(cmd_parms *cmd, gtm_dir_t *dir)
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
    const char *err = enter_dir(cmd, dir);

    return err != NULL ? err : set(cmd, dir, gtm_dir_members, cmd->info, arg);
}

/** The names of all routes, by handler, for a message. */
static const char *route_names(apr_pool_t *p)
{
    const char *names = "";

    for (const gtm_route_set_t *set_row = gtm_route_sets(); set_row->handler; set_row++)
        names =
            apr_pstrcat(p, names, *names != '\0' ? "; " : "", gtm_route_names(set_row->handler, p),
                        " (", set_row->handler, ")", NULL);
    return names;
}

const char *gtm_set_routes(cmd_parms *cmd, void *dir, const char *args)
{
    const char *list = joined(cmd, args);
    const apr_array_header_t *names = gt_split(list, " ", cmd->pool);

    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (!gtm_route_is_name(name))
            return apr_psprintf(cmd->pool, "GraphTokRoutes: '%s' is none of: %s", name,
                                route_names(cmd->pool));
    }
    return gtm_set_in_dir(cmd, dir, list);
}

const char *gtm_set_mailboxes(cmd_parms *cmd, void *dir, const char *args)
{
    const char *list = joined(cmd, args);
    const apr_array_header_t *patterns = gt_split(list, " ", cmd->pool);

    for (int i = 0; i < patterns->nelts; i++) {
        const char *pattern = APR_ARRAY_IDX(patterns, i, const char *);

        if (strcmp(pattern, "*") != 0 &&
            !gt_is_email(*pattern == '*' ? apr_pstrcat(cmd->pool, "a", pattern + 1, NULL)
                                         : pattern))
            return apr_psprintf(
                cmd->pool, "GraphTokSharedMailboxes: '%s' is no address, no *@domain and not *",
                pattern);
    }
    return gtm_set_in_dir(cmd, dir, list);
}

/** GraphTokUser expr=…: httpd's own parser says what is wrong. */
static const char *set_user_expr(cmd_parms *cmd, gtm_dir_t *dir, const char *text)
{
    const char *fault = NULL;
    const char *err = set(cmd, dir, gtm_dir_members, "user_expr", text);

    if (err != NULL)
        return err;
    dir->caller_from = GT_CALLER_EXPR;
    dir->caller_expr = ap_expr_parse_cmd(cmd, text, AP_EXPR_FLAG_STRING_RESULT, &fault, NULL);
    return fault == NULL ? NULL
                         : apr_pstrcat(cmd->pool, "GraphTokUser expr=", text, ": ", fault, NULL);
}

const char *gtm_set_user(cmd_parms *cmd, void *baton, const char *from, const char *name)
{
    gtm_dir_t *dir = baton;
    const char *err = enter_dir(cmd, dir);

    dir->caller_name = "";
    dir->caller_text = "";
    dir->caller_expr = NULL;
    if (err == NULL && name == NULL && strncmp(from, "expr=", 5) == 0)
        return set_user_expr(cmd, dir, from + 5);
    if (err == NULL && strncmp(from, "expr", 4) == 0)
        return "GraphTokUser expr= needs one expression: GraphTokUser \"expr=%{…}\"";
    if (err == NULL)
        err = set(cmd, dir, gtm_dir_members, "user_from", from);
    if (err != NULL)
        return err;
    if (dir->caller_from == GT_CALLER_STATIC)
        return name != NULL ? set(cmd, dir, gtm_dir_members, "user", name)
                            : "GraphTokUser static needs a user: GraphTokUser static NAME";
    if (name != NULL)
        return apr_psprintf(cmd->pool, "GraphTokUser %s takes no name: only static does", from);
    return NULL;
}

/** NAME or KEY=VALUE of GraphTokPassToken. */
static const char *set_pass_option(cmd_parms *cmd, gtm_dir_t *dir, const char *word)
{
    const char *why;

    if (strncmp(word, "resource=", 9) == 0)
        return set(cmd, dir, gtm_dir_members, "pass_resource", word + 9);
    if (strncmp(word, "missing=", 8) == 0)
        return set(cmd, dir, gtm_dir_members, "pass_missing", word + 8);
    if (strchr(word, '=') != NULL)
        return apr_psprintf(cmd->pool,
                            "GraphTokPassToken: '%s' is neither a NAME nor resource=graph nor "
                            "missing=sign-in|refuse|none",
                            word);
    why = gtm_given_name_refuse(word, dir->pass_to == GTM_PASS_ENV);
    if (why != NULL)
        return apr_psprintf(cmd->pool, "GraphTokPassToken: '%s' %s", word, why);
    return set(cmd, dir, gtm_dir_members, "pass_name", word);
}

/* What an outer section said of name and the rest does not belong to this one's header or env. */
const char *gtm_set_pass(cmd_parms *cmd, void *baton, const char *args)
{
    gtm_dir_t *dir = baton;
    const char *err = enter_dir(cmd, dir);

    if (err == NULL)
        err = set(cmd, dir, gtm_dir_members, "pass_token", ap_getword_conf(cmd->pool, &args));
    if (err != NULL)
        return err;
    if (dir->pass_to == GTM_PASS_OFF)
        return *args == '\0' ? NULL : "GraphTokPassToken off stands alone";
    dir->pass_name = dir->pass_to == GTM_PASS_ENV ? GTM_PASS_VARIABLE : GTM_PASS_FIELD;
    dir->pass_resource = 0;
    dir->pass_missing = GTM_MISSING_SIGN_IN;
    while (err == NULL && *args != '\0')
        err = set_pass_option(cmd, dir, ap_getword_conf(cmd->pool, &args));
    return err;
}

static int limit_class(const char *name)
{
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++) {
        if (strcmp(gtm_limit_names[i], name) == 0)
            return i;
    }
    return -1;
}

static const char *set_all_limits(gtm_dir_t *dir, int is_off)
{
    dir->limits_off = is_off;
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++)
        dir->limits[i] = is_off ? (gt_limit_t){0, 0} : gtm_limit_defaults[i];
    return NULL;
}

/** One pair of GraphTokLimit. A class that is named counts, even where an outer section said off. */
static const char *set_class_limit(cmd_parms *cmd, gtm_dir_t *dir, const char *name,
                                   const char *value)
{
    int cls = limit_class(name);
    gt_limit_t limit = {0, 0};

    if (cls < 0) {
        const char *names = gtm_limit_names[0];

        for (int i = 1; i < GTM_LIMIT_CLASSES; i++)
            names = apr_pstrcat(cmd->pool, names, " ", gtm_limit_names[i], NULL);
        return apr_psprintf(cmd->pool, "GraphTokLimit: '%s' is none of: off on %s", name, names);
    }
    if (*value == '\0')
        return apr_psprintf(
            cmd->pool, "GraphTokLimit %s lacks its value: COUNT/SPAN such as 10/min, or off", name);
    if (strcmp(value, "off") != 0 && !gt_limit_parse(&limit, value))
        return apr_psprintf(cmd->pool,
                            "GraphTokLimit %s: '%s' is neither COUNT/SPAN, such as 10/min, 20/h or "
                            "5/10s, nor off",
                            name, value);
    dir->limits[cls] = limit;
    dir->limits_off = 0;
    return NULL;
}

const char *gtm_set_limit(cmd_parms *cmd, void *baton, const char *args)
{
    gtm_dir_t *dir = baton;
    const char *err = enter_dir(cmd, dir);
    const char *word = ap_getword_conf(cmd->pool, &args);

    if (err == NULL && *word == '\0')
        return "GraphTokLimit needs: off, on, or CLASS COUNT/SPAN pairs such as events 200/min";
    if (err == NULL && (strcmp(word, "off") == 0 || strcmp(word, "on") == 0)) {
        if (*args != '\0')
            return apr_psprintf(cmd->pool,
                                "GraphTokLimit %s stands alone: classes go on a line "
                                "of their own",
                                word);
        return set_all_limits(dir, strcmp(word, "off") == 0);
    }
    while (err == NULL && *word != '\0') {
        err = set_class_limit(cmd, dir, word, ap_getword_conf(cmd->pool, &args));
        word = ap_getword_conf(cmd->pool, &args);
    }
    return err;
}

const char *gtm_set_user_column(cmd_parms *cmd, void *dir, const char *args)
{
    gt_store_conf_t *store = server_of(cmd)->in_store;
    const char *err = gtm_set_in_store(cmd, dir, ap_getword_conf(cmd->pool, &args));
    const char *word = ap_getword_conf(cmd->pool, &args);

    if (err == NULL && *word != '\0' && strcasecmp(word, "REFERENCES") != 0) {
        err = set(cmd, store, gt_store_members, "user_type", word);
        word = ap_getword_conf(cmd->pool, &args);
    }
    if (err == NULL && strcasecmp(word, "REFERENCES") == 0) {
        err = set(cmd, store, gt_store_members, "references", ap_getword_conf(cmd->pool, &args));
        word = ap_getword_conf(cmd->pool, &args);
    }
    if (err == NULL && *word != '\0')
        return apr_psprintf(cmd->pool,
                            "GraphTokUserColumn: '%s' is one word too many; write NAME "
                            "[text|integer|uuid] [REFERENCES table(column)]",
                            word);
    return err;
}

/** The one name in "<Container NAME>"; providers and stores have the same rule for it. */
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
    return set(cmd, &scratch, gt_provider_members, "name", *name);
}

/** Walk the directives inside; only ours may stand there (the setters refuse those of elsewhere). */
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

const char *gtm_open_provider(cmd_parms *cmd, void *dir, const char *args)
{
    gtm_server_t *server = server_of(cmd);
    const gt_provider_conf_t *before;
    const char *name;
    const char *err = container_name(&name, cmd, args);

    (void)dir;
    if (err != NULL)
        return err;
    before = gt_config_provider(server->config, name);
    if (before != NULL)
        return apr_psprintf(cmd->pool, "provider %s is defined already, at %s", name,
                            before->where);
    server->in_provider = gt_provider_conf_blank(name, cmd->pool);
    server->in_provider->where = gtm_where(cmd->directive, cmd->pool);
    APR_ARRAY_PUSH(server->config->providers, gt_provider_conf_t *) = server->in_provider;
    err = walk_container(cmd);
    gt_provider_conf_complete(server->in_provider);
    server->in_provider = NULL;
    return err;
}

/** The store of a name: main exists from the beginning and is defined at most once, as any other. */
static gt_store_conf_t *store_named(const gt_config_t *config, const char *name)
{
    for (int i = 0; i < config->stores->nelts; i++) {
        gt_store_conf_t *store = APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *);

        if (strcmp(store->name, name) == 0)
            return store;
    }
    return NULL;
}

const char *gtm_open_store(cmd_parms *cmd, void *dir, const char *args)
{
    gtm_server_t *server = server_of(cmd);
    gt_store_conf_t *store;
    const char *name;
    const char *err = container_name(&name, cmd, args);

    (void)dir;
    if (err != NULL)
        return err;
    store = store_named(server->config, name);
    if (store != NULL && store->where != NULL)
        return apr_psprintf(cmd->pool, "store %s is defined already, at %s", name, store->where);
    if (store == NULL) {
        store = gt_store_conf_default(name, cmd->pool);
        APR_ARRAY_PUSH(server->config->stores, gt_store_conf_t *) = store;
    }
    store->where = gtm_where(cmd->directive, cmd->pool);
    server->in_store = store;
    err = walk_container(cmd);
    server->in_store = NULL;
    return err;
}

void gtm_dir_defaults(gtm_dir_t *dir, const gt_config_t *config)
{
    if (dir->caller_from == GT_CALLER_UNSET)
        dir->caller_from = GT_CALLER_SESSION;
    if (dir->provider == NULL && config->providers->nelts == 1)
        dir->provider = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *)->name;
    if (dir->store == NULL)
        dir->store = "main";
    if (dir->request_max < 0)
        dir->request_max = MIB;
    if (dir->answer_max < 0)
        dir->answer_max = 10 * MIB;
    if (dir->limits_off < 0)
        dir->limits_off = 0;
    if (dir->pass_cookie < 0)
        dir->pass_cookie = 0;
    if (dir->pass_to < 0)
        dir->pass_to = GTM_PASS_OFF;
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++) {
        if (dir->limits[i].count < 0)
            dir->limits[i] = gtm_limit_defaults[i];
    }
}

/** "200/min", "5/10s", "off". */
static const char *limit_text(const gt_limit_t *limit, apr_pool_t *p)
{
    const char *span;

    if (limit->count <= 0)
        return "off";
    span = gt_span_text(limit->span, p);
    if (span[0] == '1' && !apr_isdigit(span[1]))
        span++;
    return apr_psprintf(p, "%" APR_INT64_T_FMT "/%s", limit->count, span);
}

json_t *gtm_dir_to_json(const gtm_dir_t *dir, apr_pool_t *p)
{
    json_t *json = gt_json_object(p);
    json_t *limits = json_object();

    gt_members_to_json(json, dir, gtm_dir_members, p);
    for (int i = 0; i < GTM_LIMIT_CLASSES; i++)
        gt_json_set(limits, gtm_limit_names[i], limit_text(&dir->limits[i], p));
    gt_json_put(json, "limits", limits);
    return json;
}
