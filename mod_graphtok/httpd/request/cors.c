/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file cors.c
 * Answers to pages of other origins. An origin is compared byte for byte with the one that the
 * directive's setter wrote: browsers write it in one form only, so a capital, a port of the scheme,
 * a dot behind the host or a longer host is another origin. "null" is never in the list. Places for
 * administrators answer pages of their own origin alone: an origin that is trusted with a calendar
 * is not thereby one that may revoke the grants of all users.
 */

#include "request/cors.h"

#include <string.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_request.h>

#include "config/mounts.h"
#include "request/answer.h"
#include "request/body.h"
#include "request/merged_handler.h"
#include "request/route.h"

/* Browsers keep an answer for two hours at most; a page that is no longer allowed is refused when
 * it calls. */
#define MAX_AGE "7200"

/* Fields of our answers that a page can read only when they are named here. */
#define EXPOSED                                                                                    \
    "Allow, ETag, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, "        \
    "WWW-Authenticate, client-request-id, request-id"

/* Fields that a page may send to any route: its credentials, and the type of its body. */
#define ALWAYS_ALLOWED "Authorization, Content-Type"

static int is_listed(const char *list, const char *word)
{
    apr_size_t len = strlen(word);

    for (const char *at = list; *at != '\0';) {
        apr_size_t here = strcspn(at, " ");

        if (here == len && memcmp(at, word, len) == 0)
            return 1;
        at += here + (at[here] == ' ');
    }
    return 0;
}

int gtm_cors_names(const gtm_dir_t *dir, const char *origin)
{
    /* "*" and "none" are words of the directive, and no origins. */
    return dir->origins != NULL && strstr(origin, "://") != NULL && is_listed(dir->origins, origin);
}

/* 1 when the origin may read what is answered here. */
static int admit(request_rec *r, const gtm_dir_t *dir, const char *origin)
{
    apr_table_t *out = r->err_headers_out;

    if (gtm_cors_names(dir, origin)) {
        apr_table_set(out, "Access-Control-Allow-Origin", origin);
        apr_table_setn(out, "Access-Control-Allow-Credentials", "true");
        return 1;
    }
    if (!is_listed(dir->origins, "*"))
        return 0;
    apr_table_setn(out, "Access-Control-Allow-Origin", "*");
    return 1;
}

/* ---- the question before a request (Fetch, "CORS-preflight request") ---- */

static int is_preflight(const request_rec *r)
{
    return r->method_number == M_OPTIONS &&
           apr_table_get(r->headers_in, "Access-Control-Request-Method") != NULL;
}

static void add_fields(apr_table_t *names, const gtm_route_t *route)
{
    for (int i = 0; route->fields != NULL && route->fields[i] != NULL; i++)
        apr_table_setn(names, route->fields[i], "");
}

static const char *joined(const apr_table_t *names, apr_pool_t *p)
{
    const apr_array_header_t *rows = apr_table_elts(names);
    const char *text = ALWAYS_ALLOWED;

    for (int i = 0; i < rows->nelts; i++)
        text = apr_pstrcat(p, text, ", ", APR_ARRAY_IDX(rows, i, apr_table_entry_t).key, NULL);
    return text;
}

/* A path without a route gets no methods: browsers send GET and POST there all the same, and their
 * page reads our 404. */
static void offer_routes(gtm_request_t *x)
{
    apr_pool_t *p = x->r->pool;
    apr_table_t *out = x->r->err_headers_out, *names = apr_table_make(p, 8);
    apr_array_header_t *routes = apr_array_make(p, 4, sizeof(const gtm_route_t *));
    const char *methods = NULL;

    gtm_route_offers(routes, x);
    for (int i = 0; i < routes->nelts; i++) {
        const gtm_route_t *route = APR_ARRAY_IDX(routes, i, const gtm_route_t *);

        methods = gtm_route_add_method(methods, route->method, p);
        add_fields(names, route);
    }
    if (methods != NULL)
        apr_table_setn(out, "Access-Control-Allow-Methods", methods);
    apr_table_setn(out, "Access-Control-Allow-Headers", joined(names, p));
    apr_table_setn(out, "Access-Control-Max-Age", MAX_AGE);
}

static gt_err_t *refuse(const gtm_request_t *x)
{
    return gt_err(x->r->pool, GT_FORBIDDEN, "GT0842",
                  "pages of this origin may not call the routes here; the administrator names it "
                  "in GraphTokAllowOrigin");
}

static int answer_preflight(request_rec *r, const char *handler, const char *origin)
{
    static const gtm_route_t preflight = {.name = "preflight", .limit = GTM_LIMIT_NONE};
    gtm_request_t *x;
    gt_err_t *err;

    r->handler = handler;
    x = gtm_request_make(r);
    if (x == NULL)
        return HTTP_SERVICE_UNAVAILABLE;
    x->route = &preflight;
    x->mount = gtm_mount(r);
    err = gtm_body_read(x);
    if (x->is_answered)
        return AP_FILTER_ERROR;
    apr_table_mergen(r->err_headers_out, "Vary",
                     "Access-Control-Request-Method, Access-Control-Request-Headers");
    if (err == GT_OK && !admit(r, x->dir, origin))
        err = refuse(x);
    if (err == GT_OK) {
        offer_routes(x);
        gtm_answer_empty(x, HTTP_NO_CONTENT);
    }
    else
        gtm_answer_error(x, err);
    /* As before a handler: what the administrator adds to answers (mod_headers) is added. */
    ap_run_insert_filter(r);
    gtm_answer_send(x);
    return DONE;
}

int gtm_cors(request_rec *r)
{
    const gtm_dir_t *dir = gtm_dir(r);
    const char *handler, *origin;

    if (dir == NULL || dir->origins == NULL || strcmp(dir->origins, "none") == 0)
        return DECLINED;
    handler = gtm_merged_handler(r, 1);
    if (!gtm_route_is_set(handler) || gtm_route_is_administration(handler))
        return DECLINED;
    apr_table_mergen(r->err_headers_out, "Vary", "Origin");
    origin = apr_table_get(r->headers_in, "Origin");
    if (origin == NULL)
        return DECLINED;
    if (is_preflight(r))
        return answer_preflight(r, handler, origin);
    if (admit(r, dir, origin))
        apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers", EXPOSED);
    return DECLINED;
}
