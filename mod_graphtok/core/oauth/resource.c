/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file resource.c The resources of a provider, found by the addresses that its scopes begin
 * with. */

#include "oauth/resource.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"
#include "oauth/kind.h"
#include "oauth/provider.h"

int gt_scope_is_of_all(const char *scope)
{
    return gt_has_word("openid profile email address phone offline_access", scope);
}

static const char *resource_of(const char *scope, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);

    return kind->resource != NULL ? kind->resource(scope, conf, p) : GT_RESOURCE_GRAPH;
}

static int has(const apr_array_header_t *list, const char *text)
{
    for (int i = 0; i < list->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(list, i, const char *), text) == 0)
            return 1;
    return 0;
}

apr_array_header_t *gt_provider_resources(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const apr_array_header_t *scopes = gt_split(gt_provider_scope(conf, p), " ", p);
    apr_array_header_t *list = apr_array_make(p, 2, sizeof(const char *));

    APR_ARRAY_PUSH(list, const char *) = GT_RESOURCE_GRAPH;
    for (int i = 0; i < scopes->nelts; i++) {
        const char *scope = APR_ARRAY_IDX(scopes, i, const char *);
        const char *resource = resource_of(scope, conf, p);

        if (!gt_scope_is_of_all(scope) && !has(list, resource))
            APR_ARRAY_PUSH(list, const char *) = resource;
    }
    return list;
}

int gt_provider_has_resource(const gt_provider_conf_t *conf, const char *resource, apr_pool_t *p)
{
    return resource == NULL || has(gt_provider_resources(conf, p), resource);
}

static const char *scope_of(const char *list, const gt_provider_conf_t *conf, const char *resource,
                            int has_others, apr_pool_t *p)
{
    const apr_array_header_t *scopes = gt_split(list, " ", p);
    apr_array_header_t *kept = apr_array_make(p, scopes->nelts, sizeof(const char *));

    if (resource == NULL)
        resource = GT_RESOURCE_GRAPH;
    for (int i = 0; i < scopes->nelts; i++) {
        const char *scope = APR_ARRAY_IDX(scopes, i, const char *);

        if (gt_scope_is_of_all(scope) ? has_others
                                      : strcmp(resource_of(scope, conf, p), resource) == 0)
            APR_ARRAY_PUSH(kept, const char *) = scope;
    }
    return apr_array_pstrcat(p, kept, ' ');
}

const char *gt_provider_token_scope(const gt_provider_conf_t *conf, const char *resource,
                                    apr_pool_t *p)
{
    return scope_of(gt_provider_scope(conf, p), conf, resource, 1, p);
}

const char *gt_provider_resource_scope(const gt_provider_conf_t *conf, const char *resource,
                                       apr_pool_t *p)
{
    return scope_of(gt_provider_scope(conf, p), conf, resource, 0, p);
}

const char *gt_scopes_of_resource(const char *scopes, const char *resource,
                                  const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return scope_of(scopes, conf, resource, 1, p);
}

/** A scope without the address of its resource, where the provider's scopes have one. */
static const char *short_name(const char *scope, const gt_provider_conf_t *conf)
{
    const char *end = strrchr(scope, '/');

    return gt_provider_kind(conf)->resource != NULL && strstr(scope, "://") != NULL ? end + 1
                                                                                    : scope;
}

const char *gt_provider_resource_named(const gt_provider_conf_t *conf, const char *text,
                                       apr_pool_t *p)
{
    const apr_array_header_t *known = gt_provider_resources(conf, p);
    apr_size_t len = strlen(text);
    const char *named;

    if (has(known, text))
        return apr_pstrdup(p, text);
    if (strstr(text, "://") == NULL || gt_provider_kind(conf)->resource == NULL)
        return NULL;
    if (text[len - 1] == '/')
        text = apr_pstrmemdup(p, text, len - 1);
    named = resource_of(apr_pstrcat(p, text, "/.default", NULL), conf, p);
    return has(known, named) ? named : NULL;
}

static int is_allowed(const char *scope, const apr_array_header_t *allowed,
                      const gt_provider_conf_t *conf)
{
    for (int i = 0; i < allowed->nelts; i++)
        if (strcasecmp(short_name(scope, conf),
                       short_name(APR_ARRAY_IDX(allowed, i, const char *), conf)) == 0)
            return 1;
    return gt_scope_is_of_all(scope);
}

const char *gt_provider_scopes_beyond(const gt_provider_conf_t *conf, const char *granted,
                                      const char *allowed, apr_pool_t *p)
{
    const apr_array_header_t *words = gt_split(granted, " ", p);
    const apr_array_header_t *list = gt_split(allowed, " ", p);
    apr_array_header_t *beyond = apr_array_make(p, 2, sizeof(const char *));

    for (int i = 0; i < words->nelts; i++)
        if (!is_allowed(APR_ARRAY_IDX(words, i, const char *), list, conf))
            APR_ARRAY_PUSH(beyond, const char *) = APR_ARRAY_IDX(words, i, const char *);
    return beyond->nelts > 0 ? apr_array_pstrcat(p, beyond, ' ') : NULL;
}
