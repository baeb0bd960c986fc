/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KEYRING_H
#define GT_KEYRING_H

/**
 * @file keyring.h
 * The keys, by id and purpose. Every key is 32 bytes. Fernet uses it as it
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
 * Safe on any thread. A keyring is a handle: gt_keyring_renew puts another set of keys behind it,
 * all at once, and every holder of the handle has them from then on. A set itself never changes.
 * A key found in one (a gt_key_t) is used at once and not kept: a replaced set lives ten minutes
 * more.
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

/** The name of a purpose: "access", "refresh", "personal", "cookie". Static. */
const char *gt_purpose_name(gt_purpose_t purpose);

/**
 * Parse a keyring text.
 * @return GT_INTERNAL naming the line and what is wrong with it (never the key)
 */
GT_MUST gt_err_t *gt_keyring_parse(gt_keyring_t **ring, const gt_secret_t *text, apr_pool_t *p);

/** A keyring without a key: gt_keyring_renew fills it when its text can be read. In `p`. */
gt_keyring_t *gt_keyring_empty(apr_pool_t *p);

/** 1 as long as it has no key. */
int gt_keyring_is_empty(const gt_keyring_t *ring);

/**
 * Take over a changed keyring text; the handle then gives its keys. Not by two threads at once.
 * @return GT_INTERNAL, made in `p`, and everything stays as it is, when the text is broken or would
 *         leave a purpose without a key that had one
 */
GT_MUST gt_err_t *gt_keyring_renew(gt_keyring_t *ring, const gt_secret_t *text, apr_pool_t *p);

/**
 * Set the function that is called when a stored value needs a key that is not here: perhaps another
 * process writes with a newer one already. It may call gt_keyring_renew, on any thread, and has to
 * see to it that this does not happen twice at once. Call this before threads use the ring.
 */
void gt_keyring_on_miss(gt_keyring_t *ring, void (*ask)(void *baton), void *baton);

/** A key is missing: ask. @return 1 when other keys are there than `before` (gt_keyring_keys) */
int gt_keyring_miss(const gt_keyring_t *ring, const apr_array_header_t *before);

/** The key that writes for a purpose, or NULL when no key has it. */
const gt_key_t *gt_keyring_writer(const gt_keyring_t *ring, gt_purpose_t purpose);

/** The key of an id when it has the purpose, else NULL; one that is missing is asked for. */
const gt_key_t *gt_keyring_find(const gt_keyring_t *ring, const char *id, gt_purpose_t purpose);

/** All keys in order, array of const gt_key_t *. */
const apr_array_header_t *gt_keyring_keys(const gt_keyring_t *ring);

/** The 32 bytes as Fernet uses them. For crypt/ only. */
const unsigned char *gt_key_raw(const gt_key_t *key);

/** The subkey of a purpose for AES-256-GCM. For crypt/ only. */
const unsigned char *gt_key_sub(const gt_key_t *key, gt_purpose_t purpose);

/** HKDF-SHA-256 of that subkey for `info`: the key of a row. Wipe it after use. For crypt/ only. */
void gt_key_of_row(unsigned char out[GT_KEY_BYTES], const gt_key_t *key, gt_purpose_t purpose,
                   const void *info, apr_size_t len);

/** A key of its own for something else that the keyring's owner alone may make: HKDF-SHA-256 of
 * the key for `info`. Wipe it after use. */
void gt_key_derive(unsigned char out[GT_KEY_BYTES], const gt_key_t *key, const char *info);

/** A line for a new key: "<id> any <base64url>\n"; id = date and 4 random characters. */
GT_MUST gt_secret_t *gt_keyring_generate(apr_pool_t *p);

/**
 * The line of the key that another secret stands for while there is no keyring:
 * HKDF-SHA-256 of it with an info of our own; id = "derived-" and the fingerprint.
 * @return GT_INTERNAL for a secret of less than 16 bytes, which could be guessed
 */
GT_MUST gt_err_t *gt_keyring_derive(gt_secret_t **line, const gt_secret_t *secret, apr_pool_t *p);

#endif
