/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file exchange_target.c
 * The target of a token exchange: a resource of the provider's, whose scopes the client's entry
 * bounds, or our own routes, which its GraphTokAllow bounds when they are called.
 */

#include "routes/exchange.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "caller/client_token.h"
#include "oauth/resource.h"
#include "request/own_origin.h"

static gt_err_t *wrong_target(const gtm_request_t *x)
{
    return gtm_exchange_invalid(x, "invalid_target", "GT0888",
                                "this client may have no token for this resource");
}

/** 1 when a client's entry names a resource, in whichever way. */
static int may_have(const gtm_request_t *x, const char *resource)
{
    const gtm_exchange_t *own = x->own;
    const gt_provider_conf_t *conf = gt_provider_conf(x->provider);
    const char *names = own->client->resources;
    apr_pool_t *p = x->r->pool;
    const apr_array_header_t *list = gt_split(names != NULL ? names : "", " ", p);

    for (int i = 0; i < list->nelts; i++) {
        const char *named =
            gt_provider_resource_named(conf, APR_ARRAY_IDX(list, i, const char *), p);

        if (named != NULL && strcmp(named, resource) == 0)
            return 1;
    }
    return 0;
}

/** 1 for our own routes: by the name that we give them, or by the address of this server. */
static int is_ours(gtm_request_t *x, const char *text)
{
    apr_size_t len;

    if (strcmp(text, GTM_OWN_ROUTES) == 0)
        return 1;
    if (gtm_origin_find(x) != GT_OK)
        return 0;
    len = strlen(x->base);
    return strncmp(text, x->base, len) == 0 && (text[len] == '\0' || strcmp(text + len, "/") == 0);
}

/** The target that a text means and the entry names; NULL: it may not have a token for it. */
static const char *target_of(gtm_request_t *x, const char *text)
{
    const gtm_exchange_t *own = x->own;
    const char *named = gt_provider_resource_named(gt_provider_conf(x->provider), text, x->r->pool);

    if (named != NULL && may_have(x, named))
        return named;
    return own->client->allow != NULL && is_ours(x, text) ? GTM_OWN_ROUTES : NULL;
}

/** The target of a request that says none: the first resource, else our own routes. */
static const char *default_target(gtm_request_t *x)
{
    const gtm_exchange_t *own = x->own;
    const char *first = own->client->resources;

    return first != NULL
               ? gt_provider_resource_named(gt_provider_conf(x->provider),
                                            ap_getword_white(x->r->pool, &first), x->r->pool)
               : GTM_OWN_ROUTES;
}

/** `resource` (RFC 8707) or `audience`; both may name the same. */
static gt_err_t *find_resource(gtm_request_t *x)
{
    gtm_exchange_t *own = x->own;
    const char *names[] = {gtm_exchange_given(x, "resource"), gtm_exchange_given(x, "audience")};

    for (int i = 0; i < 2; i++) {
        const char *target = names[i] != NULL ? target_of(x, names[i]) : NULL;

        if (names[i] != NULL &&
            (target == NULL || (own->resource != NULL && strcmp(own->resource, target) != 0)))
            return wrong_target(x);
        own->resource = target != NULL ? target : own->resource;
    }
    if (own->resource == NULL)
        own->resource = default_target(x);
    if (own->resource == NULL)
        return wrong_target(x);
    own->is_for_routes = strcmp(own->resource, GTM_OWN_ROUTES) == 0;
    return own->is_for_routes ? gtm_origin_find(x) : GT_OK;
}

static gt_err_t *check_scope(const gtm_request_t *x)
{
    const gtm_exchange_t *own = x->own;
    const char *asked = gtm_exchange_given(x, "scope");

    if (asked != NULL && own->is_for_routes)
        return gtm_exchange_invalid(x, "invalid_scope", "GT0889",
                                    "our own routes have no scopes: the client's entry says what "
                                    "it may call");
    if (asked == NULL || gt_provider_scopes_beyond(gt_provider_conf(x->provider), asked,
                                                   own->client->scopes, x->r->pool) == NULL)
        return GT_OK;
    return gtm_exchange_invalid(x, "invalid_scope", "GT0889",
                                "this client may not have all of these scopes");
}

gt_err_t *gtm_exchange_find_target(gtm_request_t *x)
{
    GT_TRY(find_resource(x));
    return check_scope(x);
}

/** The provider decides about a token's scopes: a token with more than the entry allows does not
 * leave. That is known of users alone who have a grant, so it is a fault of the subject. */
static gt_err_t *judge_scope(gtm_request_t *x)
{
    gtm_exchange_t *own = x->own;
    const gt_provider_conf_t *conf = gt_provider_conf(x->provider);
    apr_pool_t *p = x->r->pool;
    const char *beyond;

    if (own->token.token.scope == NULL || *own->token.token.scope == '\0')
        own->token.token.scope = gt_provider_resource_scope(conf, own->resource, p);
    beyond = gt_provider_scopes_beyond(conf, own->token.token.scope, own->client->scopes, p);
    if (beyond == NULL)
        return GT_OK;
    return gt_err(p, GT_FORBIDDEN, "GT0893",
                  "the user's token has the scopes %s, too, which GraphTokClientScope does not "
                  "allow",
                  beyond);
}

static gt_err_t *make_own(gtm_request_t *x)
{
    gtm_exchange_t *own = x->own;
    const char *grant;

    GT_TRY(gt_vault_grant_id(&grant, x->child->vault, &own->token.key.grant, x->r->pool));
    if (grant == NULL)
        return gt_err(x->r->pool, GT_SIGN_IN, "GT0856", "user %s has no grant any more",
                      x->owner.user);
    return gtm_client_token_make(&own->issued, x, own->client, grant);
}

gt_err_t *gtm_exchange_judge(gtm_request_t *x)
{
    const gtm_exchange_t *own = x->own;

    return own->is_for_routes ? make_own(x) : judge_scope(x);
}
