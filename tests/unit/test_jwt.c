/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Tokens against a key set: the published vectors, then one wrong thing at a time in a token that
 * is otherwise right. Tokens are signed here, part by part, so that anything can be wrong.
 */

#include "gt_test.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/secret.h"
#include "base/text.h"
#include "crypt/jws.h"
#include "crypt/jwt.h"

Suite *suite_jwt(void);

static const char *const all[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                  "PS512", "ES256", "ES384", "ES512", NULL};

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOW 1795244400

/* Made once: the case's tests only read them. */
static EVP_PKEY *ours, *theirs, *small;

static void make_keys(void)
{
    ours = EVP_RSA_gen(2048);
    theirs = EVP_RSA_gen(2048);
    small = EVP_RSA_gen(1024);
    ck_assert(ours != NULL && theirs != NULL && small != NULL);
}

static void drop_keys(void)
{
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(small);
}

/* A number of a key as base64url. */
static const char *number_of(EVP_PKEY *key, const char *name)
{
    BIGNUM *number = NULL;
    unsigned char bytes[512];
    int len;

    ck_assert_int_eq(EVP_PKEY_get_bn_param(key, name, &number), 1);
    len = BN_bn2bin(number, bytes);
    BN_free(number);
    return gt_base64url(bytes, (apr_size_t)len, pool);
}

/* A key of a set: its numbers and its other members. */
static const char *jwk(EVP_PKEY *key, const char *more)
{
    return apr_pstrcat(pool, "{\"kty\":\"RSA\",\"n\":\"", number_of(key, OSSL_PKEY_PARAM_RSA_N),
                       "\",\"e\":\"", number_of(key, OSSL_PKEY_PARAM_RSA_E), "\"", more, "}", NULL);
}

static const char *set_of(const char *first, const char *second)
{
    return apr_pstrcat(pool, "{\"keys\":[", first, second != NULL ? "," : "",
                       second != NULL ? second : "", "]}", NULL);
}

static const char *our_set(void)
{
    return set_of(jwk(ours, ",\"kid\":\"k1\",\"use\":\"sig\",\"issuer\":\"https://issuer/\""),
                  NULL);
}

