/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The door between clear and stored secrets. The associated data are written with a length before
 * each field, so that no two places have the same bytes ("ab" + "c" and "a" + "bc" differ). GCM
 * does not commit to its key, so the key is chosen by the id in the value and no other is tried;
 * Fernet values carry no id, but their HMAC makes trying safe.
 */

#include "crypt/seal.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/aead.h"
#include "crypt/fernet.h"

#define VERSION "gt1"
#define ID_MAX 32
#define FIELDS 7

/* Longest sealed text that is looked at; tokens have some thousand bytes. */
#define SEALED_MAX ((apr_size_t)8 << 20)

typedef struct bytes_t {
    unsigned char *at;
    apr_size_t len;
} bytes_t;

static bytes_t associated(const char *key_id, gt_purpose_t purpose, const gt_place_t *place,
                          apr_pool_t *p)
{
    const char *fields[FIELDS] = {VERSION,        key_id,        gt_purpose_name(purpose),
                                  place->table,   place->column, place->user,
                                  place->provider};
    bytes_t aad = {NULL, 0};
    unsigned char *out;
    int i;

    for (i = 0; i < FIELDS; i++) {
        assert(fields[i] != NULL);
        aad.len += 4 + strlen(fields[i]);
    }
    out = aad.at = apr_palloc(p, aad.len);
    for (i = 0; i < FIELDS; i++) {
        apr_size_t len = strlen(fields[i]);

        *out++ = (unsigned char)(len >> 24 & 0xFF);
        *out++ = (unsigned char)(len >> 16 & 0xFF);
        *out++ = (unsigned char)(len >> 8 & 0xFF);
        *out++ = (unsigned char)(len & 0xFF);
        memcpy(out, fields[i], len);
        out += len;
    }
    return aad;
}

static gt_err_t *seal_gcm(const char **sealed, const gt_key_t *key, gt_purpose_t purpose,
                          const gt_place_t *place, const gt_secret_t *clear, apr_pool_t *p)
{
    apr_size_t len = gt_secret_len(clear);
    bytes_t aad = associated(key->id, purpose, place, p);
    unsigned char *blob = apr_palloc(p, GT_NONCE_BYTES + len + GT_TAG_BYTES);

    gt_random(blob, GT_NONCE_BYTES);
    if (!gt_aead_seal(blob + GT_NONCE_BYTES, gt_key_sub(key, purpose), blob, aad.at, aad.len,
                      gt_secret_text(clear), len))
        return gt_err(p, GT_INTERNAL, "GT0206", "a value cannot be encrypted (AES-256-GCM)");
    *sealed = apr_pstrcat(p, VERSION ".", key->id, ".",
                          gt_base64url(blob, GT_NONCE_BYTES + len + GT_TAG_BYTES, p), NULL);
    return GT_OK;
}

/* NOLINTNEXTLINE(readability-function-size): result and pool are not counted here */
gt_err_t *gt_seal(const char **sealed, const gt_keyring_t *ring, gt_purpose_t purpose,
                  gt_cipher_t cipher, const gt_place_t *place, const gt_secret_t *clear,
                  apr_pool_t *p)
{
    const gt_key_t *key = gt_keyring_writer(ring, purpose);

    *sealed = NULL;
    if (key == NULL)
        return gt_err(p, GT_INTERNAL, "GT0207", "the keyring has no key for the purpose %s",
                      gt_purpose_name(purpose));
    if (cipher == GT_FERNET)
        return gt_fernet_seal(sealed, gt_key_raw(key), clear, apr_time_sec(gt_now()), p);
    return seal_gcm(sealed, key, purpose, place, clear, p);
}

/* The key id of a gt1 value, in `p`; *blob is what follows it. NULL when it is none. */
static const char *split_sealed(const char **blob, const char *sealed, apr_pool_t *p)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *id;
    apr_size_t len;

    *blob = NULL;
    if (strncmp(sealed, VERSION ".", sizeof(VERSION)) != 0)
        return NULL;
    id = sealed + sizeof(VERSION);
    len = strspn(id, allowed);
    if (len == 0 || len > ID_MAX || id[len] != '.')
        return NULL;
    *blob = id + len + 1;
    return apr_pstrmemdup(p, id, len);
}

const char *gt_sealed_key_id(const char *sealed, apr_pool_t *p)
{
    const char *blob;

    if (sealed == NULL)
        return NULL;
    return gt_is_fernet(sealed) ? "" : split_sealed(&blob, sealed, p);
}

/* "main (1a2b3c4d), old (…)": what an administrator compares with his copies of the keys. */
static const char *keys_at_hand(const gt_keyring_t *ring, apr_pool_t *p)
{
    const apr_array_header_t *keys = gt_keyring_keys(ring);
    const char *text = "";
    int i;

    for (i = 0; i < keys->nelts && i < 8; i++) {
        const gt_key_t *key = APR_ARRAY_IDX(keys, i, const gt_key_t *);

        text = apr_pstrcat(p, text, i > 0 ? ", " : "", key->id, " (", key->fingerprint, ")", NULL);
    }
    return i < keys->nelts ? apr_pstrcat(p, text, ", ...", NULL) : text;
}

