/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file provider.c
 * The state of a provider in a child: whether it answers, the error of our clock against its clock.
 * One lock guards all of it and is held for memory operations only.
 */

#include "oauth/provider.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "oauth/documents.h"
#include "oauth/kind.h"
#include "task/reader.h"

#define CLOCK_TOLERANCE apr_time_from_sec(60)
#define LOGIN_AGAIN apr_time_from_sec(1)

static apr_status_t free_documents(void *baton)
{
    gt_provider_t *provider = baton;

    free(provider->discovery.bytes);
    return APR_SUCCESS;
}

gt_provider_t *gt_provider_make(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    gt_provider_t *provider = apr_pcalloc(p, sizeof(*provider));
    const gt_key_source_params_t keys = {apr_pstrcat(p, "provider ", conf->name, NULL),
                                         &gt_fetch_provider_keys, provider, 0};

    provider->conf = conf;
    provider->keys = gt_key_source_make(&keys, p);
    provider->credentials = gt_credentials_make(conf, p);
    if (apr_thread_mutex_create(&provider->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, provider, free_documents, apr_pool_cleanup_null);
    return provider;
}

const gt_provider_conf_t *gt_provider_conf(const gt_provider_t *provider)
{
    return provider->conf;
}

void gt_provider_run_by(gt_provider_t *provider, gt_crew_t *crew, gt_crew_t *readers)
{
    provider->readers = readers;
    gt_key_source_run_by(provider->keys, crew);
}

gt_crew_t *gt_provider_readers(const gt_provider_t *provider)
{
    return provider->readers;
}

/** A kind may want its short names written in full. */
static const char *in_full(const char *scope, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);
    apr_array_header_t *words, *known;

    if (kind->full_scope == NULL)
        return scope;
    words = gt_split(scope, " ", p);
    known = apr_array_make(p, words->nelts, sizeof(const char *));
    for (int i = 0; i < words->nelts; i++) {
        const char *full = kind->full_scope(APR_ARRAY_IDX(words, i, const char *), conf, p);

        if (*full != '\0')
            APR_ARRAY_PUSH(known, const char *) = full;
    }
    return apr_array_pstrcat(p, known, ' ');
}

const char *gt_provider_scope(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const char *scope = conf->scope != NULL ? conf->scope : "";
    const char *offline = gt_provider_kind(conf)->offline_scope;

    if (!gt_has_word(scope, "openid"))
        scope = apr_pstrcat(p, "openid", scope[0] != '\0' ? " " : "", scope, NULL);
    if (offline != NULL && !gt_has_word(scope, offline))
        scope = apr_pstrcat(p, scope, " ", offline, NULL);
    return in_full(scope, conf, p);
}

gt_credentials_t *gt_provider_credentials(const gt_provider_t *provider)
{
    return provider->credentials;
}

gt_key_source_t *gt_provider_keys(const gt_provider_t *provider)
{
    return provider->keys;
}

/* ---- proxy, authorities, time limits ---- */

/** 1 once a second. */
static int claim_login(gt_provider_t *provider)
{
    apr_time_t now = gt_ticks();
    int is_due;

    apr_thread_mutex_lock(provider->lock);
    is_due = provider->login_asked == 0 || now - provider->login_asked >= LOGIN_AGAIN;
    if (is_due)
        provider->login_asked = now;
    apr_thread_mutex_unlock(provider->lock);
    return is_due;
}

gt_err_t *gt_provider_route(gt_request_t *request, gt_provider_t *provider, apr_pool_t *p)
{
    const gt_provider_conf_t *conf = provider->conf;
    gt_secret_t *login = NULL;

    request->ca_file = conf->ca_file;
    request->pins = conf->pins;
    request->local_end = conf->local_end;
    request->connect_timeout = conf->connect_timeout;
    request->timeout = conf->timeout;
    request->proxy = conf->proxy;
    if (conf->proxy_login == NULL)
        return GT_OK;
    if (provider->readers == NULL) {
        GT_TRY(gt_source_read(&login, conf->proxy_login, p));
    }
    else {
        if (claim_login(provider))
            gt_read_ahead(provider->readers, conf->proxy_login, p);
        GT_TRY(gt_source_last(&login, conf->proxy_login, p));
    }
    request->proxy_login = login;
    return GT_OK;
}

/* ---- the last answer ---- */

/** Where there is one tenant, its trouble is all users'. */
static int is_everybodys(const gt_provider_conf_t *conf, gt_extent_t extent)
{
    return extent >= GT_EXTENT_REGISTRATION ||
           (extent == GT_EXTENT_TENANT && gt_provider_tenant(conf, NULL) != NULL);
}

