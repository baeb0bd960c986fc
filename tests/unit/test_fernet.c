/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Fernet against its published vectors, and every way a token can be wrong. That Python reads what
 * is written here, and the other way round, is shown by tests/interop. */

#include "gt_test.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/secret.h"
#include "base/text.h"
#include "crypt/fernet.h"

Suite *suite_fernet(void);

static const unsigned char *key_of(const json_t *vector)
{
    const char *text = json_string_value(json_object_get(vector, "secret"));
    unsigned char *bytes;
    apr_size_t len;

    ck_assert(gt_base64_decode(&bytes, &len, text, strlen(text), 2, pool));
    ck_assert_uint_eq(len, 32);
    return bytes;
}

static apr_int64_t now_of(const json_t *vector)
{
    apr_time_t t;

    ck_assert(gt_rfc3339_parse(&t, json_string_value(json_object_get(vector, "now"))));
    return apr_time_sec(t);
}

static const char *text_of(const json_t *vector, const char *name)
{
    const char *text = json_string_value(json_object_get(vector, name));

    ck_assert_ptr_nonnull(text);
    return text;
}

static apr_int64_t ttl_of(const json_t *vector)
{
    return json_integer_value(json_object_get(vector, "ttl_sec"));
}

START_TEST(published_generate_vectors)
{
    json_t *vectors = load_vectors("fernet/generate.json");
    const json_t *vector;
    size_t i, j;

    ck_assert_uint_eq(json_array_size(vectors), 1);
    json_array_foreach (vectors, i, vector) {
        unsigned char iv[16];
        const char *token;

        for (j = 0; j < 16; j++)
            iv[j] =
                (unsigned char)json_integer_value(json_array_get(json_object_get(vector, "iv"), j));
        ck_ok(gt_fernet_seal_iv(&token, key_of(vector),
                                gt_secret_from(text_of(vector, "src"), pool), now_of(vector), iv,
                                pool));
        ck_assert_str_eq(token, text_of(vector, "token"));
    }
    json_decref(vectors);
}
END_TEST

START_TEST(published_verify_vectors)
{
    json_t *vectors = load_vectors("fernet/verify.json");
    const json_t *vector;
    size_t i;

    ck_assert_uint_eq(json_array_size(vectors), 1);
    json_array_foreach (vectors, i, vector) {
        gt_secret_t *clear;

        ck_ok(gt_fernet_open(&clear, key_of(vector), text_of(vector, "token"), ttl_of(vector),
                             now_of(vector), pool));
        ck_assert_str_eq(gt_secret_text(clear), text_of(vector, "src"));
    }
    json_decref(vectors);
}
END_TEST

START_TEST(published_invalid_vectors)
{
    json_t *vectors = load_vectors("fernet/invalid.json");
    const json_t *vector;
    int without_ttl = 0;
    size_t i;

    ck_assert_uint_eq(json_array_size(vectors), 8);
    json_array_foreach (vectors, i, vector) {
        gt_secret_t *clear;

        ck_fails(gt_fernet_open(&clear, key_of(vector), text_of(vector, "token"), ttl_of(vector),
                                now_of(vector), pool),
                 GT_DAMAGED, "GT0205");
        ck_assert_ptr_null(clear);
        if (gt_fernet_open(&clear, key_of(vector), text_of(vector, "token"), 0, 0, pool) == GT_OK)
            without_ttl++;
    }
    /* Two are wrong by their time only, which is not judged without a time to live. */
    ck_assert_int_eq(without_ttl, 2);
    json_decref(vectors);
}
END_TEST

static const unsigned char key[32] = "signsignsignsignencrencrencrencr";

static const char *sealed(const char *clear, apr_int64_t when)
{
    const char *token;

    ck_ok(gt_fernet_seal(&token, key, gt_secret_from(clear, pool), when, pool));
    return token;
}

