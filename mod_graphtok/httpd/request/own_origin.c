/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file own_origin.c
 * Cross-site requests: SameSite=Lax keeps our cookie out of most, but not out of those of a sibling
 * host, so the browser's own word is asked as well (Fetch Metadata, RFC 6454). "Origin: null" says
 * nothing: a page with "Referrer-Policy: no-referrer" sends it with its forms, also to its own host
 * (Fetch, "append a request Origin header"), and a sandboxed frame to any.
 */

#include "request/own_origin.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_vhost.h>

#include "net/url.h"
#include "request/cors.h"

/* A WebSocket begins as a GET (RFC 6455 section 4.1), to which no rule of the browser for other
 * origins applies, and carries all that its page sends. */
static int changes_something(request_rec *r)
{
    const char *upgrade = apr_table_get(r->headers_in, "Upgrade");

    return (r->method_number != M_GET && r->method_number != M_OPTIONS) ||
           (upgrade != NULL && ap_find_token(r->pool, upgrade, "websocket"));
}

gt_err_t *gtm_origin_check(gtm_request_t *x)
{
    request_rec *r = x->r;
    const char *from = apr_table_get(r->headers_in, "Origin");
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *own;

    if (!changes_something(r) || (from == NULL && site == NULL))
        return GT_OK;
    GT_TRY(gtm_origin_find(x));
    own = gt_url_origin(x->base, r->pool);
    if (from != NULL && own != NULL && strcmp(from, own) == 0)
        return GT_OK;
    if (from != NULL && gtm_cors_names(x->dir, from) && !(x->route->demands & GTM_ADMINISTRATOR))
        return GT_OK;
    if (from != NULL && strcmp(from, "null") == 0 && site != NULL &&
        strcmp(site, "same-origin") == 0)
        return GT_OK;
    if (from == NULL && (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0))
        return GT_OK;
    return gt_err(r->pool, GT_FORBIDDEN, "GT0814", "the request comes from another site");
}

static int is_ours(request_rec *r)
{
    return r->hostname != NULL && ap_matches_request_vhost(r, r->hostname, r->server->port);
}

gt_err_t *gtm_origin_find(gtm_request_t *x)
{
    request_rec *r = x->r;
    const char *public_url = x->child->config->public_url;

    if (x->base != NULL)
        return GT_OK;
    if (public_url != NULL) {
        x->base = public_url;
        return GT_OK;
    }
    if (!is_ours(r))
        return gt_err(r->pool, GT_INVALID, "GT0815",
                      "this server does not go by the name asked for; the administrator sets "
                      "ServerName, ServerAlias or GraphTokPublicURL");
    x->base = apr_pstrcat(r->pool, ap_http_scheme(r), "://", strchr(r->hostname, ':') ? "[" : "",
                          r->hostname, strchr(r->hostname, ':') ? "]" : "", NULL);
    if (!ap_is_default_port(ap_get_server_port(r), r))
        x->base = apr_psprintf(r->pool, "%s:%u", x->base, (unsigned)ap_get_server_port(r));
    return GT_OK;
}

/* As the browser named it, also where a proxy in front put another name in its place. */
static const char *host_asked_for(request_rec *r)
{
    const char *host = apr_table_get(r->headers_in, "X-Forwarded-Host");

    if (host == NULL)
        host = apr_table_get(r->headers_in, "Host");
    return host != NULL ? apr_pstrmemdup(r->pool, host, strcspn(host, ", ")) : "";
}

/* A proxy in front that tells of itself may have taken TLS off. */
static const char *scheme_asked_for(const gtm_request_t *x)
{
    const apr_table_t *in = x->r->headers_in;

    if (apr_table_get(in, "X-Forwarded-Host") != NULL ||
        apr_table_get(in, "X-Forwarded-For") != NULL ||
        apr_table_get(in, "X-Forwarded-Proto") != NULL)
        return gtm_origin_is_secure(x) ? "https" : "http";
    return ap_http_scheme(x->r);
}

int gtm_origin_is_here(const gtm_request_t *x)
{
    apr_pool_t *p = x->r->pool;
    const char *origin =
        gt_url_origin(apr_pstrcat(p, scheme_asked_for(x), "://", host_asked_for(x->r), NULL), p);

    return origin == NULL || strcmp(origin, gt_url_origin(x->base, p)) == 0;
}

const char *gtm_origin_prefix(const gtm_request_t *x)
{
    const char *url = x->child->config->public_url;
    const char *path = url != NULL ? strchr(strstr(url, "://") + 3, '/') : NULL;

    return path != NULL ? path : "";
}

const char *gtm_origin_path(const gtm_request_t *x, const char *path)
{
    const char *prefix = gtm_origin_prefix(x), *whole;

    if (gt_path_is_below(path, prefix))
        return path;
    whole = apr_pstrcat(x->r->pool, prefix, path, NULL);
    return gt_path_is_below(whole, prefix) ? whole : NULL;
}

gt_err_t *gtm_origin_return_to(const char **target, const gtm_request_t *x, const char *given)
{
    gt_err_t *err;

    *target = given;
    if (!*given)
        return GT_OK;
    *target = gt_url_escape_stray(given, x->r->pool);
    *target = gt_is_local_path(*target) ? gtm_origin_path(x, *target) : NULL;
    if (*target)
        return GT_OK;
    err = gt_err(x->r->pool, GT_INVALID, "GT0833", "return_to leads elsewhere");
    gt_err_field(err, "return_to", "a path on this host, beginning with one /");
    return err;
}

const char *gtm_origin_address(const gtm_request_t *x, const char *target)
{
    apr_size_t host_len = strlen(x->base) - strlen(gtm_origin_prefix(x));
    const char *path;

    if (*target != '/')
        return target;
    path = gtm_origin_path(x, target);
    return path != NULL
               ? apr_pstrcat(x->r->pool, apr_pstrndup(x->r->pool, x->base, host_len), path, NULL)
               : "";
}

int gtm_origin_is_secure(const gtm_request_t *x)
{
    return strncmp(x->base, "https:", 6) == 0;
}
