/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Certificates and keys as files hold them, and what is signed with them: verified by the same code
 * that verifies tokens of others, which is libcjose's.
 */

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypt/client_key.h"
#include "crypt/jwt.h"
#include "gt_test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY 86400

Suite *suite_client_key(void);

static gt_secret_t *text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    gt_secret_t *text = gt_secret_make(bytes, (apr_size_t)len, pool);

    BIO_free(bio);
    return text;
}

static gt_secret_t *pem_of_key(EVP_PKEY *key, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(PEM_write_bio_PrivateKey(bio, key,
                                              passphrase != NULL ? EVP_aes_128_cbc() : NULL, NULL,
                                              0, NULL, (void *)passphrase),
                     1);
    return text_of(bio);
}

static gt_secret_t *certificate_of(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 30 * DAY);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256());
    PEM_write_bio_X509(bio, cert);
    X509_free(cert);
    return text_of(bio);
}

/* Made once in a process, since valgrind takes half a minute for each. */
static EVP_PKEY *rsa_key(int bits)
{
    static EVP_PKEY *kept[2];
    EVP_PKEY **key = &kept[bits == 2048];

    if (*key == NULL)
        *key = EVP_RSA_gen((unsigned)bits);
    ck_assert_ptr_nonnull(*key);
    EVP_PKEY_up_ref(*key);
    return *key;
}

static gt_client_key_t *pair_of(EVP_PKEY *key)
{
    gt_client_key_t *pair;

    ck_ok(gt_client_key_make(&pair, certificate_of(key), pem_of_key(key, NULL), pool));
    return pair;
}

static void refused(const gt_secret_t *certificate, const gt_secret_t *key, const char *why)
{
    gt_client_key_t *pair;
    gt_err_t *err = gt_client_key_make(&pair, certificate, key, pool);

    ck_fails(err, GT_INTERNAL, "GT0219");
    ck_assert_ptr_nonnull(strstr(err->detail, why));
    ck_assert_ptr_null(pair);
}

START_TEST(test_what_cannot_be_used)
{
    EVP_PKEY *good = rsa_key(2048), *other = EVP_EC_gen("P-256"), *small = rsa_key(1024);
    EVP_PKEY *curve = EVP_EC_gen("secp256k1"), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    const gt_secret_t *rubbish = gt_secret_from("-----BEGIN CERTIFICATE-----\nx\n", pool);

    refused(certificate_of(good), pem_of_key(other, NULL), "is not the certificate's");
    refused(certificate_of(good), pem_of_key(good, "1234"), "is encrypted");
    refused(certificate_of(good), rubbish, "no private key in PEM is there");
    refused(certificate_of(good), certificate_of(good), "no private key in PEM is there");
    refused(rubbish, pem_of_key(good, NULL), "no certificate in PEM is there");
    refused(pem_of_key(good, NULL), pem_of_key(good, NULL), "no certificate in PEM is there");
    refused(certificate_of(small), pem_of_key(small, NULL), "less than 2048 bits");
    refused(certificate_of(curve), pem_of_key(curve, NULL), "neither RSA nor EC");
    refused(certificate_of(ed), pem_of_key(ed, NULL), "neither RSA nor EC");
    EVP_PKEY_free(good);
    EVP_PKEY_free(other);
    EVP_PKEY_free(small);
    EVP_PKEY_free(curve);
    EVP_PKEY_free(ed);
}
END_TEST

/* As portals show it, and how long it lasts. */
START_TEST(test_what_a_certificate_says)
{
    EVP_PKEY *key = rsa_key(2048);
    gt_secret_t *pem = certificate_of(key);
    gt_secret_t *both = gt_secret_from(
        apr_pstrcat(pool, gt_secret_text(pem_of_key(key, NULL)), gt_secret_text(pem), NULL), pool);
    gt_client_key_t *pair;

    ck_ok(gt_client_key_make(&pair, both, both, pool)); /* one file holds both */
    ck_assert_uint_eq(strlen(gt_client_key_thumbprint(pair)), 64);
    ck_assert(gt_client_key_ends(pair) - gt_client_key_begins(pair) == apr_time_from_sec(30 * DAY));
    ck_assert(gt_client_key_ends(pair) > apr_time_now() + apr_time_from_sec(29 * DAY));
    gt_client_key_release(pair);
    EVP_PKEY_free(key);
}
END_TEST

