/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JWS_H
#define GT_JWS_H

/**
 * @file jws.h
 * The signature of a compact JWS (RFC 7515), over any bytes. For crypt/ only; other rooms use
 * jwt.h. Thread-safe.
 */

#include "crypt/key_set.h"

/** The rules for a header. */
typedef struct gt_jws_rules_t {
    const char *const *algorithms; /* those that are allowed, NULL last; NULL: none */
    const char *type;              /* its typ; NULL: "JWT" or none */
    const char *also;              /* another typ that passes; NULL: there is none */
} gt_jws_rules_t;

/** A token whose signature holds. */
typedef struct gt_jws_t {
    const unsigned char *payload; /* wiped with the pool */
    apr_size_t payload_len;
    const char *key_issuer; /* the key's `issuer` member, or NULL; the set's memory */
} gt_jws_t;

/**
 * Verify.
 * @param keys  NULL: there are none
 * @return NULL, or the word of the rule that fails: "size", "three-parts", "header", "kid",
 *         "payload-form", "signature-form", "alg", "crit", "b64", "typ", "key-set", "no-key",
 *         "two-keys", "signature-length", "signature", "jku", "x5u", "jwk"
 */
GT_MUST const char *gt_jws_verify(gt_jws_t *jws, const gt_secret_t *token, const gt_key_set_t *keys,
                                  const gt_jws_rules_t *rules, apr_pool_t *p);

/**
 * All of gt_jws_verify but the signature, for a token that the same keys verified before.
 * @return as gt_jws_verify
 */
GT_MUST const char *gt_jws_open(gt_jws_t *jws, const gt_secret_t *token, const gt_key_set_t *keys,
                                const gt_jws_rules_t *rules, apr_pool_t *p);

/** The same of form and header alone. @param kid  out: of the header, or NULL */
GT_MUST const char *gt_jws_look(const char **kid, const gt_secret_t *token,
                                const gt_jws_rules_t *rules, apr_pool_t *p);

#endif
