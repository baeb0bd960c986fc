/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DISCARD_H
#define GT_DISCARD_H

/**
 * @file discard.h
 * Tokens that this server must not keep are revoked at their provider. Thread-safe.
 */

#include "vault/vault.h"

/**
 * Start to have the provider revoke a grant. Does nothing where the provider has no endpoint for
 * it. A failure is logged (GT0676).
 * @param token  its refresh token, else an access token, copied; NULL: there is none
 */
void gt_discard(gt_vault_t *vault, gt_provider_t *provider, const gt_secret_t *token,
                apr_pool_t *p);

#endif
