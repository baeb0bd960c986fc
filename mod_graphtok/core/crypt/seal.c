/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The door between clear and stored secrets. Fields are written with a length before each, so that
 * no two places have the same bytes ("ab" + "c" and "a" + "bc" differ). GCM
 * does not commit to its key, so the key is chosen by the id in the value and no other is tried;
 * Fernet values carry no id, but their HMAC makes trying safe.
 */

#include "crypt/seal.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/aead.h"
#include "crypt/fernet.h"

#define ID_MAX 32
#define FORM_LEN 4 /* "gt1." */

/* Longest sealed text that is looked at; tokens have some thousand bytes. */
#define SEALED_MAX ((apr_size_t)8 << 20)

typedef struct bytes_t {
    unsigned char *at;
    apr_size_t len;
} bytes_t;

typedef enum form_t { GT1, GT2, NO_FORM } form_t;

static const char *const versions[] = {[GT1] = "gt1", [GT2] = "gt2"};

/* A value taken apart. */
typedef struct sealed_t {
    form_t form;
    const char *key_id;
    const char *blob; /* base64url */
} sealed_t;

static const char *known(const char *text)
{
    return text != NULL ? text : "";
}

/* Fields in a row, each behind its length. */
static bytes_t join(const char *const *fields, int n, apr_pool_t *p)
{
    bytes_t joined = {NULL, 0};
    unsigned char *out;
    int i;

    for (i = 0; i < n; i++) {
        assert(fields[i] != NULL);
        joined.len += 4 + strlen(fields[i]);
    }
    out = joined.at = apr_palloc(p, joined.len);
    for (i = 0; i < n; i++) {
        apr_size_t len = strlen(fields[i]);

        *out++ = (unsigned char)(len >> 24 & 0xFF);
        *out++ = (unsigned char)(len >> 16 & 0xFF);
        *out++ = (unsigned char)(len >> 8 & 0xFF);
        *out++ = (unsigned char)(len & 0xFF);
        memcpy(out, fields[i], len);
        out += len;
    }
    return joined;
}

static bytes_t associated(form_t form, const char *key_id, gt_purpose_t purpose,
                          const gt_place_t *place, apr_pool_t *p)
{
    const char *const gt1[] = {versions[GT1], key_id,      gt_purpose_name(purpose), place->table,
                               place->column, place->user, place->provider};
    const char *const gt2[] = {
        versions[GT2], key_id,      gt_purpose_name(purpose), known(place->store),
        place->column, place->user, place->provider,          known(place->resource)};

    return form == GT1 ? join(gt1, sizeof gt1 / sizeof gt1[0], p)
                       : join(gt2, sizeof gt2 / sizeof gt2[0], p);
}

/* The key that a value is sealed with. Wiped by the caller. */
static void key_of_row(unsigned char out[GT_KEY_BYTES], form_t form, const gt_key_t *key,
                       gt_purpose_t purpose, const gt_place_t *place, apr_pool_t *p)
{
    const char *const fields[] = {versions[GT2], gt_purpose_name(purpose), known(place->store),
                                  place->user, place->provider};
    bytes_t info;

    if (form == GT1) {
        memcpy(out, gt_key_sub(key, purpose), GT_KEY_BYTES);
        return;
    }
    info = join(fields, sizeof fields / sizeof fields[0], p);
    gt_key_of_row(out, key, purpose, info.at, info.len);
}

static form_t form_for(const gt_place_t *place)
{
    return *known(place->store) != '\0' ? GT2 : GT1;
}

