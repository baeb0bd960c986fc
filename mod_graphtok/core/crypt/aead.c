/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * AES-256-GCM and HKDF by OpenSSL. The cipher context lives as long as its thread: fetching the
 * cipher and allocating a context costs several times what encrypting a token does. Failures
 * empty OpenSSL's error queue, which other modules of the process read.
 * Sources: NIST SP 800-38D, RFC 5869.
 */

#include "crypt/aead.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/log.h"
#include "base/thread.h"

/* Far above any value of ours, far below where OpenSSL's int lengths or GCM's counter end. */
#define LEN_MAX ((apr_size_t)1 << 30)

enum { DECRYPT, ENCRYPT };

#define KEY_BYTES 32

/* Freed when a thread of ours ends (free_contexts). Expanding a key costs a quarter of opening a
 * token, and most threads use one key only: so the context keeps the expanded key, and
 * `context_key` the bytes it was expanded from. */
static _Thread_local EVP_CIPHER_CTX *context;
static _Thread_local unsigned char context_key[KEY_BYTES];
static _Thread_local int context_direction;
static _Thread_local int has_key;
static _Thread_local EVP_MAC_CTX *mac_context; /* HMAC-SHA-256; freed likewise */

/* The last key that this thread derived, and what from: the values of an owner's rows come one
 * after the other, and deriving costs more than encrypting some thousand bytes. */
#define INFO_MAX 256 /* longer ones are derived each time */
static _Thread_local struct {
    unsigned char out[GT_PRK_BYTES], prk[GT_PRK_BYTES], info[INFO_MAX];
    apr_size_t info_len; /* 0: none */
} derived;

static void free_contexts(void)
{
    EVP_CIPHER_CTX_free(context);
    context = NULL;
    EVP_MAC_CTX_free(mac_context);
    mac_context = NULL;
    OPENSSL_cleanse(context_key, sizeof(context_key));
    OPENSSL_cleanse(&derived, sizeof(derived));
    has_key = 0;
}

static int make_context(void)
{
    gt_thread_at_end(free_contexts);
    context = EVP_CIPHER_CTX_new();
    if (context != NULL &&
        EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, NULL, NULL, ENCRYPT) == 1)
        return 1;
    free_contexts();
    return 0;
}

/* The thread's context with key and nonce set. NULL when the library fails. */
static EVP_CIPHER_CTX *begin(int direction, const unsigned char *key, const unsigned char *nonce)
{
    if (context == NULL && !make_context())
        return NULL;
    if (has_key && context_direction == direction &&
        CRYPTO_memcmp(context_key, key, KEY_BYTES) == 0)
        return EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, direction) == 1 ? context : NULL;
    has_key = EVP_CipherInit_ex(context, NULL, NULL, key, nonce, direction) == 1;
    if (!has_key)
        return NULL;
    memcpy(context_key, key, KEY_BYTES);
    context_direction = direction;
    return context;
}

/* Feed associated data and text. 1 when the library took them. */
static int feed(EVP_CIPHER_CTX *ctx, unsigned char *out, const void *aad, apr_size_t aad_len,
                const void *in, apr_size_t in_len)
{
    int n;

    if (aad_len > 0 && EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1)
        return 0;
    return in_len == 0 || EVP_CipherUpdate(ctx, out, &n, in, (int)in_len) == 1;
}

