/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file shared_fetch.c
 * Getting a token without a row: one job of the child for each. Of the children that need the same
 * one, the first to claim it in shared memory asks, and the others look into the cache until it is
 * there. A claim ends by itself when its process died.
 */

#include "vault/shared_fetch.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "vault/acquire.h"
#include "vault/cache.h"
#include "vault/grant_key.h"
#include "vault/publish.h"
#include "vault/vault_struct.h"

#define LOOK_AGAIN apr_time_from_msec(50)
#define SLACK apr_time_from_sec(2)
#define CLAIMS_KEPT apr_time_from_sec(60) /* as long as MSAL holds back the same request */

/** The job's own state. */
typedef struct fetch_t {
    gt_shared_fetch_t asked; /* its own copy */
    gt_provider_t *provider;
    int has_claim;
    apr_time_t wait_until; /* ticks: patience with another child; 0: it did not wait */
    gt_acquire_t acquire;
    gt_err_t *failure;
    gt_token_t token; /* out */
} fetch_t;

/* ---- the job ---- */

/** The provider's time limit bounds what a process does with its claim. */
static apr_interval_time_t longest(const fetch_t *fetch)
{
    return gt_provider_conf(fetch->provider)->timeout + SLACK;
}

static void *init(const void *asked, apr_pool_t *p)
{
    const gt_shared_fetch_t *params = asked;
    fetch_t *fetch = apr_pcalloc(p, sizeof(*fetch));

    fetch->asked = *params;
    fetch->asked.key = gt_token_key_dup(&params->key, p);
    fetch->asked.name = apr_pstrdup(p, params->name);
    fetch->asked.scope = apr_pstrdup(p, params->scope);
    fetch->asked.tenant = apr_pstrdup(p, params->tenant);
    fetch->asked.params = params->flow->copy(params->params, p);
    fetch->provider = gt_vault_provider(params->vault, params->provider);
    return fetch;
}

/** The cache may have it by now: from another child, or from the job before. */
static int use_cached(fetch_t *fetch, apr_pool_t *p)
{
    const gt_shared_fetch_t *asked = &fetch->asked;
    gt_token_t cached;

    if (!gt_cache_get(&cached, asked->vault->parts.cache, &asked->key, p) ||
        !gt_token_lasts(&cached, cached.margin))
        return 0;
    fetch->token = cached;
    return 1;
}

static gt_err_t *wait_for_other(fetch_t *fetch, gt_task_t *task)
{
    gt_err_t *err;

    if (fetch->wait_until == 0)
        fetch->wait_until = gt_ticks() + longest(fetch);
    if (gt_ticks() < fetch->wait_until) {
        gt_again_at(task, gt_ticks() + LOOK_AGAIN);
        return GT_OK;
    }
    err = gt_err(gt_task_pool(task), GT_TIMEOUT, "GT0628",
                 "another process has been asking provider %s for a token of %s for too long",
                 fetch->asked.provider, fetch->asked.name);
    err->retry_after = APR_USEC_PER_SEC;
    return err;
}

static gt_err_t *claim(gt_task_t *task, void *state)
{
    fetch_t *fetch = state;
    const gt_shared_fetch_t *asked = &fetch->asked;

    if (use_cached(fetch, gt_task_pool(task))) {
        gt_done(task);
        return GT_OK;
    }
    if (atomic_load(&asked->vault->is_ending))
        return gt_err(gt_task_pool(task), GT_CANCELLED, "GT0629",
                      "this process ends, and a token of %s was not asked for", asked->name);
    fetch->has_claim = gt_cache_claim(asked->vault->parts.cache, &asked->key, longest(fetch));
    return fetch->has_claim ? GT_OK : wait_for_other(fetch, task);
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    fetch_t *fetch = state;

    /* The child that had the claim before us may have put it there after our look. */
    if (use_cached(fetch, gt_task_pool(task))) {
        gt_done(task);
        return GT_OK;
    }
    fetch->acquire = (gt_acquire_t){.vault = fetch->asked.vault,
                                    .provider = fetch->provider,
                                    .flow = fetch->asked.flow,
                                    .params = fetch->asked.params,
                                    .scope = fetch->asked.scope,
                                    .tenant = fetch->asked.tenant};
    gt_then_try(task, &gt_acquire, &fetch->acquire, &fetch->failure);
    return GT_OK;
}

/** It ends with what it was asked by, so that a next one could not be had before. */
static void cut(gt_token_t *token, apr_time_t ends_by)
{
    if (ends_by == 0 || token->expires_at < ends_by)
        return;
    token->expires_at = ends_by;
    token->margin = 0;
}

