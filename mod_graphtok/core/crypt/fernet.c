/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Fernet: 0x80 | time, 8 bytes | IV, 16 | AES-128-CBC, PKCS#7 | HMAC-SHA-256, 32, in base64url
 * with padding. The first 16 bytes of the key sign, the last 16 encrypt. Reading is strict where
 * Python is lenient (characters outside the alphabet, text behind the padding), but for white
 * space round the token, which databases and files add. Source: github.com/fernet/spec.
 */

#include "crypt/fernet.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

#define VERSION 0x80
#define TIME_AT 1
#define IV_AT 9
#define IV_BYTES 16
#define TEXT_AT 25
#define BLOCK 16
#define HALF_KEY 16
#define MAC_BYTES 32
#define SKEW_SECONDS 60

/* Of the clear value: far above any token of ours, and OpenSSL's lengths are int. */
#define CLEAR_MAX ((apr_size_t)16 << 20)

typedef struct cipher_t {
    const unsigned char *key; /* the whole Fernet key */
    const unsigned char *iv;
    int encrypts; /* 1, or 0: decrypts */
} cipher_t;

/* AES-128-CBC over a whole value. @return bytes written, or -1 */
static int run_cipher(unsigned char *out, const cipher_t *cipher, const unsigned char *in,
                      apr_size_t len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int first = 0;
    int last = 0;
    int is_done = ctx != NULL &&
                  EVP_CipherInit_ex(ctx, EVP_aes_128_cbc(), NULL, cipher->key + HALF_KEY,
                                    cipher->iv, cipher->encrypts) == 1 &&
                  EVP_CipherUpdate(ctx, out, &first, in, (int)len) == 1 &&
                  EVP_CipherFinal_ex(ctx, out + first, &last) == 1;

    EVP_CIPHER_CTX_free(ctx);
    if (is_done)
        return first + last;
    ERR_clear_error();
    return -1;
}

static int sign(unsigned char mac[MAC_BYTES], const unsigned char *key, const unsigned char *bytes,
                apr_size_t len)
{
    return HMAC(EVP_sha256(), key, HALF_KEY, bytes, len, mac, NULL) != NULL;
}

static void put_time(unsigned char bytes[8], apr_uint64_t when)
{
    int i;

    for (i = 7; i >= 0; i--, when >>= 8)
        bytes[i] = (unsigned char)(when & 0xFF);
}

static apr_uint64_t get_time(const unsigned char bytes[8])
{
    apr_uint64_t when = 0;
    int i;

    for (i = 0; i < 8; i++)
        when = when << 8 | bytes[i];
    return when;
}

gt_err_t *gt_fernet_seal_iv(const char **token, const unsigned char *key, const gt_secret_t *clear,
                            apr_int64_t when, const unsigned char *iv, apr_pool_t *p)
{
    const cipher_t cipher = {key, iv, 1};
    apr_size_t len = gt_secret_len(clear);
    unsigned char *bytes;
    char *text;
    int n = -1;

    *token = NULL;
    if (len <= CLEAR_MAX) {
        bytes = apr_palloc(p, TEXT_AT + len + BLOCK + MAC_BYTES);
        bytes[0] = VERSION;
        put_time(bytes + TIME_AT, (apr_uint64_t)when);
        memcpy(bytes + IV_AT, iv, IV_BYTES);
        n = run_cipher(bytes + TEXT_AT, &cipher, (const unsigned char *)gt_secret_text(clear), len);
    }
    if (n < 0 || !sign(bytes + TEXT_AT + n, key, bytes, TEXT_AT + (apr_size_t)n))
        return gt_err(p, GT_INTERNAL, "GT0204", "a value cannot be encrypted (Fernet)");
    text = gt_base64url(bytes, TEXT_AT + (apr_size_t)n + MAC_BYTES, p);
    *token = apr_pstrcat(p, text, &"==="[3 - (4 - strlen(text) % 4) % 4], NULL);
    return GT_OK;
}

gt_err_t *gt_fernet_seal(const char **token, const unsigned char *key, const gt_secret_t *clear,
                         apr_int64_t when, apr_pool_t *p)
{
    unsigned char iv[IV_BYTES];

    gt_random(iv, sizeof(iv));
    return gt_fernet_seal_iv(token, key, clear, when, iv, p);
}

/* 1 when bytes have a token's form and its signature holds. Nothing is decrypted before. */
static int is_signed(const unsigned char *key, const unsigned char *bytes, apr_size_t len)
{
    unsigned char mac[MAC_BYTES];

    if (len < TEXT_AT + BLOCK + MAC_BYTES || (len - TEXT_AT - MAC_BYTES) % BLOCK != 0 ||
        bytes[0] != VERSION || len > CLEAR_MAX + 100)
        return 0;
    return sign(mac, key, bytes, len - MAC_BYTES) &&
           CRYPTO_memcmp(mac, bytes + len - MAC_BYTES, MAC_BYTES) == 0;
}

/* Exactly ttl old, and exactly 60 s ahead, still pass, as in Python. */
static int is_in_time(const unsigned char *bytes, apr_int64_t ttl, apr_int64_t now)
{
    apr_uint64_t when = get_time(bytes + TIME_AT);

    if (ttl == 0)
        return 1;
    return when <= (apr_uint64_t)APR_INT64_MAX && (apr_int64_t)when >= now - ttl &&
           (apr_int64_t)when <= now + SKEW_SECONDS;
}

gt_err_t *gt_fernet_open(gt_secret_t **clear, const unsigned char *key, const char *token,
                         apr_int64_t ttl, apr_int64_t now, apr_pool_t *p)
{
    const char *text = gt_trim(token, p);
    apr_size_t text_len = strlen(text);
    unsigned char *bytes;
    apr_size_t len;

    assert(ttl >= 0 && now >= 0);
    *clear = NULL;
    if (text_len % 4 == 0 && gt_base64_decode(&bytes, &len, text, text_len, 0, p) &&
        is_signed(key, bytes, len) && is_in_time(bytes, ttl, now)) {
        apr_size_t text_bytes = len - TEXT_AT - MAC_BYTES;
        gt_secret_t *secret = gt_secret_blank(text_bytes + BLOCK, p);
        const cipher_t cipher = {key, bytes + IV_AT, 0};
        int n = run_cipher(gt_secret_bytes(secret), &cipher, bytes + TEXT_AT, text_bytes);

        gt_secret_cut(secret, n < 0 ? 0 : (apr_size_t)n);
        if (n >= 0) {
            *clear = secret;
            return GT_OK;
        }
    }
    return gt_err(p, GT_DAMAGED, "GT0205", "a value cannot be opened (Fernet)");
}

int gt_is_fernet(const char *text)
{
    return text != NULL && strncmp(text, "gAAAAA", 6) == 0;
}