/* Sign two parts, also senseless ones, with PKCS#1 v1.5 and SHA-256. */
static const char *sign_parts(EVP_PKEY *key, const char *header, const char *payload)
{
    const char *both = apr_pstrcat(pool, header, ".", payload, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[512];
    size_t len = sizeof(signature);

    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(
        EVP_DigestSign(ctx, signature, &len, (const unsigned char *)both, strlen(both)), 1);
    EVP_MD_CTX_free(ctx);
    return apr_pstrcat(pool, both, ".", gt_base64url(signature, len, pool), NULL);
}

static const char *encoded(const char *text)
{
    return gt_base64url(text, strlen(text), pool);
}

static const char *token_of(const char *header, const char *payload)
{
    return sign_parts(ours, encoded(header), encoded(payload));
}

#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"
#define CLAIMS "\"iss\":\"https://issuer/\",\"aud\":\"us\",\"nonce\":\"n1\""
#define TIMES "\"exp\":1795248000,\"nbf\":1795244400,\"iat\":1795244400"
#define PAYLOAD "{" CLAIMS "," TIMES "}"

static gt_jwt_profile_t our_profile(void)
{
    static const char *const algorithms[] = {"RS256", NULL};
    static const char *const issuers[] = {"https://issuer/", NULL};
    static const char *const audiences[] = {"us", NULL};

    return (gt_jwt_profile_t){.algorithms = algorithms,
                              .issuers = issuers,
                              .audiences = audiences,
                              .leeway = apr_time_from_sec(60)};
}

static gt_jwt_rules_t rules_of(const gt_jwt_profile_t *profile)
{
    return (gt_jwt_rules_t){profile, "n1", apr_time_from_sec(NOW)};
}

static gt_key_set_t *parse(const char *jwks)
{
    return gt_key_set_parse(jwks, jwks != NULL ? strlen(jwks) : 0, pool);
}

/* The rule that fails, or "ok". */
static const char *verdict_by(const char *token, const gt_key_set_t *keys,
                              const gt_jwt_rules_t *rules)
{
    gt_jwt_t jwt;
    const gt_err_t *err = gt_jwt_verify(&jwt, gt_secret_from(token, pool), keys, rules, pool);

    ck_assert_uint_eq(ERR_peek_error(), 0);
    if (err == GT_OK) {
        ck_assert(json_is_object(jwt.claims));
        return "ok";
    }
    ck_assert_ptr_null(jwt.claims);
    ck_assert_ptr_null(jwt.key_issuer);
    /* One refusal for every reason. */
    ck_assert_int_eq(err->cls, GT_REFUSED);
    ck_assert_str_eq(err->tag, "GT0212");
    ck_assert_str_eq(err->detail, "the token is not valid");
    return err->code;
}

static const char *verdict(const char *token, const char *jwks, const gt_jwt_profile_t *profile)
{
    const gt_jwt_rules_t rules = rules_of(profile);

    return verdict_by(token, parse(jwks), &rules);
}

static const char *judged(const char *token)
{
    const gt_jwt_profile_t profile = our_profile();

    return verdict(token, our_set(), &profile);
}

/* --- published vectors ----------------------------------------------------------------------- */

/* A group's keys as a key set; groups of HMAC keys have no public part. */
static const char *group_keys(const json_t *group)
{
    const json_t *keys = json_object_get(group, "public");
    char *text;

    if (keys == NULL)
        keys = json_object_get(group, "private");
    text = apr_pstrdup(pool, gt_json_dump(keys, pool));
    return json_object_get(keys, "keys") != NULL ? text : set_of(text, NULL);
}

static const char *text_in(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

/* The alg of a token's header. */
static const char *alg_of(const char *token)
{
    unsigned char *bytes;
    apr_size_t len;
    json_t *header;

    if (!gt_base64_decode(&bytes, &len, token, strcspn(token, "."), 0, pool) ||
        gt_json_parse(&header, (const char *)bytes, len, pool) != GT_OK)
        return "";
    return apr_pstrdup(pool, text_in(header, "alg"));
}

/* We are stricter than the vectors twice: HMAC (groups without public keys) is never taken, and a
 * key that names an algorithm serves that one only (RFC 8725 section 3.1). And once laxer: ROCA
 * keys are not looked for. */
static int should_pass(const json_t *group, const json_t *vector, const char *token)
{
    const json_t *key = json_object_get(group, "public");
    const char *alg = alg_of(token);

    if (strcmp(text_in(group, "comment"), "jws_rsa_roca_key") == 0)
        return 1;
    if (strcmp(text_in(vector, "result"), "valid") != 0 || key == NULL)
        return 0;
    return json_object_get(key, "alg") == NULL || strcmp(text_in(key, "alg"), alg) == 0;
}

static int run_vectors(const char *file, int *passed)
{
    const gt_jws_rules_t rules = {all, NULL, NULL};
    json_t *vectors = load_vectors(file);
    const json_t *group, *vector;
    int n = 0;
    size_t i, j;

    json_array_foreach (json_object_get(vectors, "testGroups"), i, group)
        json_array_foreach (json_object_get(group, "tests"), j, vector) {
            const char *token = text_in(vector, "jws");
            gt_jws_t jws;
            const char *broken = gt_jws_open(&jws, gt_secret_from(token, pool), &rules, pool);

            broken = broken ? broken : gt_jws_verify(&jws, parse(group_keys(group)), 0);
            ck_assert_msg((broken == NULL) == should_pass(group, vector, token), "%s %d (%s): %s",
                          text_in(group, "comment"),
                          (int)json_integer_value(json_object_get(vector, "tcId")),
                          text_in(vector, "comment"), broken != NULL ? broken : "passes");
            *passed += broken == NULL;
            n++;
        }
    json_decref(vectors);
    return n;
}

START_TEST(published_signature_vectors)
{
    int passed = 0;

    ck_assert_int_eq(run_vectors("jws/json_web_signature_test.json", &passed), 401);
    /* RS256 6, RS384 4, RS512 4, PS256 6, PS384 4, PS512 4, ES256 2, RFC 7520 figure 13 twice. */
    ck_assert_int_eq(passed, 32);
}
END_TEST

START_TEST(published_key_vectors)
{
    int passed = 0;

    ck_assert_int_eq(run_vectors("jws/json_web_key_test.json", &passed), 26);
    ck_assert_int_eq(passed, 2);
}
END_TEST

/* --- one wrong thing at a time --------------------------------------------------------------- */

START_TEST(a_right_token_passes)
{
    const gt_jwt_profile_t profile = our_profile();
    const gt_jwt_rules_t rules = rules_of(&profile);
    const gt_secret_t *token = gt_secret_from(token_of(HEADER, PAYLOAD), pool);
    gt_jwt_t jwt;

    ck_ok(gt_jwt_verify(&jwt, token, parse(our_set()), &rules, pool));
    ck_assert_str_eq(gt_json_text(jwt.claims, "iss"), "https://issuer/");
    ck_assert_str_eq(jwt.key_issuer, "https://issuer/");
    ck_assert_str_eq(gt_jwt_kid(token, pool), "k1");
}
END_TEST

START_TEST(headers_are_judged)
{
    static const char *const rows[][2] = {
        {HEADER, "ok"},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "ok"},
        {"{\"alg\":\"RS256\"}", "ok"},
        {"{\"alg\":\"RS256\",\"typ\":\"jwt\"}", "ok"},
        {"{\"alg\":\"RS256\",\"typ\":\"application/JWT\"}", "ok"},
        {"{\"alg\":\"RS256\",\"x5c\":[\"MIIB\"],\"x5t\":\"k1\"}", "ok"},
        {"{\"alg\":\"RS256\",\"jku\":\"http://evil/\"}", "jku"},
        {"{\"alg\":\"RS256\",\"x5u\":null}", "x5u"},
        {"{\"typ\":\"JWT\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"none\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"None\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":null,\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":[\"RS256\"],\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"rs256\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"RS256 \",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"RS512\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"PS256\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"RS256\",\"alg\":\"none\"}", "header"},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\",\"kid\":\"k1\"}", "header"},
        {"[\"RS256\"]", "header"},
        {"\"RS256\"", "header"},
        {"{\"alg\":\"RS256\"", "header"},
        {"{\"alg\":\"RS256\"}x", "header"},
        {"{\"alg\":\"RS256\",\"x\":\"\xff\"}", "header"},
        {"", "header"},
        {"{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1}", "crit"},
        {"{\"alg\":\"RS256\",\"crit\":[]}", "crit"},
        {"{\"alg\":\"RS256\",\"crit\":null}", "crit"},
        {"{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}", "crit"},
        {"{\"alg\":\"RS256\",\"b64\":false}", "b64"},
        {"{\"alg\":\"RS256\",\"b64\":true}", "b64"},
        {"{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", "typ"},
        {"{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", "typ"},
        {"{\"alg\":\"RS256\",\"typ\":7}", "typ"},
        {"{\"alg\":\"RS256\",\"typ\":null}", "typ"},
        {"{\"alg\":\"RS256\",\"kid\":7}", "kid"},
        {"{\"alg\":\"RS256\",\"kid\":null}", "kid"},
        {"{\"alg\":\"RS256\",\"kid\":\"\"}", "kid"},
        {"{\"alg\":\"RS256\",\"kid\":\"k2\"}", "no-key"},
        {"{\"alg\":\"RS256\",\"kid\":\"K1\"}", "no-key"},
        {"{\"alg\":\"RS256\",\"kid\":\"../k1\"}", "no-key"},
        {"{\"alg\":\"RS256\",\"kid\":\"k1' OR '1'='1\"}", "no-key"},
        {"{\"alg\":\"RS256\",\"kid\":\"%s%n\"}", "no-key"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = judged(token_of(rows[i][0], PAYLOAD));

        ck_assert_msg(strcmp(got, rows[i][1]) == 0, "%s: %s", rows[i][0], got);
    }
}
END_TEST

START_TEST(a_key_in_the_header_is_not_trusted)
{
    const char *header =
        apr_pstrcat(pool, "{\"alg\":\"RS256\",\"jwk\":", jwk(theirs, ""), "}", NULL);

    ck_assert_str_eq(judged(sign_parts(theirs, encoded(header), encoded(PAYLOAD))), "jwk");
}
END_TEST

START_TEST(a_profile_may_name_a_second_type)
{
    gt_jwt_profile_t profile = our_profile();
    const gt_jwt_rules_t rules = rules_of(&profile);
    const char *token = token_of("{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", PAYLOAD);
    const char *other = token_of("{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", PAYLOAD);

    profile.also = "at+jwt";
    ck_assert_str_eq(verdict_by(token, parse(our_set()), &rules), "ok");
    ck_assert_str_eq(verdict_by(token_of(HEADER, PAYLOAD), parse(our_set()), &rules), "ok");
    ck_assert_str_eq(verdict_by(other, parse(our_set()), &rules), "typ");
}
END_TEST

START_TEST(claims_are_judged)
{
    static const char *const rows[][2] = {
        {PAYLOAD, "ok"},
        {"{" TIMES ",\"aud\":\"us\",\"nonce\":\"n1\"}", "iss"},
        {"{" TIMES ",\"iss\":\"https://issuer\",\"aud\":\"us\",\"nonce\":\"n1\"}", "iss"},
        {"{" TIMES ",\"iss\":\"https://other-tenant/\",\"aud\":\"us\",\"nonce\":\"n1\"}", "iss"},
        {"{" TIMES ",\"iss\":[\"https://issuer/\"],\"aud\":\"us\",\"nonce\":\"n1\"}", "iss"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"nonce\":\"n1\"}", "aud"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":\"them\",\"nonce\":\"n1\"}", "aud"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":\"use\",\"nonce\":\"n1\"}", "aud"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":[],\"nonce\":\"n1\"}", "aud"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":[\"a\",7],\"nonce\":\"n1\"}", "aud"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":{\"us\":1},\"nonce\":\"n1\"}", "aud"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":null,\"nonce\":\"n1\"}", "aud"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":[\"a\",\"us\"],\"nonce\":\"n1\"}", "ok"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":\"us\"}", "nonce"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":\"us\",\"nonce\":\"n2\"}", "nonce"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":\"us\",\"nonce\":\"\"}", "nonce"},
        {"{" TIMES ",\"iss\":\"https://issuer/\",\"aud\":\"us\",\"nonce\":[\"n1\"]}", "nonce"},
        {"{" CLAIMS "}", "exp"},
        {"{" CLAIMS ",\"exp\":null}", "exp"},
        {"{" CLAIMS ",\"exp\":\"1795248000\"}", "exp"},
        {"{" CLAIMS ",\"exp\":true}", "exp"},
        {"{" CLAIMS ",\"exp\":1e300}", "exp"},
        {"{" CLAIMS ",\"exp\":-1}", "exp"},
        {"{" CLAIMS ",\"exp\":9007199254740993}", "exp"},
        {"{" CLAIMS ",\"exp\":1795244341}", "ok"},
        {"{" CLAIMS ",\"exp\":1795244340.5}", "ok"},
        {"{" CLAIMS ",\"exp\":1795244340}", "exp"},
        {"{" CLAIMS ",\"exp\":1795248000,\"nbf\":1795244460}", "ok"},
        {"{" CLAIMS ",\"exp\":1795248000,\"nbf\":1795244460.5}", "nbf"},
        {"{" CLAIMS ",\"exp\":1795248000,\"nbf\":1e300}", "nbf"},
        {"{" CLAIMS ",\"exp\":1795248000,\"nbf\":\"1\"}", "nbf"},
        {"{" CLAIMS ",\"exp\":1795248000,\"nbf\":null}", "nbf"},
        {"{" CLAIMS ",\"exp\":1795248000,\"iat\":1795244460}", "ok"},
        {"{" CLAIMS ",\"exp\":1795248000,\"iat\":1795244461}", "iat"},
        {"{" CLAIMS ",\"exp\":1795248000,\"iat\":\"x\"}", "iat"},
        {"{" CLAIMS ",\"exp\":1795248000,\"iat\":-5}", "iat"},
        {"{" CLAIMS ",\"exp\":1795244350,\"iat\":1795244400}", "iat"},
        {"{" CLAIMS "," TIMES ",\"aud\":\"us\"}", "payload"},
        {"[]", "payload"},
        {"foo", "payload"},
        {"", "payload"},
        {"{" CLAIMS "," TIMES ",\"x\":\"\xff\"}", "payload"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = judged(token_of(HEADER, rows[i][0]));

        ck_assert_msg(strcmp(got, rows[i][1]) == 0, "%s: %s", rows[i][0], got);
    }
}
END_TEST

/* With no nonce demanded. */
static const char *by(const gt_jwt_profile_t *profile, const char *token)
{
    const gt_jwt_rules_t rules = {profile, NULL, apr_time_from_sec(NOW)};

    return verdict_by(token, parse(our_set()), &rules);
}

START_TEST(a_profile_says_what_is_demanded)
{
    const char *token = token_of(HEADER, PAYLOAD);
    const char *at = token_of("{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", PAYLOAD);
    gt_jwt_profile_t profile = our_profile();

    profile.issuers = gt_jwt_any;
    ck_assert_str_eq(by(&profile, token), "ok");
    profile.type = "at+jwt";
    ck_assert_str_eq(by(&profile, token), "typ");
    ck_assert_str_eq(by(&profile, at), "ok");
    ck_assert_str_eq(by(&profile, token_of("{\"alg\":\"RS256\"}", PAYLOAD)), "typ");
    profile = our_profile();
    profile.audiences = NULL;
    ck_assert_str_eq(verdict(token, our_set(), &profile), "aud");
    profile = our_profile();
    profile.issuers = NULL;
    ck_assert_str_eq(verdict(token, our_set(), &profile), "iss");
    profile = our_profile();
    profile.algorithms = LIST("ES256", "PS256");
    ck_assert_str_eq(verdict(token, our_set(), &profile), "alg");
    profile.algorithms = LIST("HS256", "none", "RS256");
    ck_assert_str_eq(verdict(token, our_set(), &profile), "ok");
    ck_assert_str_eq(verdict(token_of("{\"alg\":\"none\"}", PAYLOAD), our_set(), &profile), "alg");
    ck_assert_str_eq(verdict(token_of("{\"alg\":\"HS256\"}", PAYLOAD), our_set(), &profile), "alg");
    profile.algorithms = NULL;
    ck_assert_str_eq(verdict(token, our_set(), &profile), "alg");
}
END_TEST

START_TEST(one_of_several_is_enough)
{
    const char *token = token_of(HEADER, PAYLOAD);
    gt_jwt_profile_t profile = our_profile();

    profile.issuers = LIST("https://a/", "https://issuer/");
    profile.audiences = LIST("a", "us");
    ck_assert_str_eq(by(&profile, token), "ok");
    profile.issuers = LIST("https://a/", "https://b/");
    ck_assert_str_eq(by(&profile, token), "iss");
    profile = our_profile();
    profile.audiences = LIST("a", "b");
    ck_assert_str_eq(by(&profile, token), "aud");
    profile.audiences = LIST("");
    ck_assert_str_eq(by(&profile, token), "aud");
}
END_TEST

/* As an application makes them that names neither issuer nor audience. */
START_TEST(any_issuer_and_audience_is_said_in_so_many_words)
{
    static const char *const rows[][2] = {
        {"{" TIMES ",\"sub\":\"7\"}", "ok"},
        {"{" TIMES ",\"sub\":7}", "ok"},
        {"{" TIMES ",\"sub\":\"7\",\"iss\":[],\"aud\":{}}", "ok"},
        {"{" TIMES ",\"sub\":null}", "sub"},
        {"{" TIMES "}", "sub"},
        {"{\"sub\":\"7\"}", "exp"},
    };
    gt_jwt_profile_t profile = our_profile();

    profile.issuers = gt_jwt_any;
    profile.audiences = gt_jwt_any;
    profile.required = LIST("sub");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = by(&profile, token_of(HEADER, rows[i][0]));

        ck_assert_msg(strcmp(got, rows[i][1]) == 0, "%s: %s", rows[i][0], got);
    }
}
END_TEST

START_TEST(forms_are_judged)
{
    const char *token = token_of(HEADER, PAYLOAD);
    const char *first = strchr(token, '.');
    const char *last = strrchr(token, '.');
    const char *header = apr_pstrmemdup(pool, token, (apr_size_t)(first - token));
    const char *payload = apr_pstrmemdup(pool, first + 1, (apr_size_t)(last - first - 1));
    const char *signature = last + 1;
    const char *const rows[][2] = {
        {token, "ok"},
        {"", "three-parts"},
        {".", "three-parts"},
        {"..", "header"},
        {"...", "three-parts"},
        {apr_pstrcat(pool, header, ".", payload, NULL), "three-parts"},
        {apr_pstrcat(pool, header, ".", payload, ".", NULL), "signature-length"},
        {apr_pstrcat(pool, token, ".", NULL), "three-parts"},
        {apr_pstrcat(pool, token, ".", signature, NULL), "three-parts"},
        {apr_pstrcat(pool, token, "\n", NULL), "signature-form"},
        {apr_pstrcat(pool, token, "==", NULL), "signature-form"},
        {apr_pstrcat(pool, token, "A", NULL), "signature-length"},
        {apr_pstrcat(pool, token, "AA", NULL), "signature-length"},
        {apr_pstrcat(pool, token, "AAAA", NULL), "signature-length"},
        {apr_pstrcat(pool, " ", token, NULL), "header"},
        {apr_pstrcat(pool, header, "=.", payload, ".", signature, NULL), "header"},
        {apr_pstrcat(pool, header, ".", payload, "=.", signature, NULL), "payload-form"},
        {apr_pstrcat(pool, header, ". ", payload, ".", signature, NULL), "payload-form"},
        {apr_pstrcat(pool, header, ".", payload, ".+", signature + 1, NULL), "signature-form"},
        {apr_pstrcat(pool, "{\"payload\":\"", payload, "\"}", NULL), "three-parts"},
        {apr_pstrcat(pool, header, ".", payload, ".",
                     apr_pstrmemdup(pool, signature, strlen(signature) - 2), NULL),
         "signature-length"},
        {apr_pstrcat(pool, header, "..", signature, NULL), "signature"},
        {apr_pstrcat(pool, header, ".", encoded("{}"), ".", signature, NULL), "signature"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = judged(rows[i][0]);

        ck_assert_msg(strcmp(got, rows[i][1]) == 0, "row %lu: %s", (unsigned long)i, got);
    }
}
END_TEST

/* 256 bytes are 342 characters; the last one has four bits that mean nothing. */
START_TEST(unused_bits_make_no_second_spelling)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *token = apr_pstrdup(pool, token_of(HEADER, PAYLOAD));
    char *last = token + strlen(token) - 1;

    *last = alphabet[(strchr(alphabet, *last) - alphabet) | 1];
    ck_assert_str_eq(judged(token), "signature-form");
}
END_TEST

START_TEST(a_token_is_bounded)
{
    char *longer = apr_palloc(pool, 70001);
    const gt_jwt_profile_t profile = our_profile();
    const gt_jwt_rules_t rules = rules_of(&profile);
    const gt_err_t *err;
    const char *token;
    gt_jwt_t jwt;

    memset(longer, 'A', 70000);
    longer[70000] = '\0';
    ck_assert_str_eq(judged(longer), "size");
    token = token_of(HEADER, PAYLOAD);
    err = gt_jwt_verify(&jwt, gt_secret_make(token, strlen(token) + 1, pool), parse(our_set()),
                        &rules, pool);
    ck_assert_str_eq(err->code, "size");
    memset(longer, 'k', 257);
    longer[257] = '\0';
    ck_assert_str_eq(
        judged(token_of(apr_pstrcat(pool, "{\"alg\":\"RS256\",\"kid\":\"", longer, "\"}", NULL),
                        PAYLOAD)),
        "kid");
}
END_TEST

START_TEST(another_key_does_not_verify)
{
    ck_assert_str_eq(judged(sign_parts(theirs, encoded(HEADER), encoded(PAYLOAD))), "signature");
    ck_assert_str_eq(judged(sign_parts(small, encoded(HEADER), encoded(PAYLOAD))),
                     "signature-length");
}
END_TEST

START_TEST(key_sets_are_judged)
{
    const gt_jwt_profile_t profile = our_profile();
    const char *token = token_of(HEADER, PAYLOAD);
    const char *k1 = ",\"kid\":\"k1\"";
    const char *const rows[][2] = {
        {set_of(jwk(ours, k1), NULL), "ok"},
        {set_of(jwk(theirs, ",\"kid\":\"k2\""), jwk(ours, k1)), "ok"},
        {set_of("{}", jwk(ours, k1)), "ok"},
        {set_of("null,7,\"x\",[]", jwk(ours, k1)), "ok"},
        {set_of("{\"kty\":\"oct\",\"kid\":\"k1\",\"k\":\"AAAA\"}", jwk(ours, k1)), "ok"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"alg\":\"RS256\",\"use\":\"sig\""), NULL), "ok"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"key_ops\":[\"sign\",\"verify\"]"), NULL), "ok"},
        {set_of(jwk(ours, k1), jwk(theirs, k1)), "two-keys"},
        {set_of(jwk(ours, k1), jwk(ours, k1)), "ok"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"x5t\":\"a\""),
                jwk(ours, ",\"kid\":\"k1\",\"x5t\":\"b\"")),
         "ok"},
        {set_of(jwk(theirs, ",\"kid\":\"k1\",\"issuer\":\"https://other/\""),
                jwk(ours, ",\"kid\":\"k1\",\"issuer\":\"https://issuer/\"")),
         "ok"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"issuer\":\"https://other/\""),
                jwk(theirs, ",\"kid\":\"k1\",\"issuer\":\"https://issuer/\"")),
         "signature"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"issuer\":\"https://other/\""), NULL), "ok"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"issuer\":\"https://{tenantid}/\""), NULL), "ok"},
        {set_of(jwk(ours, ""), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":7"), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"alg\":\"RS512\""), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"alg\":null"), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"use\":\"enc\""), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"use\":[\"sig\"]"), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"key_ops\":[\"encrypt\"]"), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"key_ops\":\"verify\""), NULL), "no-key"},
        {set_of(jwk(ours, ",\"kid\":\"k1\",\"d\":\"AQAB\""), NULL), "no-key"},
        {set_of(jwk(small, k1), NULL), "no-key"},
        {set_of("{\"kty\":\"oct\",\"kid\":\"k1\",\"k\":\"AAAA\"}", NULL), "no-key"},
        {set_of(apr_pstrcat(pool, "{\"kty\":\"RSA\",\"kid\":\"k1\",\"e\":\"AQ\",\"n\":\"",
                            number_of(ours, OSSL_PKEY_PARAM_RSA_N), "\"}", NULL),
                NULL),
         "no-key"},
        {set_of(apr_pstrcat(pool, "{\"kty\":\"RSA\",\"kid\":\"k1\",\"e\":\"AQAA\",\"n\":\"",
                            number_of(ours, OSSL_PKEY_PARAM_RSA_N), "\"}", NULL),
                NULL),
         "no-key"},
        {set_of(apr_pstrcat(pool, "{\"kty\":\"RSA\",\"kid\":\"k1\",\"e\":\"AQAB\",\"n\":\"",
                            number_of(ours, OSSL_PKEY_PARAM_RSA_N), "==\"}", NULL),
                NULL),
         "no-key"},
        {set_of("{\"kty\":\"RSA\",\"kid\":\"k1\"}", NULL), "no-key"},
        {"{\"keys\":[]}", "no-key"},
        {"{\"keys\":{}}", "key-set"},
        {"{}", "key-set"},
        {"[]", "key-set"},
        {"", "key-set"},
        {"<html>", "key-set"},
        {NULL, "key-set"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = verdict(token, rows[i][0], &profile);

        ck_assert_msg(strcmp(got, rows[i][1]) == 0, "row %lu: %s", (unsigned long)i, got);
    }
}
END_TEST

