/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PUBLISH_H
#define GT_PUBLISH_H

/**
 * @file publish.h
 * The facts that all processes of a server know of a grant: its token, its id, the failures of its
 * refreshes.
 * Both functions are quiet where a process has no cache or no signal for the others, as the command
 * line has none. Thread-safe.
 */

#include "vault/vault.h"

/** A generation that no row exceeds. */
#define GT_ALL_GENERATIONS INT64_MAX

/**
 * Serve a token that stands in the row, or in the journal, from now on: the cache has it, failures
 * of before are forgotten, and jobs that wait for a refresh look again.
 * @param token  access NULL: there is none to be served, but what was known is over all the same
 */
void gt_vault_publish(const gt_vault_t *vault, const gt_token_key_t *key, const gt_token_t *token,
                      apr_pool_t *p);

/** Forget the id of a grant, and its tokens and failures of generations up to `last`. */
void gt_vault_forget(const gt_vault_t *vault, const gt_grant_key_t *key, apr_int64_t last,
                     apr_pool_t *p);

#endif
