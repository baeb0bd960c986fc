/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token_for.c
 * A token for (store, user, provider), by the shortest way there is: the cache, the row, a refresh
 * that is joined. A token that is still valid goes out even if the refresh failed, a second
 * later at most, and whether the database is there or not. That there is no grant is never
 * remembered: its user may be signing in on another node.
 */

#include "vault/vault.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "oauth/resource.h"
#include "store/grant_account.h"
#include "vault/account_token.h"
#include "vault/on_behalf_of.h"
#include "vault/publish.h"
#include "vault/refresh.h"
#include "vault/history.h"
#include "vault/vault_struct.h"

#define PATIENCE apr_time_from_sec(1) /* with a refresh, while there is a token that serves */

static int is_refused(const gt_token_for_t *params, apr_int64_t generation)
{
    return params->refresh_now && generation <= params->refused;
}

/** 1 when the token at hand does not need to be refreshed yet. */
static int is_settled(const gt_token_for_t *params)
{
    return gt_token_lasts(&params->token, params->token.margin);
}

static int has_resource(const gt_vault_t *vault, const gt_token_key_t *key)
{
    const apr_array_header_t *known = gt_vault_resources(vault, key->grant.owner.provider);

    for (int i = 0; i < known->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(known, i, const char *), key->resource) == 0)
            return 1;
    return 0;
}

/** The key as the rest of the vault wants it: exact, and of things that are configured. */
static gt_err_t *check_key(gt_token_key_t *key, const gt_vault_t *vault, apr_pool_t *p)
{
    if (gt_vault_provider(vault, key->grant.owner.provider) == NULL)
        return gt_err(p, GT_INTERNAL, "GT0613", "there is no provider %s in the configuration",
                      key->grant.owner.provider);
    if (key->resource == NULL)
        key->resource = GT_RESOURCE_GRAPH;
    if (!has_resource(vault, key))
        return gt_err(p, GT_INTERNAL, "GT0626", "no GraphTokScope of provider %s is of resource %s",
                      key->grant.owner.provider, key->resource);
    return gt_vault_exact(&key->grant, vault, p);
}

/** Log where a token comes from, or why none comes. @param token  NULL: there is none */
static void tell(const gt_token_for_t *params, const char *what, const gt_token_t *token)
{
    const gt_owner_t *owner = &params->key.grant.owner;

    if (token == NULL)
        gt_log(GT_LOG_DEBUG, NULL, "token of user %s at %s for %s: %s", owner->user,
               owner->provider, params->key.resource, what);
    else
        gt_log(GT_LOG_DEBUG, NULL,
               "token of user %s at %s for %s: %s: generation %" APR_INT64_T_FMT
               ", %" APR_INT64_T_FMT " s to its end, margin %" APR_INT64_T_FMT " s",
               owner->user, owner->provider, params->key.resource, what, token->generation,
               apr_time_sec(token->expires_at - gt_now()), apr_time_sec(token->margin));
}

/** Take the cached token when it serves. */
static void take_cached(gt_token_for_t *params, gt_cache_t *cache, apr_pool_t *p)
{
    gt_token_t cached;

    if (!gt_cache_get(&cached, cache, &params->key, p)) {
        tell(params, "not from the cache, there is none", NULL);
    }
    else if (is_refused(params, cached.generation)) {
        tell(params, "not from the cache, the API refused it", &cached);
        gt_cache_forget(cache, &params->key);
    }
    else if (!gt_token_lasts(&cached, GT_TOKEN_LEAST)) {
        tell(params, "not from the cache, it ends", &cached);
    }
    else {
        params->token = cached;
        tell(params, is_settled(params) ? "from the cache" : "in the cache, but within its margin",
             &cached);
    }
}

static gt_err_t *ask_cache(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;
    gt_cache_t *cache = params->vault->parts.cache;
    apr_pool_t *p = gt_task_pool(task);

    params->token.access = NULL;
    params->grant = NULL;
    params->flight = NULL;
    GT_TRY(check_key(&params->key, params->vault, p));
    if (params->anew)
        return GT_OK;
    take_cached(params, cache, p);
    if (cache != NULL)
        gt_notice(&(gt_notice_t){.kind = GT_NOTICE_CACHE,
                                 .detail = params->token.access != NULL ? "hit" : "miss"});
    if (is_settled(params))
        gt_done(task);
    return GT_OK;
}