/* NOLINTNEXTLINE(readability-function-size): byte strings come with their lengths */
int gt_aead_seal(unsigned char *out, const unsigned char *key, const unsigned char *nonce,
                 const void *aad, apr_size_t aad_len, const void *in, apr_size_t in_len)
{
    EVP_CIPHER_CTX *ctx;
    int n;

    if (aad_len > LEN_MAX || in_len > LEN_MAX)
        return 0;
    ctx = begin(ENCRYPT, key, nonce);
    if (ctx != NULL && feed(ctx, out, aad, aad_len, in, in_len) &&
        EVP_CipherFinal_ex(ctx, out + in_len, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GT_TAG_BYTES, out + in_len) == 1)
        return 1;
    ERR_clear_error();
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): as above */
int gt_aead_open(unsigned char *out, const unsigned char *key, const unsigned char *nonce,
                 const void *aad, apr_size_t aad_len, const unsigned char *in, apr_size_t in_len)
{
    EVP_CIPHER_CTX *ctx;
    apr_size_t len;
    int n;

    if (in_len < GT_TAG_BYTES || in_len > LEN_MAX || aad_len > LEN_MAX)
        return 0;
    len = in_len - GT_TAG_BYTES;
    ctx = begin(DECRYPT, key, nonce);
    /* OpenSSL only reads the tag, but its control call takes no const. */
    if (ctx != NULL &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GT_TAG_BYTES, (void *)(in + len)) == 1 &&
        feed(ctx, out, aad, aad_len, in, len) && EVP_CipherFinal_ex(ctx, out + len, &n) == 1)
        return 1;
    OPENSSL_cleanse(out, len);
    ERR_clear_error();
    return 0;
}

/* No caller could go on without its key, and none must go on with an unset one. */
static void cannot_derive(void)
{
    gt_log(GT_LOG_ERROR, "GT0201", "OpenSSL cannot derive a key (HKDF); the process ends");
    abort();
}

static EVP_MAC_CTX *make_mac(void)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

    EVP_MAC_free(mac);
    gt_thread_at_end(free_contexts);
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* HMAC-SHA-256 of the bytes and, when `last` is not 0, of one byte more. */
static void hmac(unsigned char out[KEY_BYTES], const unsigned char key[KEY_BYTES],
                 const void *bytes, apr_size_t len, unsigned char last)
{
    apr_size_t n = 0;

    if (mac_context == NULL)
        mac_context = make_mac();
    if (mac_context == NULL || EVP_MAC_init(mac_context, key, KEY_BYTES, NULL) != 1 ||
        EVP_MAC_update(mac_context, bytes, len) != 1 ||
        (last != 0 && EVP_MAC_update(mac_context, &last, 1) != 1) ||
        EVP_MAC_final(mac_context, out, &n, KEY_BYTES) != 1 || n != KEY_BYTES)
        cannot_derive();
}

void gt_hkdf_extract(unsigned char prk[GT_PRK_BYTES], const void *secret, apr_size_t secret_len)
{
    static const unsigned char no_salt[KEY_BYTES];

    hmac(prk, no_salt, secret, secret_len, 0);
}

void gt_hkdf_expand(unsigned char out[GT_PRK_BYTES], const unsigned char prk[GT_PRK_BYTES],
                    const void *info, apr_size_t info_len)
{
    if (info_len > 0 && info_len == derived.info_len && memcmp(derived.info, info, info_len) == 0 &&
        CRYPTO_memcmp(derived.prk, prk, GT_PRK_BYTES) == 0) {
        memcpy(out, derived.out, GT_PRK_BYTES);
        return;
    }
    hmac(out, prk, info, info_len, 1);
    if (info_len > INFO_MAX)
        return;
    memcpy(derived.out, out, GT_PRK_BYTES);
    memcpy(derived.prk, prk, GT_PRK_BYTES);
    memcpy(derived.info, info, info_len);
    derived.info_len = info_len;
}

/* NOLINTNEXTLINE(readability-function-size): as above */
void gt_hkdf(unsigned char *out, apr_size_t len, const void *secret, apr_size_t secret_len,
             const void *salt, apr_size_t salt_len, const void *info, apr_size_t info_len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[5];
    OSSL_PARAM *param = params;
    int is_done;

    assert(len > 0 && len <= (apr_size_t)255 * 32);
    *param++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
    *param++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, secret_len);
    if (salt_len > 0)
        *param++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, salt_len);
    if (info_len > 0)
        *param++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_len);
    *param = OSSL_PARAM_construct_end();
    is_done = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    if (!is_done)
        cannot_derive();
}
