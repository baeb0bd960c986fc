/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file metadata.c
 * The discovery document, and the key set that it names. The document is kept as bytes for a day.
 * Two tasks that miss it at the same moment both fetch it, and the later one wins: harmless. One
 * that cannot be fetched again is used on past its day: a provider whose discovery is down may
 * well refresh tokens. How long keys are kept stands in oauth/key_source.c.
 */

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/transfer.h"
#include "net/upstream.h"
#include "oauth/documents.h"
#include "oauth/kind.h"

#define DAY apr_time_from_sec(86400)
#define AGAIN apr_time_from_sec(60) /* an old document: asked for this often */
#define PROBE apr_time_from_sec(5)
#define DOCUMENT_MAX (256 * 1024)

/* ---- the discovery document, as bytes ---- */

/** Copy it. @param age  out: µs since it was fetched. @param rest  out: µs since the last try */
static char *copy_document(apr_size_t *len, apr_interval_time_t *age, apr_interval_time_t *rest,
                           gt_provider_t *provider, apr_pool_t *p)
{
    const document_t *document = &provider->discovery;
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

static void keep_document(gt_provider_t *provider, const gt_answer_t *answer)
{
    document_t *document = &provider->discovery;
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

/** The first fetch is none of the tries that are rationed. */
static void note_try(gt_provider_t *provider)
{
    apr_thread_mutex_lock(provider->lock);
    if (provider->discovery.bytes != NULL)
        provider->discovery.asked = gt_ticks();
    apr_thread_mutex_unlock(provider->lock);
}

static gt_err_t *get(gt_transfer_t **transfer, gt_task_t *task, gt_provider_t *provider,
                     const char *url, const char *purpose)
{
    apr_pool_t *p = gt_task_pool(task);
    apr_array_header_t *headers = apr_array_make(p, 1, sizeof(const char *));
    gt_request_t request = {
        .url = url,
        .headers = headers,
        .answer_max = DOCUMENT_MAX,
        .purpose = purpose,
    };

    APR_ARRAY_PUSH(headers, const char *) = "Accept: application/json";
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

/** The kept document, of any age. */
static gt_err_t *use_kept(int *found, apr_interval_time_t *age, apr_interval_time_t *rest,
                          gt_discover_t *d, apr_pool_t *p)
{
    apr_size_t len = 0;
    const char *bytes = copy_document(&len, age, rest, d->provider, p);

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
    note_try(d->provider);
    return get(&d->transfer, task, d->provider,
               gt_provider_kind(d->provider->conf)->discovery_url(d->provider->conf, p),
               "discovery");
}

static gt_err_t *judge_discovery(gt_discover_t *d, apr_pool_t *p)
{
    const gt_answer_t *answer;

    GT_TRY(answer_of(&answer, d->transfer, d->provider->conf, p));
    /* An assertion of ours must have the provider's time from the first on. */
    gt_provider_dated(d->provider, answer->date);
    GT_TRY(gt_discovery_parse(&d->endpoints, d->provider->conf, answer->body, answer->body_len, p));
    keep_document(d->provider, answer);
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

/** A fetch's own state. */
typedef struct keys_t {
    gt_discover_t discover;
    gt_transfer_t *transfer;
} keys_t;

static gt_err_t *find_place(gt_task_t *task, void *state)
{
    gt_key_fetch_t *fetch = state;
    keys_t *own = apr_pcalloc(gt_task_pool(task), sizeof(*own));

    fetch->own = own;
    own->discover.provider = fetch->from;
    gt_then(task, &gt_discover, &own->discover);
    return GT_OK;
}

static gt_err_t *ask_for_keys(gt_task_t *task, void *state)
{
    const gt_key_fetch_t *fetch = state;
    keys_t *own = fetch->own;

    return get(&own->transfer, task, fetch->from, own->discover.endpoints.jwks_uri, "fetch keys");
}

static gt_err_t *judge_keys(gt_key_fetch_t *fetch, gt_transfer_t *transfer, apr_pool_t *p)
{
    const gt_provider_conf_t *conf = gt_provider_conf(fetch->from);
    const gt_answer_t *answer;
    gt_key_set_t *set;

    GT_TRY(answer_of(&answer, transfer, conf, p));
    set = gt_key_set_parse(answer->body, answer->body_len, p);
    if (set == NULL || gt_key_set_size(set) == 0)
        return gt_err(p, GT_UPSTREAM, "GT0505", "key set of provider %s: no keys in it",
                      conf->name);
    fetch->set = set;
    return GT_OK;
}

static gt_err_t *take_keys(gt_task_t *task, void *state)
{
    gt_key_fetch_t *fetch = state;
    keys_t *own = fetch->own;
    gt_err_t *err = judge_keys(fetch, own->transfer, gt_task_pool(task));

    own->transfer = NULL;
    gt_provider_heard(fetch->from, err);
    return err;
}

static gt_step_fn *const keys_steps[] = {find_place, ask_for_keys, take_keys, NULL};
const gt_work_t gt_fetch_provider_keys = {"fetch keys", keys_steps, NULL};