START_TEST(an_odd_key_set_is_read_all_the_same)
{
    const gt_jwt_profile_t profile = our_profile();
    const char *token = token_of("{\"alg\":\"RS256\",\"kid\":\"k1\"}", PAYLOAD);
    const char *key =
        jwk(ours, ",\"kid\":\"k1\",\"x5c\":[\"\\u0000\"],\"x\":1e999,\"x\":\"\\ud800\"");

    ck_assert_str_eq(
        verdict(token, apr_pstrcat(pool, "\xef\xbb\xbf", set_of(key, NULL), "\n", NULL), &profile),
        "ok");
}
END_TEST

START_TEST(without_a_kid_there_must_be_one_key)
{
    const gt_jwt_profile_t profile = our_profile();
    const char *token = token_of("{\"alg\":\"RS256\"}", PAYLOAD);
    const char *enc = jwk(theirs, ",\"use\":\"enc\"");

    ck_assert_str_eq(verdict(token, set_of(jwk(ours, ""), NULL), &profile), "ok");
    ck_assert_str_eq(verdict(token, set_of(jwk(ours, ""), enc), &profile), "ok");
    ck_assert_str_eq(verdict(token, set_of(jwk(ours, ""), jwk(ours, "")), &profile), "ok");
    ck_assert_str_eq(verdict(token, set_of(jwk(ours, ""), jwk(theirs, "")), &profile), "two-keys");
    ck_assert_str_eq(verdict(token, set_of(enc, NULL), &profile), "no-key");
}
END_TEST

