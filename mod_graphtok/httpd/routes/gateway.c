/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file gateway.c Rules, fields and links of the gateway. */

#include "routes/gateway.h"

#include <string.h>

#include <apr_strings.h>

#include "conf/allow.h"
#include "request/own_origin.h"

/* Members whose values clients follow, and those that they hand back to Graph. An upload session's
 * uploadUrl is none: it leads to another host, works without a token, and must be asked without
 * (Microsoft Graph, "createUploadSession"). */
static const char *const links[] = {"@odata.nextLink",
                                    "@odata.deltaLink",
                                    "@odata.context",
                                    "@odata.id",
                                    "@odata.readLink",
                                    "@odata.editLink",
                                    "@odata.mediaReadLink",
                                    "@odata.mediaEditLink",
                                    "@odata.navigationLink",
                                    "@odata.associationLink",
                                    "@microsoft.graph.downloadUrl",
                                    "Location",
                                    NULL};
static const char *const sent_links[] = {"@odata.id", "@odata.bind", "@odata.context", NULL};

const char *const gtm_gateway_fields[] = {"Accept",
                                          "Accept-Language",
                                          "Content-Type",
                                          "Content-Range",
                                          "Content-Disposition",
                                          "If-Match",
                                          "If-None-Match",
                                          "If-Modified-Since",
                                          "If-Unmodified-Since",
                                          "If-Range",
                                          "Range",
                                          "Prefer",
                                          "ConsistencyLevel",
                                          "OData-Version",
                                          "OData-MaxVersion",
                                          "client-request-id",
                                          "return-client-request-id",
                                          "SdkVersion",
                                          "Retry-Attempt",
                                          "x-ms-throttle-priority",
                                          "workbook-session-id",
                                          "FeatureFlag",
                                          "RequestContext",
                                          NULL};

static const char *graph_url(const gtm_request_t *x)
{
    const char *url = gt_provider_conf(x->provider)->graph_url;

    return url != NULL ? url : "";
}

const char *gtm_gateway_root(const gtm_request_t *x)
{
    return gt_gateway_root(graph_url(x), x->r->pool);
}

const char *gtm_gateway_target(const gtm_request_t *x, const char *url)
{
    return gt_gateway_target(url, graph_url(x));
}

const char *gtm_gateway_version(const gtm_request_t *x)
{
    return gt_gateway_version(graph_url(x));
}

gt_err_t *gtm_gateway_judge(const gtm_request_t *x, const char *method,
                            const gt_gateway_path_t *path)
{
    if (gt_allow_fits(x->dir->allow, method, path->judged, x->caller.claims, x->r->pool))
        return GT_OK;
    return gt_err(x->r->pool, GT_FORBIDDEN, "GT1701",
                  "no GraphTokAllow of this location allows %s %s", method, path->judged);
}

void gtm_gateway_call(gt_call_t *call, gtm_request_t *x)
{
    call->vault = x->child->vault;
    call->key = gt_grant_key(x->store, &x->owner);
    call->asker = &x->asker;
    call->params.base = gtm_gateway_root(x);
    call->params.is_passed = 1;
}

/* ---- links ---- */

static gt_err_t *own_address(const char **address, gtm_request_t *x)
{
    GT_TRY(gtm_origin_find(x));
    *address = apr_pstrcat(x->r->pool, x->base, x->mount->path, NULL);
    return GT_OK;
}

gt_err_t *gtm_gateway_link(const char **ours, void *baton, const char *link, apr_pool_t *p)
{
    gtm_request_t *x = baton;
    const char *rest = gt_gateway_link(link, graph_url(x), p), *address;

    *ours = link;
    if (rest == NULL)
        return GT_OK;
    GT_TRY(own_address(&address, x));
    *ours = apr_pstrcat(p, address, rest, NULL);
    return GT_OK;
}

gt_relink_t *gtm_gateway_relink(gtm_request_t *x)
{
    return gt_relink_make_for(links, gtm_gateway_link, x, x->r->pool);
}

static gt_err_t *link_of_graph(const char **theirs, void *baton, const char *link, apr_pool_t *p)
{
    gtm_request_t *x = baton;
    const char *address;
    apr_size_t len;

    GT_TRY(own_address(&address, x));
    len = strlen(address);
    *theirs = strncmp(link, address, len) == 0 && link[len] == '/'
                  ? apr_pstrcat(p, gtm_gateway_root(x), link + len, NULL)
                  : link;
    return GT_OK;
}

gt_err_t *gtm_gateway_unlink(const char **bytes, apr_size_t *len, gtm_request_t *x)
{
    gt_relink_t *relink = gt_relink_make_for(sent_links, link_of_graph, x, x->r->pool);

    return gt_relink_feed(bytes, len, relink, *bytes, *len, 1, x->r->pool);
}
