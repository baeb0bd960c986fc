/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file grant_key.c
 * Keys of grants and tokens as texts. Each name has its length in front of it, because a user id
 * may hold any separator.
 */

#include "vault/grant_key.h"

#include <string.h>

#include <apr_strings.h>

#include "crypt/seal.h"

gt_grant_key_t gt_grant_key(const gt_store_t *store, const gt_owner_t *owner)
{
    return (gt_grant_key_t){gt_store_name(store), *owner};
}

gt_grant_key_t gt_grant_key_dup(const gt_grant_key_t *key, apr_pool_t *p)
{
    return (gt_grant_key_t){apr_pstrdup(p, key->store), gt_owner_dup(&key->owner, p)};
}

gt_token_key_t gt_token_key_dup(const gt_token_key_t *key, apr_pool_t *p)
{
    return (gt_token_key_t){gt_grant_key_dup(&key->grant, p), apr_pstrdup(p, key->resource)};
}

int gt_grant_key_is(const gt_grant_key_t *key, const gt_grant_key_t *other)
{
    return strcmp(key->store, other->store) == 0 &&
           strcmp(key->owner.user, other->owner.user) == 0 &&
           strcmp(key->owner.provider, other->owner.provider) == 0;
}

char *gt_grant_key_text(const gt_grant_key_t *key, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_SIZE_T_FMT ":%s%" APR_SIZE_T_FMT ":%s%s", strlen(key->store),
                        key->store, strlen(key->owner.user), key->owner.user, key->owner.provider);
}

char *gt_token_key_text(const gt_token_key_t *key, apr_pool_t *p)
{
    const char *resource = key->resource != NULL ? key->resource : GT_RESOURCE_GRAPH;

    return apr_psprintf(p, "%" APR_SIZE_T_FMT ":%s %s", strlen(resource), resource,
                        gt_grant_key_text(&key->grant, p));
}
