/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Reading PEM and signing are OpenSSL's. By itself it would ask a terminal for a passphrase, take
 * a key that does not belong to the certificate, and one that is too weak: none of it may happen.
 */

#include "crypt/client_key.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

#define RSA_BITS_LEAST 2048
#define RSA_BITS_MOST 8192
#define SIGNATURE_MAX 1024

struct gt_client_key_t {
    atomic_int refs;
    EVP_PKEY *key;
    apr_time_t begins, ends;
    char x5t[44];        /* base64url of the certificate's SHA-256 */
    char thumbprint[65]; /* the same in hexadecimal digits */
};

/** How an algorithm signs. */
typedef struct algorithm_t {
    const char *name;
    int type;              /* of its key: EVP_PKEY_RSA or EVP_PKEY_EC */
    int bits;              /* EC: of its curve; RSA: 0, any */
    const char *digest;    /* OpenSSL's name */
    int is_pss;            /* RSA: RFC 7518 section 3.5 */
    apr_size_t half_bytes; /* EC: of r and of s, RFC 7518 section 3.4 */
} algorithm_t;

/* The best one of a key first. */
static const algorithm_t algorithms[] = {
    {"PS256", EVP_PKEY_RSA, 0, "SHA256", 1, 0},   {"RS256", EVP_PKEY_RSA, 0, "SHA256", 0, 0},
    {"ES256", EVP_PKEY_EC, 256, "SHA256", 0, 32}, {"ES384", EVP_PKEY_EC, 384, "SHA384", 0, 48},
    {"ES512", EVP_PKEY_EC, 521, "SHA512", 0, 66},
};

/* ---- reading ---- */

/* Without it OpenSSL asks for a passphrase on the terminal. */
static int has_no_passphrase(char *room, int size, int writes, void *asked)
{
    (void)room, (void)size, (void)writes;
    *(int *)asked = 1;
    return -1;
}

static BIO *bio_of(const gt_secret_t *text)
{
    BIO *bio = BIO_new_mem_buf(gt_secret_text(text), (int)gt_secret_len(text));

    if (bio == NULL)
        abort();
    return bio;
}

static X509 *read_certificate(const gt_secret_t *text)
{
    BIO *bio = bio_of(text);
    int asked = 0;
    X509 *certificate = PEM_read_bio_X509(bio, NULL, has_no_passphrase, &asked);

    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *read_key(const char **wrong, const gt_secret_t *text)
{
    BIO *bio = bio_of(text);
    int asked = 0;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, has_no_passphrase, &asked);

    BIO_free(bio);
    if (key == NULL)
        *wrong = asked ? "the private key is encrypted; write it without a passphrase"
                       : "no private key in PEM is there";
    return key;
}

/* A curve of the right size may still be another one. */
static int is_known_curve(const EVP_PKEY *key)
{
    char name[32];

    return EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1 &&
           (strcmp(name, "prime256v1") == 0 || strcmp(name, "secp384r1") == 0 ||
            strcmp(name, "secp521r1") == 0);
}

static const char *judge_pair(const EVP_PKEY *key, X509 *certificate)
{
    int bits = EVP_PKEY_get_bits(key);

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        if (bits < RSA_BITS_LEAST || bits > RSA_BITS_MOST)
            return "the RSA key has less than 2048 bits, or more than 8192";
    }
    else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || !is_known_curve(key))
        return "the key is neither RSA nor EC of P-256, P-384 or P-521";
    if (X509_check_private_key(certificate, key) != 1)
        return "the private key is not the certificate's";
    return NULL;
}

static apr_time_t time_of(const ASN1_TIME *t)
{
    struct tm parts;

    /* RFC 5280 section 4.1.2.5: 9999 is "no end". */
    if (ASN1_TIME_to_tm(t, &parts) != 1)
        return 0;
    return apr_time_from_sec(timegm(&parts));
}

static void describe(gt_client_key_t *key, X509 *certificate, apr_pool_t *p)
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (X509_digest(certificate, EVP_sha256(), digest, NULL) != 1)
        abort();
    apr_cpystrn(key->x5t, gt_base64url(digest, 32, p), sizeof(key->x5t));
    for (int i = 0; i < 32; i++)
        apr_snprintf(key->thumbprint + 2 * i, 3, "%02X", digest[i]);
    key->begins = time_of(X509_get0_notBefore(certificate));
    key->ends = time_of(X509_get0_notAfter(certificate));
}

gt_err_t *gt_client_key_make(gt_client_key_t **key, const gt_secret_t *certificate,
                             const gt_secret_t *private_key, apr_pool_t *p)
{
    X509 *read = read_certificate(certificate);
    const char *wrong = read == NULL ? "no certificate in PEM is there" : NULL;
    EVP_PKEY *pair = wrong == NULL ? read_key(&wrong, private_key) : NULL;

    *key = NULL;
    if (wrong == NULL)
        wrong = judge_pair(pair, read);
    ERR_clear_error();
    if (wrong == NULL) {
        *key = calloc(1, sizeof(**key));
        if (*key == NULL)
            abort();
        atomic_init(&(*key)->refs, 1);
        (*key)->key = pair;
        describe(*key, read, p);
    }
    else {
        EVP_PKEY_free(pair);
    }
    X509_free(read);
    return wrong == NULL ? GT_OK : gt_err(p, GT_INTERNAL, "GT0219", "%s", wrong);
}