static int has(const char *jwks, const char *kid)
{
    return gt_key_set_has(parse(jwks), kid);
}

static int is_key(const char *jwk_text)
{
    return has(set_of(jwk_text, NULL), NULL);
}

static const char *point(const char *crv, const char *x, const char *y)
{
    return apr_pstrcat(pool, "{\"kty\":\"EC\",\"crv\":\"", crv, "\",\"x\":\"", x, "\",\"y\":\"", y,
                       "\"}", NULL);
}

/* 32 bytes each for x and y, a modulus that is odd: anything else is no key for libcjose to see. */
START_TEST(numbers_of_keys_are_judged)
{
    const char *longer;
    char n[344], x[44];

    memset(n, '_', sizeof(n));
    memcpy(n + 341, "w", 2);
    memset(x, 'A', sizeof(x));
    x[43] = '\0';
    longer = apr_pstrcat(pool, x, "A", NULL);
    ck_assert(
        is_key(apr_pstrcat(pool, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"", n, "\"}", NULL)));
    memcpy(n + 340, "-g", 3);
    ck_assert(
        !is_key(apr_pstrcat(pool, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"", n, "\"}", NULL)));
    ck_assert(is_key(point("P-256", x, x)));
    ck_assert(!is_key(point("P-256", longer, x)));
    ck_assert(!is_key(point("P-384", x, x)));
}
END_TEST