/** Use the row's token when it serves. */
static void take_row(gt_token_for_t *params)
{
    gt_token_t token = gt_token_of_grant(params->vault, params->grant);

    if (is_refused(params, token.generation)) {
        tell(params, "not from the row, the API refused it", &token);
        return;
    }
    if (!gt_token_lasts(&token, GT_TOKEN_LEAST)) {
        tell(params, "not from the row, it ends", &token);
        return;
    }
    params->token = token;
    tell(params, is_settled(params) ? "from the row" : "in the row, but within its margin", &token);
    gt_cache_put(params->vault->parts.cache, &params->key, &token);
}

static gt_err_t *join_refresh(gt_task_t *task, gt_token_for_t *params)
{
    apr_pool_t *p = gt_task_pool(task);
    gt_refresh_params_t what = {params->vault,       params->key,     params->asker,
                                params->refresh_now, params->refused, params->anew};
    gt_flight_params_t flight = {gt_token_key_text(&params->key, p), &gt_refresh, gt_refresh_init,
                                 &what};
    const gt_failure_key_t failed = {&params->key, params->grant->generation};

    if (!params->anew)
        GT_TRY(gt_failures_find(params->vault->failures, &failed, p));
    /* A refresh begun for a token near its end may be content with what is still valid; one begun
     * because the API refused that very token may not: they are two jobs, and the lease makes one
     * call of them. */
    if (params->refresh_now)
        flight.key = apr_psprintf(p, "%s#%" APR_INT64_T_FMT "%s", flight.key, params->refused,
                                  params->anew ? "#anew" : "");
    GT_TRY(gt_crew_join(&params->flight, task, params->vault->parts.crew, &flight));
    if (params->token.access != NULL)
        gt_join_until(task, gt_ticks() + PATIENCE);
    return GT_OK;
}

/** A token that cannot be refreshed is served until its end, and refused only then. */
static gt_err_t *served_or(const gt_token_for_t *params, gt_err_t *err)
{
    if (err == GT_OK)
        return GT_OK;
    if (params->token.access == NULL) {
        err->is_after_sign_in =
            params->grant != NULL &&
            gt_vault_signed_in_lately(params->vault, &params->key.grant, err->pool);
        return err;
    }
    gt_log(GT_LOG_DEBUG, NULL, "token of user %s at %s is not refreshed (%s), but still valid",
           params->key.grant.owner.user, params->key.grant.owner.provider, err->tag);
    return GT_OK;
}

/** The row. That of an account is made when its token is needed for the first time. */
static gt_err_t *find_row(gt_token_for_t *params, apr_pool_t *p)
{
    const gt_account_conf_t *account = gt_vault_account(params->vault, &params->key.grant);
    int is_refused = params->refresh_now;

    GT_TRY(gt_vault_find(&params->grant, params->vault, &params->key, is_refused, p));
    if (params->grant == NULL && account != NULL) {
        GT_TRY(gt_grant_begin(gt_vault_store(params->vault, params->key.grant.store),
                              &params->key.grant.owner, account->user, p));
        GT_TRY(gt_vault_find(&params->grant, params->vault, &params->key, is_refused, p));
    }
    if (params->anew && params->grant != NULL) {
        params->refresh_now = 1;
        params->refused = params->grant->generation;
    }
    return GT_OK;
}

/** Take the row's token, or join the refresh of it. */
static gt_err_t *use_row(gt_task_t *task, gt_token_for_t *params)
{
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err = find_row(params, p);

    if (err != GT_OK)
        return served_or(params, gt_err_in(err, "store %s", params->key.grant.store));
    if (params->grant == NULL || params->grant->status == GT_INACTIVE) {
        /* The grant is gone, or was refused elsewhere: the cache forgets its tokens. */
        params->token.access = NULL;
        gt_vault_forget(params->vault, &params->key.grant, GT_ALL_GENERATIONS, p);
    }
    else
        take_row(params);
    if (is_settled(params))
        return GT_OK;
    err = gt_vault_judge(params->grant, &params->key.grant, params->vault, p);
    return served_or(params, err != GT_OK ? err : join_refresh(task, params));
}

