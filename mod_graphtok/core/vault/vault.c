/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file vault.c
 * The vault of a process: its stores and providers, the periodic work for them, and the judgement
 * of a grant as it was read. Tokens are found in token_for.c.
 */

#include "vault/vault.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "conf/account.h"
#include "crypt/seal.h"
#include "oauth/claims.h"
#include "oauth/resource.h"
#include "store/store.h"
#include "vault/changes.h"
#include "vault/flow/flows.h"
#include "vault/pause.h"
#include "vault/publish.h"
#include "vault/refresh.h"
#include "vault/replay.h"
#include "vault/vault_struct.h"

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
    gt_periodic_t *periodic = apr_pcalloc(p, sizeof(*periodic));
    const gt_keyring_t *own =
        vault->parts.rings != NULL
            ? apr_hash_get(vault->parts.rings, conf->name, APR_HASH_KEY_STRING)
            : NULL;

    periodic->store =
        gt_store_make(conf, vault->parts.db, own != NULL ? own : vault->parts.ring, p);
    apr_hash_set(vault->stores, conf->name, APR_HASH_KEY_STRING, periodic->store);
    apr_hash_set(vault->periodics, conf->name, APR_HASH_KEY_STRING, periodic);
    apr_hash_set(vault->surveys, conf->name, APR_HASH_KEY_STRING,
                 gt_survey_make(periodic->store, vault->parts.config->refresh_margin,
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
    vault->periodics = apr_hash_make(p);
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

const gt_account_conf_t *gt_vault_account(const gt_vault_t *vault, const gt_grant_key_t *key)
{
    const gt_account_conf_t *account = gt_account_of(vault->parts.config, key);

    return account != NULL && account->grant == GT_GRANT_PASSWORD ? account : NULL;
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
    if (grant->status == GT_NEEDS_USER)
        return gt_err(p, GT_INTERACTION, "GT0603", "%s wants to see user %s: sign in again",
                      owner->provider, owner->user);
    return gt_renewing_refresh_token.may_try(grant, p);
}

gt_err_t *gt_vault_judge(const gt_grant_t *grant, const gt_grant_key_t *key,
                         const gt_vault_t *vault, apr_pool_t *p)
{
    gt_err_t *err;

    if (grant != NULL && gt_vault_account(vault, key) != NULL)
        return GT_OK;
    err = judge(grant, &key->owner, p);
    /* The provider's demands for the next sign-in, kept since it made them. */
    if (err != GT_OK && grant != NULL)
        err->claims = gt_claims_read(grant->claims, p);
    return gt_vault_at_tenant(err, vault, grant);
}
