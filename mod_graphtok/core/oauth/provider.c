/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file provider.c
 * What a child knows about a provider: two documents as bytes, whether it answers, how wrong our
 * clock is. One lock guards all of it and is held for memory operations only. Two tasks that miss
 * a document at the same moment both fetch it, and the later one wins: harmless.
 *
 * A document that cannot be fetched again is used on past its day: a provider whose discovery is
 * down may well refresh tokens.
 */

#include "oauth/provider.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "crypt/jwt.h"
#include "net/transfer.h"
#include "net/url.h"

#define DAY apr_time_from_sec(86400)
#define AGAIN apr_time_from_sec(60) /* an old document, or an unknown kid: asked this often */
#define HOLD apr_time_from_sec(5)
#define DOCUMENT_MAX (256 * 1024)
#define URL_MAX 2048
#define CLOCK_TOLERANCE apr_time_from_sec(60)
#define MSA_TENANT "9188040d-6c67-4c5b-b112-36a304b66dad"

/** A document as it came, checked before it was kept. */
typedef struct document_t {
    char *bytes; /* malloc'd, NULL: none */
    apr_size_t len;
    apr_time_t fetched; /* ticks */
    apr_time_t asked;   /* ticks of the last try; 0: never */
} document_t;

struct gt_provider_t {
    const gt_provider_conf_t *conf;
    apr_thread_mutex_t *lock; /* guards everything below */
    document_t discovery;
    document_t keys;
    apr_time_t answered; /* wall clock, 0: never */
    int is_well;
    apr_interval_time_t skew;
    int skew_is_told;
    apr_time_t hold_until; /* ticks */
    gt_class_t hold_class;
};

static apr_status_t free_documents(void *baton)
{
    gt_provider_t *provider = baton;

    free(provider->discovery.bytes);
    free(provider->keys.bytes);
    return APR_SUCCESS;
}

gt_provider_t *gt_provider_make(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    gt_provider_t *provider = apr_pcalloc(p, sizeof(*provider));

    provider->conf = conf;
    if (apr_thread_mutex_create(&provider->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, provider, free_documents, apr_pool_cleanup_null);
    return provider;
}

const gt_provider_conf_t *gt_provider_conf(const gt_provider_t *provider)
{
    return provider->conf;
}

int gt_provider_is_entra(const gt_provider_conf_t *conf)
{
    return conf->tenant != NULL && conf->tenant[0] != '\0';
}

int gt_is_guid(const char *text)
{
    for (int i = 0; i < 36; i++) {
        char c = text[i];
        int is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        int is_dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (is_dash ? c != '-' : !is_hex)
            return 0;
    }
    return text[36] == '\0';
}

static int has_word(const char *words, const char *word, apr_pool_t *p)
{
    const apr_array_header_t *parts = gt_split(words, " ", p);

    for (int i = 0; i < parts->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(parts, i, const char *), word) == 0)
            return 1;
    return 0;
}

const char *gt_provider_scope(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const char *scope = conf->scope != NULL ? conf->scope : "";

    if (!has_word(scope, "openid", p))
        scope = apr_pstrcat(p, "openid", scope[0] != '\0' ? " " : "", scope, NULL);
    if (gt_provider_is_entra(conf) && !has_word(scope, "offline_access", p))
        scope = apr_pstrcat(p, scope, " offline_access", NULL);
    return scope;
}

/* ---- documents ---- */

/** Copy a document. @param age  out: µs since it was fetched. @param rest  µs since the last try */
static char *copy_document(apr_size_t *len, apr_interval_time_t *age, apr_interval_time_t *rest,
                           gt_provider_t *provider, const document_t *document, apr_pool_t *p)
{
    char *bytes = NULL;
    apr_time_t now = gt_ticks();

    apr_thread_mutex_lock(provider->lock);
    if (document->bytes != NULL) {
        bytes = apr_pstrmemdup(p, document->bytes, document->len);
        *len = document->len;
    }
    *age = now - document->fetched;
    *rest = document->asked == 0 ? DAY : now - document->asked;
    apr_thread_mutex_unlock(provider->lock);
    return bytes;
}

static void keep_document(gt_provider_t *provider, document_t *document, const gt_answer_t *answer)
{
    char *fresh = malloc(answer->body_len + 1);
    char *old;

    if (fresh == NULL)
        return;
    memcpy(fresh, answer->body, answer->body_len);
    fresh[answer->body_len] = '\0';
    apr_thread_mutex_lock(provider->lock);
    old = document->bytes;
    document->bytes = fresh;
    document->len = answer->body_len;
    document->fetched = gt_ticks();
    apr_thread_mutex_unlock(provider->lock);
    free(old);
}

