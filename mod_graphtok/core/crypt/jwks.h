/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JWKS_H
#define GT_JWKS_H

/**
 * @file jwks.h
 * The one key of a key set (RFC 7517) that may verify a signature. For crypt/ only.
 */

#include "base/json.h"

/** What an algorithm demands of its key and signature. There is no HMAC among them. */
typedef struct gt_jws_algorithm_t {
    const char *name;
    const char *kty;
    const char *crv;            /* EC: the one curve; RSA: NULL */
    apr_size_t signature_bytes; /* EC; RSA: 0, as many as the modulus */
} gt_jws_algorithm_t;

/** A chosen key. */
typedef struct gt_jwk_t {
    const char *bare;           /* JSON with nothing but its numbers */
    apr_size_t signature_bytes; /* every signature of it has so many */
    const char *issuer;         /* its `issuer` member (Microsoft), or NULL */
} gt_jwk_t;

/** An algorithm by its exact name, or NULL. */
const gt_jws_algorithm_t *gt_jws_algorithm(const char *name);

/** Strict base64url without padding: its bytes, wiped with `p`, or NULL. Empty text: no bytes. */
unsigned char *gt_jose_decode(apr_size_t *len, const char *text, apr_size_t text_len,
                              apr_pool_t *p);

/**
 * Choose the key that fits id, algorithm and issuer. The same numbers twice are one key; a provider of
 * many tenants may publish one id for several issuers (Microsoft), each with numbers of its own.
 * @param kid  NULL: any
 * @param iss  the issuer that the token claims, not verified yet; NULL: it claims none
 * @return NULL, or the word of the rule that fails: "key-set", "no-key", "two-keys"
 */
GT_MUST const char *gt_jwks_choose(gt_jwk_t *chosen, const char *jwks, const char *kid,
                                   const char *iss, const gt_jws_algorithm_t *algorithm,
                                   apr_pool_t *p);

#endif
