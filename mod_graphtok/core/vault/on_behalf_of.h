/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ON_BEHALF_OF_H
#define GT_ON_BEHALF_OF_H

/**
 * @file on_behalf_of.h
 * A token for a resource in place of a user's token that the provider made for our registration,
 * the assertion (Microsoft: on-behalf-of). There is no grant and no row: what is known stands in
 * the shared cache by the assertion's digest and its user (vault/shared_fetch.h), and ends with the
 * assertion.
 */

#include "oauth/identity.h"
#include "vault/shared_fetch.h"

/** Work: get a token on behalf of an assertion's user. */
typedef struct gt_on_behalf_of_t {
    gt_vault_t *vault;            /* in */
    const char *provider;         /* in: its name in the configuration, of kind microsoft */
    const char *resource;         /* in: NULL: the default one */
    const gt_secret_t *assertion; /* in */
    int anew;                     /* in: 1: the API refused the token that is known */
    const char *user;             /* out: as gt_identity_user has it */
    gt_token_t token;             /* out */
    gt_identify_t identify;       /* own */
    gt_shared_fetch_t fetch;      /* own */
    apr_time_t ends_at;           /* own: the assertion, wall clock */
    const char *digest;           /* own: of the assertion */
    gt_err_t *failure;            /* own */
} gt_on_behalf_of_t;
/**
 * Verifies the assertion (once: its digest is remembered until it ends), then asks.
 * @return GT_SIGN_IN when it is none that is taken: not the provider's, for another audience, an
 *         id_token, of an application without a user, over; GT_FORBIDDEN for a tenant that is not
 *         allowed; GT_INTERACTION, perhaps with claims, when the provider wants the user; or what
 *         gt_shared_fetch fails with
 */
extern const gt_work_t gt_on_behalf_of;

/** Work (same state): the assertion's user alone; the provider's token endpoint is not asked. */
extern const gt_work_t gt_on_behalf_of_user;

#endif
