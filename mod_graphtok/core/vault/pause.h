/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PAUSE_H
#define GT_PAUSE_H

/**
 * @file pause.h
 * A provider that asked for a pause is not called until the pause is over, by any child of the
 * server. The error that asked for it says whom the pause concerns (gt_extent_t).
 */

#include "vault/vault.h"

/** The server's limits, or of this process alone where there are none (the command line). */
gt_limits_t *gt_pauses_make(const gt_vault_parts_t *parts, apr_pool_t *p);

/** Whom a token request concerns. */
typedef struct gt_pause_scope_t {
    const char *provider;
    const char *tenant; /* gt_provider_tenant; NULL: not known */
} gt_pause_scope_t;

/**
 * Begin a pause after a failure that concerns more than one user: throttled, or our client is not
 * accepted. Other failures begin none.
 * @param scope  whom the failed request concerned
 * @param err    its extent says whether the tenant or the whole provider is left alone, and its
 *               retry_after how long; a short span is put there when it says none
 */
void gt_pause_begin(gt_vault_t *vault, const gt_pause_scope_t *scope, gt_err_t *err);

/** GT_OK, or why the provider is not asked. */
GT_MUST gt_err_t *gt_pause_check(gt_vault_t *vault, const gt_pause_scope_t *scope, apr_pool_t *p);

#endif
