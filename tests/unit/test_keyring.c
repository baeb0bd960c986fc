/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Keyring texts, right and wrong; no complaint shows a key. */

#include "gt_test.h"

#include "base/secret.h"
#include "base/text.h"
#include "crypt/aead.h"
#include "crypt/keyring.h"

Suite *suite_keyring(void);

/* 32 bytes 0x00 to 0x1F, and 0xFF to 0xE0: both alphabets differ in the second. */
#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA="
#define KEY_B_PLAIN "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="
#define KEY_A_TWICE "QUFFQ0F3UUZCZ2NJQ1FvTERBME9EeEFSRWhNVUZSWVhHQmthR3h3ZEhoOD0="

static gt_err_t *parse(gt_keyring_t **ring, const char *text)
{
    return gt_keyring_parse(ring, gt_secret_from(text, pool), pool);
}

static gt_keyring_t *ring_of(const char *text)
{
    gt_keyring_t *ring;

    ck_ok(parse(&ring, text));
    return ring;
}

START_TEST(a_key_alone_serves_all)
{
    const gt_keyring_t *ring = ring_of(KEY_A "\n");
    const gt_key_t *key = gt_keyring_writer(ring, GT_KEY_ACCESS);
    unsigned char digest[32];
    int i;

    ck_assert_int_eq(gt_keyring_keys(ring)->nelts, 1);
    for (i = 0; i < 32; i++)
        ck_assert_int_eq(gt_key_raw(key)[i], i);
    gt_sha256(digest, gt_key_raw(key), 32);
    ck_assert_str_eq(key->fingerprint, gt_hex(digest, 4, pool));
    ck_assert_str_eq(key->id, key->fingerprint);
    for (i = 0; i < GT_PURPOSES; i++) {
        ck_assert_ptr_eq(gt_keyring_writer(ring, (gt_purpose_t)i), key);
        ck_assert_ptr_eq(gt_keyring_find(ring, key->id, (gt_purpose_t)i), key);
    }
}
END_TEST

START_TEST(all_spellings_of_a_key_are_the_same_key)
{
    const gt_keyring_t *ring =
        ring_of("a any " KEY_A "\nb any " KEY_A_TWICE "\nc any " KEY_B "\nd any " KEY_B_PLAIN);
    const apr_array_header_t *keys = gt_keyring_keys(ring);
    const char *prints[4];
    int i;

    for (i = 0; i < 4; i++)
        prints[i] = APR_ARRAY_IDX(keys, i, const gt_key_t *)->fingerprint;
    ck_assert_str_eq(prints[0], prints[1]);
    ck_assert_str_eq(prints[2], prints[3]);
    ck_assert_str_ne(prints[0], prints[2]);
}
END_TEST

START_TEST(the_first_writes_and_all_read)
{
    const gt_keyring_t *ring = ring_of("# new\r\n"
                                       "\tnew  access,refresh\t" KEY_A " \r\n"
                                       "\n"
                                       "  # old\n"
                                       "old any " KEY_B "\n"
                                       "c-1_Z cookie " KEY_A "\n");

    ck_assert_int_eq(gt_keyring_keys(ring)->nelts, 3);
    ck_assert_str_eq(gt_keyring_writer(ring, GT_KEY_ACCESS)->id, "new");
    ck_assert_str_eq(gt_keyring_writer(ring, GT_KEY_REFRESH)->id, "new");
    ck_assert_str_eq(gt_keyring_writer(ring, GT_KEY_PERSONAL)->id, "old");
    ck_assert_str_eq(gt_keyring_writer(ring, GT_KEY_COOKIE)->id, "old");
    ck_assert_ptr_nonnull(gt_keyring_find(ring, "old", GT_KEY_ACCESS));
    ck_assert_ptr_nonnull(gt_keyring_find(ring, "c-1_Z", GT_KEY_COOKIE));
    ck_assert_ptr_null(gt_keyring_find(ring, "c-1_Z", GT_KEY_ACCESS));
    ck_assert_ptr_null(gt_keyring_find(ring, "new", GT_KEY_COOKIE));
    ck_assert_ptr_null(gt_keyring_find(ring, "none", GT_KEY_ACCESS));
    ck_assert_ptr_null(gt_keyring_find(ring, "", GT_KEY_ACCESS));
    ck_assert_ptr_null(gt_keyring_writer(ring_of("a access " KEY_A), GT_KEY_COOKIE));
}
END_TEST

START_TEST(each_purpose_has_a_key_of_its_own)
{
    const gt_key_t *key = gt_keyring_writer(ring_of(KEY_A), GT_KEY_ACCESS);
    unsigned char expected[32];
    int i, j;

    for (i = 0; i < GT_PURPOSES; i++) {
        const char *info = apr_pstrcat(pool, "graphtok/1/", gt_purpose_name((gt_purpose_t)i), NULL);

        gt_hkdf(expected, 32, gt_key_raw(key), 32, NULL, 0, info, strlen(info));
        ck_assert_mem_eq(gt_key_sub(key, (gt_purpose_t)i), expected, 32);
        ck_assert_mem_ne(gt_key_sub(key, (gt_purpose_t)i), gt_key_raw(key), 32);
        for (j = 0; j < i; j++)
            ck_assert_mem_ne(gt_key_sub(key, (gt_purpose_t)i), gt_key_sub(key, (gt_purpose_t)j),
                             32);
    }
}
END_TEST