static gt_err_t *fetch(gt_transfer_t **transfer, gt_task_t *task, gt_provider_t *provider,
                       document_t *document, const char *url)
{
    apr_pool_t *p = gt_task_pool(task);
    apr_array_header_t *headers = apr_array_make(p, 1, sizeof(const char *));
    gt_request_t request = {
        .url = url,
        .headers = headers,
        .ca_file = provider->conf->ca_file,
        .answer_max = DOCUMENT_MAX,
        .connect_timeout = provider->conf->connect_timeout,
        .timeout = provider->conf->timeout,
        .purpose = document == &provider->keys ? "fetch keys" : "discovery",
    };

    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/json";
    apr_thread_mutex_lock(provider->lock);
    document->asked = gt_ticks();
    apr_thread_mutex_unlock(provider->lock);
    GT_TRY(gt_transfer_make(transfer, &request, gt_task_loop(task), p));
    gt_await(task, *transfer);
    return GT_OK;
}

/** The answer of a fetch when it has status 200. */
static gt_err_t *answer_of(const gt_answer_t **answer, gt_transfer_t *transfer,
                           const gt_provider_conf_t *conf, apr_pool_t *p)
{
    gt_err_t *err = gt_transfer_error(transfer, p);

    if (err != GT_OK)
        return gt_err_in(err, "metadata of provider %s", conf->name);
    *answer = gt_transfer_answer(transfer);
    if ((*answer)->status == 400 && gt_provider_is_entra(conf))
        return gt_err(p, GT_CLIENT_BROKEN, "GT0502", "provider %s does not know tenant %s",
                      conf->name, conf->tenant);
    if ((*answer)->status != 200 || (*answer)->body == NULL)
        return gt_err(p, GT_UPSTREAM, "GT0501", "metadata of provider %s: status %d", conf->name,
                      (*answer)->status);
    return GT_OK;
}

/* ---- discovery ---- */

static const char *discovery_url(const gt_provider_conf_t *conf, apr_pool_t *p)
{
    if (!gt_provider_is_entra(conf))
        return apr_pstrcat(p, conf->authority, "/.well-known/openid-configuration", NULL);
    return apr_pstrcat(p, conf->authority, "/", gt_percent(conf->tenant, p),
                       "/v2.0/.well-known/openid-configuration", NULL);
}

/** Entra's issuer is <authority>/<tenant>/v2.0, the tenant a GUID, or {tenantid} for many. */
static int issuer_fits(const char *issuer, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    size_t base = strlen(conf->authority);
    const char *tenant, *rest;

    if (issuer == NULL || strlen(issuer) > URL_MAX || strncmp(issuer, conf->authority, base) != 0)
        return 0;
    if (!gt_provider_is_entra(conf))
        return issuer[base] == '\0' || strcmp(issuer + base, "/") == 0;
    if (issuer[base] != '/')
        return 0;
    tenant = issuer + base + 1;
    rest = strchr(tenant, '/');
    if (rest == NULL || strcmp(rest, "/v2.0") != 0)
        return 0;
    tenant = apr_pstrmemdup(p, tenant, (apr_size_t)(rest - tenant));
    if (strcmp(conf->tenant, "common") == 0 || strcmp(conf->tenant, "organizations") == 0)
        return strcmp(tenant, "{tenantid}") == 0;
    if (strcmp(conf->tenant, "consumers") == 0)
        return strcmp(tenant, MSA_TENANT) == 0;
    if (gt_is_guid(conf->tenant))
        return strcasecmp(tenant, conf->tenant) == 0;
    return gt_is_guid(tenant);
}

/**
 * An endpoint gets our secret and codes, so a forged document must not lead it elsewhere: at Entra
 * the same origin as the configured authority; with others (Google has several hosts) https.
 */
static int endpoint_fits(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const char *origin;

    if (url == NULL || strlen(url) > URL_MAX || !gt_url_is_safe(url))
        return 0;
    if (gt_provider_is_entra(conf)) {
        origin = gt_url_origin(url, p);
        return origin != NULL && strcmp(origin, gt_url_origin(conf->authority, p)) == 0;
    }
    return strncmp(url, "https:", 6) == 0 || strncmp(conf->authority, "http:", 5) == 0;
}