void gt_client_key_digest(unsigned char digest[GT_CLIENT_KEY_DIGEST],
                          const gt_secret_t *certificate, const gt_secret_t *private_key)
{
    unsigned char both[2 * GT_CLIENT_KEY_DIGEST];

    gt_sha256(both, gt_secret_text(certificate), gt_secret_len(certificate));
    gt_sha256(both + GT_CLIENT_KEY_DIGEST, gt_secret_text(private_key), gt_secret_len(private_key));
    gt_sha256(digest, both, sizeof(both));
}

/* ---- references ---- */

void gt_client_key_release(gt_client_key_t *key)
{
    if (key == NULL || atomic_fetch_sub(&key->refs, 1) > 1)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

static apr_status_t let_go(void *key)
{
    gt_client_key_release(key);
    return APR_SUCCESS;
}

const gt_client_key_t *gt_client_key_hold(gt_client_key_t *key, apr_pool_t *p)
{
    atomic_fetch_add(&key->refs, 1);
    apr_pool_cleanup_register(p, key, let_go, apr_pool_cleanup_null);
    return key;
}

apr_time_t gt_client_key_begins(const gt_client_key_t *key)
{
    return key->begins;
}

apr_time_t gt_client_key_ends(const gt_client_key_t *key)
{
    return key->ends;
}

const char *gt_client_key_thumbprint(const gt_client_key_t *key)
{
    return key->thumbprint;
}

/* ---- signing ---- */

static int is_named(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word))
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return 1;
    return 0;
}

const char *gt_client_key_algorithm(const gt_client_key_t *key, const char *allowed)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        const algorithm_t *row = &algorithms[i];

        if (EVP_PKEY_get_base_id(key->key) == row->type && is_named(allowed, row->name) &&
            (row->bits == 0 || EVP_PKEY_get_bits(key->key) == row->bits))
            return row->name;
    }
    return NULL;
}

static const algorithm_t *row_of(const char *name)
{
    const algorithm_t *row = algorithms;

    while (strcmp(row->name, name) != 0)
        row++;
    return row;
}

/* Of PSS the salt is as long as the digest (RFC 7518 section 3.5). */
static int set_padding(EVP_PKEY_CTX *context, const algorithm_t *row)
{
    return !row->is_pss || (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static int sign(unsigned char signature[SIGNATURE_MAX], size_t *len, const gt_client_key_t *key,
                const algorithm_t *row, const char *text)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;
    int is_signed;

    *len = SIGNATURE_MAX;
    is_signed =
        context != NULL &&
        EVP_DigestSignInit_ex(context, &padding, row->digest, NULL, NULL, key->key, NULL) == 1 &&
        set_padding(padding, row) &&
        EVP_DigestSign(context, signature, len, (const unsigned char *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(context);
    return is_signed;
}

/* OpenSSL gives r and s in DER, a JWS has both in their full length. */
static int make_bare(unsigned char signature[SIGNATURE_MAX], size_t *len, apr_size_t half)
{
    const unsigned char *der = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)*len);
    int is_bare = pair != NULL &&
                  BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, (int)half) == (int)half &&
                  BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + half, (int)half) == (int)half;

    ECDSA_SIG_free(pair);
    *len = 2 * half;
    return is_bare;
}

static const char *encode_json(const json_t *json, apr_pool_t *p)
{
    const char *text = gt_json_dump(json, p);

    return gt_base64url(text, strlen(text), p);
}

gt_err_t *gt_client_key_sign(gt_secret_t **token, const gt_client_key_t *key, const char *algorithm,
                             const json_t *claims, apr_pool_t *p)
{
    const algorithm_t *row = row_of(algorithm);
    json_t *header = gt_json_object(p);
    unsigned char signature[SIGNATURE_MAX];
    const char *text;
    size_t len;

    *token = NULL;
    gt_json_set(header, "alg", row->name);
    gt_json_set(header, "typ", "JWT");
    gt_json_set(header, "x5t#S256", key->x5t);
    text = apr_pstrcat(p, encode_json(header, p), ".", encode_json(claims, p), NULL);
    if (!sign(signature, &len, key, row, text) ||
        (row->half_bytes > 0 && !make_bare(signature, &len, row->half_bytes))) {
        ERR_clear_error();
        return gt_err(p, GT_INTERNAL, "GT0220", "OpenSSL does not sign by %s", row->name);
    }
    text = apr_pstrcat(p, text, ".", gt_base64url(signature, len, p), NULL);
    gt_wipe_with_pool((char *)text, strlen(text), p);
    *token = gt_secret_from(text, p);
    return GT_OK;
}
