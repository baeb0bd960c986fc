/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SECRET_H
#define GT_SECRET_H

/**
 * @file secret.h
 * Bytes that are wiped (OPENSSL_cleanse) when their pool goes, and that printf cannot take. A
 * token, key, code, verifier or password is a gt_secret_t from the moment it enters until it
 * leaves; gt_secret_text() may be called only in the files that tests/checks/secrets allows.
 */

#include "gt.h"

/** Copy `len` bytes; the copy is followed by a NUL and wiped when `p` goes. */
GT_MUST gt_secret_t *gt_secret_make(const void *bytes, apr_size_t len, apr_pool_t *p);

/** Copy a NUL-terminated text. NULL gives NULL. */
GT_MUST gt_secret_t *gt_secret_from(const char *text, apr_pool_t *p);

/** `len` zero bytes to be filled through gt_secret_bytes (random keys, decrypted values). */
GT_MUST gt_secret_t *gt_secret_blank(apr_size_t len, apr_pool_t *p);

/** Copy into another pool. NULL gives NULL. */
GT_MUST gt_secret_t *gt_secret_dup(const gt_secret_t *secret, apr_pool_t *p);

/** Number of bytes without the NUL. */
apr_size_t gt_secret_len(const gt_secret_t *secret);

/** The bytes, NUL-terminated. For the few files that must. Valid as long as the secret. */
const char *gt_secret_text(const gt_secret_t *secret);

/** The bytes, writable, for the function that has just made it with gt_secret_blank. */
unsigned char *gt_secret_bytes(gt_secret_t *secret);

/** Cut to `len` bytes (≤ its length); the rest is wiped. */
void gt_secret_cut(gt_secret_t *secret, apr_size_t len);

/** 1 when both hold the same bytes; constant time in the contents. */
int gt_secret_equal(const gt_secret_t *a, const gt_secret_t *b);

/** Its SHA-256, by which it can be told from others, and not be found. */
void gt_secret_digest(unsigned char digest[32], const gt_secret_t *secret);

/** Wipe now, before the pool goes. Length becomes 0. */
void gt_secret_wipe(gt_secret_t *secret);

/** Wipe any memory when the pool goes (for buffers that held a secret). */
void gt_wipe_with_pool(void *bytes, apr_size_t len, apr_pool_t *p);

#endif
