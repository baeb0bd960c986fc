/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_AEAD_H
#define GT_AEAD_H

/**
 * @file aead.h
 * AES-256-GCM (NIST SP 800-38D) with 96-bit random nonces and 128-bit tags. A context of OpenSSL
 * is kept per thread (a new one each time costs more than the encryption); threads of ours free it
 * when they end (base/thread.h). Thread-safe.
 */

#include "gt.h"

#define GT_NONCE_BYTES 12
#define GT_TAG_BYTES 16
#define GT_PRK_BYTES 32

/** Encrypt into out[in_len + GT_TAG_BYTES] (the tag follows the ciphertext). 1, or 0 on failure of
 * the library. */
GT_MUST int gt_aead_seal(unsigned char *out, const unsigned char *key, const unsigned char *nonce,
                         const void *aad, apr_size_t aad_len, const void *in, apr_size_t in_len);

/** Decrypt in[in_len], tag last, into out[in_len - GT_TAG_BYTES]. 1, or 0: refused, `out` is then
 * wiped. */
GT_MUST int gt_aead_open(unsigned char *out, const unsigned char *key, const unsigned char *nonce,
                         const void *aad, apr_size_t aad_len, const unsigned char *in,
                         apr_size_t in_len);

/** HKDF-SHA-256 (RFC 5869): `len` bytes (≤ 8160) for `info` from `secret`. */
void gt_hkdf(unsigned char *out, apr_size_t len, const void *secret, apr_size_t secret_len,
             const void *salt, apr_size_t salt_len, const void *info, apr_size_t info_len);

/** The two halves of HKDF-SHA-256 without a salt, for a secret that gives many keys of 32 bytes:
 * the first is done once (RFC 5869, 2.2), the second for each of them (2.3, one block). */
void gt_hkdf_extract(unsigned char prk[GT_PRK_BYTES], const void *secret, apr_size_t secret_len);
void gt_hkdf_expand(unsigned char out[GT_PRK_BYTES], const unsigned char prk[GT_PRK_BYTES],
                    const void *info, apr_size_t info_len);

#endif
