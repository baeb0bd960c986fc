/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Keys as an administrator has them: a shared secret, PEM, or a JWKS. PEM becomes a JWKS, so that
 * one reader judges the keys of all. The text of a published key is never taken for a secret: each
 * of its readers could sign (RFC 8725 section 3.1).
 */

#include "crypt/key_set.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"

#define BLOCKS_MAX 64
#define NUMBER_MAX 1024 /* bytes: RSA of 8192 bits */

/* ---- a key's numbers ---- */

static void put_number(json_t *jwk, const char *name, const unsigned char *bytes, int len,
                       apr_pool_t *p)
{
    gt_json_set(jwk, name, gt_base64url(bytes, (apr_size_t)len, p));
}

/* 0: the key has no such number, or a longer one. @param width  bytes; 0: as many as it has */
static int take_number(json_t *jwk, const char *member, EVP_PKEY *key, const char *name, int width,
                       apr_pool_t *p)
{
    unsigned char bytes[NUMBER_MAX];
    BIGNUM *number = NULL;
    int len;

    if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
        return 0;
    len = width > 0 ? width : BN_num_bytes(number);
    len = len <= NUMBER_MAX ? BN_bn2binpad(number, bytes, len) : -1;
    BN_free(number);
    if (len > 0)
        put_number(jwk, member, bytes, len, p);
    return len > 0;
}

static int describe_rsa(json_t *jwk, EVP_PKEY *key, apr_pool_t *p)
{
    gt_json_set(jwk, "kty", "RSA");
    return take_number(jwk, "n", key, OSSL_PKEY_PARAM_RSA_N, 0, p) &&
           take_number(jwk, "e", key, OSSL_PKEY_PARAM_RSA_E, 0, p);
}

static int describe_ec(json_t *jwk, EVP_PKEY *key, apr_pool_t *p)
{
    static const struct {
        const char *group, *crv;
        int width;
    } curves[] = {
        {"prime256v1", "P-256", 32}, {"secp384r1", "P-384", 48}, {"secp521r1", "P-521", 66}};
    char group[32] = "";

    gt_json_set(jwk, "kty", "EC");
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
        return 0;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(curves[i].group, group) != 0)
            continue;
        gt_json_set(jwk, "crv", curves[i].crv);
        return take_number(jwk, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, curves[i].width, p) &&
               take_number(jwk, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, curves[i].width, p);
    }
    return 0;
}

static int describe_okp(json_t *jwk, EVP_PKEY *key, apr_pool_t *p)
{
    unsigned char bytes[32];
    size_t len = sizeof(bytes);

    if (EVP_PKEY_get_raw_public_key(key, bytes, &len) != 1)
        return 0;
    gt_json_set(jwk, "kty", "OKP");
    gt_json_set(jwk, "crv", "Ed25519");
    put_number(jwk, "x", bytes, (int)len, p);
    return 1;
}

/* A key as it stands in a JWKS; NULL: no algorithm of ours has such keys. */
static json_t *describe(EVP_PKEY *key, apr_pool_t *p)
{
    json_t *jwk = gt_json_object(p);
    int is_told = 0;

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        is_told = describe_rsa(jwk, key, p);
        break;
    case EVP_PKEY_EC:
        is_told = describe_ec(jwk, key, p);
        break;
    case EVP_PKEY_ED25519:
        is_told = describe_okp(jwk, key, p);
        break;
    default:
        break;
    }
    return is_told ? json_incref(jwk) : NULL;
}

/* ---- PEM ---- */

static EVP_PKEY *key_of_certificate(const unsigned char *der, long len)
{
    X509 *certificate = d2i_X509(NULL, &der, len);
    EVP_PKEY *key = certificate != NULL ? X509_get_pubkey(certificate) : NULL;

    X509_free(certificate);
    return key;
}

static void add_block(json_t *keys, const char *label, const unsigned char *der, long len,
                      apr_pool_t *p)
{
    EVP_PKEY *key = NULL;
    json_t *jwk;

    if (strcmp(label, PEM_STRING_PUBLIC) == 0)
        key = d2i_PUBKEY(NULL, &der, len);
    else if (strcmp(label, PEM_STRING_RSA_PUBLIC) == 0)
        key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, len);
    else if (strcmp(label, PEM_STRING_X509) == 0)
        key = key_of_certificate(der, len);
    jwk = key != NULL ? describe(key, p) : NULL;
    EVP_PKEY_free(key);
    if (jwk != NULL)
        json_array_append_new(keys, jwk);
}

gt_key_set_t *gt_key_set_parse_pem(const char *text, apr_size_t len, apr_pool_t *p)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    json_t *jwks = gt_json_object(p), *keys = json_array();
    char *label, *header;
    unsigned char *der;
    const char *all;
    long der_len;

    if (bio == NULL)
        abort(); /* no memory */
    for (int i = 0; i < BLOCKS_MAX && PEM_read_bio(bio, &label, &header, &der, &der_len) == 1;
         i++) {
        add_block(keys, label, der, der_len, p);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)der_len);
    }
    BIO_free(bio);
    ERR_clear_error();
    gt_json_put(jwks, "keys", keys);
    all = gt_json_dump(jwks, p);
    return json_array_size(keys) > 0 ? gt_key_set_parse(all, strlen(all), p) : NULL;
}

/* ---- either ---- */

static int is_pem(const char *text)
{
    return strstr(text, "-----BEGIN ") != NULL;
}

static const char *secret_fault(const gt_secret_t *text)
{
    const char *bytes = gt_secret_text(text);

    if (is_pem(bytes))
        return "is PEM: what is published, or signs in another way, is no shared secret of HS256, "
               "HS384 or HS512";
    if (bytes[0] == '{' && strstr(bytes, "\"kty\"") != NULL)
        return "is a JSON Web Key: a shared secret is the bytes themselves";
    if (gt_secret_len(text) < GT_SHARED_SECRET_MIN)
        return "has fewer than 16 bytes, so that a secret like it could be guessed from one token; "
               "make another: openssl rand -base64 48";
    return NULL;
}

/* A set that holds a private member has no keys left, and says no more. */
static const char *public_fault(const gt_key_set_t *set, const char *text,
                                const char *const *algorithms)
{
    if (strstr(text, "PRIVATE KEY-----") != NULL)
        return "has a private key in it; the public one alone belongs here: openssl pkey -pubout";
    if (set == NULL)
        return is_pem(text) ? "is PEM without a public key" : "is neither PEM nor a JWKS";
    for (int i = 0; algorithms[i] != NULL; i++)
        if (gt_key_set_serves(set, algorithms[i]))
            return NULL;
    return "has no public key that serves one of the algorithms";
}

gt_key_set_t *gt_key_set_of_text(const char **fault, const gt_secret_t *text,
                                 const char *const *algorithms, apr_pool_t *p)
{
    const char *bytes = gt_secret_text(text);
    apr_size_t len = gt_secret_len(text), hash;
    gt_key_set_t *set;

    if (algorithms[0] != NULL && gt_algorithm_kind(&hash, algorithms[0]) == GT_ALGORITHM_SECRET) {
        *fault = secret_fault(text);
        return *fault == NULL ? gt_key_set_of_secret(text, p) : NULL;
    }
    set = is_pem(bytes) ? gt_key_set_parse_pem(bytes, len, p) : gt_key_set_parse(bytes, len, p);
    *fault = public_fault(set, bytes, algorithms);
    return *fault == NULL ? set : NULL;
}