/* A derived key never changes, or what was sealed with it could not be opened any more. */
START_TEST(derived_keys_stay_what_they_are)
{
    const gt_key_t *key = gt_keyring_writer(ring_of(KEY_A), GT_KEY_ACCESS);

    ck_assert_str_eq(gt_hex(gt_key_sub(key, GT_KEY_ACCESS), 32, pool),
                     "23aaa829d8c637299e663d6191426934112a553f4fdb333a6a8ed629b58ed4ba");
    ck_assert_str_eq(gt_hex(gt_key_sub(key, GT_KEY_COOKIE), 32, pool),
                     "4311bdb924e3fcb74d3bd4b1ff11fa2908b80a38ea2df331fc23640f2f4f4616");
}
END_TEST

START_TEST(wrong_texts_are_refused_by_line_without_the_key)
{
    static const struct {
        const char *text;
        const char *detail; /* begins so */
    } rows[] = {
        {"", "the keyring holds no key"},
        {"# only a comment\n\n", "the keyring holds no key"},
        {"AAECAwQF", "keyring line 1: the key must be 44 characters"},
        {"# x\n\na any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
         "keyring line 3: the key must"},
        {"a any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", "keyring line 1: the key must be"},
        {"a any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", "keyring line 1: the key must be"},
        {"a any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH%8=", "keyring line 1: the key must be"},
        {"a any QUFFQ0F3UUZCZ2NJQ1FvTERBME9EeEFSRWhNVUZSWVhHQmthR3h3ZEhoOAAA",
         "keyring line 1: the key must be"},
        {"a any", "keyring line 1: expected ID PURPOSE KEY"},
        {"a any " KEY_A " x", "keyring line 1: expected ID PURPOSE KEY"},
        {"a any " KEY_A " # x", "keyring line 1: expected ID PURPOSE KEY"},
        {"a.b any " KEY_A, "keyring line 1: the id must be"},
        {"123456789012345678901234567890123 any " KEY_A, "keyring line 1: the id must be"},
        {"a all " KEY_A, "keyring line 1: a purpose is none of"},
        {"a access, " KEY_A, "keyring line 1: a purpose is none of"},
        {"a ,access " KEY_A, "keyring line 1: a purpose is none of"},
        {"a access,,cookie " KEY_A, "keyring line 1: a purpose is none of"},
        {"a ACCESS " KEY_A, "keyring line 1: a purpose is none of"},
        {"a " KEY_A " any", "keyring line 1: the key must be 44 characters"},
        {"a any " KEY_A "\na any " KEY_B, "keyring line 2: a key with this id stands above"},
        {KEY_A "\n" KEY_A, "keyring line 2: a key with this id stands above"},
    };
    gt_keyring_t *ring;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const gt_err_t *err = parse(&ring, rows[i].text);

        ck_assert_msg(err != GT_OK, "\"%s\"", rows[i].text);
        ck_assert_int_eq(err->cls, GT_INTERNAL);
        ck_assert_ptr_null(ring);
        ck_assert_msg(strncmp(err->detail, rows[i].detail, strlen(rows[i].detail)) == 0, "%s",
                      err->detail);
        ck_assert_ptr_null(strstr(err->detail, "AAEC"));
    }
    ck_fails(gt_keyring_parse(&ring, gt_secret_make(KEY_A "\n\0x", 47, pool), pool), GT_INTERNAL,
             "GT0202");
    ck_fails(gt_keyring_parse(&ring, gt_secret_make("", 0, pool), pool), GT_INTERNAL, "GT0203");
}
END_TEST

START_TEST(a_keyring_is_bounded)
{
    const char *text = "";
    gt_keyring_t *ring;
    int i;

    for (i = 0; i < 256; i++)
        text = apr_psprintf(pool, "%sk%d any " KEY_A "\n", text, i);
    ck_ok(parse(&ring, text));
    ck_fails(parse(&ring, apr_pstrcat(pool, text, "x any " KEY_A, NULL)), GT_INTERNAL, "GT0202");
}
END_TEST

START_TEST(a_new_key_is_a_line_of_a_keyring)
{
    const char *line, *other;
    const gt_key_t *key;

    fake_clock(apr_time_from_sec(1795244400));
    line = gt_secret_text(gt_keyring_generate(pool));
    other = gt_secret_text(gt_keyring_generate(pool));
    ck_assert_int_eq(strncmp(line, "2026-11-21-", 11), 0);
    ck_assert_uint_eq(strlen(line), strlen("2026-11-21-XXXX any ") + 44 + 1);
    key = gt_keyring_writer(ring_of(line), GT_KEY_REFRESH);
    ck_assert_uint_eq(strlen(key->id), 15);
    ck_assert_mem_ne(gt_key_raw(key), gt_key_raw(gt_keyring_writer(ring_of(other), GT_KEY_REFRESH)),
                     32);
}
END_TEST

Suite *suite_keyring(void)
{
    Suite *suite = suite_create("keyring");
    TCase *tcase = case_with_pool(suite, "keyring");

    tcase_add_test(tcase, a_key_alone_serves_all);
    tcase_add_test(tcase, all_spellings_of_a_key_are_the_same_key);
    tcase_add_test(tcase, the_first_writes_and_all_read);
    tcase_add_test(tcase, each_purpose_has_a_key_of_its_own);
    tcase_add_test(tcase, derived_keys_stay_what_they_are);
    tcase_add_test(tcase, wrong_texts_are_refused_by_line_without_the_key);
    tcase_add_test(tcase, a_keyring_is_bounded);
    tcase_add_test(tcase, a_new_key_is_a_line_of_a_keyring);
    return suite;
}
