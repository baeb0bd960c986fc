/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Mounts. A request's path_info is wrong two levels deep and a sub-section hides the outer one's
 * path, so the table is made from the configuration tree: SetHandler inside <Location "/path">, the
 * section perhaps inside <VirtualHost>. Sections without one fixed path (LocationMatch, wild cards,
 * Directory, Files) cannot be a mount and are refused.
 */

#include "config/mounts.h"

#include <stdlib.h>
#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_core.h>

#include "config/access.h"
#include "config/route_set.h"
#include "config/setters.h"
#include "config/tree.h"

/** The result of a walk. */
typedef struct survey_t {
    apr_array_header_t *mounts;
    apr_array_header_t *errors;
    const server_rec *servers;
    apr_pool_t *p;
} survey_t;

static void refuse(const survey_t *survey, const ap_directive_t *node, const char *text)
{
    APR_ARRAY_PUSH(survey->errors, const char *) =
        apr_pstrcat(survey->p, gtm_where(node, survey->p), ": ", text, NULL);
}

/** The handlers there are, for a message. */
static const char *handlers(apr_pool_t *p)
{
    const char *names = "";

    for (const gtm_route_set_t *set = gtm_route_sets(); set->handler != NULL; set++)
        names = apr_pstrcat(p, names, *names != '\0' ? " " : "", set->handler, NULL);
    return names;
}

/** The fixed path of a Location, without trailing slash; NULL: it has none. */
static const char *location_path(const ap_directive_t *location, apr_pool_t *p)
{
    const char *args = location->args;
    char *path = apr_pstrdup(p, gtm_tree_word(&args, p));
    apr_size_t len = strlen(path);

    if (path[0] != '/' || strpbrk(path, "*?[") != NULL)
        return NULL;
    while (len > 0 && path[len - 1] == '/')
        path[--len] = '\0';
    return path;
}

const char *gtm_mounts_path(const char **why, const ap_directive_t *node, apr_pool_t *p)
{
    static const char *const others[] = {"<LocationMatch", "<Directory",  "<DirectoryMatch",
                                         "<Files",         "<FilesMatch", "<Proxy",
                                         "<ProxyMatch"};
    const ap_directive_t *location = gtm_tree_in(node, "<Location");
    const char *path;

    for (apr_size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (gtm_tree_in(node, others[i]) != NULL) {
            *why = apr_pstrcat(p, others[i], "> has no fixed path", NULL);
            return NULL;
        }
    }
    if (location == NULL)
        return "";
    path = location_path(location, p);
    if (path == NULL)
        *why = apr_pstrcat(p, "<Location ", location->args, " has no fixed path", NULL);
    return path;
}

/** A second SetHandler for the same place replaces the first, as in httpd. */
static gtm_mount_t *slot_for(const survey_t *survey, const gtm_mount_t *fresh)
{
    for (int i = 0; i < survey->mounts->nelts; i++) {
        gtm_mount_t *mount = &APR_ARRAY_IDX(survey->mounts, i, gtm_mount_t);

        if (mount->server == fresh->server && strcmp(mount->path, fresh->path) == 0)
            return mount;
    }
    return apr_array_push(survey->mounts);
}

static void add_mount(const survey_t *survey, const ap_directive_t *node)
{
    const char *args = node->args;
    const char *handler = gtm_tree_word(&args, survey->p);
    const char *why = NULL;
    gtm_mount_t mount = {.has_require = 0};

    if (strncasecmp(handler, "graphtok", 8) != 0)
        return;
    if (!gtm_route_is_set(handler)) {
        refuse(survey, node,
               apr_psprintf(survey->p, "SetHandler '%s' is none of: %s", handler,
                            handlers(survey->p)));
        return;
    }
    mount.path = gtm_mounts_path(&why, node, survey->p);
    if (mount.path == NULL) {
        refuse(survey, node,
               apr_psprintf(survey->p,
                            "SetHandler %s must stand in a <Location \"/path\">: %s, so its routes "
                            "would have no place",
                            handler, why));
        return;
    }
    mount.server = gtm_tree_host(node, survey->servers);
    mount.handler = handler;
    mount.where = gtm_where(node, survey->p);
    *slot_for(survey, &mount) = mount;
}

static void visit(void *baton, const ap_directive_t *node)
{
    const survey_t *survey = baton;

    if (gtm_tree_is(node, "SetHandler"))
        add_mount(survey, node);
}

