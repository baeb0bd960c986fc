/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JWT_H
#define GT_JWT_H

/**
 * @file jwt.h
 * Verify compact JWS (RFC 7515, 7517, 7519, 8725) with libcjose. A profile has the rules for one
 * issuer's tokens, and the token has no say in it: algorithms of RS, PS, ES or HS with 256,
 * 384, 512, and EdDSA with Ed25519 (RFC 8037, by OpenSSL); `none` never. A key is used when exactly
 * one of the set fits kid, type, use, key_ops, alg and size. crit, b64, jku, x5u, jwk, duplicate
 * members and lax base64 are refused; x5c is ignored. `exp` is always demanded.
 */

#include "base/json.h"
#include "crypt/key_set.h"

/** In place of a list: the claim is not judged. It has to be said like this, since NULL lets no
 * token pass. */
extern const char *const gt_jwt_any[];

/** The rules for one issuer's tokens. A value, used by any number of threads; lists end with
 * NULL, and their texts are exact. */
typedef struct gt_jwt_profile_t {
    const char *const *algorithms; /* "RS256", …; NULL: none */
    const char *const *issuers;    /* `iss` must be one of them; or gt_jwt_any */
    const char *const *audiences;  /* `aud` must be or hold one of them; or gt_jwt_any */
    const char *type; /* the header's typ, e.g. "at+jwt" (RFC 9068); NULL: "JWT" or none */
    const char *also; /* a typ that passes beside it; NULL: there is none */
    const char *const
        *required; /* claims that must be there beside `exp`, and not be null; or NULL */
    apr_interval_time_t leeway; /* by which clocks may differ, µs, not below 0 */
    apr_interval_time_t ahead;  /* by which `iat`, which ends no token, may lie further ahead */
} gt_jwt_profile_t;

/** The rules for one token. */
typedef struct gt_jwt_rules_t {
    const gt_jwt_profile_t *profile;
    const char *nonce; /* must equal the claim; NULL: not demanded */
    apr_time_t now;    /* of the clock that counts, µs */
} gt_jwt_rules_t;

/** A token that passed. */
typedef struct gt_jwt_t {
    const json_t *claims; /* an object, released with the pool that the token was opened with */
    const char
        *key_issuer; /* `issuer` of the key that verified (Microsoft), or NULL; the set's memory */
} gt_jwt_t;

/** The kid of a token's header, or NULL when it has none or is no JWS. For choosing keys only. */
const char *gt_jwt_kid(const gt_secret_t *token, apr_pool_t *p);

/** A token that was opened: its form and header keep the rules, and nothing of it is verified. */
typedef struct gt_jws_t gt_jws_t;

/**
 * Open a token: judge its form and header, before keys are looked for.
 * @param opened  out: in the pool; lives as long as the token, for one thread at a time
 * @return NULL, or the word of the rule that fails; no key would change that
 */
GT_MUST const char *gt_jwt_open(gt_jws_t **opened, const gt_secret_t *token,
                                const gt_jwt_profile_t *profile, apr_pool_t *p);

/** Its kid, or NULL. */
const char *gt_jwt_opened_kid(const gt_jws_t *opened);

/**
 * The claims of a token that was verified before, and kept where no other program writes: neither
 * signature nor times are looked at. Thread-safe.
 * @return an object, released with the pool; NULL: it is no such token
 */
json_t *gt_jwt_claims(const gt_secret_t *token, apr_pool_t *p);

/**
 * When verified claims end: their `exp`. One that lies further ahead than an apr_time_t holds,
 * which an issuer may well write, is the largest. Thread-safe.
 * @return µs since 1970; 0: there is none
 */
apr_time_t gt_jwt_ends_at(const json_t *claims);

/**
 * Judge an opened token: signature and claims.
 * @param jwt          out; its members are NULL on failure
 * @param keys         held by the caller meanwhile; NULL: there are none
 * @param is_verified  1: these very keys verified its signature before, and the signature is left
 *                     out; all else is judged, by the clock of now
 * @param rules        of the profile that it was opened by
 * @return GT_REFUSED, one detail for every reason; `code` tells which rule failed, for the log
 */
GT_MUST gt_err_t *gt_jwt_judge(gt_jwt_t *jwt, gt_jws_t *opened, const gt_key_set_t *keys,
                               int is_verified, const gt_jwt_rules_t *rules, apr_pool_t *p);

/** Open and judge a token that was not verified before. Thread-safe. */
GT_MUST gt_err_t *gt_jwt_verify(gt_jwt_t *jwt, const gt_secret_t *token, const gt_key_set_t *keys,
                                const gt_jwt_rules_t *rules, apr_pool_t *p);

#endif