static gt_err_t *ask_row(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;

    GT_TRY(use_row(task, params));
    if (params->flight == NULL)
        gt_done(task);
    return GT_OK;
}

static gt_err_t *take_refreshed(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;
    apr_pool_t *p = gt_task_pool(task);
    const gt_refresh_t *refresh;

    if (!gt_flight_has_ended(params->flight))
        return GT_OK;
    if (gt_flight_error(params->flight) != GT_OK)
        return served_or(params, gt_err_dup(gt_flight_error(params->flight), p));
    refresh = gt_flight_state(params->flight);
    params->token = gt_token_dup(&refresh->token, p);
    tell(params, "refreshed", &params->token);
    return GT_OK;
}

static gt_notice_t event_of(const gt_token_for_t *params, gt_notice_kind_t kind,
                            const gt_err_t *err)
{
    return (gt_notice_t){.kind = kind,
                         .store = params->key.grant.store,
                         .provider = params->key.grant.owner.provider,
                         .user = params->key.grant.owner.user,
                         .asker = params->asker,
                         .err = err};
}

/** Where the audit is required, a token that cannot be recorded is not given. */
static gt_err_t *announce(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;
    gt_notice_t notice =
        event_of(params, params->use == GT_USE_CALL ? GT_NOTICE_CALL : GT_NOTICE_PASSED, GT_OK);
    gt_err_t *err =
        params->use == GT_USE_LOOK ? GT_OK : gt_notice_before(&notice, gt_task_pool(task));

    if (err != GT_OK)
        params->token.access = NULL;
    return err;
}

/** 1 when the token stays here, and its renewal was asked for, or by an administrator. */
static int is_act(const gt_token_for_t *params)
{
    return params->use == GT_USE_LOOK &&
           (params->refresh_now || (params->asker != NULL && params->asker->administrator != NULL));
}

/** An administrator's act that failed before a refresh began, which has an entry of its own. */
static void remember_act(const gt_token_for_t *params, const gt_err_t *err, apr_pool_t *p)
{
    const gt_notice_t notice = event_of(params, GT_NOTICE_REFRESH, err);

    if (params->flight == NULL && params->asker != NULL && params->asker->administrator != NULL &&
        !gt_account_is_application(params))
        gt_history_note(gt_vault_store(params->vault, params->key.grant.store), &notice, p);
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_token_for_t *params = state;
    gt_notice_t notice;

    if (err == GT_OK || err->cls == GT_CANCELLED || (params->use == GT_USE_LOOK && !is_act(params)))
        return;
    notice = event_of(params, GT_NOTICE_REFUSED, err);
    gt_notice(&notice);
    if (is_act(params))
        remember_act(params, err, gt_task_pool(task));
}

static gt_step_fn *const find_steps[] = {ask_cache, ask_row, take_refreshed, NULL};
static const gt_work_t find_token = {"find a token", find_steps, NULL};

static gt_err_t *ask_on_behalf(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;

    params->behalf = apr_pcalloc(gt_task_pool(task), sizeof(*params->behalf));
    params->behalf->vault = params->vault;
    params->behalf->provider = params->key.grant.owner.provider;
    params->behalf->resource = params->key.resource;
    params->behalf->assertion = params->assertion;
    params->behalf->anew = params->refresh_now;
    gt_then(task, &gt_on_behalf_of, params->behalf);
    return GT_OK;
}

static gt_err_t *take_on_behalf(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;

    (void)task;
    params->key.grant.owner.user = params->behalf->user;
    params->token = params->behalf->token;
    return GT_OK;
}

static gt_step_fn *const behalf_steps[] = {ask_on_behalf, take_on_behalf, NULL};
static const gt_work_t behalf_token = {"find a token on behalf of a user", behalf_steps, NULL};

/* Work of its own, which ends with the first that has a token: wherever it is from, it is
 * announced. */
static gt_err_t *find(gt_task_t *task, void *state)
{
    const gt_token_for_t *params = state;

    gt_then(task,
            params->assertion != NULL           ? &behalf_token
            : gt_account_is_application(params) ? &gt_account_token
                                                : &find_token,
            state);
    return GT_OK;
}

static gt_step_fn *const token_steps[] = {find, announce, NULL};
const gt_work_t gt_token_for = {"token", token_steps, finish};
