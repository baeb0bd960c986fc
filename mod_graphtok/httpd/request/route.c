/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file route.c
 * Finding the row of a path. r->uri is decoded by httpd once, so an encoded slash cannot smuggle a
 * segment in: with AllowEncodedSlashes NoDecode it is still "%2F" here and decoded within its
 * segment only.
 */

#include "request/route.h"

#include <apr_strings.h>

#include "base/text.h"
#include "net/path.h"

/* A name with the segment behind it, at the beginning of a path: what is left of the path. */
static const char *take_place(const char **place, const char *path, const char *name, apr_pool_t *p)
{
    const char *segment = path + strlen(name);
    apr_size_t len;

    if (strncmp(path, name, strlen(name)) != 0)
        return path;
    len = strcspn(segment, "/");
    *place = gt_path_segment(segment, len, p);
    if (!*place)
        return path;
    return segment[len] ? segment + len : "/";
}

static int is_allowed(const gtm_route_t *route, const char *names, apr_pool_t *p)
{
    apr_array_header_t *allowed;

    if (names == NULL)
        return 1;
    allowed = gt_split(names, " \t", p);
    for (int i = 0; i < allowed->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(allowed, i, const char *), route->name) == 0)
            return 1;
    return 0;
}

static const char *path_below(const gtm_request_t *x)
{
    const char *path = x->r->uri + strlen(x->mount->path);
    apr_size_t len = strlen(path);

    if (len <= 1)
        return "/";
    /* "/microsoft/" is "/microsoft": the documents write both. */
    return path[len - 1] == '/' ? apr_pstrndup(x->r->pool, path, len - 1) : path;
}

static gt_err_t *wrong_method(gtm_request_t *x, const char *allow)
{
    apr_table_setn(x->r->err_headers_out, "Allow", allow);
    return gt_err(x->r->pool, GT_METHOD, "GT0811", "this route answers %s", allow);
}

/* HEAD is answered wherever GET is (RFC 9110, sections 9.3.2 and 10.2.1). */
const char *gtm_route_add_method(const char *allow, const char *method, apr_pool_t *p)
{
    const char *more = strcmp(method, "GET") == 0 ? "GET, HEAD" : method;

    return allow != NULL ? apr_pstrcat(p, allow, ", ", more, NULL) : more;
}

/* The table of a path, and the path that its routes are looked up by. Sets x->mailbox,
 * x->calendar. */
static const gtm_route_t *table_of(const char **path, gtm_request_t *x)
{
    const gtm_route_set_t *set = gtm_route_set_find(x->r->handler);

    *path = path_below(x);
    if (set->api != NULL && strncmp(*path, GTM_API "/", strlen(GTM_API "/")) == 0) {
        *path += strlen(GTM_API);
        return set->api;
    }
    if (set->is_of_calendars) {
        *path = take_place(&x->mailbox, *path, "/users/", x->r->pool);
        *path = take_place(&x->calendar, *path, "/calendars/", x->r->pool);
    }
    return set->routes;
}

/* A group has one calendar, and no mailbox of a user stands before it. */
static int has_place(const gtm_route_t *route, const gtm_request_t *x)
{
    return !route->is_of_group || (x->mailbox == NULL && x->calendar == NULL);
}

/* The first row from `route` on that a path fits; NULL: there is none. */
static const gtm_route_t *fitting(gt_path_match_t *match, const gtm_route_t *route,
                                  const gtm_request_t *x, const char *path)
{
    for (; route->name != NULL; route++)
        if (has_place(route, x) && gt_path_fits(match, route->pattern, path, x->r->pool) &&
            is_allowed(route, x->dir->routes, x->r->pool))
            return route;
    return NULL;
}

void gtm_route_offers(apr_array_header_t *routes, gtm_request_t *x)
{
    const gtm_route_t *route;
    const char *path;
    gt_path_match_t match;

    if (x->mount == NULL)
        return;
    for (route = table_of(&path, x); (route = fitting(&match, route, x, path)) != NULL; route++)
        APR_ARRAY_PUSH(routes, const gtm_route_t *) = route;
}

static void take(gtm_request_t *x, const gtm_route_t *route, const gt_path_match_t *match)
{
    const char *const *holes = match->holes;

    x->route = route;
    if (route->is_of_group)
        x->group = *holes++;
    x->param = holes[0];
    x->param2 = route->is_of_group ? NULL : holes[1];
    x->tail = match->tail;
}

gt_err_t *gtm_route_find(gtm_request_t *x)
{
    apr_pool_t *p = x->r->pool;
    const char *method = x->r->header_only ? "GET" : x->r->method;
    const gtm_route_t *route;
    const char *allow = NULL, *path;
    gt_path_match_t match;

    if (!x->mount)
        return gt_err(p, GT_NOT_FOUND, "GT0812",
                      "this handler is not mounted by SetHandler in a Location");
    for (route = table_of(&path, x); (route = fitting(&match, route, x, path)) != NULL; route++) {
        if (strcmp(route->method, method) == 0) {
            take(x, route, &match);
            return GT_OK;
        }
        allow = gtm_route_add_method(allow, route->method, p);
    }
    return allow != NULL ? wrong_method(x, allow)
                         : gt_err(p, GT_NOT_FOUND, "GT0813", "there is no such route here");
}
