/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REPLAY_H
#define GT_REPLAY_H

/**
 * @file replay.h
 * The journal's entries are stored in the database when it is back, by any process of the node.
 */

#include "vault/vault.h"

/** A crew's periodic function: store the entries of the journal. @param baton  the vault */
void gt_replay_all(void *baton, apr_pool_t *scratch);

/** Store a grant's entries of the journal, before a refresh.
 * @param count  out: how many were stored or dropped
 * @return a failure of the database, after which no refresh may begin */
GT_MUST gt_err_t *gt_replay_owner(int *count, gt_vault_t *vault, const gt_grant_key_t *key,
                                  apr_pool_t *p);

#endif
