/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file vault.c
 * A token for (store, user, provider), by the shortest way there is: the cache, the row, a refresh
 * that is joined. A token that is still valid goes out even if the refresh failed, a second
 * later at most, and whether the database is there or not. That there is no grant is never
 * remembered: its user may be signing in on another node.
 */

#include "vault/vault.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypt/seal.h"
#include "oauth/resource.h"
#include "store/store.h"
#include "vault/changes.h"
#include "vault/flow/flows.h"
#include "vault/on_behalf_of.h"
#include "vault/pause.h"
#include "vault/publish.h"
#include "vault/refresh.h"
#include "vault/replay.h"
#include "vault/vault_struct.h"

#define PATIENCE apr_time_from_sec(1) /* with a refresh, while there is a token that serves */
#define WRITE_LOOK apr_time_from_sec(1)
#define WRITE_SPAN apr_time_from_msec(80) /* a timed function of the crew has 100 ms */
#define SURVEY_LOOK apr_time_from_sec(1)
#define CHANGES_EVERY apr_time_from_msec(500)
#define KEYS_LOOK apr_time_from_sec(60)
#define GIVE_BACK_EVERY apr_time_from_msec(500)
#define ENDS_WITHIN apr_time_from_sec(5) /* all but a provider's answer */

static void write_counts(void *baton, apr_pool_t *scratch)
{
    gt_vault_t *vault = baton;

    if (gt_use_counts_is_due(vault->counts))
        gt_use_counts_write(vault->counts, WRITE_SPAN, scratch);
}

static void add_store(gt_vault_t *vault, const gt_store_conf_t *conf, apr_pool_t *p)
{
    gt_upkeep_t *upkeep = apr_pcalloc(p, sizeof(*upkeep));

    upkeep->store = gt_store_make(conf, vault->parts.db, vault->parts.ring, p);
    apr_hash_set(vault->stores, conf->name, APR_HASH_KEY_STRING, upkeep->store);
    apr_hash_set(vault->upkeeps, conf->name, APR_HASH_KEY_STRING, upkeep);
    apr_hash_set(vault->surveys, conf->name, APR_HASH_KEY_STRING,
                 gt_survey_make(upkeep->store, vault->parts.config->refresh_margin,
                                vault->parts.holder != NULL ? vault->parts.holder : "survey", p));
}

static void follow_stores(void *baton, apr_pool_t *scratch)
{
    const gt_vault_t *vault = baton;

    for (apr_hash_index_t *i = apr_hash_first(scratch, vault->surveys); i != NULL;
         i = apr_hash_next(i))
        gt_survey_follow(apr_hash_this_val(i), scratch);
}

static void renew_keys(void *baton, apr_pool_t *scratch)
{
    const gt_vault_t *vault = baton;

    for (apr_hash_index_t *i = apr_hash_first(scratch, vault->providers); i != NULL;
         i = apr_hash_next(i))
        gt_key_source_renew(gt_provider_keys(apr_hash_this_val(i)), scratch);
}

static void start_periodic(gt_vault_t *vault)
{
    gt_crew_t *crew = vault->parts.crew;

    gt_crew_every(crew, "use counts", WRITE_LOOK, write_counts, vault);
    gt_crew_every(crew, "survey", SURVEY_LOOK, follow_stores, vault);
    gt_crew_every(crew, "changes", CHANGES_EVERY, gt_changes_read, vault);
    gt_crew_every(crew, "journal", CHANGES_EVERY, gt_replay_all, vault);
    gt_crew_every(crew, "keys", KEYS_LOOK, renew_keys, vault);
    gt_crew_every(crew, "leases", GIVE_BACK_EVERY, gt_give_back, vault);
}