int gtm_mounts_is_below(const char *path, const char *prefix)
{
    apr_size_t len = strlen(prefix);

    return strncmp(path, prefix, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/** Longest first; of two equal ones that of a virtual host, which is the more particular. */
static int longer_first(const void *a, const void *b)
{
    const gtm_mount_t *one = a;
    const gtm_mount_t *two = b;
    apr_size_t len_one = strlen(one->path);
    apr_size_t len_two = strlen(two->path);

    if (len_one != len_two)
        return len_one < len_two ? 1 : -1;
    return (one->server == NULL) - (two->server == NULL);
}

static int is_valid_user(const gtm_rule_t *rule, apr_pool_t *p)
{
    return strcasecmp(gtm_rule_word(rule, p), "valid-user") == 0;
}

/** A Require that says which users are let in, and not which are kept out. */
static int names_users(const gtm_rule_t *rule, apr_pool_t *p)
{
    return strcasecmp(gtm_rule_word(rule, p), "not") != 0 && gtm_require_wants_user(rule, p);
}

static int lets_users_in(const gtm_access_t *access, const server_rec *server, const char *path)
{
    const char *type = gtm_access_type(access, server, path);

    return type != NULL && strcasecmp(type, "GraphTok") == 0 &&
           gtm_access_require(access, server, path, is_valid_user) != NULL;
}

/** The same at a mount of all hosts: each may have an AuthType and a Require of its own. */
static int lets_users_in_somewhere(const gtm_access_t *access, const gtm_mount_t *mount)
{
    if (lets_users_in(access, mount->server, mount->path))
        return 1;
    for (const server_rec *s = access->servers; s != NULL && mount->server == NULL; s = s->next)
        if (lets_users_in(access, s, mount->path))
            return 1;
    return 0;
}

void gtm_mounts_find(apr_array_header_t *mounts, apr_array_header_t *errors, const server_rec *s,
                     apr_pool_t *p)
{
    survey_t survey = {mounts, errors, s, p};
    const gtm_access_t *access = gtm_access_find(s, p);

    gtm_tree_each(visit, &survey);
    for (int i = 0; i < mounts->nelts; i++) {
        gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);

        mount->has_require = gtm_access_is_guarded(access, mount->server, mount->path);
        mount->lets_users_in = lets_users_in_somewhere(access, mount);
        mount->wants_user =
            !gtm_access_is_open(access, mount->server, mount->path) &&
            gtm_access_require(access, mount->server, mount->path, names_users) != NULL;
    }
    if (mounts->nelts > 0)
        qsort(mounts->elts, (size_t)mounts->nelts, sizeof(gtm_mount_t), longer_first);
}

const gtm_mount_t *gtm_mount(const request_rec *r)
{
    const apr_array_header_t *mounts = gtm_server(r->server)->mounts;
    int is_ours = r->handler != NULL && strncmp(r->handler, "graphtok-", 9) == 0;

    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);

        if ((mount->server == NULL || mount->server == r->server) && r->uri != NULL &&
            gtm_mounts_is_below(r->uri, mount->path) &&
            (!is_ours || strcmp(mount->handler, r->handler) == 0))
            return mount;
    }
    return NULL;
}

/** 1 when httpd would apply this Location section to a path: by prefix, or its pattern matches. */
static int applies(const core_dir_config *section, const char *path)
{
    apr_size_t len = strlen(section->d);

    if (section->r != NULL)
        return ap_regexec(section->r, path, 0, NULL, 0) == 0;
    if (section->d_is_fnmatch)
        return apr_fnmatch(section->d, path, APR_FNM_PATHNAME) == APR_SUCCESS;
    return strncmp(section->d, path, len) == 0 &&
           (len == 0 || section->d[len - 1] == '/' || path[len] == '/' || path[len] == '\0');
}

const gtm_dir_t *gtm_mount_settings(const gtm_mount_t *mount, const server_rec *s, apr_pool_t *p)
{
    const server_rec *server = mount->server != NULL ? mount->server : s;
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    void *settings = ap_get_module_config(server->lookup_defaults, &graphtok_module);
    /* The path with a slash behind it, since <Location "/auth/"> holds below the mount, too. */
    const char *path = apr_pstrcat(p, mount->path, "/", NULL);

    for (int i = 0; i < core->sec_url->nelts; i++) {
        ap_conf_vector_t *section = APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);
        void *add = ap_get_module_config(section, &graphtok_module);

        if (add != NULL && applies(ap_get_core_module_config(section), path))
            settings = gtm_merge_dir(p, settings, add);
    }
    return settings;
}
