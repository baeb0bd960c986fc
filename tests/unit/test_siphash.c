/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* SipHash-2-4 against the paper's and its authors' vectors, and against OpenSSL's. */

#include "gt_test.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "shm/siphash.h"

Suite *suite_siphash(void);

static unsigned char key_bytes[16];
static unsigned char input[130];

static void count_up(void)
{
    make_pool();
    for (int i = 0; i < 16; i++)
        key_bytes[i] = (unsigned char)i;
    for (int i = 0; i < 130; i++)
        input[i] = (unsigned char)i;
}

static void spell(unsigned char bytes[8], apr_uint64_t word)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(word >> (8 * i));
}

/* Key 00 01 … 0f, input 00 01 … as long as said (reference implementation, vectors.h). */
START_TEST(published_vectors_of_64_bits)
{
    static const struct {
        apr_size_t len;
        const char *hash;
    } rows[] = {
        {0, "310e0edd47db6f72"}, {1, "fd67dc93c539f874"},  {2, "5a4fa9d909806c0d"},
        {3, "2d7efbd796666785"}, {15, "e545be4961ca29a1"}, {63, "724506eb4c328a95"},
    };
    gt_sip_key_t key = gt_sip_key(key_bytes);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char hash[8];

        spell(hash, gt_siphash64(&key, input, rows[i].len));
        ck_assert_str_eq(gt_hex(hash, 8, pool), rows[i].hash);
    }
    /* The paper's own example, appendix A. */
    ck_assert_uint_eq(gt_siphash64(&key, input, 15), UINT64_C(0xa129ca6149be45e5));
}
END_TEST

START_TEST(published_vectors_of_128_bits)
{
    static const struct {
        apr_size_t len;
        const char *hash;
    } rows[] = {
        {0, "a3817f04ba25a8e66df67214c7550293"},
        {1, "da87c1d86b99af44347659119b22fc45"},
    };
    gt_sip_key_t key = gt_sip_key(key_bytes);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char hash[16];

        gt_siphash128(hash, &key, input, rows[i].len);
        ck_assert_str_eq(gt_hex(hash, 16, pool), rows[i].hash);
    }
}
END_TEST

static void openssl_siphash(unsigned char *hash, apr_size_t size, apr_size_t len)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                           OSSL_PARAM_construct_end()};
    size_t made = 0;

    ck_assert_int_eq(EVP_MAC_init(ctx, key_bytes, sizeof(key_bytes), params), 1);
    ck_assert_int_eq(EVP_MAC_update(ctx, input, len), 1);
    ck_assert_int_eq(EVP_MAC_final(ctx, hash, &made, size), 1);
    ck_assert_uint_eq(made, size);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

START_TEST(every_length_as_openssl_has_it)
{
    for (apr_size_t len = 0; len <= sizeof(input); len++) {
        gt_sip_key_t key;
        unsigned char ours[16], theirs[16];

        gt_random(key_bytes, sizeof(key_bytes));
        key = gt_sip_key(key_bytes);
        spell(ours, gt_siphash64(&key, input, len));
        openssl_siphash(theirs, 8, len);
        ck_assert_mem_eq(ours, theirs, 8);
        gt_siphash128(ours, &key, input, len);
        openssl_siphash(theirs, 16, len);
        ck_assert_mem_eq(ours, theirs, 16);
    }
}
END_TEST

Suite *suite_siphash(void)
{
    Suite *suite = suite_create("siphash");
    TCase *tcase = tcase_create("siphash");

    tcase_add_checked_fixture(tcase, count_up, drop_pool);
    tcase_add_test(tcase, published_vectors_of_64_bits);
    tcase_add_test(tcase, published_vectors_of_128_bits);
    tcase_add_test(tcase, every_length_as_openssl_has_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