START_TEST(a_key_set_can_be_asked)
{
    const char *one = our_set();
    const char *two = set_of(jwk(ours, ",\"kid\":\"k1\""), jwk(theirs, ",\"kid\":\"k2\""));
    const char *none = set_of(jwk(ours, ",\"kid\":\"k1\",\"use\":\"enc\""),
                              "{\"kty\":\"oct\",\"kid\":\"k2\",\"k\":\"AAAA\"}");

    ck_assert(has(one, "k1"));
    ck_assert(!has(one, "k2"));
    ck_assert(!has(one, ""));
    ck_assert(has(one, NULL));
    ck_assert(has(two, "k2"));
    ck_assert(!has(two, NULL));
    ck_assert(!has(none, "k1"));
    ck_assert(!has(none, "k2"));
    ck_assert(!has(none, NULL));
    ck_assert(!has("", "k1"));
    ck_assert(!has(NULL, NULL));
}
END_TEST

START_TEST(a_kid_is_read_of_a_whole_token_only)
{
    static const char *const rows[] = {"", "a.b.c", "x", "eyJhbGciOiJSUzI1NiJ9.e30.AA"};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_ptr_null(gt_jwt_kid(gt_secret_from(rows[i], pool), pool));
    ck_assert_str_eq(
        gt_jwt_kid(gt_secret_from(apr_pstrcat(pool, encoded(HEADER), ".e30.AA", NULL), pool), pool),
        "k1");
}
END_TEST

