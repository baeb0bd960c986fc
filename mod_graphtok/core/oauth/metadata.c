/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file metadata.c
 * Discovery document and key set: kept as bytes for a day, fetched when they are missing, too old
 * or lack a key. Two tasks that miss one at the same moment both fetch it, and the later one wins:
 * harmless.
 *
 * A document that cannot be fetched again is used on past its day: a provider whose discovery is
 * down may well refresh tokens.
 */

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypt/jwt.h"
#include "net/transfer.h"
#include "net/upstream.h"
#include "oauth/documents.h"
#include "oauth/kind.h"

#define DAY apr_time_from_sec(86400)
#define AGAIN apr_time_from_sec(60) /* an old document, or an unknown kid: asked this often */
#define PROBE apr_time_from_sec(5)
#define DOCUMENT_MAX (256 * 1024)

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
        .answer_max = DOCUMENT_MAX,
        .purpose = document == &provider->keys ? "fetch keys" : "discovery",
    };

    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/json";
    apr_thread_mutex_lock(provider->lock);
    /* The first fetch is none of the tries that are rationed: keys may rotate right after it. */
    if (document->bytes != NULL)
        document->asked = gt_ticks();
    apr_thread_mutex_unlock(provider->lock);
    GT_TRY(gt_provider_route(&request, provider, p));
    GT_TRY(gt_transfer_make(transfer, &request, gt_task_loop(task), p));
    gt_await(task, *transfer);
    return GT_OK;
}

/** The answer of a fetch when it has status 200. */
static gt_err_t *answer_of(const gt_answer_t **answer, gt_transfer_t *transfer,
                           const gt_provider_conf_t *conf, apr_pool_t *p)
{
    const gt_provider_kind_t *kind = gt_provider_kind(conf);
    gt_err_t *err = gt_transfer_error(transfer, p);

    gt_upstream_tell(transfer, conf->name, "discovery", p);
    if (err != GT_OK)
        return gt_err_in(err, "metadata of provider %s", conf->name);
    *answer = gt_transfer_answer(transfer);
    if (kind->judge_status != NULL)
        GT_TRY(kind->judge_status((*answer)->status, conf, p));
    if ((*answer)->status != 200 || (*answer)->body == NULL)
        return gt_err(p, GT_UPSTREAM, "GT0501", "metadata of provider %s: status %d", conf->name,
                      (*answer)->status);
    return GT_OK;
}

/* ---- discovery ---- */

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
    if (found && (d->probe ? rest < PROBE : age < DAY || rest < AGAIN))
        return GT_OK;
    return fetch(&d->transfer, task, d->provider, &d->provider->discovery,
                 gt_provider_kind(d->provider->conf)->discovery_url(d->provider->conf, p));
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
    if (gt_json_parse_answer(&set, answer->body, answer->body_len, p) != GT_OK ||
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
