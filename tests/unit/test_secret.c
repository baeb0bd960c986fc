/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Bytes that go away with their pool. */

#include "gt_test.h"

#include "base/secret.h"

Suite *suite_secret(void);

START_TEST(a_secret_holds_a_copy)
{
    char bytes[] = "ab\0cd";
    const gt_secret_t *secret = gt_secret_make(bytes, 5, pool);

    memset(bytes, 'x', sizeof(bytes));
    ck_assert_uint_eq(gt_secret_len(secret), 5);
    ck_assert_mem_eq(gt_secret_text(secret), "ab\0cd", 6);
    ck_assert_str_eq(gt_secret_text(gt_secret_from("text", pool)), "text");
    ck_assert_ptr_null(gt_secret_from(NULL, pool));
    ck_assert_ptr_null(gt_secret_dup(NULL, pool));
    ck_assert_uint_eq(gt_secret_len(gt_secret_make(NULL, 0, pool)), 0);
    ck_assert_str_eq(gt_secret_text(gt_secret_make(NULL, 0, pool)), "");
}
END_TEST

START_TEST(a_copy_is_independent)
{
    gt_secret_t *secret = gt_secret_from("hunter2", pool);
    gt_secret_t *copy = gt_secret_dup(secret, pool);

    gt_secret_wipe(secret);
    ck_assert_uint_eq(gt_secret_len(secret), 0);
    ck_assert_str_eq(gt_secret_text(secret), "");
    ck_assert_str_eq(gt_secret_text(copy), "hunter2");
}
END_TEST

START_TEST(what_is_cut_off_is_wiped)
{
    gt_secret_t *secret = gt_secret_from("hunter2", pool);

    gt_secret_cut(secret, 3);
    ck_assert_uint_eq(gt_secret_len(secret), 3);
    ck_assert_mem_eq(gt_secret_bytes(secret), "hun\0\0\0\0", 8);
}
END_TEST

START_TEST(a_blank_secret_is_zero_and_writable)
{
    gt_secret_t *secret = gt_secret_blank(4, pool);

    ck_assert_mem_eq(gt_secret_bytes(secret), "\0\0\0\0", 5);
    memcpy(gt_secret_bytes(secret), "abcd", 4);
    ck_assert_str_eq(gt_secret_text(secret), "abcd");
}
END_TEST

START_TEST(equal_means_same_bytes)
{
    gt_secret_t *a = gt_secret_make("ab\0c", 4, pool);

    ck_assert(gt_secret_equal(a, gt_secret_make("ab\0c", 4, pool)));
    ck_assert(!gt_secret_equal(a, gt_secret_make("ab\0d", 4, pool)));
    ck_assert(!gt_secret_equal(a, gt_secret_make("ab", 2, pool)));
    ck_assert(gt_secret_equal(gt_secret_make("", 0, pool), gt_secret_make("", 0, pool)));
}
END_TEST

/* What a pool's cleanups left of some bytes, seen by a cleanup that runs after theirs. */
typedef struct witness_t {
    const unsigned char *bytes;
    unsigned char seen[8];
} witness_t;

static apr_status_t look(void *baton)
{
    witness_t *witness = baton;

    memcpy(witness->seen, witness->bytes, sizeof(witness->seen));
    return APR_SUCCESS;
}

START_TEST(a_pool_wipes_its_secrets)
{
    witness_t of_secret, of_buffer;
    char buffer[8] = "hunter2";
    apr_pool_t *inner;

    apr_pool_create(&inner, pool);
    /* Cleanups run last first: the witnesses are called up before what they witness. */
    apr_pool_cleanup_register(inner, &of_secret, look, apr_pool_cleanup_null);
    apr_pool_cleanup_register(inner, &of_buffer, look, apr_pool_cleanup_null);
    of_secret.bytes = gt_secret_bytes(gt_secret_from("hunter2", inner));
    gt_wipe_with_pool(buffer, sizeof(buffer), inner);
    of_buffer.bytes = (unsigned char *)buffer;
    ck_assert_mem_eq(of_secret.bytes, "hunter2", 8);
    apr_pool_destroy(inner);
    ck_assert_mem_eq(of_secret.seen, "\0\0\0\0\0\0\0", 8);
    ck_assert_mem_eq(of_buffer.seen, "\0\0\0\0\0\0\0", 8);
}
END_TEST

Suite *suite_secret(void)
{
    Suite *suite = suite_create("secret");
    TCase *tcase = case_with_pool(suite, "secret");

    tcase_add_test(tcase, a_secret_holds_a_copy);
    tcase_add_test(tcase, a_copy_is_independent);
    tcase_add_test(tcase, what_is_cut_off_is_wiped);
    tcase_add_test(tcase, a_blank_secret_is_zero_and_writable);
    tcase_add_test(tcase, equal_means_same_bytes);
    tcase_add_test(tcase, a_pool_wipes_its_secrets);
    return suite;
}
