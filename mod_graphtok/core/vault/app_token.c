/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file app_token.c
 * Getting a token of the application itself: one job of the child for each token. Of the children
 * that need the same one, the first to claim it in shared memory asks, and the others look into the
 * cache until it is there. A claim ends by itself when its process died.
 */

#include "vault/app_token.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "vault/acquire.h"
#include "vault/flow/flows.h"
#include "vault/grant_key.h"
#include "vault/publish.h"
#include "vault/vault_struct.h"

#define LOOK_AGAIN apr_time_from_msec(50)
#define SLACK apr_time_from_sec(2)

/** The job's own state. */
typedef struct fetch_t {
    gt_vault_t *vault;
    gt_provider_t *provider;
    gt_token_key_t key;
    int has_claim;
    apr_time_t wait_until; /* ticks: patience with another child; 0: it did not wait */
    gt_acquire_t acquire;
    gt_err_t *failure;
    gt_token_t token; /* out */
} fetch_t;

/** The key among those of grants: no store has an empty name, and the tenant stands for the
 * user. */
static gt_token_key_t key_of(const gt_provider_conf_t *conf, const char *tenant,
                             const char *resource)
{
    return (gt_token_key_t){{"", {gt_provider_tenant(conf, tenant), conf->name}}, resource};
}

/* ---- the job ---- */

/** The provider's time limit bounds what a process does with its claim. */
static apr_interval_time_t longest(const fetch_t *fetch)
{
    return gt_provider_conf(fetch->provider)->timeout + SLACK;
}

static void *init(const void *asked, apr_pool_t *p)
{
    const gt_app_token_t *params = asked;
    fetch_t *fetch = apr_pcalloc(p, sizeof(*fetch));

    fetch->vault = params->vault;
    fetch->key = gt_token_key_dup(&params->key, p);
    fetch->provider = gt_vault_provider(params->vault, fetch->key.grant.owner.provider);
    return fetch;
}

/** The cache may have it by now: from another child, or from the job before. */
static int use_cached(fetch_t *fetch, apr_pool_t *p)
{
    gt_token_t cached;

    if (!gt_cache_get(&cached, fetch->vault->parts.cache, &fetch->key, p) ||
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
                 "another process has been asking provider %s for the application's token for too "
                 "long",
                 fetch->key.grant.owner.provider);
    err->retry_after = APR_USEC_PER_SEC;
    return err;
}

static gt_err_t *claim(gt_task_t *task, void *state)
{
    fetch_t *fetch = state;

    if (use_cached(fetch, gt_task_pool(task))) {
        gt_done(task);
        return GT_OK;
    }
    if (atomic_load(&fetch->vault->is_ending))
        return gt_err(gt_task_pool(task), GT_CANCELLED, "GT0629",
                      "this process ends, and the application's token was not asked for");
    fetch->has_claim = gt_cache_claim(fetch->vault->parts.cache, &fetch->key, longest(fetch));
    return fetch->has_claim ? GT_OK : wait_for_other(fetch, task);
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    fetch_t *fetch = state;
    const char *scope = apr_pstrcat(gt_task_pool(task), fetch->key.resource, "/.default", NULL);

    /* The child that had the claim before us may have put it there after our look. */
    if (use_cached(fetch, gt_task_pool(task))) {
        gt_done(task);
        return GT_OK;
    }
    fetch->acquire = (gt_acquire_t){.vault = fetch->vault,
                                    .provider = fetch->provider,
                                    .flow = &gt_flow_client_credentials,
                                    .scope = scope,
                                    .tenant = fetch->key.grant.owner.user};
    gt_then_try(task, &gt_acquire, &fetch->acquire, &fetch->failure);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    fetch_t *fetch = state;
    const gt_failure_key_t key = {&fetch->key, 0};
    gt_err_t *err = fetch->failure;

    if (err == GT_OK)
        err = gt_tokens_usable(fetch->acquire.tokens, gt_task_pool(task));
    if (err == GT_OK) {
        fetch->token = gt_token_of_answer(fetch->vault, fetch->acquire.tokens, 0, NULL);
        gt_vault_publish(fetch->vault, &fetch->key, &fetch->token, gt_task_pool(task));
        return GT_OK;
    }
    if (err->retry_after > 0)
        gt_failures_note(fetch->vault->failures, &key, err, err->retry_after);
    else
        gt_failures_back_off(fetch->vault->failures, &key, err);
    return err;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    fetch_t *fetch = state;

    (void)task;
    (void)err;
    if (fetch->has_claim)
        gt_cache_end_claim(fetch->vault->parts.cache, &fetch->key);
}

