/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Sets of keys: those of a shared secret, what a published set may not hold, and who shares one. */

#include "gt_test.h"

#include <apr_thread_proc.h>
#include <openssl/evp.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include "base/secret.h"
#include "base/text.h"
#include "crypt/jws.h"
#include "crypt/jwt.h"
#include "fake_provider.h"

Suite *suite_key_set(void);

#define NOW 1795244400
#define SECRET "0123456789abcdef0123456789abcdef" /* 32 bytes */
#define PAYLOAD "{\"sub\":\"7\",\"exp\":1795248000}"
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* As an application makes its tokens that names neither issuer nor audience. */
static gt_jwt_profile_t profile_of(const char *const *algorithms)
{
    return (gt_jwt_profile_t){
        .algorithms = algorithms, .issuers = gt_jwt_any, .audiences = gt_jwt_any};
}

/* The rule that fails, or "ok". */
static const char *verdict(const char *token, const gt_key_set_t *keys,
                           const char *const *algorithms)
{
    const gt_jwt_profile_t profile = profile_of(algorithms);
    const gt_jwt_rules_t rules = {&profile, NULL, apr_time_from_sec(NOW)};
    gt_jwt_t jwt;
    const gt_err_t *err = gt_jwt_verify(&jwt, gt_secret_from(token, pool), keys, &rules, pool);

    return err == GT_OK ? "ok" : err->code;
}

static gt_key_set_t *secret_set(const char *secret)
{
    return gt_key_set_of_secret(gt_secret_from(secret, pool), pool);
}

static gt_key_set_t *parse(const char *jwks)
{
    return gt_key_set_parse(jwks, strlen(jwks), pool);
}

static const char *encoded(const char *text)
{
    return gt_base64url(text, strlen(text), pool);
}

static const char *sign_hs(const char *alg, const char *secret)
{
    const char *header = apr_psprintf(pool, "{\"alg\":\"%s\",\"kid\":\"x\"}", alg);
    const char *both = apr_pstrcat(pool, encoded(header), ".", encoded(PAYLOAD), NULL);
    const EVP_MD *digest = strcmp(alg, "HS256") == 0   ? EVP_sha256()
                           : strcmp(alg, "HS384") == 0 ? EVP_sha384()
                                                       : EVP_sha512();
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    ck_assert_ptr_nonnull(HMAC(digest, secret, (int)strlen(secret), (const unsigned char *)both,
                               strlen(both), mac, &len));
    return apr_pstrcat(pool, both, ".", gt_base64url(mac, len, pool), NULL);
}

static const char *sign_rs(void)
{
    json_t *claims = json_loads(PAYLOAD, 0, NULL);
    const char *token = fake_sign("key-1", claims, pool);

    json_decref(claims);
    return token;
}

START_TEST(a_shared_secret_verifies)
{
    static const char longest[] = SECRET SECRET;
    const char *const *all = LIST("HS256", "HS384", "HS512");

    ck_assert_str_eq(verdict(sign_hs("HS256", SECRET), secret_set(SECRET), all), "ok");
    ck_assert_str_eq(verdict(sign_hs("HS384", longest), secret_set(longest), all), "ok");
    ck_assert_str_eq(verdict(sign_hs("HS512", longest), secret_set(longest), all), "ok");
    ck_assert_str_eq(verdict(sign_hs("HS256", longest), secret_set(SECRET), all), "signature");
    ck_assert_str_eq(verdict(sign_hs("HS512", SECRET), secret_set(SECRET), all), "ok");
    ck_assert_str_eq(verdict(sign_hs("HS256", SECRET), secret_set(SECRET), LIST("HS512")), "alg");
}
END_TEST

START_TEST(a_short_secret_is_no_key)
{
    ck_assert_ptr_null(secret_set("0123456789abcde"));
    ck_assert_ptr_nonnull(secret_set("0123456789abcdef"));
}
END_TEST

