/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file sign_in_place.c Finding the sign-in routes of a place: "/beta/calendar" belongs to
 * "/beta/auth", not to "/auth". */

#include "config/sign_in_place.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "config/mounts.h"
#include "config/route_set.h"
#include "config/setters.h"
#include "config/tree.h"

#define AUTH "graphtok-auth"

/* A place whose callers sign in elsewhere: one of our mounts, or an application that is given
 * tokens. */
typedef struct place_t {
    gtm_mount_t at;   /* server and path count */
    const char *what; /* for messages: "SetHandler graphtok-calendar" */
} place_t;

typedef struct survey_t {
    apr_array_header_t *errors;
    apr_array_header_t *places; /* of place_t */
    const server_rec *servers;
    apr_pool_t *p;
} survey_t;

static int is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* As the administrator writes it, "/auth" or "/auth/", "/" for the root. */
static int is_path_of(const gtm_mount_t *mount, const char *path)
{
    apr_size_t len = strlen(path);

    while (len > 0 && path[len - 1] == '/')
        len--;
    return strlen(mount->path) == len && strncmp(mount->path, path, len) == 0;
}

/* The sign-in routes that a server has. Those of its own stand before those of all servers. */
static int is_candidate(const gtm_mount_t *mount, const server_rec *s)
{
    return strcmp(mount->handler, AUTH) == 0 && (mount->server == NULL || mount->server == s);
}

static const gtm_mount_t *find_named(const char *path, const server_rec *s)
{
    const apr_array_header_t *mounts = gtm_server(s)->mounts;

    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);

        if (is_candidate(mount, s) && is_path_of(mount, path))
            return mount;
    }
    return NULL;
}

/* A place that knows its users by sessions needs one that begins them: else its browsers would sign
 * in, come back without a session, and be sent to sign in. */
static int begins_sessions(const gtm_dir_t *there, const gtm_dir_t *dir)
{
    return dir->caller_from != GT_CALLER_SESSION || there->caller_from == GT_CALLER_SESSION;
}

/* A place may sign in at several providers. */
static int has_provider(const gtm_dir_t *there, const char *provider)
{
    return is_same(there->provider, provider) || (there->providers != NULL && provider != NULL &&
                                                  gt_has_word(there->providers, provider));
}

static int helps(const gtm_mount_t *mount, const gtm_dir_t *dir, const server_rec *s, apr_pool_t *p)
{
    const gtm_dir_t *there = gtm_mount_settings(mount, s, p);

    return has_provider(there, dir->provider) && is_same(there->store, dir->store) &&
           begins_sessions(there, dir);
}

/* The length of the whole segments with which both paths begin: "/a" of "/a/b" and "/a/bc". */
static apr_size_t shared_segments(const char *a, const char *b)
{
    apr_size_t shared = 0;

    for (apr_size_t n = 0;; n++) {
        if ((a[n] == '/' || a[n] == '\0') && (b[n] == '/' || b[n] == '\0'))
            shared = n;
        if (a[n] != b[n] || a[n] == '\0')
            return shared;
    }
}

static const gtm_mount_t *guess(const gtm_dir_t *dir, const char *path, const server_rec *s,
                                apr_pool_t *p)
{
    const apr_array_header_t *mounts = gtm_server(s)->mounts;
    const gtm_mount_t *best = NULL;
    apr_size_t most = 0;

    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);
        apr_size_t shared = shared_segments(mount->path, path);

        if (!is_candidate(mount, s))
            continue;
        if (best != NULL &&
            (shared < most || (shared == most && strlen(mount->path) >= strlen(best->path))))
            continue;
        if (!helps(mount, dir, s, p))
            continue;
        best = mount;
        most = shared;
    }
    return best;
}

const gtm_mount_t *gtm_sign_in_mount(const gtm_dir_t *dir, const char *path, const server_rec *s,
                                     apr_pool_t *p)
{
    return dir->sign_in != NULL ? find_named(dir->sign_in, s) : guess(dir, path, s, p);
}

/* ---- httpd -t ---- */

static int has_sign_in(const server_rec *s)
{
    const apr_array_header_t *mounts = gtm_server(s)->mounts;

    for (int i = 0; i < mounts->nelts; i++)
        if (is_candidate(&APR_ARRAY_IDX(mounts, i, gtm_mount_t), s))
            return 1;
    return 0;
}

int gtm_sign_in_is_amiss(const gtm_dir_t *dir, const char *path, const server_rec *s, apr_pool_t *p)
{
    return dir->caller_from == GT_CALLER_SESSION && has_sign_in(s) &&
           gtm_sign_in_mount(dir, path, s, p) == NULL;
}