static int opens(const char *token, apr_int64_t ttl, apr_int64_t now)
{
    gt_secret_t *clear;
    const gt_err_t *err = gt_fernet_open(&clear, key, token, ttl, now, pool);

    ck_assert(err == GT_OK || (err->cls == GT_DAMAGED && clear == NULL));
    /* One error for every reason. */
    ck_assert(err == GT_OK || strcmp(err->detail, "a value cannot be opened (Fernet)") == 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    return err == GT_OK;
}

START_TEST(all_lengths_come_back)
{
    unsigned char bytes[100];
    apr_size_t len;

    gt_random(bytes, sizeof(bytes));
    for (len = 0; len <= sizeof(bytes); len++) {
        gt_secret_t *clear;
        const char *token;

        ck_ok(gt_fernet_seal(&token, key, gt_secret_make(bytes, len, pool), 1795244400, pool));
        ck_assert(gt_is_fernet(token));
        ck_assert_uint_eq(strlen(token), (57 + (len / 16 + 1) * 16 + 2) / 3 * 4);
        ck_ok(gt_fernet_open(&clear, key, token, 0, 0, pool));
        ck_assert_uint_eq(gt_secret_len(clear), len);
        ck_assert_mem_eq(gt_secret_text(clear), bytes, len);
    }
}
END_TEST

START_TEST(the_same_value_is_never_sealed_alike)
{
    ck_assert_str_ne(sealed("x", 1), sealed("x", 1));
}
END_TEST

START_TEST(every_changed_character_is_refused)
{
    char *token = apr_pstrdup(pool, sealed("hunter2", 1795244400));
    size_t len = strlen(token);
    size_t i;

    for (i = 0; i < len; i++) {
        char c = token[i];

        token[i] = c == 'A' ? 'B' : 'A';
        ck_assert_msg(!opens(token, 0, 0), "character %lu", (unsigned long)i);
        token[i] = '%';
        ck_assert(!opens(token, 0, 0));
        token[i] = c;
    }
    for (i = 0; i < len; i++)
        ck_assert(!opens(apr_pstrmemdup(pool, token, i), 0, 0));
    ck_assert(opens(token, 0, 0));
}
END_TEST

START_TEST(white_space_round_a_token_and_nothing_else)
{
    const char *token = sealed("0123456789abcdef", 1795244400); /* 120 characters, padded */
    const char *unpadded = apr_pstrmemdup(pool, token, strcspn(token, "="));

    ck_assert(opens(apr_pstrcat(pool, " ", token, "\r\n", NULL), 0, 0));
    ck_assert(!opens(unpadded, 0, 0));
    ck_assert(!opens(apr_pstrcat(pool, token, "=", NULL), 0, 0));
    ck_assert(!opens(apr_pstrcat(pool, token, "AAAA", NULL), 0, 0));
    ck_assert(
        !opens(apr_pstrcat(pool, apr_pstrmemdup(pool, token, 40), "\n", token + 40, NULL), 0, 0));
    ck_assert(!opens("", 0, 0));
    ck_assert(!opens("gAAAAA", 0, 0));
}
END_TEST

START_TEST(another_key_does_not_open)
{
    unsigned char other[32];
    gt_secret_t *clear;
    const char *token = sealed("hunter2", 1795244400);

    memcpy(other, key, 32);
    other[0] ^= 1; /* signs */
    ck_fails(gt_fernet_open(&clear, other, token, 0, 0, pool), GT_DAMAGED, "GT0205");
    memcpy(other, key, 32);
    other[31] ^= 1; /* encrypts: the signature holds, the padding does not, or the text differs */
    if (gt_fernet_open(&clear, other, token, 0, 0, pool) == GT_OK)
        ck_assert_str_ne(gt_secret_text(clear), "hunter2");
}
END_TEST

/* Signed with the right key, but of another version than 0x80. */
START_TEST(another_version_is_refused)
{
    const char *token = sealed("x", 1795244400);
    unsigned char *bytes;
    apr_size_t len;
    int version;

    for (version = 0x80; version <= 0x81; version++) {
        ck_assert(gt_base64_decode(&bytes, &len, token, strlen(token), 0, pool));
        bytes[0] = (unsigned char)version;
        HMAC(EVP_sha256(), key, 16, bytes, len - 32, bytes + len - 32, NULL);
        ck_assert_int_eq(opens(apr_pstrcat(pool, gt_base64url(bytes, len, pool), "==", NULL), 0, 0),
                         version == 0x80);
    }
}
END_TEST

/* As Python's cryptography judges it: the second itself still passes. */
START_TEST(time_is_judged_with_a_ttl_only)
{
    const char *token = sealed("x", 1000000);

    ck_assert(opens(token, 60, 1000060));
    ck_assert(!opens(token, 60, 1000061));
    ck_assert(opens(token, 60, 1000000 - 60));
    ck_assert(!opens(token, 60, 1000000 - 61));
    ck_assert(opens(token, 0, 0));
    ck_assert(opens(token, 0, 4102444800));
    ck_assert(opens(token, APR_INT64_MAX, 4102444800));
    /* Times beyond what a signed number holds. */
    ck_assert(!opens(sealed("x", -1), 60, 1000000));
    ck_assert(!opens(sealed("x", APR_INT64_MIN), APR_INT64_MAX, 1000000));
    ck_assert(!opens(sealed("x", APR_INT64_MAX), 60, 1000000));
}
END_TEST

START_TEST(looks_like_fernet)
{
    ck_assert(gt_is_fernet("gAAAAAx"));
    ck_assert(!gt_is_fernet("gAAAA"));
    ck_assert(!gt_is_fernet("gt1.k.x"));
    ck_assert(!gt_is_fernet(""));
    ck_assert(!gt_is_fernet(NULL));
}
END_TEST

START_TEST(too_much_is_refused)
{
    const gt_secret_t *most = gt_secret_blank(((apr_size_t)16 << 20) + 1, pool);
    const char *token;

    ck_fails(gt_fernet_seal(&token, key, most, 1, pool), GT_INTERNAL, "GT0204");
    ck_assert_ptr_null(token);
}
END_TEST

Suite *suite_fernet(void)
{
    Suite *suite = suite_create("fernet");
    TCase *tcase = case_with_pool(suite, "fernet");

    tcase_add_test(tcase, published_generate_vectors);
    tcase_add_test(tcase, published_verify_vectors);
    tcase_add_test(tcase, published_invalid_vectors);
    tcase_add_test(tcase, all_lengths_come_back);
    tcase_add_test(tcase, the_same_value_is_never_sealed_alike);
    tcase_add_test(tcase, every_changed_character_is_refused);
    tcase_add_test(tcase, white_space_round_a_token_and_nothing_else);
    tcase_add_test(tcase, another_key_does_not_open);
    tcase_add_test(tcase, another_version_is_refused);
    tcase_add_test(tcase, time_is_judged_with_a_ttl_only);
    tcase_add_test(tcase, looks_like_fernet);
    tcase_add_test(tcase, too_much_is_refused);
    return suite;
}
