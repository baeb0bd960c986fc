/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file known.c
 * The id of a grant's row is another one after each revoke. It is kept in shared memory, so that a
 * request costs no statement. Code that learns of a change forgets it again and again for some
 * seconds, since a reader may keep an id that it read just before. The absence of a grant is never
 * kept: the user may be signing in on another node.
 */

#include <string.h>

#include <apr_strings.h>

#include "vault/grant_key.h"
#include "vault/known.h"
#include "vault/vault_struct.h"

static const char *name_of(const gt_grant_key_t *key, apr_pool_t *p)
{
    return apr_pstrcat(p, "grant of ", gt_grant_key_text(key, p), NULL);
}

void gt_known_keep(const gt_vault_t *vault, const gt_grant_key_t *key, const char *id,
                   apr_pool_t *p)
{
    /* Not kept means only that the row is read again. */
    (void)gt_cache_keep_text(vault->parts.cache, name_of(key, p), id,
                             vault->parts.config->cache_time);
}

void gt_known_forget(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p)
{
    gt_cache_forget_text(vault->parts.cache, name_of(key, p));
}

gt_err_t *gt_vault_has_grant(int *has, const gt_vault_t *vault, const gt_grant_key_t *key,
                             const char *id, apr_pool_t *p)
{
    gt_grant_key_t exact = *key;
    const char *known, *now;

    *has = 0;
    GT_TRY(gt_vault_exact(&exact, vault, p));
    known = gt_cache_text(vault->parts.cache, name_of(&exact, p), p);
    if (known != NULL && strcmp(known, id) == 0) {
        *has = 1;
        return GT_OK;
    }
    GT_TRY(gt_grant_id(&now, gt_vault_store(vault, exact.store), &exact.owner, p));
    if (now == NULL)
        return GT_OK;
    gt_known_keep(vault, &exact, now, p);
    *has = strcmp(now, id) == 0;
    return GT_OK;
}