static const char *host_shown(const server_rec *s, apr_pool_t *p)
{
    if (!s->is_virtual)
        return "";
    return apr_psprintf(p, " (virtual host %s)",
                        s->server_hostname != NULL ? s->server_hostname : "without a name");
}

/* NULL: all is well with a place in one server. */
static const char *fault_of(const place_t *place, const server_rec *s, apr_pool_t *p)
{
    const gtm_dir_t *dir = gtm_mount_settings(&place->at, s, p);
    const gtm_mount_t *mount = dir->sign_in != NULL ? find_named(dir->sign_in, s) : NULL;
    const gtm_dir_t *there = mount != NULL ? gtm_mount_settings(mount, s, p) : NULL;

    if (dir->sign_in == NULL || (mount != NULL && helps(mount, dir, s, p)))
        return NULL;
    if (mount == NULL)
        return apr_psprintf(p, "there is no SetHandler " AUTH " at %s", dir->sign_in);
    if (!begins_sessions(there, dir))
        return apr_psprintf(p,
                            "a sign-in at %s begins no session, by which this place knows its "
                            "users; name a place with GraphTokUser session",
                            dir->sign_in);
    return apr_psprintf(p,
                        "a sign-in at %s is for provider %s and store %s, this place uses provider "
                        "%s and store %s; name a place with the same two",
                        dir->sign_in, there->provider != NULL ? there->provider : "(none)",
                        there->store, dir->provider != NULL ? dir->provider : "(none)", dir->store);
}

/* One line a place, for the first server in which it is wrong. */
static void check_place(const survey_t *survey, const place_t *place)
{
    for (const server_rec *s = survey->servers; s; s = s->next) {
        const char *fault;

        if (place->at.server != NULL && place->at.server != s)
            continue;
        fault = fault_of(place, s, survey->p);
        if (fault == NULL)
            continue;
        APR_ARRAY_PUSH(survey->errors, const char *) = apr_psprintf(
            survey->p, "%s: %s at %s: GraphTokSignIn: %s%s", place->at.where, place->what,
            *place->at.path ? place->at.path : "/", fault, host_shown(s, survey->p));
        return;
    }
}

static int is_named_anywhere(const survey_t *survey, const char *path)
{
    for (const server_rec *s = survey->servers; s; s = s->next)
        if (find_named(path, s) != NULL)
            return 1;
    return 0;
}

static void add_application(const survey_t *survey, const ap_directive_t *node)
{
    const char *args = node->args, *why;
    const char *path = gtm_mounts_path(&why, node, survey->p);

    if (path == NULL || strcasecmp(gtm_tree_word(&args, survey->p), "off") == 0)
        return;
    APR_ARRAY_PUSH(survey->places, place_t) =
        (place_t){{.server = gtm_tree_host(node, survey->servers),
                   .path = path,
                   .where = gtm_where(node, survey->p)},
                  "GraphTokPassToken"};
}

static void visit(void *baton, const ap_directive_t *node)
{
    const survey_t *survey = baton;
    const char *args = node->args, *path;

    if (gtm_tree_is(node, "GraphTokPassToken"))
        add_application(survey, node);
    if (!gtm_tree_is(node, "GraphTokSignIn"))
        return;
    path = gtm_tree_word(&args, survey->p);
    if (!is_named_anywhere(survey, path))
        APR_ARRAY_PUSH(survey->errors, const char *) =
            apr_psprintf(survey->p, "%s: GraphTokSignIn: there is no SetHandler " AUTH " at %s",
                         gtm_where(node, survey->p), path);
}

/* A place with sign-in routes is its own. */
static int needs_callers(const char *handler)
{
    if (strcmp(handler, AUTH) == 0)
        return 0;
    for (const gtm_route_t *route = gtm_route_set_find(handler)->routes; route->name != NULL;
         route++)
        if (!(route->demands & GTM_NO_CALLER))
            return 1;
    return 0;
}

void gtm_sign_in_check(apr_array_header_t *errors, const server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *mounts = gtm_server(s)->mounts;
    survey_t survey = {errors, apr_array_make(p, 4, sizeof(place_t)), s, p};
    int before = errors->nelts;

    for (int i = 0; i < mounts->nelts; i++) {
        const gtm_mount_t *mount = &APR_ARRAY_IDX(mounts, i, gtm_mount_t);

        if (needs_callers(mount->handler))
            APR_ARRAY_PUSH(survey.places, place_t) =
                (place_t){*mount, apr_pstrcat(p, "SetHandler ", mount->handler, NULL)};
    }
    gtm_tree_each(visit, &survey);
    /* A name that is wrong everywhere is told once, not at each place. */
    if (errors->nelts > before)
        return;
    for (int i = 0; i < survey.places->nelts; i++)
        check_place(&survey, &APR_ARRAY_IDX(survey.places, i, place_t));
}