gt_vault_t *gt_vault_make(const gt_vault_parts_t *parts, apr_pool_t *p)
{
    gt_vault_t *vault = apr_pcalloc(p, sizeof(*vault));
    const gt_config_t *config = parts->config;

    vault->parts = *parts;
    vault->stores = apr_hash_make(p);
    vault->upkeeps = apr_hash_make(p);
    vault->providers = apr_hash_make(p);
    vault->resources = apr_hash_make(p);
    vault->surveys = apr_hash_make(p);
    for (int i = 0; i < config->stores->nelts; i++)
        add_store(vault, APR_ARRAY_IDX(config->stores, i, gt_store_conf_t *), p);
    for (int i = 0; i < config->providers->nelts; i++) {
        const gt_provider_conf_t *conf = APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *);

        gt_provider_t *provider = gt_provider_make(conf, p);

        gt_provider_run_by(provider, parts->crew, parts->readers);
        apr_hash_set(vault->providers, conf->name, APR_HASH_KEY_STRING, provider);
        apr_hash_set(vault->resources, conf->name, APR_HASH_KEY_STRING,
                     gt_provider_resources(conf, p));
    }
    vault->counts = gt_use_counts_make(vault, p);
    vault->failures = gt_failures_make(p);
    vault->waiters = gt_waiters_make(vault, p);
    vault->pauses = gt_pauses_make(parts->limits, p);
    vault->give_backs = gt_give_backs_make(p);
    if (parts->crew != NULL)
        start_periodic(vault);
    return vault;
}

gt_survey_t *gt_vault_survey(const gt_vault_t *vault, const gt_store_t *store)
{
    return apr_hash_get(vault->surveys, gt_store_name(store), APR_HASH_KEY_STRING);
}

/** How long a call to the token endpoint of any provider may take. */
static apr_interval_time_t longest_call(const gt_config_t *config)
{
    apr_interval_time_t longest = 0;

    for (int i = 0; i < config->providers->nelts; i++) {
        const gt_provider_conf_t *conf = APR_ARRAY_IDX(config->providers, i, gt_provider_conf_t *);

        if (conf->timeout > longest)
            longest = conf->timeout;
    }
    return longest;
}

void gt_vault_stop(gt_vault_t *vault, int is_graceful)
{
    apr_interval_time_t patience = ENDS_WITHIN;

    if (is_graceful)
        patience += longest_call(vault->parts.config);
    atomic_store(&vault->is_ending, 1);
    gt_waiters_stop(vault->waiters);
    if (vault->parts.crew != NULL)
        gt_crew_stop(vault->parts.crew, patience);
}

const gt_vault_parts_t *gt_vault_parts(const gt_vault_t *vault)
{
    return &vault->parts;
}

gt_store_t *gt_vault_store(const gt_vault_t *vault, const char *name)
{
    return apr_hash_get(vault->stores, name, APR_HASH_KEY_STRING);
}

gt_provider_t *gt_vault_provider(const gt_vault_t *vault, const char *name)
{
    return apr_hash_get(vault->providers, name, APR_HASH_KEY_STRING);
}

gt_err_t *gt_vault_exact(gt_grant_key_t *key, const gt_vault_t *vault, apr_pool_t *p)
{
    const gt_store_t *store = gt_vault_store(vault, key->store);
    gt_owner_t exact;

    assert(store != NULL);
    GT_TRY(gt_store_owner(&exact, store, &key->owner, p));
    key->owner = exact;
    return GT_OK;
}

const apr_array_header_t *gt_vault_resources(const gt_vault_t *vault, const char *provider)
{
    static const char *only[] = {GT_RESOURCE_GRAPH};
    static const apr_array_header_t fallback = {NULL, sizeof(only[0]), 1, 1, (char *)only};
    const apr_array_header_t *known = apr_hash_get(vault->resources, provider, APR_HASH_KEY_STRING);

    return known != NULL ? known : &fallback;
}

gt_err_t *gt_vault_find(gt_grant_t **grant, const gt_vault_t *vault, const gt_token_key_t *key,
                        int is_refused, apr_pool_t *p)
{
    gt_store_t *store = gt_vault_store(vault, key->grant.store);

    GT_TRY(gt_grant_find_for(grant, store, &key->grant.owner, key->resource, p));
    return *grant != NULL && is_refused ? gt_grant_date_access(*grant, store, p) : GT_OK;
}

