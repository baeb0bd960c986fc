/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file kind_google.c
 * Google: several hosts, one token for all of its APIs, refresh tokens that are not replaced and
 * come with a consent alone. Source: Google, "OpenID Connect", "Using OAuth 2.0 for Web Server
 * Applications", "Using OAuth 2.0 to Access Google APIs" (on the end of refresh tokens).
 */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"
#include "net/url.h"
#include "oauth/kind.h"
#include "oauth/resource.h"

#define API_SCOPES "https://www.googleapis.com/auth/"
#define THROTTLE_WAIT apr_time_from_sec(5)

#define BROKEN GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION

/* Words that mean the same elsewhere stand in oauth_refusal.c. */
static const gt_refusal_word_t words[] = {
    {"invalid_grant",
     {GT_SIGN_IN, GT_EXTENT_USER,
      "Google takes this refresh token or code no more (not used for 6 months, password changed, "
      "access removed, a newer one of more than 100, or 7 days over while the application is in "
      "testing): the user must sign in again",
      0, 0}},
    {"admin_policy_enforced",
     {GT_REFUSED, GT_EXTENT_USER,
      "the administrator of the user's organisation does not allow this application its scopes: "
      "to be changed in Google's Admin console, API controls",
      0, 1}},
    {"org_internal",
     {GT_REFUSED, GT_EXTENT_USER,
      "the application is for accounts of its own organisation alone (user type Internal in "
      "Google's console)",
      0, 1}},
    {"disabled_client", {BROKEN, "the registration is disabled: see Google's console", 0, 0}},
    {"deleted_client",
     {BROKEN, "the registration was deleted, as Google does when it is not used for 6 months", 0,
      0}},
    {"unauthorized_client",
     {BROKEN, "the registration may not do this: is it of the type Web application?", 0, 0}},
    {"invalid_scope",
     {BROKEN, "a scope of GraphTokScope is not known, or not open to the registration", 0, 0}},
    {"rateLimitExceeded", {GT_THROTTLED, GT_EXTENT_PROVIDER, "we ask too often", THROTTLE_WAIT, 0}},
    {"userRateLimitExceeded",
     {GT_THROTTLED, GT_EXTENT_USER, "we ask too often for this user", THROTTLE_WAIT, 0}},
    {"internal_failure", {GT_UPSTREAM, GT_EXTENT_PROVIDER, "a fault of the provider", 0, 0}},
    {"backend_error", {GT_UPSTREAM, GT_EXTENT_PROVIDER, "a fault of the provider", 0, 0}},
    {NULL, {GT_CLASSES, GT_EXTENT_USER, NULL, 0, 0}},
};

static const gt_refusal_tables_t refusals = {"", NULL, 0, words};

static const char *discovery_url(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return apr_pstrcat(p, conf->authority, "/.well-known/openid-configuration", NULL);
}

static int issuer_fits(const char *issuer, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    (void)p;
    return strcmp(issuer, conf->authority) == 0;
}

/** id_tokens may name accounts.google.com, the issuer's host alone. */
static const char *issuer_in_full(const char *issuer, apr_pool_t *p)
{
    return strstr(issuer, "://") == NULL ? apr_pstrcat(p, "https://", issuer, NULL) : issuer;
}

/** Its endpoints are on hosts of googleapis.com: https is what can be demanded. */
static int endpoint_fits(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    (void)p;
    return strncmp(url, "https:", 6) == 0 || strncmp(conf->authority, "http:", 5) == 0;
}

/** Google knows no offline_access (access_type stands for it). A short name is one of its APIs'. */
static const char *full_scope(const char *scope, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    (void)conf;
    if (strcmp(scope, "offline_access") == 0)
        return "";
    if (strstr(scope, "://") != NULL || gt_scope_is_of_all(scope))
        return scope;
    return apr_pstrcat(p, API_SCOPES, scope, NULL);
}

/** The hint hd is no control: the claim of that name in the id_token is. */
static const char *tenant_fault(const char *tenant, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    (void)p;
    if (conf->tenant == NULL)
        return NULL;
    if (tenant == NULL)
        return "an account of no organisation, where GraphTokTenant names one";
    return strcasecmp(tenant, conf->tenant) == 0 ? NULL : "its domain is not GraphTokTenant";
}

/** The question for consent is added where a refresh token is missing, and never to prompt=none,
 * which no other word may stand beside. */
static const char *prompt_of(const gt_login_extra_t *extra)
{
    int chooses = extra->prompt != NULL && strcmp(extra->prompt, "select_account") == 0;

    if (!extra->wants_consent || (extra->prompt != NULL && strcmp(extra->prompt, "none") == 0))
        return extra->prompt;
    return chooses ? "consent select_account" : "consent";
}

static void ask(gt_form_t *form, const gt_login_extra_t *extra, const gt_provider_conf_t *conf)
{
    gt_form_add(form, "access_type", "offline");
    gt_form_add(form, "prompt", prompt_of(extra));
    gt_form_add(form, "login_hint", extra->login_hint);
    gt_form_add(form, "hd", conf->tenant != NULL ? conf->tenant : extra->domain_hint);
    gt_form_add(form, "claims", extra->claims);
}

static const char *const algorithms[] = {"RS256", NULL};

const gt_provider_kind_t gt_kind_google = {
    .name = "google",
    .algorithms = algorithms,
    .takes_body = 1,
    .subject_claim = "sub",
    .organisation_claim = "hd",
    .prompts = "none consent select_account",
    .consents_for_refresh = 1,
    .omits_scope = 1,
    .revokes_openly = 1,
    .may_revoke = 1,
    .refusals = &refusals,
    .full_scope = full_scope,
    .discovery_url = discovery_url,
    .issuer_fits = issuer_fits,
    .issuer_in_full = issuer_in_full,
    .endpoint_fits = endpoint_fits,
    .tenant_fault = tenant_fault,
    .ask = ask,
};