START_TEST(an_end_that_no_clock_reaches_is_the_last)
{
    static const struct {
        const char *text;
        apr_time_t end;
    } rows[] = {{"{}", 0},
                {"{\"exp\":\"1\"}", 0},
                {"{\"exp\":1795244340.5}", apr_time_from_sec(1795244340) + APR_USEC_PER_SEC / 2},
                {"{\"exp\":9223372036855}", APR_INT64_MAX},
                {"{\"exp\":9007199254740991}", APR_INT64_MAX}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *claims = json_loads(rows[i].text, 0, NULL);

        ck_assert_int_eq(gt_jwt_ends_at(claims), rows[i].end);
        json_decref(claims);
    }
}
END_TEST

Suite *suite_jwt(void)
{
    Suite *suite = suite_create("jwt");
    TCase *vectors = case_with_pool(suite, "vectors");
    TCase *made = case_with_pool(suite, "made");

    tcase_add_test(vectors, published_signature_vectors);
    tcase_add_test(vectors, published_key_vectors);
    tcase_add_unchecked_fixture(made, make_keys, drop_keys);
    tcase_add_test(made, a_right_token_passes);
    tcase_add_test(made, headers_are_judged);
    tcase_add_test(made, a_key_in_the_header_is_not_trusted);
    tcase_add_test(made, a_profile_may_name_a_second_type);
    tcase_add_test(made, claims_are_judged);
    tcase_add_test(made, a_profile_says_what_is_demanded);
    tcase_add_test(made, one_of_several_is_enough);
    tcase_add_test(made, any_issuer_and_audience_is_said_in_so_many_words);
    tcase_add_test(made, forms_are_judged);
    tcase_add_test(made, unused_bits_make_no_second_spelling);
    tcase_add_test(made, a_token_is_bounded);
    tcase_add_test(made, another_key_does_not_verify);
    tcase_add_test(made, key_sets_are_judged);
    tcase_add_test(made, an_odd_key_set_is_read_all_the_same);
    tcase_add_test(made, without_a_kid_there_must_be_one_key);
    tcase_add_test(made, numbers_of_keys_are_judged);
    tcase_add_test(made, a_key_set_can_be_asked);
    tcase_add_test(made, a_kid_is_read_of_a_whole_token_only);
    tcase_add_test(made, an_end_that_no_clock_reaches_is_the_last);
    return suite;
}
