/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CURRENT_GRANT_H
#define GT_CURRENT_GRANT_H

/**
 * @file current_grant.h
 * Which grant an owner has, by the row's id, and which of its sessions have ended, kept in shared
 * memory for gt_vault_has_session.
 */

#include "vault/vault.h"

/** Forget it, in every process of this machine. */
void gt_current_grant_forget(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p);

#endif