static const struct {
    const char *kind, *allowed, *algorithm; /* NULL: none of these */
} choices[] = {
    {"RSA", "PS256 RS256", "PS256"}, {"RSA", "RS256", "RS256"},
    {"RSA", "RS256 PS256", "PS256"}, {"RSA", "ES256 HS256 none", NULL},
    {"RSA", "XPS256 PS2567", NULL},  {"P-256", "ES256", "ES256"},
    {"P-256", "PS256 ES384", NULL},  {"P-384", "ES256 ES384", "ES384"},
    {"P-521", "ES512", "ES512"},     {"P-521", "", NULL},
};

static EVP_PKEY *key_of(const char *kind)
{
    return strcmp(kind, "RSA") == 0 ? rsa_key(2048) : EVP_EC_gen(kind);
}

/* {"kty": …} with the numbers of a public key. */
static gt_key_set_t *public_set(EVP_PKEY *key)
{
    json_t *jwk = gt_json_object(pool), *keys = json_array(), *set = gt_json_object(pool);
    static const struct {
        const char *member, *param;
    } numbers[] = {{"n", "n"}, {"e", "e"}, {"x", "qx"}, {"y", "qy"}};
    int is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    int bits = EVP_PKEY_get_bits(key);
    gt_key_set_t *made;
    char *text;

    gt_json_set(jwk, "kty", is_rsa ? "RSA" : "EC");
    if (!is_rsa)
        gt_json_set(jwk, "crv", bits == 256 ? "P-256" : bits == 384 ? "P-384" : "P-521");
    for (size_t i = is_rsa ? 0 : 2; i < (is_rsa ? 2U : 4U); i++) {
        BIGNUM *number = NULL;
        unsigned char bytes[512];
        int len;

        ck_assert_int_eq(EVP_PKEY_get_bn_param(key, numbers[i].param, &number), 1);
        len = is_rsa ? BN_bn2bin(number, bytes) : BN_bn2binpad(number, bytes, (bits + 7) / 8);
        gt_json_set(jwk, numbers[i].member, gt_base64url(bytes, (apr_size_t)len, pool));
        BN_free(number);
    }
    json_array_append(keys, jwk);
    gt_json_put(set, "keys", keys);
    text = gt_json_dump(set, pool);
    made = gt_key_set_parse(text, strlen(text), pool);
    ck_assert_int_eq(gt_key_set_size(made), 1);
    return made;
}

static const char *const any_algorithm[] = {"PS256", "RS256", "ES256", "ES384", "ES512", NULL};
static const char *const ours[] = {"client", NULL};

START_TEST(test_what_is_signed_verifies)
{
    EVP_PKEY *key = key_of(choices[_i].kind);
    gt_client_key_t *pair = pair_of(key);
    const char *algorithm = gt_client_key_algorithm(pair, choices[_i].allowed);
    const gt_jwt_profile_t profile = {
        .algorithms = any_algorithm, .issuers = ours, .audiences = ours};
    const gt_jwt_rules_t rules = {.profile = &profile, .now = apr_time_from_sec(1000)};
    json_t *claims = gt_json_object(pool);
    gt_secret_t *token;
    gt_jwt_t jwt;

    if (choices[_i].algorithm == NULL) {
        ck_assert_ptr_null(algorithm);
    }
    else {
        ck_assert_str_eq(algorithm, choices[_i].algorithm);
        gt_json_set(claims, "iss", "client");
        gt_json_set(claims, "aud", "client");
        gt_json_set_number(claims, "exp", 2000);
        ck_ok(gt_client_key_sign(&token, pair, algorithm, claims, pool));
        ck_ok(gt_jwt_verify(&jwt, token, public_set(key), &rules, pool));
    }
    gt_client_key_release(pair);
    EVP_PKEY_free(key);
}
END_TEST

/* A task that holds a pair signs with it after another has taken its place. */
START_TEST(test_a_pair_lives_as_long_as_it_is_held)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    gt_client_key_t *pair = pair_of(key);
    const gt_client_key_t *held;
    gt_secret_t *token;
    apr_pool_t *task;

    apr_pool_create(&task, pool);
    held = gt_client_key_hold(pair, task);
    gt_client_key_release(pair);
    ck_ok(gt_client_key_sign(&token, held, "ES256", gt_json_object(pool), pool));
    apr_pool_destroy(task);
    gt_client_key_release(NULL);
    EVP_PKEY_free(key);
}
END_TEST

Suite *suite_client_key(void)
{
    Suite *suite = suite_create("client_key");
    TCase *tcase = case_with_pool(suite, "client_key");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_what_cannot_be_used);
    tcase_add_test(tcase, test_what_a_certificate_says);
    tcase_add_loop_test(tcase, test_what_is_signed_verifies, 0, COUNT(choices));
    tcase_add_test(tcase, test_a_pair_lives_as_long_as_it_is_held);
    return suite;
}
