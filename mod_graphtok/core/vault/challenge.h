/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CHALLENGE_H
#define GT_CHALLENGE_H

/**
 * @file challenge.h
 * A claims challenge: an API refuses a token that is not over, and says what the next one must
 * meet. The token is dropped at once and everywhere: from the memory of this server's processes,
 * from the row, and by way of the row from the caches of other nodes. The demands stand in the row,
 * so the next refresh brings them along, on any node and for any reason. When that is refused, or
 * when the API makes demands again of a token that met them, the demands wait there for the user's
 * sign-in. Source: Microsoft, "Continuous access evaluation", "Claims challenges".
 */

#include "vault/vault.h"

/** A challenge as the caller of the API met it. */
typedef struct gt_challenge_t {
    const gt_token_key_t *key; /* exact: of the token that was refused */
    apr_int64_t refused;       /* its generation */
    const gt_err_t *refusal;   /* the API's, with claims: gt_claims_read */
    int refreshes;             /* that this one call has led to so far */
    const gt_asker_t *asker;   /* the request that this is done for, or NULL */
} gt_challenge_t;

/** The remedy of a challenge. */
typedef enum gt_remedy_t {
    GT_REMEDY_NEWER,   /* another token, which is there by now: the call may be repeated with it */
    GT_REMEDY_REFRESH, /* a refresh, which brings the demands along */
    GT_REMEDY_SIGN_IN  /* the user's sign-in with the demands */
} gt_remedy_t;

/**
 * Drop the token, and keep the demands. May block on the database; memory forgets the token also
 * when that is away. Thread-safe.
 * @return GT_STORE_AWAY, GT_DAMAGED: the demands could not be kept
 */
GT_MUST gt_err_t *gt_vault_challenged(gt_remedy_t *remedy, gt_vault_t *vault,
                                      const gt_challenge_t *challenge, apr_pool_t *p);

/** The demands that wait for the next sign-in of a grant's owner, in `p`; NULL: there are none, or
 * they cannot be read now. May block on the database. Thread-safe. */
const char *gt_vault_demands(const gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p);

#endif
