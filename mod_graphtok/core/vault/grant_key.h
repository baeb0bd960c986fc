/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRANT_KEY_H
#define GT_GRANT_KEY_H

/**
 * @file grant_key.h
 * Keys of grants and of access tokens (gt.h): made, copied, compared, and written as one text.
 * Pure; thread-safe.
 */

#include "store/grant.h"

/** The key of an owner's grant. It shares the memory of both. */
gt_grant_key_t gt_grant_key(const gt_store_t *store, const gt_owner_t *owner);

/** Copies in `p`. */
gt_grant_key_t gt_grant_key_dup(const gt_grant_key_t *key, apr_pool_t *p);
gt_token_key_t gt_token_key_dup(const gt_token_key_t *key, apr_pool_t *p);

/** 1 when both are of one grant. */
int gt_grant_key_is(const gt_grant_key_t *key, const gt_grant_key_t *other);

/** One text for a grant: no two grants have the same, also where names hold separators. */
char *gt_grant_key_text(const gt_grant_key_t *key, apr_pool_t *p);

/** One text for a token: no two tokens have the same, nor has a grant it. */
char *gt_token_key_text(const gt_token_key_t *key, apr_pool_t *p);

#endif
