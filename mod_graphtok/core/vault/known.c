/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file known.c
 * Which grant a user has, by its row's id, which is another one after each revoke. Kept in shared memory, so
 * that it costs no statement; what learns of a change forgets it (revoke.c, news.c), again and again for
 * some seconds, since a reader may keep what it read just before. That there is no grant is never kept:
 * the user may be signing in on another node.
 */

#include <string.h>

#include <apr_strings.h>

#include "store/store.h"
#include "vault/known.h"
#include "vault/members.h"

static const char *name_of(const gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    return apr_pstrcat(p, "grant of ", gt_vault_key(store, owner, p), NULL);
}

void gt_known_keep(const gt_vault_t *vault, const gt_store_t *store, const gt_grant_t *grant,
                   apr_pool_t *p)
{
    gt_cache_t *cache = vault->parts.cache;

    /* Not kept means only that the row is read again. */
    if (cache != NULL)
        (void)gt_cache_keep_text(cache, name_of(store, &grant->owner, p), grant->id,
                                 vault->parts.config->cache_time);
}

void gt_known_forget(const gt_vault_t *vault, const gt_store_t *store, const gt_owner_t *owner,
                     apr_pool_t *p)
{
    if (vault->parts.cache != NULL)
        gt_cache_forget_text(vault->parts.cache, name_of(store, owner, p));
}

gt_err_t *gt_vault_has_grant(int *has, const gt_vault_t *vault, gt_store_t *store,
                             const gt_owner_t *owner, const char *id, apr_pool_t *p)
{
    gt_cache_t *cache = vault->parts.cache;
    const char *known = NULL;
    gt_grant_t grant = {.id = NULL};

    *has = 0;
    GT_TRY(gt_store_owner(&grant.owner, store, owner, p));
    if (cache != NULL)
        known = gt_cache_text(cache, name_of(store, &grant.owner, p), p);
    if (known != NULL && strcmp(known, id) == 0) {
        *has = 1;
        return GT_OK;
    }
    GT_TRY(gt_grant_id(&grant.id, store, &grant.owner, p));
    if (grant.id == NULL)
        return GT_OK;
    gt_known_keep(vault, store, &grant, p);
    *has = strcmp(grant.id, id) == 0;
    return GT_OK;
}
