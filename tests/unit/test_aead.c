/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* AES-256-GCM and HKDF-SHA-256 against every published vector, and what they do when abused. */

#include "aside.h"
#include "gt_test.h"

#include <openssl/err.h>

#include "base/text.h"
#include "crypt/aead.h"

Suite *suite_aead(void);

typedef struct bytes_t {
    unsigned char *at;
    apr_size_t len;
} bytes_t;

/* A hex member of a vector. */
static bytes_t hex_of(const json_t *vector, const char *name)
{
    const char *text = json_string_value(json_object_get(vector, name));
    bytes_t bytes;
    apr_size_t i;

    ck_assert_ptr_nonnull(text);
    bytes.len = strlen(text) / 2;
    bytes.at = apr_palloc(pool, bytes.len + 1);
    for (i = 0; i < bytes.len; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

        bytes.at[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return bytes;
}

static int is_valid(const json_t *vector)
{
    const char *result = json_string_value(json_object_get(vector, "result"));

    return strcmp(result, "invalid") != 0;
}

static void run_gcm(const json_t *vector)
{
    bytes_t key = hex_of(vector, "key");
    bytes_t iv = hex_of(vector, "iv");
    bytes_t aad = hex_of(vector, "aad");
    bytes_t msg = hex_of(vector, "msg");
    bytes_t ct = hex_of(vector, "ct");
    bytes_t tag = hex_of(vector, "tag");
    unsigned char *sealed = apr_palloc(pool, ct.len + tag.len);
    unsigned char *out = apr_palloc(pool, ct.len + GT_TAG_BYTES);
    int id = (int)json_integer_value(json_object_get(vector, "tcId"));

    ck_assert(key.len == 32 && iv.len == GT_NONCE_BYTES && tag.len == GT_TAG_BYTES);
    memcpy(sealed, ct.at, ct.len);
    memcpy(sealed + ct.len, tag.at, tag.len);
    ck_assert_msg(gt_aead_open(out, key.at, iv.at, aad.at, aad.len, sealed, ct.len + tag.len) ==
                      is_valid(vector),
                  "vector %d", id);
    if (!is_valid(vector))
        return;
    ck_assert_msg(memcmp(out, msg.at, msg.len) == 0, "vector %d", id);
    ck_assert(gt_aead_seal(out, key.at, iv.at, aad.at, aad.len, msg.at, msg.len));
    ck_assert_msg(memcmp(out, sealed, ct.len + tag.len) == 0, "vector %d", id);
}

static int in_halves; /* vectors that were run so, too */

static void run_hkdf(const json_t *vector)
{
    bytes_t ikm = hex_of(vector, "ikm");
    bytes_t salt = hex_of(vector, "salt");
    bytes_t info = hex_of(vector, "info");
    apr_size_t size = (apr_size_t)json_integer_value(json_object_get(vector, "size"));
    bytes_t okm = hex_of(vector, "okm");
    unsigned char *out = apr_palloc(pool, size);

    /* The invalid ones ask for more than 255 blocks, which is an assertion here. */
    if (!is_valid(vector)) {
        ck_assert_uint_gt(size, 255 * 32);
        return;
    }
    if (salt.len == 0 && size <= GT_PRK_BYTES) {
        unsigned char prk[GT_PRK_BYTES], key[GT_PRK_BYTES];

        gt_hkdf_extract(prk, ikm.at, ikm.len);
        gt_hkdf_expand(key, prk, info.at, info.len);
        ck_assert(memcmp(key, okm.at, size) == 0);
        in_halves++;
    }
    gt_hkdf(out, size, ikm.at, ikm.len, salt.at, salt.len, info.at, info.len);
    ck_assert_uint_eq(okm.len, size);
    ck_assert_msg(memcmp(out, okm.at, size) == 0, "vector %d",
                  (int)json_integer_value(json_object_get(vector, "tcId")));
}

/* Run a file's vectors. @return how many there were */
static int run_all(const char *file, void (*run)(const json_t *vector))
{
    json_t *vectors = load_vectors(file);
    const json_t *group, *vector;
    int n = 0;
    size_t i, j;

    json_array_foreach (json_object_get(vectors, "testGroups"), i, group)
        json_array_foreach (json_object_get(group, "tests"), j, vector) {
            run(vector);
            n++;
        }
    ck_assert_int_eq(n, json_integer_value(json_object_get(vectors, "numberOfTests")));
    json_decref(vectors);
    return n;
}

START_TEST(published_gcm_vectors)
{
    ck_assert_int_eq(run_all("aes_gcm/aes_gcm_256_96_128_test.json", run_gcm), 66);
}
END_TEST

START_TEST(published_hkdf_vectors)
{
    ck_assert_int_eq(run_all("hkdf/hkdf_sha256_test.json", run_hkdf), 86);
    ck_assert_int_gt(in_halves, 0);
}
END_TEST

/* The last one is remembered: by secret, info and length, and not when it is long. */
START_TEST(derived_keys_in_turn)
{
    static const char *const secrets[] = {"cat", "dog"};
    char long_info[300];
    const struct {
        const char *info;
        apr_size_t len;
    } infos[] = {{"ab", 2}, {"ac", 2}, {"abc", 3}, {"", 0}, {long_info, 256}, {long_info, 257}};
    const apr_size_t n = sizeof(infos) / sizeof(infos[0]);

    memset(long_info, 'x', sizeof(long_info));
    for (apr_size_t i = 0; i < n * n * 4; i++) {
        const char *secret = secrets[i / 2 % 2];
        const apr_size_t which = i % 2 ? i / 4 / n : i / 4 % n;
        unsigned char prk[GT_PRK_BYTES], out[GT_PRK_BYTES], expected[GT_PRK_BYTES];

        gt_hkdf_extract(prk, secret, strlen(secret));
        for (int again = 0; again < 2; again++) {
            gt_hkdf_expand(out, prk, infos[which].info, infos[which].len);
            gt_hkdf(expected, sizeof(expected), secret, strlen(secret), NULL, 0, infos[which].info,
                    infos[which].len);
            ck_assert_mem_eq(out, expected, sizeof(out));
        }
    }
}
END_TEST

static const unsigned char key[32] = "0123456789abcdef0123456789abcdef";
static const unsigned char nonce[GT_NONCE_BYTES] = "abcdefghijkl";

START_TEST(every_changed_bit_is_refused_and_nothing_is_left)
{
    static const char clear[] = "the cat sat on the mat";
    const apr_size_t len = sizeof(clear);
    unsigned char sealed[64], out[64];
    const unsigned char zeros[64] = {0};
    apr_size_t i;

    ck_assert(gt_aead_seal(sealed, key, nonce, "place", 5, clear, len));
    for (i = 0; i < (len + GT_TAG_BYTES) * 8; i++) {
        sealed[i / 8] = (unsigned char)(sealed[i / 8] ^ 1 << i % 8);
        memset(out, 'x', sizeof(out));
        ck_assert(!gt_aead_open(out, key, nonce, "place", 5, sealed, len + GT_TAG_BYTES));
        ck_assert_mem_eq(out, zeros, len);
        sealed[i / 8] = (unsigned char)(sealed[i / 8] ^ 1 << i % 8);
    }
    ck_assert(!gt_aead_open(out, key, nonce, "Place", 5, sealed, len + GT_TAG_BYTES));
    ck_assert(!gt_aead_open(out, key, nonce, "place", 4, sealed, len + GT_TAG_BYTES));
    ck_assert(!gt_aead_open(out, key, nonce, NULL, 0, sealed, len + GT_TAG_BYTES));
    ck_assert(!gt_aead_open(out, key, (const unsigned char *)"abcdefghijkm", "place", 5, sealed,
                            len + GT_TAG_BYTES));
    /* Cut short: also a tag of fewer bytes would be one that is easier to guess. */
    for (i = 0; i < len + GT_TAG_BYTES; i++)
        ck_assert(!gt_aead_open(out, key, nonce, "place", 5, sealed, i));
    ck_assert(gt_aead_open(out, key, nonce, "place", 5, sealed, len + GT_TAG_BYTES));
    ck_assert_str_eq((const char *)out, clear);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

/* The context keeps its key between calls: no other key's text may come of it, or open by it. */
START_TEST(keys_and_directions_in_turn)
{
    unsigned char changing[32], first[20], second[20], again[20], out[4];

    memcpy(changing, key, sizeof(key));
    ck_assert(gt_aead_seal(first, changing, nonce, NULL, 0, "text", 4));
    changing[31] ^= 1;
    ck_assert(!gt_aead_open(out, changing, nonce, NULL, 0, first, sizeof(first)));
    ck_assert(gt_aead_seal(second, changing, nonce, NULL, 0, "text", 4));
    ck_assert_mem_ne(first, second, sizeof(first));
    ck_assert(gt_aead_open(out, changing, nonce, NULL, 0, second, sizeof(second)));
    ck_assert(!gt_aead_open(out, changing, nonce, NULL, 0, first, sizeof(first)));
    ck_assert(gt_aead_open(out, key, nonce, NULL, 0, first, sizeof(first)));
    ck_assert(gt_aead_open(out, key, nonce, NULL, 0, first, sizeof(first)));
    ck_assert_mem_eq(out, "text", 4);
    ck_assert(gt_aead_seal(again, key, nonce, NULL, 0, "text", 4));
    ck_assert_mem_eq(first, again, sizeof(first));
    ck_assert(gt_aead_open(out, key, nonce, NULL, 0, first, sizeof(first)));
}
END_TEST

START_TEST(nothing_can_be_sealed_too)
{
    unsigned char sealed[GT_TAG_BYTES];

    ck_assert(gt_aead_seal(sealed, key, nonce, NULL, 0, NULL, 0));
    ck_assert(gt_aead_open(sealed, key, nonce, NULL, 0, sealed, GT_TAG_BYTES));
    ck_assert(!gt_aead_open(sealed, key, nonce, "x", 1, sealed, GT_TAG_BYTES));
}
END_TEST

START_TEST(absurd_lengths_are_refused)
{
    unsigned char byte = 0;

    ck_assert(!gt_aead_seal(&byte, key, nonce, NULL, 0, &byte, (apr_size_t)1 << 31));
    ck_assert(!gt_aead_seal(&byte, key, nonce, &byte, (apr_size_t)1 << 31, NULL, 0));
    ck_assert(!gt_aead_open(&byte, key, nonce, NULL, 0, &byte, (apr_size_t)1 << 31));
}
END_TEST

static void seal_often(void *wrong)
{
    unsigned char own_key[32];
    unsigned char sealed[100 + GT_TAG_BYTES], out[100];
    unsigned char clear[100];
    int i;

    gt_random(own_key, sizeof(own_key));
    for (i = 0; i < 500; i++) {
        memset(clear, i & 0xFF, sizeof(clear));
        if (!gt_aead_seal(sealed, own_key, nonce, &i, sizeof(i), clear, sizeof(clear)) ||
            !gt_aead_open(out, own_key, nonce, &i, sizeof(i), sealed, sizeof(sealed)) ||
            memcmp(out, clear, sizeof(out)) != 0)
            *(int *)wrong = 1;
    }
}

START_TEST(threads_do_not_disturb_each_other)
{
    aside_t asides[4];
    int wrong[4] = {0, 0, 0, 0};
    int i;

    for (i = 0; i < 4; i++)
        aside_start(&asides[i], seal_often, &wrong[i]);
    for (i = 0; i < 4; i++) {
        aside_join(&asides[i]);
        ck_assert_int_eq(wrong[i], 0);
    }
}
END_TEST

Suite *suite_aead(void)
{
    Suite *suite = suite_create("aead");
    TCase *tcase = case_with_pool(suite, "aead");

    tcase_add_test(tcase, published_gcm_vectors);
    tcase_add_test(tcase, published_hkdf_vectors);
    tcase_add_test(tcase, derived_keys_in_turn);
    tcase_add_test(tcase, every_changed_bit_is_refused_and_nothing_is_left);
    tcase_add_test(tcase, keys_and_directions_in_turn);
    tcase_add_test(tcase, nothing_can_be_sealed_too);
    tcase_add_test(tcase, absurd_lengths_are_refused);
    tcase_add_test(tcase, threads_do_not_disturb_each_other);
    return suite;
}
