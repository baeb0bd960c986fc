/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SEAL_H
#define GT_SEAL_H

/**
 * @file seal.h
 * The only door between clear and stored secrets. A sealed text is either Fernet (gAAAAA…) or
 *
 *     gt1.<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>
 *
 * AES-256-GCM whose associated data are the length-prefixed fields version, key id, purpose and
 * the place: table, column, user, provider. So a value moved to another row, column or table is
 * refused (mission T2). Both forms are always read; the cipher says which is written.
 */

#include "crypt/keyring.h"

typedef enum gt_cipher_t { GT_AES_256_GCM, GT_FERNET } gt_cipher_t;

/** Where a value belongs. All fields are compared byte by byte; none is NULL. */
typedef struct gt_place_t {
    const char *table;
    const char *column;
    const char *user;
    const char *provider;
} gt_place_t;

/**
 * Seal a value for its place with the writing key of a purpose.
 * @return GT_INTERNAL when the keyring has no key for the purpose
 */
GT_MUST gt_err_t *gt_seal(const char **sealed, const gt_keyring_t *ring, gt_purpose_t purpose,
                          gt_cipher_t cipher, const gt_place_t *place, const gt_secret_t *clear,
                          apr_pool_t *p);

/**
 * Open a sealed value.
 * @return GT_DAMAGED when it was tampered with, moved, or its key is not in the keyring; the
 *         detail names column, key id and the fingerprints at hand, never the value
 */
GT_MUST gt_err_t *gt_unseal(gt_secret_t **clear, const gt_keyring_t *ring, gt_purpose_t purpose,
                            const gt_place_t *place, const char *sealed, apr_pool_t *p);

/** 1 when a sealed value is what gt_seal would write now: this cipher, the purpose's writing key. */
int gt_seal_is_current(const gt_keyring_t *ring, gt_purpose_t purpose, gt_cipher_t cipher,
                       const char *sealed, apr_pool_t *p);

/** The key of a keyring that opens a Fernet value, or NULL. */
const gt_key_t *gt_seal_fernet_key(const gt_keyring_t *ring, const char *sealed, apr_pool_t *p);

/** The key id inside a sealed value, "" for Fernet, NULL when it is neither. */
const char *gt_sealed_key_id(const char *sealed, apr_pool_t *p);

#endif
