/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file route.c
 * r->uri is decoded by httpd once, so an encoded slash cannot smuggle a segment in: with
 * AllowEncodedSlashes NoDecode it is still "%2F" here and decoded within its segment only.
 */

#include "route.h"

#include <apr_strings.h>

#include "base/text.h"

const gtm_route_set_t gtm_route_sets[] = {{"graphtok-auth", gtm_auth_routes, 0},
                                          {"graphtok-calendar", gtm_calendar_routes, 1},
                                          {"graphtok-health", gtm_health_routes, 0},
                                          {"graphtok-metrics", gtm_metrics_routes, 0},
                                          {NULL, NULL, 0}};

static const gtm_route_set_t *find_set(const char *handler)
{
    for (const gtm_route_set_t *set = gtm_route_sets; set->handler; set++)
        if (strcmp(set->handler, handler) == 0)
            return set;
    return NULL;
}

int gtm_route_is_set(const char *handler)
{
    return handler && find_set(handler) != NULL;
}

int gtm_route_is_name(const char *name)
{
    for (const gtm_route_set_t *set = gtm_route_sets; set->handler; set++)
        for (const gtm_route_t *route = set->routes; route->name; route++)
            if (strcmp(route->name, name) == 0)
                return 1;
    return 0;
}

/* One segment that stands for {}; httpd has decoded it but for %2F. */
static int take_param(const char **param, const char *path, apr_pool_t *p)
{
    apr_size_t len = strlen(path);
    char *slash;
    char *text;

    if (len == 0 || strchr(path, '/') || !gt_is_utf8(path, len))
        return 0;
    text = apr_pstrdup(p, path);
    while ((slash = strstr(text, "%2F")) || (slash = strstr(text, "%2f"))) {
        *slash = '/';
        memmove(slash + 1, slash + 3, strlen(slash + 3) + 1);
    }
    *param = text;
    return 1;
}

/* A name with the segment behind it, at the beginning of a path: what is left of the path. */
static const char *take_place(const char **place, const char *path, const char *name, apr_pool_t *p)
{
    const char *segment = path + strlen(name);
    apr_size_t len;

    if (strncmp(path, name, strlen(name)) != 0)
        return path;
    len = strcspn(segment, "/");
    if (!take_param(place, apr_pstrmemdup(p, segment, len), p))
        return path;
    return segment[len] ? segment + len : "/";
}

static int fits(const char **param, const char *pattern, const char *path, apr_pool_t *p)
{
    const char *hole = strstr(pattern, "{}");
    apr_size_t before;

    *param = NULL;
    if (!hole)
        return strcmp(pattern, path) == 0;
    before = (apr_size_t)(hole - pattern);
    if (strncmp(pattern, path, before) != 0)
        return 0;
    if (!hole[2])
        return take_param(param, path + before, p);
    /* Something follows the hole: the tail must be the path's own. */
    {
        apr_size_t tail = strlen(hole + 2), len = strlen(path + before);

        return len > tail && strcmp(path + before + len - tail, hole + 2) == 0 &&
               take_param(param, apr_pstrndup(p, path + before, len - tail), p);
    }
}

static int is_allowed(const gtm_route_t *route, const char *names, apr_pool_t *p)
{
    apr_array_header_t *allowed;

    if (!names)
        return 1;
    allowed = gt_split(names, " \t", p);
    for (int i = 0; i < allowed->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(allowed, i, const char *), route->name) == 0)
            return 1;
    return 0;
}

static const char *path_below(const gtm_exchange_t *x)
{
    const char *path = x->r->uri + strlen(x->mount->path);
    apr_size_t len = strlen(path);

    if (len <= 1)
        return "/";
    /* "/microsoft/" is "/microsoft": the documents write both. */
    return path[len - 1] == '/' ? apr_pstrndup(x->r->pool, path, len - 1) : path;
}

static gt_err_t *wrong_method(gtm_exchange_t *x, const char *allow)
{
    apr_table_setn(x->r->err_headers_out, "Allow", allow);
    return gt_err(x->r->pool, GT_METHOD, "GT0811", "this route answers %s", allow);
}

gt_err_t *gtm_route_find(gtm_exchange_t *x)
{
    apr_pool_t *p = x->r->pool;
    const char *method = x->r->header_only ? "GET" : x->r->method;
    const gtm_route_set_t *set = find_set(x->r->handler);
    const char *allow = NULL, *path;

    if (!x->mount)
        return gt_err(p, GT_NOT_FOUND, "GT0812",
                      "this handler is not mounted by SetHandler in a Location");
    path = path_below(x);
    if (set->is_of_calendars) {
        path = take_place(&x->mailbox, path, "/users/", p);
        path = take_place(&x->calendar, path, "/calendars/", p);
    }
    for (const gtm_route_t *route = set->routes; route->name; route++) {
        const char *param;

        if (!fits(&param, route->pattern, path, p) || !is_allowed(route, x->dir->routes, p))
            continue;
        if (strcmp(route->method, method) == 0) {
            x->route = route;
            x->param = param;
            return GT_OK;
        }
        allow = allow ? apr_pstrcat(p, allow, ", ", route->method, NULL) : route->method;
    }
    return allow ? wrong_method(x, allow)
                 : gt_err(p, GT_NOT_FOUND, "GT0813", "there is no such route here");
}
