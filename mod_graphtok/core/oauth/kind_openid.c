/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file kind_openid.c
 * Any OpenID provider, as its discovery document says it. Source: OpenID Connect Discovery 1.0,
 * section 4.
 */

#include <string.h>

#include <apr_strings.h>

#include "net/url.h"
#include "oauth/kind.h"

static const char *discovery_url(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return apr_pstrcat(p, conf->authority, "/.well-known/openid-configuration", NULL);
}

/** The authority itself; a slash at the end is the provider's choice. */
static int issuer_fits(const char *issuer, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    size_t base = strlen(conf->authority);

    (void)p;
    return strncmp(issuer, conf->authority, base) == 0 &&
           (issuer[base] == '\0' || strcmp(issuer + base, "/") == 0);
}

/** Some providers have several hosts: https is what can be demanded. */
static int endpoint_fits(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    (void)p;
    return strncmp(url, "https:", 6) == 0 || strncmp(conf->authority, "http:", 5) == 0;
}

/** OpenID Connect Core 1.0, sections 3.1.2.1 and 5.5; a domain_hint is Microsoft's own. */
static void ask(gt_form_t *form, const gt_login_extra_t *extra, const gt_provider_conf_t *conf)
{
    (void)conf;
    gt_form_add(form, "prompt", extra->prompt);
    gt_form_add(form, "login_hint", extra->login_hint);
    gt_form_add(form, "claims", extra->claims);
}

/** OpenID Connect Core 1.0 section 2 makes it the default; Microsoft and Google have no other. */
static const char *const algorithms[] = {"RS256", NULL};

const gt_provider_kind_t gt_kind_openid = {
    .name = "openid",
    .algorithms = algorithms,
    .subject_claim = "sub",
    .prompts = GT_PROMPTS,
    .may_revoke = 1,
    .discovery_url = discovery_url,
    .issuer_fits = issuer_fits,
    .endpoint_fits = endpoint_fits,
    .ask = ask,
};
