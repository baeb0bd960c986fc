/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SEAL_H
#define GT_SEAL_H

/**
 * @file seal.h
 * The only door between clear and stored secrets. A sealed text is Fernet (gAAAAA…) or
 * AES-256-GCM:
 *
 *     gt2.<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>     for a store with an id
 *     gt1.<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>     for everything else
 *
 * gt2 has a key for each row: HKDF-SHA-256 (RFC 5869) of the purpose's key with the fields
 * version, purpose, store, user, provider as info. Its associated data are the fields version, key
 * id, purpose, store, column, user, provider, resource. gt1 has the purpose's key, and version,
 * key id, purpose, table, column, user, provider. Each field stands behind its length (four bytes,
 * big end first). So a value moved to another row, column or store is refused, gt2
 * does not depend on its table's name, and the number of random nonces under one key is that of one
 * row.
 *
 * All forms are always read. The cipher and the place say which is written. Thread-safe.
 */

#include "crypt/keyring.h"

typedef enum gt_cipher_t { GT_AES_256_GCM, GT_FERNET } gt_cipher_t;

/** Where a value belongs. All fields are compared byte by byte; the first four are never NULL. */
typedef struct gt_place_t {
    const char *table; /* gt1: its name when the value was written */
    const char *column;
    const char *user;
    const char *provider;
    const char *other_table; /* gt1: another name that it may have had then, or NULL */
    const char *store;       /* the store's id; NULL or "": it has none, so that gt1 is written */
    const char *resource;    /* of an access token ("graph"); NULL or "": none */
} gt_place_t;

/** The resource of an access token that goes to Graph. */
#define GT_RESOURCE_GRAPH "graph"

/**
 * Seal a value for its place with the writing key of a purpose.
 * @return GT_INTERNAL when the keyring has no key for the purpose
 */
GT_MUST gt_err_t *gt_seal(const char **sealed, const gt_keyring_t *ring, gt_purpose_t purpose,
                          gt_cipher_t cipher, const gt_place_t *place, const gt_secret_t *clear,
                          apr_pool_t *p);

/**
 * Open a sealed value.
 * @return GT_DAMAGED when it was tampered with, moved, its key is not in the keyring, or the
 *         place lacks the store's id; the detail names column, key id
 *         and the fingerprints at hand, never the value
 */
GT_MUST gt_err_t *gt_unseal(gt_secret_t **clear, const gt_keyring_t *ring, gt_purpose_t purpose,
                            const gt_place_t *place, const char *sealed, apr_pool_t *p);

/** 1 when a sealed value has the form, the cipher and the key that gt_seal would write with now. */
int gt_seal_is_current(const gt_keyring_t *ring, gt_purpose_t purpose, gt_cipher_t cipher,
                       const gt_place_t *place, const char *sealed, apr_pool_t *p);

/** The beginning of a value that gt_seal would write for a place: "gt2.<key id>.", or "" where no
 * beginning tells (Fernet names no key). NULL when the keyring has no key for the purpose. */
const char *gt_seal_beginning(const gt_keyring_t *ring, gt_purpose_t purpose, gt_cipher_t cipher,
                              const gt_place_t *place, apr_pool_t *p);

/** 1 for a value that only a store with an id can open. */
int gt_sealed_for_store(const char *sealed);

/** The key of a keyring that opens a Fernet value, or NULL. */
const gt_key_t *gt_seal_fernet_key(const gt_keyring_t *ring, const char *sealed, apr_pool_t *p);

/** The key id inside a sealed value, "" for Fernet, NULL when it is neither. */
const char *gt_sealed_key_id(const char *sealed, apr_pool_t *p);

#endif
