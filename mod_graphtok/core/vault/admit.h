/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ADMIT_H
#define GT_ADMIT_H

/**
 * @file admit.h
 * The second half of a sign-in, the same for all flows: tokens become the grant of a person. Work
 * of one task, whose pool has the results.
 */

#include "vault/vault.h"

/** Work: tokens → person → row → cache, announced. */
typedef struct gt_admit_t {
    gt_vault_t *vault;         /* in */
    gt_grant_key_t key;        /* in; the user is "" where the identity gives it. Out: as stored */
    const gt_asker_t *asker;   /* in: the request that this is done for, or NULL */
    const gt_tokens_t *tokens; /* in */
    const char *nonce;         /* in: that the id_token must repeat; NULL: none */
    const char *tenant;        /* in: that was asked; NULL or "": the configured one */
    int may_ask_again;         /* in: gt_sign_in_t */
    int needs_consent;         /* out, on failure: gt_sign_in_t */
    const gt_grant_t *grant;   /* out: the row, also when it cannot be announced */
    const char *at_tenant;     /* out, on failure: gt_sign_in_t */
    gt_identify_t identify;    /* own; its identity is the person */
} gt_admit_t;
/** Fails with GT_REFUSED or GT_FORBIDDEN (not identified, may not sign in), GT_CONFLICT (another
 * person's row, or revoked meanwhile), GT_INTERACTION (needs_consent), GT_STORE_AWAY. Tokens that
 * cannot be admitted are given back to the provider, except where only we could not store them, or
 * the user is asked once more. */
extern const gt_work_t gt_admit;

#endif