/* RFC 8725 section 3.1: a token must not choose what its verifier takes the key for. */
START_TEST(a_published_key_is_no_secret)
{
    const char *oct =
        apr_pstrcat(pool, "{\"kty\":\"oct\",\"kid\":\"x\",\"k\":\"", encoded(SECRET), "\"}", NULL);
    const char *one = apr_pstrcat(pool, "{\"keys\":[", oct, "]}", NULL);
    const char *rsa = fake_jwks("x", NULL, pool);
    const char *two = apr_pstrcat(pool, "{\"keys\":[", oct, ",", strchr(rsa, '[') + 1, NULL);
    const char *const *both = LIST("RS256", "HS256");

    ck_assert_int_eq(gt_key_set_size(parse(one)), 0);
    ck_assert_int_eq(gt_key_set_size(parse(two)), 1);
    ck_assert_str_eq(verdict(sign_hs("HS256", SECRET), parse(one), both), "alg");
    ck_assert_str_eq(verdict(sign_hs("HS256", SECRET), parse(two), both), "alg");
    ck_assert_str_eq(verdict(sign_hs("HS256", rsa), parse(rsa), both), "alg");
    ck_assert_str_eq(verdict(sign_rs(), secret_set(SECRET), both), "alg");
}
END_TEST

/* RFC 8037, appendix A.4. */
START_TEST(ed25519_signs_as_published)
{
    static const char set[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                              "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
    static const char signature[] =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    const gt_secret_t *token = gt_secret_from(
        apr_pstrcat(pool, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.", signature,
                    NULL),
        pool);
    const gt_secret_t *changed = gt_secret_from(
        apr_pstrcat(pool, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25qbmc.", signature,
                    NULL),
        pool);
    const gt_jws_rules_t rules = {LIST("EdDSA"), NULL, NULL};
    gt_jws_t jws;

    ck_assert_ptr_null(gt_jws_open(&jws, changed, &rules, pool));
    ck_assert_str_eq(gt_jws_verify(&jws, parse(set), 0), "signature");
    ck_assert_ptr_null(gt_jws_open(&jws, token, &rules, pool));
    ck_assert_ptr_null(gt_jws_verify(&jws, parse(set), 0));
    ck_assert_str_eq(gt_jws_verify(&jws, parse(fake_jwks("x", NULL, pool)), 0), "no-key");
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

/* ---- many threads ---- */

typedef struct reader_t {
    gt_key_set_t *keys;
    const char *token;
    int passed;
} reader_t;

static void *APR_THREAD_FUNC read_much(apr_thread_t *thread, void *baton)
{
    const gt_jwt_profile_t profile = profile_of(LIST("RS256"));
    const gt_jwt_rules_t rules = {&profile, NULL, apr_time_from_sec(NOW)};
    reader_t *reader = baton;

    (void)thread;
    for (int i = 0; i < 200; i++) {
        apr_pool_t *p;
        gt_jwt_t jwt;

        apr_pool_create_unmanaged_ex(&p, NULL, NULL);
        gt_key_set_hold(reader->keys, p);
        reader->passed +=
            gt_jwt_verify(&jwt, gt_secret_from(reader->token, p), reader->keys, &rules, p) == GT_OK;
        apr_pool_destroy(p);
    }
    gt_key_set_release(reader->keys);
    return NULL;
}

/* The pool that made the set lets go of it first. */
START_TEST(a_set_serves_threads_until_the_last_has_gone)
{
    const char *jwks = fake_jwks("key-1", NULL, pool);
    apr_thread_t *threads[4];
    reader_t readers[4];
    apr_status_t status;
    gt_key_set_t *keys;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    keys = gt_key_set_parse(jwks, strlen(jwks), own);
    for (int i = 0; i < 4; i++) {
        gt_key_set_keep(keys);
        readers[i] = (reader_t){keys, sign_rs(), 0};
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL, read_much, &readers[i], pool),
                         APR_SUCCESS);
    apr_pool_destroy(own);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(apr_thread_join(&status, threads[i]), APR_SUCCESS);
        ck_assert_int_eq(readers[i].passed, 200);
    }
}
END_TEST

Suite *suite_key_set(void)
{
    Suite *suite = suite_create("key_set");
    TCase *tcase = case_with_pool(suite, "sets");

    tcase_add_unchecked_fixture(tcase, fake_key, NULL);
    tcase_add_test(tcase, a_shared_secret_verifies);
    tcase_add_test(tcase, a_short_secret_is_no_key);
    tcase_add_test(tcase, ed25519_signs_as_published);
    tcase_add_test(tcase, a_published_key_is_no_secret);
    tcase_add_test(tcase, a_set_serves_threads_until_the_last_has_gone);
    return suite;
}
