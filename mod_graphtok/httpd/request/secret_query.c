/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file secret_query.c
 * Hiding a callback's query. Access logs print the request line (%r) and the query (%q);
 * mod_rewrite and others log more. So the query is removed from all of them and kept in the
 * request's pool, where our own route finds it.
 */

#include "request/secret_query.h"

#include <string.h>

#include <apr_strings.h>

#include <http_request.h>

#include "config/route_set.h"
#include "config/settings.h"
#include "request/merged_handler.h"

#define KEPT "graphtok secret query"
#define CALLBACK "/callback"

typedef struct kept_t {
    char *args, *the_request, *unparsed_uri, *query;
} kept_t;

static kept_t *kept_of(const request_rec *r)
{
    void *kept = NULL;

    (void)apr_pool_userdata_get(&kept, KEPT, r->pool);
    return kept;
}

void gtm_secret_query_take(request_rec *r)
{
    if (r->args != NULL && *r->args) {
        kept_t *kept = apr_palloc(r->pool, sizeof(*kept));

        *kept = (kept_t){r->args, r->the_request, r->unparsed_uri, r->parsed_uri.query};
        (void)apr_pool_userdata_setn(kept, KEPT, NULL, r->pool);
    }
    r->the_request = apr_pstrcat(r->pool, r->method, " ", r->uri, " ", r->protocol, NULL);
    r->unparsed_uri = r->uri;
    r->parsed_uri.query = NULL;
    r->args = NULL;
}

void gtm_secret_query_give_back(request_rec *r)
{
    const kept_t *kept = ap_is_initial_req(r) ? kept_of(r) : NULL;

    if (kept == NULL)
        return;
    r->args = kept->args;
    r->the_request = kept->the_request;
    r->unparsed_uri = kept->unparsed_uri;
    r->parsed_uri.query = kept->query;
    (void)apr_pool_userdata_setn(NULL, KEPT, NULL, r->pool);
}

/* Unless a Location gives the place to another handler. */
static int is_callbacks(request_rec *r)
{
    const gtm_mount_t *mount = gtm_mount(r);
    const char *handler;

    if (mount == NULL || strcmp(mount->handler, "graphtok-auth") != 0 ||
        strncmp(r->uri + strlen(mount->path), CALLBACK, strlen(CALLBACK)) != 0)
        return 0;
    handler = gtm_merged_handler(r, 0);
    return handler == NULL || gtm_route_is_set(handler);
}

/* An application below the callback keeps its query; one that has its place by a condition gets it
 * back at map_to_storage. */
int gtm_secret_query_hide(request_rec *r)
{
    if (r->args != NULL && ap_is_initial_req(r) && is_callbacks(r))
        gtm_secret_query_take(r);
    return DECLINED;
}

const char *gtm_secret_query(request_rec *r)
{
    const kept_t *kept = kept_of(r);

    if (kept != NULL)
        return kept->args;
    return r->args != NULL ? r->args : "";
}
