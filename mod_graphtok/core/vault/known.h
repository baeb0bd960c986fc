/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KNOWN_H
#define GT_KNOWN_H

/**
 * @file known.h
 * Which grant an owner has, by the row's id, kept in shared memory for gt_vault_has_grant.
 */

#include "vault/vault.h"

/** Keep in shared memory that this grant is its owner's. */
void gt_known_keep(const gt_vault_t *vault, const gt_store_t *store, const gt_grant_t *grant,
                   apr_pool_t *p);

/** Forget it, in every process of this machine. */
void gt_known_forget(const gt_vault_t *vault, const gt_store_t *store, const gt_owner_t *owner,
                     apr_pool_t *p);

#endif