static gt_err_t *seal_gcm(const char **sealed, const gt_key_t *key, gt_purpose_t purpose,
                          const gt_place_t *place, const gt_secret_t *clear, apr_pool_t *p)
{
    const form_t form = form_for(place);
    apr_size_t len = gt_secret_len(clear);
    bytes_t aad = associated(form, key->id, purpose, place, p);
    unsigned char *blob = apr_palloc(p, GT_NONCE_BYTES + len + GT_TAG_BYTES);
    unsigned char row_key[GT_KEY_BYTES];
    int is_sealed;

    gt_random(blob, GT_NONCE_BYTES);
    key_of_row(row_key, form, key, purpose, place, p);
    is_sealed = gt_aead_seal(blob + GT_NONCE_BYTES, row_key, blob, aad.at, aad.len,
                             gt_secret_text(clear), len);
    OPENSSL_cleanse(row_key, sizeof(row_key));
    if (!is_sealed)
        return gt_err(p, GT_INTERNAL, "GT0206", "a value cannot be encrypted (AES-256-GCM)");
    *sealed = apr_pstrcat(p, versions[form], ".", key->id, ".",
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

static form_t form_of(const char *sealed)
{
    for (int form = 0; form < NO_FORM; form++)
        if (strncmp(sealed, versions[form], FORM_LEN - 1) == 0 && sealed[FORM_LEN - 1] == '.')
            return (form_t)form;
    return NO_FORM;
}

/* @return 0 when it is no value of AES-256-GCM. The key id is copied into `p`. */
static int split_sealed(sealed_t *parts, const char *sealed, apr_pool_t *p)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *id;
    apr_size_t len;

    parts->form = form_of(sealed);
    if (parts->form == NO_FORM)
        return 0;
    id = sealed + FORM_LEN;
    len = strspn(id, allowed);
    if (len == 0 || len > ID_MAX || id[len] != '.')
        return 0;
    parts->key_id = apr_pstrmemdup(p, id, len);
    parts->blob = id + len + 1;
    return 1;
}

const char *gt_sealed_key_id(const char *sealed, apr_pool_t *p)
{
    sealed_t parts;

    if (sealed == NULL)
        return NULL;
    if (gt_is_fernet(sealed))
        return "";
    return split_sealed(&parts, sealed, p) ? parts.key_id : NULL;
}

int gt_sealed_for_store(const char *sealed)
{
    return form_of(sealed) == GT2;
}

/* "main (1a2b3c4d), old (…)", for an administrator to compare with copies of the keys. */
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

const char *gt_seal_beginning(const gt_keyring_t *ring, gt_purpose_t purpose, gt_cipher_t cipher,
                              const gt_place_t *place, apr_pool_t *p)
{
    const gt_key_t *key = gt_keyring_writer(ring, purpose);

    if (key == NULL)
        return NULL;
    if (cipher == GT_FERNET)
        return "";
    return apr_pstrcat(p, versions[form_for(place)], ".", key->id, ".", NULL);
}

/* NOLINTNEXTLINE(readability-function-size): as above */
int gt_seal_is_current(const gt_keyring_t *ring, gt_purpose_t purpose, gt_cipher_t cipher,
                       const gt_place_t *place, const char *sealed, apr_pool_t *p)
{
    const char *begins = gt_seal_beginning(ring, purpose, cipher, place, p);
    const gt_key_t *key = gt_keyring_writer(ring, purpose);
    gt_secret_t *clear;

    if (begins == NULL || key == NULL)
        return 0;
    if (cipher == GT_FERNET)
        return gt_is_fernet(sealed) &&
               gt_fernet_open(&clear, gt_key_raw(key), sealed, 0, 0, p) == GT_OK;
    return strncmp(sealed, begins, strlen(begins)) == 0;
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

static int open_gcm(gt_secret_t **clear, const gt_key_t *key, gt_purpose_t purpose,
                    const gt_place_t *place, const sealed_t *parts, apr_pool_t *p)
{
    bytes_t aad = associated(parts->form, key->id, purpose, place, p);
    unsigned char row_key[GT_KEY_BYTES];
    unsigned char *bytes;
    gt_secret_t *secret;
    apr_size_t len;
    int is_open;

    if (strchr(parts->blob, '=') != NULL ||
        !gt_base64_decode(&bytes, &len, parts->blob, strlen(parts->blob), 0, p) ||
        len < GT_NONCE_BYTES + GT_TAG_BYTES)
        return 0;
    secret = gt_secret_blank(len - GT_NONCE_BYTES - GT_TAG_BYTES, p);
    key_of_row(row_key, parts->form, key, purpose, place, p);
    is_open = gt_aead_open(gt_secret_bytes(secret), row_key, bytes, aad.at, aad.len,
                           bytes + GT_NONCE_BYTES, len - GT_NONCE_BYTES);
    OPENSSL_cleanse(row_key, sizeof(row_key));
    if (is_open)
        *clear = secret;
    return is_open;
}

static gt_err_t *unseal_gcm(gt_secret_t **clear, const gt_key_t *key, gt_purpose_t purpose,
                            const gt_place_t *place, const sealed_t *parts, apr_pool_t *p)
{
    gt_place_t other = *place;

    if (parts->form == GT2 && form_for(place) != GT2)
        return gt_err(p, GT_DAMAGED, "GT0218",
                      "%s.%s was sealed for a store's id, and the id of this store is not known: "
                      "is graphtok_ids, beside the table, as graphtokctl migrate made it?",
                      place->table, place->column);
    if (open_gcm(clear, key, purpose, place, parts, p))
        return GT_OK;
    other.table = place->other_table;
    if (parts->form == GT1 && other.table != NULL &&
        open_gcm(clear, key, purpose, &other, parts, p))
        return GT_OK;
    return gt_err(p, GT_DAMAGED, "GT0209",
                  "%s.%s cannot be opened (key %s, %s): it was changed, or moved here from another "
                  "row, column or store, or the key had other bytes when it was written",
                  place->table, place->column, key->id, key->fingerprint);
}

gt_err_t *gt_unseal(gt_secret_t **clear, const gt_keyring_t *ring, gt_purpose_t purpose,
                    const gt_place_t *place, const char *sealed, apr_pool_t *p)
{
    const char *trimmed = strlen(sealed) > SEALED_MAX ? "" : gt_trim(sealed, p);
    const gt_key_t *key;
    sealed_t parts;

    *clear = NULL;
    if (gt_is_fernet(trimmed))
        return unseal_fernet(clear, ring, purpose, place, trimmed, p);
    if (!split_sealed(&parts, trimmed, p))
        return gt_err(p, GT_DAMAGED, "GT0210", "%s.%s holds no sealed value", place->table,
                      place->column);
    key = gt_keyring_find(ring, parts.key_id, purpose);
    if (key == NULL)
        return gt_err(p, GT_DAMAGED, "GT0211",
                      "%s.%s was sealed with the key %s, which the keyring does not have for %s: "
                      "bring it back (one more GraphTokKeyring adds it), or the user signs in "
                      "again; keys at hand: %s",
                      place->table, place->column, parts.key_id, gt_purpose_name(purpose),
                      keys_at_hand(ring, p));
    return unseal_gcm(clear, key, purpose, place, &parts, p);
}