void gt_provider_heard(gt_provider_t *provider, const gt_err_t *err)
{
    int answered = 1, is_well = 1;

    if (err != GT_OK && (err->cls == GT_BUSY || err->cls == GT_CANCELLED))
        return; /* ours: nothing was asked */
    if (err != GT_OK) {
        answered = err->cls != GT_UPSTREAM && err->cls != GT_TIMEOUT;
        is_well = answered && !is_everybodys(provider->conf, err->extent);
    }
    apr_thread_mutex_lock(provider->lock);
    if (answered)
        provider->answered = gt_now();
    provider->is_well = is_well;
    apr_thread_mutex_unlock(provider->lock);
}

void gt_provider_health(apr_time_t *last, int *is_well, gt_provider_t *provider)
{
    apr_thread_mutex_lock(provider->lock);
    *last = provider->answered;
    *is_well = provider->is_well;
    apr_thread_mutex_unlock(provider->lock);
}

void gt_provider_dated(gt_provider_t *provider, apr_time_t date)
{
    apr_interval_time_t skew;
    int tell;

    if (date == 0)
        return;
    /* The header has whole seconds: half of one is the best guess for what was cut off. */
    skew = gt_now() - date - APR_USEC_PER_SEC / 2;
    if (skew > -APR_USEC_PER_SEC && skew < APR_USEC_PER_SEC)
        skew = 0;
    apr_thread_mutex_lock(provider->lock);
    tell = (skew > CLOCK_TOLERANCE || skew < -CLOCK_TOLERANCE) && !provider->skew_is_told;
    provider->skew_is_told = provider->skew_is_told || tell;
    provider->skew = skew;
    apr_thread_mutex_unlock(provider->lock);
    if (tell)
        gt_log(GT_LOG_WARNING, "GT0506",
               "this machine's clock is %ld s %s that of provider %s: set it by NTP",
               (long)apr_time_sec(skew > 0 ? skew : -skew), skew > 0 ? "ahead of" : "behind",
               provider->conf->name);
}

apr_interval_time_t gt_provider_skew(gt_provider_t *provider)
{
    apr_interval_time_t skew;

    apr_thread_mutex_lock(provider->lock);
    skew = provider->skew;
    apr_thread_mutex_unlock(provider->lock);
    return skew;
}

const char *gt_provider_tenant(const gt_provider_conf_t *conf, const char *home)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);

    return kind->tenant != NULL ? kind->tenant(conf, home) : NULL;
}

const char *gt_provider_endpoint(const gt_provider_conf_t *conf, const char *url,
                                 const char *tenant, apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);

    if (url == NULL || tenant == NULL || tenant[0] == '\0' || kind->endpoint_of == NULL)
        return url;
    return kind->endpoint_of(url, tenant, conf, p);
}

gt_err_t *gt_provider_forbid_tenant(const gt_provider_conf_t *conf, const char *fault,
                                    apr_pool_t *p)
{
    gt_err_t *err;

    gt_log(GT_LOG_INFO, NULL, "a sign-in with provider %s is refused: %s", conf->name, fault);
    err = gt_err(p, GT_FORBIDDEN, "GT0532",
                 "accounts of this organisation, or of this type, may not sign in here");
    err->hint = GT_HINT_ACCOUNT;
    return err;
}

gt_err_t *gt_provider_wants_consent(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    gt_err_t *err =
        gt_err(p, GT_INTERACTION, "GT0576",
               "provider %s gave no refresh token, since the user consented before: the user "
               "must sign in once more, and consent anew",
               conf->name);

    err->prompt = "consent";
    return err;
}

gt_err_t *gt_provider_check_tenant(const gt_provider_conf_t *conf, const char *tenant,
                                   apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);
    int is_id = kind->is_tenant != NULL && kind->is_tenant(tenant);
    const char *only = gt_provider_tenant(conf, NULL), *fault = NULL;
    gt_err_t *err;

    if (kind->tenant == NULL || (!is_id && !gt_is_domain(tenant))) {
        err = gt_err(p, GT_INVALID, "GT0549", "the tenant of the sign-in is not valid");
        gt_err_field(err, "tenant",
                     kind->tenant == NULL ? "the provider has no tenants"
                                          : "must be a tenant's GUID or domain");
        return err;
    }
    if (only != NULL && strcasecmp(only, tenant) != 0)
        fault = "the provider is of another tenant than was asked for";
    else if (only == NULL && is_id)
        fault = kind->tenant_fault(tenant, conf, p);
    return fault != NULL ? gt_provider_forbid_tenant(conf, fault, p) : GT_OK;
}