static gt_step_fn *const fetch_steps[] = {claim, ask, take, NULL};
static const gt_work_t fetch_work = {"fetch the application's token", fetch_steps, finish};

/* ---- the work ---- */

static gt_err_t *check(gt_app_token_t *params, apr_pool_t *p)
{
    gt_provider_t *provider = gt_vault_provider(params->vault, params->provider);

    if (provider == NULL)
        return gt_err(p, GT_INTERNAL, "GT0613", "there is no provider %s in the configuration",
                      params->provider);
    if (params->tenant != NULL)
        GT_TRY(gt_provider_check_tenant(gt_provider_conf(provider), params->tenant, p));
    params->key = key_of(gt_provider_conf(provider), params->tenant, params->resource);
    if (params->key.grant.owner.user == NULL)
        return gt_err(p, GT_INTERNAL, "GT0627",
                      "provider %s serves no tenant of its own: a token of the application itself "
                      "needs one (GraphTokTenant)",
                      params->provider);
    return GT_OK;
}

static gt_flight_params_t job_of(const gt_app_token_t *params, apr_pool_t *p)
{
    return (gt_flight_params_t){
        apr_pstrcat(p, "application ", gt_token_key_text(&params->key, p), NULL), &fetch_work, init,
        params};
}

/** A token near its end serves, and the next one is fetched meanwhile. A failure of that job
 * concerns the calls that come when the token has ended. */
static void fetch_ahead(const gt_app_token_t *params, apr_pool_t *p)
{
    const gt_failure_key_t key = {&params->key, 0};
    const gt_flight_params_t job = job_of(params, p);

    if (gt_failures_find(params->vault->failures, &key, p) == GT_OK)
        (void)!gt_crew_launch(params->vault->parts.crew, &job, p);
}

static gt_err_t *look(gt_task_t *task, void *state)
{
    gt_app_token_t *params = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_flight_params_t job;
    gt_failure_key_t failed;

    params->token = (gt_token_t){0};
    GT_TRY(check(params, p));
    if (gt_cache_get(&params->token, params->vault->parts.cache, &params->key, p) &&
        gt_token_lasts(&params->token, GT_TOKEN_LEAST)) {
        if (!gt_token_lasts(&params->token, params->token.margin))
            fetch_ahead(params, p);
        gt_done(task);
        return GT_OK;
    }
    params->token = (gt_token_t){0};
    failed = (gt_failure_key_t){&params->key, 0};
    GT_TRY(gt_failures_find(params->vault->failures, &failed, p));
    job = job_of(params, p);
    return gt_crew_join(&params->flight, task, params->vault->parts.crew, &job);
}

static gt_err_t *take_fetched(gt_task_t *task, void *state)
{
    gt_app_token_t *params = state;
    const fetch_t *fetch = gt_flight_state(params->flight);

    if (gt_flight_error(params->flight) != GT_OK)
        return gt_err_dup(gt_flight_error(params->flight), gt_task_pool(task));
    params->token = gt_token_dup(&fetch->token, gt_task_pool(task));
    return GT_OK;
}

static gt_step_fn *const steps[] = {look, take_fetched, NULL};
const gt_work_t gt_app_token_for = {"application's token", steps, NULL};

void gt_app_token_forget(gt_vault_t *vault, const char *provider, const char *tenant,
                         const char *resource)
{
    const gt_provider_t *runtime = gt_vault_provider(vault, provider);
    gt_token_key_t key;

    if (runtime == NULL)
        return;
    key = key_of(gt_provider_conf(runtime), tenant, resource);
    if (key.grant.owner.user != NULL)
        gt_cache_forget(vault->parts.cache, &key);
}
