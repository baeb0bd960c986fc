/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file provider_kinds.c Slips in the configuration of a provider that is not Microsoft. */

#include "conf/provider_kinds.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define MAIL_SCOPE "https://mail.google.com"

static void add(apr_array_header_t *list, const char *text)
{
    APR_ARRAY_PUSH(list, const char *) = text;
}

/** Members that only Microsoft's providers have. */
static void check_foreign(apr_array_header_t *errors, const gt_provider_conf_t *provider)
{
    if (provider->allowed_tenants != NULL || provider->graph_url != NULL ||
        provider->cloud != GT_CLOUD_UNSET || provider->tenant_clients->nelts > 0 ||
        (provider->tenant != NULL && provider->kind == GT_KIND_OPENID))
        add(errors, ": GraphTokTenant, GraphTokAllowedTenants, GraphTokTenantClient, GraphTokCloud "
                    "and GraphTokGraphURL go with GraphTokKind microsoft");
    if (provider->calendar_url != NULL && provider->kind == GT_KIND_OPENID)
        add(errors, ": GraphTokCalendarURL goes with GraphTokKind google");
    if (provider->continuous_access)
        add(errors, ": GraphTokContinuousAccess goes with GraphTokKind microsoft");
}

static void check_openid(apr_array_header_t *errors, apr_array_header_t *warnings,
                         const gt_provider_conf_t *provider, apr_pool_t *p)
{
    if (provider->authority == NULL)
        add(errors, " lacks GraphTokDiscovery: the provider's issuer, below which its "
                    "/.well-known/openid-configuration stands");
    else if (strstr(provider->authority, "/.well-known/") != NULL)
        add(warnings, apr_pstrcat(p, ": GraphTokAuthority ", provider->authority,
                                  " goes too far: it is the issuer, and "
                                  "/.well-known/openid-configuration is added to it",
                                  NULL));
}

/** A tenant of Google is a domain of Workspace, as the claim hd names it. */
static void check_domain(apr_array_header_t *errors, const gt_provider_conf_t *provider,
                         apr_pool_t *p)
{
    if (provider->tenant != NULL &&
        (gt_is_guid(provider->tenant) || !gt_is_domain(provider->tenant)))
        add(errors, apr_pstrcat(p, ": GraphTokTenant '", provider->tenant,
                                "' is no domain: at Google it is the domain of a Workspace "
                                "organisation, as in example.com; without it all accounts may "
                                "sign in",
                                NULL));
}

/** @param scope  one of the configured scopes */
static void check_google_scope(apr_array_header_t *errors, apr_array_header_t *warnings,
                               const char *scope, apr_pool_t *p)
{
    if (strcmp(scope, "offline_access") == 0)
        add(warnings, ": GraphTokScope has offline_access, which Google does not know. It is left "
                      "out; a refresh token is asked for by access_type=offline");
    else if (strcmp(scope, MAIL_SCOPE) == 0)
        add(errors, ": GraphTokScope has " MAIL_SCOPE ", which Google knows with a slash at its "
                    "end alone: " MAIL_SCOPE "/");
    else if (strncmp(scope, "User.", 5) == 0 || strncmp(scope, "Calendars.", 10) == 0 ||
             strncmp(scope, "Mail.", 5) == 0)
        add(errors, apr_pstrcat(p, ": GraphTokScope has ", scope,
                                ", a scope of Microsoft's; Google's short names are openid email "
                                "profile, and calendar for the routes of calendars",
                                NULL));
}

static void check_google(apr_array_header_t *errors, apr_array_header_t *warnings,
                         const gt_provider_conf_t *provider, apr_pool_t *p)
{
    static const char tail[] = ".apps.googleusercontent.com";
    const apr_array_header_t *scopes =
        gt_split(provider->scope != NULL ? provider->scope : "", " ", p);
    apr_size_t len = provider->client_id != NULL ? strlen(provider->client_id) : 0;

    if (len > 0 && strcmp(provider->authority, "https://accounts.google.com") == 0 &&
        (len < sizeof(tail) || strcmp(provider->client_id + len - (sizeof(tail) - 1), tail) != 0))
        add(warnings, apr_pstrcat(p, ": GraphTokClientID ", provider->client_id,
                                  " does not end in .apps.googleusercontent.com, as the client ids "
                                  "of Google's console do",
                                  NULL));
    if (provider->certificate != NULL || provider->client_assertion != NULL)
        add(errors, ": Google takes client secrets alone: write GraphTokClientSecret in place of "
                    "GraphTokClientCertificate or GraphTokClientAssertion");
    check_domain(errors, provider, p);
    for (int i = 0; i < scopes->nelts; i++)
        check_google_scope(errors, warnings, APR_ARRAY_IDX(scopes, i, const char *), p);
}

void gt_kind_check(apr_array_header_t *errors, apr_array_header_t *warnings,
                   const gt_provider_conf_t *provider, apr_pool_t *p)
{
    check_foreign(errors, provider);
    if (provider->kind == GT_KIND_OPENID)
        check_openid(errors, warnings, provider, p);
    else
        check_google(errors, warnings, provider, p);
    if (provider->discovery != NULL && provider->kind != GT_KIND_OPENID)
        add(errors, ": GraphTokDiscovery goes with GraphTokKind openid");
    else if (provider->discovery != NULL &&
             strncmp(provider->discovery, provider->authority, strlen(provider->authority)) != 0)
        add(errors, ": of GraphTokDiscovery and GraphTokAuthority write one: they name different "
                    "issuers");
}
