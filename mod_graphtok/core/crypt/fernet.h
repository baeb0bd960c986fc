/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FERNET_H
#define GT_FERNET_H

/**
 * @file fernet.h
 * Fernet (github.com/fernet/spec), byte-compatible with Python's cryptography, both ways (T1).
 * Version 0x80, 64-bit time, IV, AES-128-CBC with PKCS#7, HMAC-SHA-256; base64url with padding.
 * The HMAC is verified, in constant time, before anything is decrypted. Fernet has neither key id
 * nor associated data: a value moved to another row cannot be detected.
 */

#include "gt.h"

/** Encrypt. @param key 32 bytes; @param when seconds since 1970 that go into the token */
GT_MUST gt_err_t *gt_fernet_seal(const char **token, const unsigned char *key,
                                 const gt_secret_t *clear, apr_int64_t when, apr_pool_t *p);

/** The same with a given IV of 16 bytes, for the published vectors only. */
GT_MUST gt_err_t *gt_fernet_seal_iv(const char **token, const unsigned char *key,
                                    const gt_secret_t *clear, apr_int64_t when,
                                    const unsigned char *iv, apr_pool_t *p);

/**
 * Decrypt.
 * @param ttl  seconds a token lives, judged at `now` with 60 s of clock skew; 0: not judged
 *             (stored tokens are read so)
 * @return GT_DAMAGED, the same for every reason
 */
GT_MUST gt_err_t *gt_fernet_open(gt_secret_t **clear, const unsigned char *key, const char *token,
                                 apr_int64_t ttl, apr_int64_t now, apr_pool_t *p);

/** 1 when a text looks like a Fernet token (begins with gAAAAA). */
int gt_is_fernet(const char *text);

#endif
