/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SESSIONS_H
#define GT_SESSIONS_H

/**
 * @file sessions.h
 * Ending sessions: the rows are written first, then the caches of this machine forget, and those of
 * the other nodes with the next round of vault/changes. Grants stay. Each end is announced.
 * Functions may block on the database.
 */

#include "vault/vault.h"

/** The party that ends a session. */
typedef struct gt_sign_out_t {
    gt_vault_t *vault;
    const gt_asker_t *asker; /* the request that asks for it, or NULL */
    const char *by;          /* for log and audit: "user", "administrator", "provider" */
} gt_sign_out_t;

/**
 * End one session.
 * @param ended  1: it was not over before
 * @param left   until it would have ended, µs
 */
GT_MUST gt_err_t *gt_sign_out_one(int *ended, const gt_sign_out_t *out, const gt_grant_key_t *key,
                                  const gt_session_t *session, apr_interval_time_t left,
                                  apr_pool_t *p);

/** End all sessions of an owner that began until `ago` before now. @param ended how many were
 * listed */
GT_MUST gt_err_t *gt_sign_out_owner(int *ended, const gt_sign_out_t *out, const gt_grant_key_t *key,
                                    apr_interval_time_t ago, apr_pool_t *p);

/** End the sessions of a store that a mark names. @param ended how many */
GT_MUST gt_err_t *gt_sign_out_marked(int *ended, const gt_sign_out_t *out, gt_store_t *store,
                                     const gt_session_mark_t *mark, apr_pool_t *p);

/** The stored form of a provider's name for its own session (sid): a hash. */
const char *gt_sid_hash(const char *provider, const char *sid, apr_pool_t *p);

#endif