/* A challenge goes on with its failure; the memory of failures has no room for one. */
static const char *name_of_claims(const gt_token_key_t *key, apr_pool_t *p)
{
    return apr_pstrcat(p, "claims of ", gt_token_key_text(key, p), NULL);
}

static void remember(const fetch_t *fetch, gt_err_t *err)
{
    const gt_shared_fetch_t *asked = &fetch->asked;
    const gt_failure_key_t key = {&asked->key, 0};

    if (err->claims != NULL)
        gt_cache_keep_text(asked->vault->parts.cache, name_of_claims(&asked->key, err->pool),
                           err->claims, CLAIMS_KEPT);
    if (err->retry_after > 0)
        gt_failures_note(asked->vault->failures, &key, err, err->retry_after);
    else
        gt_failures_back_off(asked->vault->failures, &key, err);
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    fetch_t *fetch = state;
    gt_err_t *err = fetch->failure;

    if (err == GT_OK)
        err = gt_tokens_usable(fetch->acquire.tokens, gt_task_pool(task));
    if (err != GT_OK) {
        remember(fetch, err);
        return err;
    }
    fetch->token = gt_token_of_answer(fetch->asked.vault, fetch->acquire.tokens, 0, NULL);
    cut(&fetch->token, fetch->asked.ends_by);
    gt_vault_publish(fetch->asked.vault, &fetch->asked.key, &fetch->token, gt_task_pool(task));
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    fetch_t *fetch = state;

    (void)task;
    (void)err;
    if (fetch->has_claim)
        gt_cache_end_claim(fetch->asked.vault->parts.cache, &fetch->asked.key);
}

static gt_step_fn *const fetch_steps[] = {claim, ask, take, NULL};
static const gt_work_t fetch_work = {"fetch a token without a row", fetch_steps, finish};

/* ---- the work ---- */

static gt_flight_params_t job_of(const gt_shared_fetch_t *params, apr_pool_t *p)
{
    return (gt_flight_params_t){
        apr_pstrcat(p, params->name, " ", gt_token_key_text(&params->key, p), NULL), &fetch_work,
        init, params};
}

static gt_err_t *failed_lately(const gt_shared_fetch_t *params, apr_pool_t *p)
{
    const gt_failure_key_t key = {&params->key, 0};
    gt_err_t *err = gt_failures_find(params->vault->failures, &key, p);

    if (err != GT_OK && err->cls == GT_INTERACTION)
        err->claims = gt_cache_text(params->vault->parts.cache, name_of_claims(&params->key, p), p);
    return err;
}

/** A token near its end serves, and the next one is fetched meanwhile. A failure of that job
 * concerns the calls that come when the token has ended. */
static void fetch_ahead(const gt_shared_fetch_t *params, apr_pool_t *p)
{
    const gt_flight_params_t job = job_of(params, p);

    if (failed_lately(params, p) == GT_OK)
        (void)!gt_crew_launch(params->vault->parts.crew, &job, p);
}

static gt_err_t *look(gt_task_t *task, void *state)
{
    gt_shared_fetch_t *params = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_flight_params_t job;

    params->token = (gt_token_t){0};
    if (gt_cache_get(&params->token, params->vault->parts.cache, &params->key, p) &&
        gt_token_lasts(&params->token, GT_TOKEN_LEAST)) {
        if (!gt_token_lasts(&params->token, params->token.margin))
            fetch_ahead(params, p);
        gt_done(task);
        return GT_OK;
    }
    params->token = (gt_token_t){0};
    GT_TRY(failed_lately(params, p));
    job = job_of(params, p);
    return gt_crew_join(&params->flight, task, params->vault->parts.crew, &job);
}

static gt_err_t *take_fetched(gt_task_t *task, void *state)
{
    gt_shared_fetch_t *params = state;
    const fetch_t *fetch = gt_flight_state(params->flight);

    if (gt_flight_error(params->flight) != GT_OK)
        return gt_err_dup(gt_flight_error(params->flight), gt_task_pool(task));
    params->token = gt_token_dup(&fetch->token, gt_task_pool(task));
    return GT_OK;
}

static gt_step_fn *const steps[] = {look, take_fetched, NULL};
const gt_work_t gt_shared_fetch = {"token without a row", steps, NULL};

void gt_shared_fetch_forget(gt_vault_t *vault, const gt_token_key_t *key)
{
    gt_cache_forget(vault->parts.cache, key);
}