int gt_seal_is_current(const gt_keyring_t *ring, gt_purpose_t purpose, gt_cipher_t cipher,
                       const char *sealed, apr_pool_t *p)
{
    const gt_key_t *key = gt_keyring_writer(ring, purpose);
    const char *id = gt_sealed_key_id(sealed, p);
    gt_secret_t *clear;

    if (key == NULL || id == NULL)
        return 0;
    if (cipher == GT_FERNET)
        return *id == '\0' && gt_fernet_open(&clear, gt_key_raw(key), sealed, 0, 0, p) == GT_OK;
    return strcmp(id, key->id) == 0;
}

const gt_key_t *gt_seal_fernet_key(const gt_keyring_t *ring, const char *sealed, apr_pool_t *p)
{
    const apr_array_header_t *keys = gt_keyring_keys(ring);
    gt_secret_t *clear;
    int i;

    for (i = 0; i < keys->nelts; i++) {
        const gt_key_t *key = APR_ARRAY_IDX(keys, i, const gt_key_t *);

        if (gt_fernet_open(&clear, gt_key_raw(key), sealed, 0, 0, p) == GT_OK)
            return key;
    }
    return NULL;
}

static gt_err_t *unseal_fernet(gt_secret_t **clear, const gt_keyring_t *ring, gt_purpose_t purpose,
                               const gt_place_t *place, const char *sealed, apr_pool_t *p)
{
    const apr_array_header_t *keys;
    int i;

    do {
        keys = gt_keyring_keys(ring);
        for (i = 0; i < keys->nelts; i++) {
            const gt_key_t *key = APR_ARRAY_IDX(keys, i, const gt_key_t *);

            if ((key->purposes & 1U << purpose) != 0 &&
                gt_fernet_open(clear, gt_key_raw(key), sealed, 0, 0, p) == GT_OK)
                return GT_OK;
        }
    } while (gt_keyring_miss(ring, keys));
    return gt_err(p, GT_DAMAGED, "GT0208",
                  "%s.%s cannot be opened (Fernet): it was changed, or its key is not in the "
                  "keyring for %s; keys at hand: %s",
                  place->table, place->column, gt_purpose_name(purpose), keys_at_hand(ring, p));
}

static gt_err_t *unseal_gcm(gt_secret_t **clear, const gt_key_t *key, gt_purpose_t purpose,
                            const gt_place_t *place, const char *blob, apr_pool_t *p)
{
    apr_size_t blob_len = strlen(blob);
    bytes_t aad = associated(key->id, purpose, place, p);
    unsigned char *bytes;
    apr_size_t len;

    if (strchr(blob, '=') == NULL && gt_base64_decode(&bytes, &len, blob, blob_len, 0, p) &&
        len >= GT_NONCE_BYTES + GT_TAG_BYTES) {
        gt_secret_t *secret = gt_secret_blank(len - GT_NONCE_BYTES - GT_TAG_BYTES, p);

        if (gt_aead_open(gt_secret_bytes(secret), gt_key_sub(key, purpose), bytes, aad.at, aad.len,
                         bytes + GT_NONCE_BYTES, len - GT_NONCE_BYTES)) {
            *clear = secret;
            return GT_OK;
        }
    }
    return gt_err(p, GT_DAMAGED, "GT0209",
                  "%s.%s cannot be opened (key %s, %s): it was changed, or moved here from another "
                  "row or column, or the key had other bytes when it was written",
                  place->table, place->column, key->id, key->fingerprint);
}

gt_err_t *gt_unseal(gt_secret_t **clear, const gt_keyring_t *ring, gt_purpose_t purpose,
                    const gt_place_t *place, const char *sealed, apr_pool_t *p)
{
    const char *trimmed = strlen(sealed) > SEALED_MAX ? "" : gt_trim(sealed, p);
    const gt_key_t *key;
    const char *blob;
    const char *id;

    *clear = NULL;
    if (gt_is_fernet(trimmed))
        return unseal_fernet(clear, ring, purpose, place, trimmed, p);
    id = split_sealed(&blob, trimmed, p);
    if (id == NULL)
        return gt_err(p, GT_DAMAGED, "GT0210", "%s.%s holds no sealed value", place->table,
                      place->column);
    key = gt_keyring_find(ring, id, purpose);
    if (key == NULL)
        return gt_err(p, GT_DAMAGED, "GT0211",
                      "%s.%s was sealed with the key %s, which the keyring does not have for %s; "
                      "keys at hand: %s",
                      place->table, place->column, id, gt_purpose_name(purpose),
                      keys_at_hand(ring, p));
    return unseal_gcm(clear, key, purpose, place, blob, p);
}
