/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file login_link.c Links to the sign-in route that belongs to a request. A place with sign-in
 * routes uses its own; every other place uses one mount's, or none. */

#include "request/login_link.h"

#include <apr_strings.h>

#include "base/text.h"
#include "config/mounts.h"
#include "config/sign_in_place.h"
#include "net/url.h"
#include "request/answer.h"
#include "request/own_origin.h"
#include "vault/cache.h"

#define KEPT_PARAM "return_kept"
#define LONGEST_QUERY 7000 /* of 8,190 bytes that httpd takes in a request line */
#define NAME_BYTES 16
#define LONGEST_NAME 64

/* Nothing else that is kept may be asked for by a name from a query. */
static const char *kept_name(const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, "link ", name, NULL);
}

static const gtm_mount_t *find_mount(const gtm_request_t *x)
{
    if (x->mount != NULL && strcmp(x->mount->handler, "graphtok-auth") == 0)
        return x->mount;
    return gtm_sign_in_mount(x->dir, x->r->uri, x->r->server, x->r->pool);
}

/* Many slashes in front would be read as the name of a host. */
const char *gtm_login_asked_for(const gtm_request_t *x)
{
    const char *prefix = gtm_origin_prefix(x), *target = x->r->unparsed_uri;

    while (target[0] == '/' && target[1] == '/')
        target++;
    target = apr_pstrcat(x->r->pool, prefix, target, NULL);
    return gt_is_local_path(target) && gt_path_is_below(target, prefix) ? target : NULL;
}

/* The page that a sign-in by the link is to lead to. NULL: it is not known, or a program asked,
 * which returns by itself. */
static const char *target_of(const gtm_request_t *x)
{
    if (gtm_login_is_part(x))
        return x->target != NULL && gt_is_local_path(x->target) ? x->target : NULL;
    return gtm_answer_is_page(x->r) ? gtm_login_asked_for(x) : NULL;
}

static gt_cache_t *cache_of(const gtm_request_t *x)
{
    return x->child->vault != NULL ? gt_vault_parts(x->child->vault)->cache : NULL;
}

/* The demands of the provider on the sign-in, and the tenant that it is to be asked for at. */
static void add_demands(gt_form_t *form, const gt_err_t *err)
{
    gt_form_add(form, "tenant", err->tenant);
    gt_form_add(form, "claims", err->claims);
    gt_form_add(form, "prompt", err->prompt);
}

/* The query of the link. A target that makes it longer than a request line may be is kept in
 * shared memory, and the link names it. */
static const char *query_of(const gtm_request_t *x, const gt_err_t *err, const char *target)
{
    apr_pool_t *p = x->r->pool;
    gt_form_t *form = gt_form_make(p), *shorter = gt_form_make(p);
    const char *name;

    add_demands(form, err);
    gt_form_add(form, "return_to", target);
    if (strlen(gt_form_text(form)) <= LONGEST_QUERY)
        return gt_form_text(form);
    name = gt_random_text(NAME_BYTES, p);
    add_demands(shorter, err);
    if (cache_of(x) != NULL &&
        gt_cache_keep_text(cache_of(x), kept_name(name, p), target, x->child->config->state_time))
        gt_form_add(shorter, KEPT_PARAM, name);
    return gt_form_text(shorter);
}

const char *gtm_login_kept_target(const gtm_request_t *x)
{
    const char *name = apr_table_get(x->query, KEPT_PARAM), *kept = NULL;

    if (name != NULL && cache_of(x) != NULL && strlen(name) <= LONGEST_NAME)
        kept = gt_cache_text(cache_of(x), kept_name(name, x->r->pool), x->r->pool);
    return kept != NULL ? kept : "";
}

/* Where the caller comes from elsewhere, a sign-in gives a grant to a known one and makes no caller
 * known. At a callback the state may have said for whom the sign-in was. */
static int is_of_use(const gtm_request_t *x)
{
    return *x->caller.id || (gtm_login_is_part(x) && *x->owner.user) ||
           x->dir->caller_from == GT_CALLER_SESSION || x->dir->caller_from == GT_CALLER_STATIC;
}

/* The provider that the link has to name; NULL: the first of the place is meant. */
static const char *provider_there(const gtm_request_t *x, const gtm_mount_t *mount)
{
    const gtm_dir_t *there = gtm_mount_settings(mount, x->r->server, x->r->pool);
    const char *provider = x->owner.provider;

    if (provider == NULL || there->provider == NULL || strcmp(provider, there->provider) == 0)
        return NULL;
    return provider;
}

const char *gtm_login_link(const gtm_request_t *x, const gt_err_t *err)
{
    const gtm_mount_t *mount = is_of_use(x) ? find_mount(x) : NULL;
    const char *query, *provider;

    if (mount == NULL)
        return NULL;
    query = query_of(x, err, target_of(x));
    provider = provider_there(x, mount);
    return apr_pstrcat(x->r->pool, gtm_origin_prefix(x), mount->path, "/login",
                       provider != NULL ? "/" : "", provider != NULL ? provider : "",
                       *query ? "?" : "", query, NULL);
}

int gtm_login_is_part(const gtm_request_t *x)
{
    return x->route != NULL &&
           (x->route->limit == GTM_LIMIT_LOGIN || x->route->limit == GTM_LIMIT_CALLBACK);
}