/** 1 for a URL on this machine. */
static int is_loopback(const char *url, apr_pool_t *p)
{
    const char *host = url != NULL ? strstr(url, "://") : NULL;
    apr_size_t len;

    if (host == NULL || !gt_url_is_safe(url))
        return 0;
    host += 3;
    len = strcspn(host, ":/?");
    host = apr_pstrmemdup(p, host, len);
    return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0;
}

/**
 * The browser's endpoint gets no secret. A sandbox on this machine may serve it by plain http on a
 * port of its own, so that no browser warns of its certificate.
 */
static int browser_endpoint_fits(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p)
{
    return endpoint_fits(url, conf, p) || (is_loopback(conf->authority, p) && is_loopback(url, p));
}

gt_err_t *gt_discovery_parse(gt_endpoints_t *endpoints, const gt_provider_conf_t *conf,
                             const char *body, apr_size_t len, apr_pool_t *p)
{
    json_t *document;
    const char *wrong = NULL;

    memset(endpoints, 0, sizeof(*endpoints));
    if (gt_json_parse(&document, body, len, p) != GT_OK || !json_is_object(document))
        return gt_err(p, GT_UPSTREAM, "GT0503", "discovery document of provider %s: not JSON",
                      conf->name);
    endpoints->issuer = gt_json_text(document, "issuer");
    endpoints->authorize = gt_json_text(document, "authorization_endpoint");
    endpoints->token = gt_json_text(document, "token_endpoint");
    endpoints->jwks_uri = gt_json_text(document, "jwks_uri");
    endpoints->userinfo = gt_json_text(document, "userinfo_endpoint");

    if (!issuer_fits(endpoints->issuer, conf, p))
        wrong = "issuer";
    else if (!browser_endpoint_fits(endpoints->authorize, conf, p))
        wrong = "authorization_endpoint";
    else if (!endpoint_fits(endpoints->token, conf, p))
        wrong = "token_endpoint";
    else if (!endpoint_fits(endpoints->jwks_uri, conf, p))
        wrong = "jwks_uri";
    if (wrong != NULL)
        return gt_err(p, GT_UPSTREAM, "GT0504",
                      "discovery document of provider %s: its %s does not belong to %s%s%s",
                      conf->name, wrong, conf->authority, gt_provider_is_entra(conf) ? "/" : "",
                      gt_provider_is_entra(conf) ? conf->tenant : "");
    /* Entra's stands on Graph's host and gets no secret of ours but a token meant for it. */
    if (endpoints->userinfo != NULL &&
        (strlen(endpoints->userinfo) > URL_MAX || !gt_url_is_safe(endpoints->userinfo)))
        endpoints->userinfo = NULL;
    return GT_OK;
}

/** The kept document, whatever its age. */
static gt_err_t *use_kept(int *found, apr_interval_time_t *age, apr_interval_time_t *rest,
                          gt_discover_t *d, apr_pool_t *p)
{
    apr_size_t len = 0;
    const char *bytes = copy_document(&len, age, rest, d->provider, &d->provider->discovery, p);

    *found = bytes != NULL;
    return *found ? gt_discovery_parse(&d->endpoints, d->provider->conf, bytes, len, p) : GT_OK;
}

static gt_err_t *find_discovery(gt_task_t *task, void *state)
{
    gt_discover_t *d = state;
    apr_pool_t *p = gt_task_pool(task);
    apr_interval_time_t age, rest;
    int found;

    d->transfer = NULL;
    GT_TRY(use_kept(&found, &age, &rest, d, p));
    if (found && (age < DAY || rest < AGAIN))
        return GT_OK;
    return fetch(&d->transfer, task, d->provider, &d->provider->discovery,
                 discovery_url(d->provider->conf, p));
}

static gt_err_t *judge_discovery(gt_discover_t *d, apr_pool_t *p)
{
    const gt_answer_t *answer;

    GT_TRY(answer_of(&answer, d->transfer, d->provider->conf, p));
    GT_TRY(gt_discovery_parse(&d->endpoints, d->provider->conf, answer->body, answer->body_len, p));
    keep_document(d->provider, &d->provider->discovery, answer);
    return GT_OK;
}

static gt_err_t *take_discovery(gt_task_t *task, void *state)
{
    gt_discover_t *d = state;
    apr_pool_t *p = gt_task_pool(task);
    apr_interval_time_t age, rest;
    gt_err_t *err;
    int found;

    if (d->transfer == NULL)
        return GT_OK;
    err = judge_discovery(d, p);
    d->transfer = NULL;
    gt_provider_heard(d->provider, err);
    if (err == GT_OK)
        return GT_OK;
    GT_TRY(use_kept(&found, &age, &rest, d, p));
    if (!found)
        return err;
    gt_log_err(err, "fetching discovery again; the old document is used");
    return GT_OK;
}

