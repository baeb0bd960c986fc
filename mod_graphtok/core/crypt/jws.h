/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JWS_H
#define GT_JWS_H

/**
 * @file jws.h
 * The signature of a compact JWS (RFC 7515), over any bytes. For crypt/ only; other rooms use
 * jwt.h. Thread-safe.
 */

#include "crypt/jwk.h"
#include "crypt/jwt.h"

/** The rules for a header. */
typedef struct gt_jws_rules_t {
    const char *const *algorithms; /* those that are allowed, NULL last; NULL: none */
    const char *type;              /* its typ; NULL: "JWT" or none */
    const char *also;              /* another typ that passes; NULL: there is none */
} gt_jws_rules_t;

/** A token that was opened: its form and header keep the rules, and nothing of it is verified. */
struct gt_jws_t {
    const char *text; /* the whole token, as are its parts wiped with the pool */
    apr_size_t len;
    const char *kid; /* NULL: none */
    const gt_jws_algorithm_t *algorithm;
    const unsigned char *payload;
    apr_size_t payload_len;
    const json_t *claims; /* the payload; NULL: it is no JSON object */
    const unsigned char *signature;
    apr_size_t signature_len; /* bytes */
    apr_size_t signed_len;    /* of `text`: the part that is signed */
    const char *key_issuer;   /* the chosen key's `issuer` member, or NULL; the set's memory */
};

/**
 * Open a token.
 * @param jws  out; lives as long as the token and the pool
 * @return NULL, or the word of the rule that fails: "size", "three-parts", "header", "kid",
 *         "payload-form", "signature-form", "alg", "crit", "b64", "typ", "jku", "x5u", "jwk"
 */
GT_MUST const char *gt_jws_open(gt_jws_t *jws, const gt_secret_t *token,
                                const gt_jws_rules_t *rules, apr_pool_t *p);

/**
 * Hold an opened token against its one key.
 * @param keys         NULL: there are none
 * @param is_verified  1: the same keys verified it before, and the signature is left out
 * @return NULL, or the word of the rule that fails: "key-set", "no-key", "two-keys", "alg",
 *         "signature-length", "signature"
 */
GT_MUST const char *gt_jws_verify(gt_jws_t *jws, const gt_key_set_t *keys, int is_verified);

#endif
