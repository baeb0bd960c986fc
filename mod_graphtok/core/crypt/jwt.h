/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JWT_H
#define GT_JWT_H

/**
 * @file jwt.h
 * Verify compact JWS against a key set (RFC 7515, 7517, 7519, 8725) with libcjose. The
 * configuration fixes the algorithms (of RS, PS and ES with 256, 384, 512); `none` and HMAC never;
 * a key is used when exactly one fits kid, type, use, key_ops, alg and size (RSA: 2048 to 8192
 * bits); crit, b64, duplicate members and lax base64 are refused; jku, x5u, jwk, x5c are ignored.
 * `exp` is always demanded.
 */

#include "base/json.h"

/** What must hold. */
typedef struct gt_jwt_rules_t {
    const char *algorithms;   /* blank-separated, e.g. "RS256" */
    const char *issuer;       /* exact, or NULL: the caller judges it */
    const char *audience;     /* must be (or be among) aud */
    const char *nonce;        /* must equal the claim; NULL: not demanded */
    const char *type;         /* the header's typ, e.g. "at+jwt" (RFC 9068); NULL: "JWT" or none */
    apr_interval_time_t skew; /* tolerated clock difference, µs */
    apr_time_t now;
} gt_jwt_rules_t;

/** The kid of a token's header, or NULL when it has none or is no JWS. For choosing keys only. */
const char *gt_jwt_kid(const gt_secret_t *token, apr_pool_t *p);

/** 1 when a key set holds a usable signature key of this id (NULL: exactly one usable key). */
int gt_jwks_has(const char *jwks, const char *kid, apr_pool_t *p);

/**
 * Verify signature and claims.
 * @param claims  the payload, an object, released with `p`
 * @param key_issuer  the `issuer` member of the key that verified (Microsoft), or NULL
 * @param jwks    the key set as JSON text
 * @return GT_REFUSED, one detail for every reason; `code` tells which rule failed, for the log
 */
GT_MUST gt_err_t *gt_jwt_verify(json_t **claims, const char **key_issuer, const gt_secret_t *token,
                                const char *jwks, const gt_jwt_rules_t *rules, apr_pool_t *p);

#endif