static gt_step_fn *const discover_steps[] = {find_discovery, take_discovery, NULL};
const gt_work_t gt_discover = {"discover", discover_steps, NULL};

/* ---- keys ---- */

static gt_err_t *keys_need_endpoints(gt_task_t *task, void *state)
{
    gt_fetch_keys_t *keys = state;

    keys->jwks = NULL;
    keys->transfer = NULL;
    keys->discover.provider = keys->provider;
    gt_then(task, &gt_discover, &keys->discover);
    return GT_OK;
}

static gt_err_t *find_keys(gt_task_t *task, void *state)
{
    gt_fetch_keys_t *keys = state;
    gt_provider_t *provider = keys->provider;
    apr_pool_t *p = gt_task_pool(task);
    apr_interval_time_t age, rest;
    apr_size_t len;
    int is_good;

    keys->jwks = copy_document(&len, &age, &rest, provider, &provider->keys, p);
    is_good = keys->jwks != NULL && age < DAY && gt_jwks_has(keys->jwks, keys->kid, p);
    /* A stranger can invent key ids: he must not make us ask for each. */
    if (is_good || (keys->jwks != NULL && rest < AGAIN))
        return GT_OK;
    return fetch(&keys->transfer, task, provider, &provider->keys,
                 keys->discover.endpoints.jwks_uri);
}

static gt_err_t *judge_keys(gt_fetch_keys_t *keys, apr_pool_t *p)
{
    const gt_answer_t *answer;
    json_t *set;

    GT_TRY(answer_of(&answer, keys->transfer, keys->provider->conf, p));
    if (gt_json_parse(&set, answer->body, answer->body_len, p) != GT_OK ||
        json_array_size(json_object_get(set, "keys")) == 0)
        return gt_err(p, GT_UPSTREAM, "GT0505", "key set of provider %s: no keys in it",
                      keys->provider->conf->name);
    keep_document(keys->provider, &keys->provider->keys, answer);
    keys->jwks = apr_pstrmemdup(p, answer->body, answer->body_len);
    return GT_OK;
}

static gt_err_t *take_keys(gt_task_t *task, void *state)
{
    gt_fetch_keys_t *keys = state;
    gt_err_t *err;

    if (keys->transfer == NULL)
        return GT_OK;
    err = judge_keys(keys, gt_task_pool(task));
    keys->transfer = NULL;
    gt_provider_heard(keys->provider, err);
    if (err == GT_OK || keys->jwks == NULL)
        return err;
    gt_log_err(err, "fetching keys again; the old ones are used");
    return GT_OK;
}

static gt_step_fn *const keys_steps[] = {keys_need_endpoints, find_keys, take_keys, NULL};
const gt_work_t gt_fetch_keys = {"fetch keys", keys_steps, NULL};

/* ---- what was heard ---- */

void gt_provider_heard(gt_provider_t *provider, const gt_err_t *err)
{
    int answered = 1, is_well = 1;

    if (err != GT_OK && (err->cls == GT_BUSY || err->cls == GT_CANCELLED))
        return; /* ours: nothing was asked */
    if (err != GT_OK) {
        answered = err->cls != GT_UPSTREAM && err->cls != GT_TIMEOUT;
        is_well = answered && err->cls != GT_CLIENT_BROKEN && err->cls != GT_THROTTLED;
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

void gt_provider_hold(gt_provider_t *provider, const gt_err_t *err)
{
    apr_time_t until = gt_ticks() + (err->retry_after > 0 ? err->retry_after : HOLD);

    apr_thread_mutex_lock(provider->lock);
    if (until > provider->hold_until) {
        provider->hold_until = until;
        provider->hold_class = err->cls;
    }
    apr_thread_mutex_unlock(provider->lock);
}

gt_err_t *gt_provider_held(gt_provider_t *provider, apr_pool_t *p)
{
    apr_time_t now = gt_ticks();
    apr_interval_time_t left;
    gt_class_t cls;
    gt_err_t *err;

    apr_thread_mutex_lock(provider->lock);
    left = provider->hold_until - now;
    cls = provider->hold_class;
    apr_thread_mutex_unlock(provider->lock);
    if (left <= 0)
        return GT_OK;
    err = gt_err(p, cls, "GT0507", "provider %s is not asked again before %s have passed",
                 provider->conf->name, gt_span_text(left + APR_USEC_PER_SEC, p));
    err->retry_after = left;
    return err;
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
