/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Streamed transfers: all bytes in little memory, a slow reader, pauses, breaks. */

#include <stdio.h>
#include <unistd.h>

#include "wire.h"

Suite *suite_stream(void);

/* Take a stream to its end; each byte is looked at. Returns how many there were. */
static apr_int64_t drain(gt_transfer_t *transfer)
{
    apr_pool_t *scratch;
    apr_int64_t all = 0;
    int is_over = 0;

    apr_pool_create(&scratch, pool);
    while (!is_over) {
        const char *bytes;
        apr_size_t len, i;

        ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, scratch));
        ck_assert_uint_le(len, 48 * 1024);
        for (i = 0; i < len; i += 911)
            ck_assert_int_eq(bytes[i], 'a' + (all + (apr_int64_t)i) % 23);
        all += (apr_int64_t)len;
        apr_pool_clear(scratch);
        if (!is_over && !gt_transfer_reached(transfer, GT_POINT_MORE))
            await_point(transfer, GT_POINT_MORE);
    }
    return all;
}

/* 0 under sanitizers, which keep what is freed. */
static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    resident = 0;
#endif
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

START_TEST(test_100_mib_pass_in_little_memory)
{
    gt_transfer_t *transfer = stream_at("/bytes/104857600");
    long before = resident_kib();

    ck_assert_int_eq(gt_transfer_answer(transfer)->length, 104857600);
    ck_assert_ptr_null(gt_transfer_answer(transfer)->body);
    ck_assert_int_eq(drain(transfer), 104857600);
    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_int_lt(resident_kib() - before, 32 * 1024);
}
END_TEST

START_TEST(test_a_slow_reader_stops_the_provider_and_nobody_else)
{
    gt_transfer_t *transfer = stream_at("/chunks/104857600");
    int i;

    for (i = 0; i < 100; i++)
        ck_assert_str_eq(answer_at("/hello")->body, "hello");
    /* What the sockets' buffers hold, and no more, has left the provider. */
    ck_assert_int_lt(upstream_written(up), 32 * 1024 * 1024);
    ck_assert_int_eq(drain(transfer), 104857600);
}
END_TEST

START_TEST(test_a_small_stream_comes_in_one_wake)
{
    gt_transfer_t *transfer = stream_at("/hello");
    const char *bytes;
    apr_size_t len;
    int is_over;

    await_point(transfer, GT_POINT_END);
    ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, pool));
    ck_assert_uint_eq(len, 5);
    ck_assert_int_eq(is_over, 1);
    ck_assert_int_eq(strncmp(bytes, "hello", 5), 0);
}
END_TEST

/* What passes streams on passes collected answers on. */
START_TEST(test_a_collected_answer_is_taken_in_one_piece)
{
    gt_request_t request = {.url = upstream_url(up, "/chunks/100000")};
    gt_transfer_t *transfer = made(&request);
    const char *bytes;
    apr_size_t len;
    int is_over;

    ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, pool));
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(is_over, 0);
    await_point(transfer, GT_POINT_HEAD);
    ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, pool));
    ck_assert_uint_eq(len, 100000);
    ck_assert_int_eq(is_over, 1);
    ck_assert_ptr_eq(bytes, gt_transfer_answer(transfer)->body);
    request.url = upstream_url(up, "/die");
    ck_fails(gt_transfer_take(&bytes, &len, &is_over, ended(&request), pool), GT_UPSTREAM,
             "GT0305");
}
END_TEST

START_TEST(test_an_empty_stream)
{
    gt_transfer_t *transfer = stream_at("/bytes/0");

    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 200);
    ck_assert_int_eq(drain(transfer), 0);
}
END_TEST

static void ends_in(const char *path, const gt_request_t *more, apr_size_t before, const char *tag)
{
    gt_request_t request = *more;
    gt_transfer_t *transfer;
    const char *bytes;
    apr_size_t len;
    int is_over;

    request.url = upstream_url(up, path);
    request.stream = 1;
    transfer = made(&request);
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 200);
    await_point(transfer, GT_POINT_END);
    ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, pool));
    ck_assert_uint_eq(len, before);
    ck_assert_int_eq(is_over, 0);
    ck_assert_str_eq(gt_transfer_take(&bytes, &len, &is_over, transfer, pool)->tag, tag);
}

START_TEST(test_a_stream_that_breaks_gives_its_bytes_first)
{
    ends_in("/die", &(gt_request_t){0}, 5, "GT0305");
}
END_TEST

START_TEST(test_a_provider_that_pauses_too_long)
{
    ends_in("/pause", &(gt_request_t){.timeout = 150000}, 4, "GT0308");
}
END_TEST

START_TEST(test_a_stream_that_never_begins)
{
    gt_request_t request = {.url = upstream_url(up, "/hang"), .stream = 1, .timeout = 150000};
    gt_transfer_t *transfer = made(&request);

    await_point(transfer, GT_POINT_HEAD);
    ck_assert_ptr_null(gt_transfer_answer(transfer));
    ck_fails(gt_transfer_error(transfer, pool), GT_TIMEOUT, "GT0308");
}
END_TEST

/* The reader takes longer than the provider may pause: that is no fault of the provider's. */
START_TEST(test_a_slow_reader_is_no_pause_of_the_provider)
{
    gt_request_t request = {
        .url = upstream_url(up, "/bytes/20000000"), .stream = 1, .timeout = 1000000};
    gt_transfer_t *transfer = made(&request);
    int i;

    await_point(transfer, GT_POINT_HEAD);
    for (i = 0; i < 3; i++)
        ck_assert_str_eq(answer_at("/slow/400")->body, "hello");
    ck_assert_int_eq(drain(transfer), 20000000);
}
END_TEST

START_TEST(test_a_bound_on_a_stream)
{
    gt_request_t request = {
        .url = upstream_url(up, "/chunks/100000"), .stream = 1, .answer_max = 40000};
    gt_transfer_t *transfer = ended(&request);

    ck_fails(gt_transfer_error(transfer, pool), GT_UPSTREAM, "GT0306");
}
END_TEST

Suite *suite_stream(void)
{
    Suite *suite = suite_create("stream");
    TCase *tcase = add_case(suite, "stream", begin);

    tcase_add_test(tcase, test_100_mib_pass_in_little_memory);
    tcase_add_test(tcase, test_a_slow_reader_stops_the_provider_and_nobody_else);
    tcase_add_test(tcase, test_a_small_stream_comes_in_one_wake);
    tcase_add_test(tcase, test_a_collected_answer_is_taken_in_one_piece);
    tcase_add_test(tcase, test_an_empty_stream);
    tcase_add_test(tcase, test_a_stream_that_breaks_gives_its_bytes_first);
    tcase_add_test(tcase, test_a_provider_that_pauses_too_long);
    tcase_add_test(tcase, test_a_stream_that_never_begins);
    tcase_add_test(tcase, test_a_slow_reader_is_no_pause_of_the_provider);
    tcase_add_test(tcase, test_a_bound_on_a_stream);
    return suite;
}