gt_err_t *gt_vault_at_tenant(gt_err_t *err, const gt_vault_t *vault, const gt_grant_t *grant)
{
    const gt_provider_t *provider =
        grant != NULL ? gt_vault_provider(vault, grant->owner.provider) : NULL;

    /* Of one that serves a single tenant no sign-in could be asked for elsewhere. */
    if (err != GT_OK && provider != NULL &&
        gt_provider_tenant(gt_provider_conf(provider), NULL) == NULL)
        err->tenant = apr_pstrdup(
            err->pool, gt_provider_tenant(gt_provider_conf(provider), grant->account.tenant));
    return err;
}

static gt_err_t *judge(const gt_grant_t *grant, const gt_owner_t *owner, apr_pool_t *p)
{
    if (grant == NULL)
        return gt_err(p, GT_SIGN_IN, "GT0601", "user %s has not signed in with %s", owner->user,
                      owner->provider);
    if (grant->status == GT_INACTIVE)
        return gt_err(p, GT_SIGN_IN, "GT0602",
                      "the grant of user %s at %s is inactive: sign in again", owner->user,
                      owner->provider);
    if (grant->status == GT_NEEDS_USER) {
        gt_err_t *err =
            gt_err(p, GT_INTERACTION, "GT0603", "%s wants to see user %s: sign in again",
                   owner->provider, owner->user);

        /* The provider's demands for the next sign-in, kept since it made them. */
        err->claims = apr_pstrdup(p, grant->claims);
        return err;
    }
    return gt_renewing_refresh_token.may_try(grant, p);
}

gt_err_t *gt_vault_judge(const gt_grant_t *grant, const gt_owner_t *owner, const gt_vault_t *vault,
                         apr_pool_t *p)
{
    return gt_vault_at_tenant(judge(grant, owner, p), vault, grant);
}

/* ---- gt_token_for ---- */

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
    gt_refresh_params_t what = {params->vault, params->key, params->asker, params->refresh_now,
                                params->refused};
    gt_flight_params_t flight = {gt_token_key_text(&params->key, p), &gt_refresh, gt_refresh_init,
                                 &what};
    const gt_failure_key_t failed = {&params->key, params->grant->generation};

    GT_TRY(gt_failures_find(params->vault->failures, &failed, p));
    /* A refresh begun for a token near its end may be content with what is still valid; one begun
     * because the API refused that very token may not: they are two jobs, and the lease makes one
     * call of them. */
    if (params->refresh_now)
        flight.key = apr_psprintf(p, "%s#%" APR_INT64_T_FMT, flight.key, params->refused);
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

/** Take the row's token, or join the refresh of it. */
static gt_err_t *use_row(gt_task_t *task, gt_token_for_t *params)
{
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err;

    err = gt_vault_find(&params->grant, params->vault, &params->key, params->refresh_now, p);
    if (err != GT_OK)
        return served_or(params, gt_err_in(err, "store %s", params->key.grant.store));
    if (params->grant == NULL || params->grant->status == GT_INACTIVE) {
        /* The grant is gone, or was refused elsewhere: the cache forgets its tokens. */
        params->token.access = NULL;
        gt_vault_forget(params->vault, &params->key.grant, GT_ALL_GENERATIONS, p);
        return served_or(params,
                         gt_vault_judge(params->grant, &params->key.grant.owner, params->vault, p));
    }
    take_row(params);
    if (is_settled(params))
        return GT_OK;
    err = gt_vault_judge(params->grant, &params->key.grant.owner, params->vault, p);
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

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_token_for_t *params = state;
    gt_notice_t notice;

    (void)task;
    if (err == GT_OK || err->cls == GT_CANCELLED || params->use == GT_USE_LOOK)
        return;
    notice = event_of(params, GT_NOTICE_REFUSED, err);
    gt_notice(&notice);
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

    gt_then(task, params->assertion != NULL ? &behalf_token : &find_token, state);
    return GT_OK;
}

static gt_step_fn *const token_steps[] = {find, announce, NULL};
const gt_work_t gt_token_for = {"token", token_steps, finish};
