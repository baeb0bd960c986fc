/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JWK_H
#define GT_JWK_H

/**
 * @file jwk.h
 * One key of a set (RFC 7517), and the demands of an algorithm on it. For crypt/ only; key_set.h is
 * for the others. Pure; thread-safe.
 */

#include <cjose/cjose.h>
#include <openssl/evp.h>

#include "base/json.h"
#include "crypt/key_set.h"

/** The demands of an algorithm on its key and signature. */
typedef struct gt_jws_algorithm_t {
    const char *name;
    const char *kty;            /* "oct": a shared secret */
    const char *crv;            /* EC, OKP: the one curve; else NULL */
    apr_size_t signature_bytes; /* RSA: 0, as many as the modulus */
} gt_jws_algorithm_t;

/** A key. */
typedef struct gt_jwk_t {
    const char *kid;           /* NULL: it has none */
    const char *kty;           /* as in gt_jws_algorithm_t, as is crv */
    const char *crv;           /* or NULL */
    const char *alg;           /* the one algorithm that it is for; NULL: it does not say */
    const char *issuer;        /* its `issuer` member (Microsoft), or NULL */
    const char *bare;          /* JSON with nothing but its numbers; NULL for a secret */
    apr_size_t modulus_bytes;  /* RSA; else 0 */
    apr_size_t secret_bytes;   /* a secret; else 0 */
    const cjose_jwk_t *usable; /* the same key for libcjose, which only reads it; NULL: its numbers
                                  are no key, and nothing verifies with it */
    EVP_PKEY *okp;             /* the same for OpenSSL, where libcjose knows no such type */
} gt_jwk_t;

/** An algorithm by its exact name, or NULL. */
const gt_jws_algorithm_t *gt_jws_algorithm(const char *name);

/** Strict base64url without padding: its bytes, wiped with `p`, or NULL. Empty text: no bytes. */
unsigned char *gt_jose_decode(apr_size_t *len, const char *text, apr_size_t text_len,
                              apr_pool_t *p);

/**
 * Read a key of a JWKS; `usable` is left out.
 * @param key      in `p`
 * @param scratch  for memory that is not kept
 * @return 0 when it verifies no signature
 */
int gt_jwk_read(gt_jwk_t *key, const json_t *jwk, apr_pool_t *p, apr_pool_t *scratch);

/** Bytes that a signature by this key and algorithm has; 0: the key does not fit it. */
apr_size_t gt_jwk_fits(const gt_jwk_t *key, const gt_jws_algorithm_t *algorithm);

/**
 * Choose the key that fits id, algorithm and issuer. The same numbers twice are one key; a
 * provider of many tenants may publish one id for several issuers (Microsoft), each with numbers
 * of its own.
 * @param set  NULL: none
 * @param kid  NULL: any
 * @param iss  the issuer that the token claims, not verified yet; NULL: it claims none
 * @return NULL, or the word of the rule that fails: "key-set", "alg", "no-key", "two-keys"
 */
GT_MUST const char *gt_key_set_choose(gt_jwk_t *chosen, const gt_key_set_t *set, const char *kid,
                                      const char *iss, const gt_jws_algorithm_t *algorithm);

#endif
