/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEYRING_H
#define GT_KEYRING_H

/**
 * @file keyring.h
 * The keys, by id and purpose (missions T2, T3, T17). Every key is 32 bytes. Fernet uses it as it
 * stands (16 signing, 16 encryption); AES-256-GCM uses a subkey per purpose, HKDF-SHA-256
 * (RFC 5869) with info "graphtok/1/<purpose>". A keyring text has one key a line:
 *
 *     # comment
 *     ID  PURPOSE[,PURPOSE…]  KEY        the form genkey prints
 *     KEY                                id = fingerprint, purpose any (S0, S2, S4: a Fernet key)
 *
 * PURPOSE: access refresh personal cookie any. KEY: 44 characters of base64 or base64url over 32
 * bytes (Fernet.generate_key(), base64 of AESGCM.generate_key(256)), or 60 characters, base64 over
 * such a Fernet key (S3's ENCRYPTION_KEY_PII). For each purpose the first key that has it writes;
 * all that have it can read. Ids: 1 to 32 of A-Z a-z 0-9 - _ and unique.
 *
 * A keyring is immutable after it is parsed: safe on any thread.
 */

#include "gt.h"

typedef enum gt_purpose_t {
    GT_KEY_ACCESS,
    GT_KEY_REFRESH,
    GT_KEY_PERSONAL, /* id tokens and personal data */
    GT_KEY_COOKIE,   /* session and state cookies, page links */
    GT_PURPOSES
} gt_purpose_t;

#define GT_KEY_BYTES 32

typedef struct gt_key_t {
    const char *id;
    const char *fingerprint; /* first 8 hex digits of SHA-256 over the key: may be shown */
    unsigned purposes;       /* bit 1 << gt_purpose_t */
} gt_key_t;

/** "access", "refresh", "personal", "cookie". */
const char *gt_purpose_name(gt_purpose_t purpose);

/**
 * Parse a keyring text.
 * @return GT_INTERNAL naming the line and what is wrong with it (never the key)
 */
GT_MUST gt_err_t *gt_keyring_parse(gt_keyring_t **ring, const gt_secret_t *text, apr_pool_t *p);

/** The key that writes for a purpose, or NULL when no key has it. */
const gt_key_t *gt_keyring_writer(const gt_keyring_t *ring, gt_purpose_t purpose);

/** The key of an id when it has the purpose, else NULL. */
const gt_key_t *gt_keyring_find(const gt_keyring_t *ring, const char *id, gt_purpose_t purpose);

/** All keys in order, array of const gt_key_t *. */
const apr_array_header_t *gt_keyring_keys(const gt_keyring_t *ring);

/** The 32 bytes as Fernet uses them. For crypt/ only. */
const unsigned char *gt_key_raw(const gt_key_t *key);

/** The subkey of a purpose for AES-256-GCM. For crypt/ only. */
const unsigned char *gt_key_sub(const gt_key_t *key, gt_purpose_t purpose);

/** A key of its own for something else that the keyring's owner alone may make: HKDF-SHA-256 of
 * the key for `info`. Wipe it after use. */
void gt_key_derive(unsigned char out[GT_KEY_BYTES], const gt_key_t *key, const char *info);

/** A line for a new key: "<id> any <base64url>\n"; id = date and 4 random characters. */
GT_MUST gt_secret_t *gt_keyring_generate(apr_pool_t *p);

#endif
