/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file secret_query.c
 * Access logs print the request line (%r) and the query (%q); mod_rewrite and others log more. So
 * the query is removed from all of them and kept in the request's pool, where our own route finds
 * it.
 */

#include "request/secret_query.h"

#include <string.h>

#include <apr_strings.h>

#include <http_request.h>

#include "config/settings.h"

#define KEPT "graphtok secret query"
#define CALLBACK "/callback"

void gtm_secret_query_take(request_rec *r)
{
    if (r->args && *r->args)
        (void)apr_pool_userdata_setn(r->args, KEPT, NULL, r->pool);
    r->the_request = apr_pstrcat(r->pool, r->method, " ", r->uri, " ", r->protocol, NULL);
    r->unparsed_uri = r->uri;
    r->parsed_uri.query = NULL;
    r->args = NULL;
}

int gtm_secret_query_hide(request_rec *r)
{
    const gtm_mount_t *mount = r->args && ap_is_initial_req(r) ? gtm_mount(r) : NULL;
    const char *below = mount ? r->uri + strlen(mount->path) : "";

    if (mount && strcmp(mount->handler, "graphtok-auth") == 0 &&
        strncmp(below, CALLBACK, strlen(CALLBACK)) == 0)
        gtm_secret_query_take(r);
    return DECLINED;
}

const char *gtm_secret_query(request_rec *r)
{
    void *kept = NULL;

    (void)apr_pool_userdata_get(&kept, KEPT, r->pool);
    if (kept)
        return kept;
    return r->args ? r->args : "";
}
