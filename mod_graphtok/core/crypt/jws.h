/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JWS_H
#define GT_JWS_H

/**
 * @file jws.h
 * The signature of a compact JWS (RFC 7515), over any bytes. For crypt/ only; other rooms use
 * jwt.h.
 */

#include "crypt/key_set.h"

/** A token whose signature holds. */
typedef struct gt_jws_t {
    const unsigned char *payload; /* wiped with the pool */
    apr_size_t payload_len;
    const char *key_issuer; /* the key's `issuer` member, or NULL; the set's memory */
} gt_jws_t;

/**
 * Verify.
 * @param keys        NULL: there are none
 * @param algorithms  those that are allowed, NULL last; NULL: none
 * @param type        the header's typ; NULL: "JWT" or none
 * @return NULL, or the word of the rule that fails: "size", "three-parts", "header", "kid",
 *         "payload-form", "signature-form", "alg", "crit", "b64", "typ", "key-set", "no-key",
 *         "two-keys", "signature-length", "signature"
 */
GT_MUST const char *gt_jws_verify(gt_jws_t *jws, const gt_secret_t *token, const gt_key_set_t *keys,
                                  const char *const *algorithms, const char *type, apr_pool_t *p);

#endif
