/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLIENT_KEY_H
#define GT_CLIENT_KEY_H

/**
 * @file client_key.h
 * A certificate with its private key, which signs assertions of our registration (private_key_jwt:
 * RFC 7523, OpenID Connect Core 1.0 section 9; Microsoft, "Microsoft identity platform application
 * authentication certificate credentials"). A value that never changes; threads share it by
 * references. The private key is OpenSSL's alone, and is wiped with the last reference.
 */

#include "base/json.h"
#include "gt.h"

typedef struct gt_client_key_t gt_client_key_t;

/**
 * Make it, with one reference.
 * @param certificate  PEM; the first one of the text counts
 * @param private_key  PEM, not encrypted: RSA of 2048 to 8192 bits, or EC of P-256, P-384, P-521
 * @param p            for the error
 * @return GT_INTERNAL saying what is wrong with which of them; no byte of them
 */
GT_MUST gt_err_t *gt_client_key_make(gt_client_key_t **key, const gt_secret_t *certificate,
                                     const gt_secret_t *private_key, apr_pool_t *p);

#define GT_CLIENT_KEY_DIGEST 32

/** A digest that tells the two texts from others without keeping them. */
void gt_client_key_digest(unsigned char digest[GT_CLIENT_KEY_DIGEST],
                          const gt_secret_t *certificate, const gt_secret_t *private_key);

/** One more reference, let go of with `p`. */
const gt_client_key_t *gt_client_key_hold(gt_client_key_t *key, apr_pool_t *p);

/** Let go of a reference. NULL is none. */
void gt_client_key_release(gt_client_key_t *key);

/** From when until when its certificate is valid. */
apr_time_t gt_client_key_begins(const gt_client_key_t *key);
apr_time_t gt_client_key_ends(const gt_client_key_t *key);

/** SHA-256 of the certificate (DER) as hexadecimal digits, as portals show it. The key's memory. */
const char *gt_client_key_thumbprint(const gt_client_key_t *key);

/**
 * The algorithm that it signs with, the best one first: PS256, RS256; ES256, ES384 or ES512 by the
 * curve.
 * @param allowed  names, blank-separated
 * @return NULL: it has none of these
 */
const char *gt_client_key_algorithm(const gt_client_key_t *key, const char *allowed);

/**
 * Sign claims: a compact JWS with the header's typ JWT and x5t#S256 (RFC 7515 section 4.1.8).
 * Thread-safe.
 * @param algorithm  from gt_client_key_algorithm
 * @return GT_INTERNAL when OpenSSL does not sign
 */
GT_MUST gt_err_t *gt_client_key_sign(gt_secret_t **token, const gt_client_key_t *key,
                                     const char *algorithm, const json_t *claims, apr_pool_t *p);

#endif
