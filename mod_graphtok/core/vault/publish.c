/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file publish.c
 * Publishing a token to the processes of this server, and forgetting it. The cache is written
 * before the signal is sent: a job that the signal wakes looks into the cache.
 */

#include "vault/publish.h"

#include "base/log.h"
#include "vault/current_grant.h"
#include "vault/vault_struct.h"

void gt_vault_publish(const gt_vault_t *vault, const gt_token_key_t *key, const gt_token_t *token,
                      apr_pool_t *p)
{
    if (token->access != NULL)
        gt_cache_put(vault->parts.cache, key, token);
    gt_failures_forget(vault->failures, key, GT_ALL_GENERATIONS, p);
    gt_signal_broadcast(vault->parts.signal);
}

static void forget_token(gt_cache_t *cache, const gt_token_key_t *key, apr_int64_t last,
                         apr_pool_t *p)
{
    const gt_owner_t *owner = &key->grant.owner;
    gt_token_t cached;

    if (last != GT_ALL_GENERATIONS) {
        if (!gt_cache_get(&cached, cache, key, p) || cached.generation > last)
            return;
        gt_log(GT_LOG_DEBUG, NULL,
               "token of user %s at %s leaves the cache: its grant has moved on from generation "
               "%" APR_INT64_T_FMT,
               owner->user, owner->provider, cached.generation);
    }
    gt_cache_forget(cache, key);
}

void gt_vault_forget(const gt_vault_t *vault, const gt_grant_key_t *key, apr_int64_t last,
                     apr_pool_t *p)
{
    const apr_array_header_t *resources = gt_vault_resources(vault, key->owner.provider);

    gt_current_grant_forget(vault, key, p);
    for (int i = 0; i < resources->nelts; i++) {
        const gt_token_key_t token = {*key, APR_ARRAY_IDX(resources, i, const char *)};

        forget_token(vault->parts.cache, &token, last, p);
        gt_failures_forget(vault->failures, &token, last, p);
    }
}
