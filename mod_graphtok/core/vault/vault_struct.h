/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_VAULT_STRUCT_H
#define GT_VAULT_STRUCT_H

/**
 * @file vault_struct.h
 * The inside of a vault, and vault.c's functions for the other files of vault/.
 */

#include <stdatomic.h>

#include <apr_hash.h>

#include "vault/failures.h"
#include "vault/give_back.h"
#include "vault/periodic.h"
#include "vault/use_counts.h"
#include "vault/vault.h"
#include "vault/waiters.h"

struct gt_vault_t {
    gt_vault_parts_t parts;
    apr_hash_t *stores;    /* by name, never changed after gt_vault_make */
    apr_hash_t *surveys;   /* of gt_survey_t by the store's name, never changed after it */
    apr_hash_t *providers; /* by name, never changed after gt_vault_make */
    apr_hash_t *resources; /* of each provider: array of const char *; likewise */
    gt_use_counts_t *counts;
    gt_failures_t *failures;
    gt_waiters_t *waiters;
    gt_limits_t *pauses; /* at providers: the server's, else our own */
    gt_give_backs_t *give_backs;
    atomic_int is_ending; /* no refresh is begun any more */
    apr_hash_t
        *periodics;     /* gt_periodic_t by the store's name, never changed after gt_vault_make */
    char replayed[256]; /* the journal's entry where the last round ended; replay's thread only */
};

/**
 * Write a key's owner as the database knows it: "007" and "7" may be one row, so they must be one
 * key in the cache, too.
 * @return GT_INVALID when the user id is not what the store's column holds
 */
GT_MUST gt_err_t *gt_vault_exact(gt_grant_key_t *key, const gt_vault_t *vault, apr_pool_t *p);

/** The resources of a provider, and so of the tokens that may be known of a grant: array of const
 * char *, the default one first. Of a provider that is not configured: the default one. */
const apr_array_header_t *gt_vault_resources(const gt_vault_t *vault, const char *provider);

/**
 * Find a grant with the token of a key's resource.
 * @param is_refused  1: the API refused a token, so that the generation of this one must be exact
 */
GT_MUST gt_err_t *gt_vault_find(gt_grant_t **grant, const gt_vault_t *vault,
                                const gt_token_key_t *key, int is_refused, apr_pool_t *p);

/** GT_OK when a grant (NULL: none) may be refreshed, else GT_SIGN_IN or GT_INTERACTION. */
GT_MUST gt_err_t *gt_vault_judge(const gt_grant_t *grant, const gt_grant_key_t *key,
                                 const gt_vault_t *vault, apr_pool_t *p);

/** The account that a grant is of and whose password gets its tokens, or NULL. A grant of one may
 * always be refreshed. */
const gt_account_conf_t *gt_vault_account(const gt_vault_t *vault, const gt_grant_key_t *key);

/** Note in an error (or GT_OK) at which tenant the next sign-in for a grant (NULL: none) is to be
 * asked for: at its own, of a provider of many. @return the error */
gt_err_t *gt_vault_at_tenant(gt_err_t *err, const gt_vault_t *vault, const gt_grant_t *grant);

#endif
