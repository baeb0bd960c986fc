/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Times as strangers and administrators write them. */

#include "gt_test.h"

Suite *suite_clock(void);

#define SEC(n) apr_time_from_sec(n)

START_TEST(rfc3339_is_read)
{
    static const struct {
        const char *text;
        apr_time_t t; /* -1: it is none */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T07:00:00Z", SEC(1795244400)},
        {"2026-11-21t07:00:00z", SEC(1795244400)},
        {"2026-11-21T08:30:00+01:30", SEC(1795244400)},
        {"2026-11-21T00:00:00-07:00", SEC(1795244400)},
        {"2026-11-21T07:00:00.5Z", SEC(1795244400) + 500000},
        {"2026-11-21T07:00:00.1234567Z", SEC(1795244400) + 123456},
        {"2026-11-21T07:00:00.000000001Z", SEC(1795244400)},
        {"2000-02-29T00:00:00Z", SEC(951782400)},
        {"2016-12-31T23:59:60Z", SEC(1483228800)},
        {"1969-12-31T23:59:59.5Z", -500000 /* below */},
        {"2026-11-21T07:00:00", -1},
        {"2026-11-21T07:00Z", -1},
        {"2026-11-21 07:00:00Z", -1},
        {"2026-11-21T07:00:00.Z", -1},
        {"2026-11-21T07:00:00.1234567890Z", -1},
        {"2026-11-21T07:00:00+0100", -1},
        {"2026-11-21T07:00:00+01", -1},
        {"2026-11-21T07:00:00+24:00", -1},
        {"2026-11-21T07:00:00+01:60", -1},
        {"2026-11-21T24:00:00Z", -1},
        {"2026-11-21T07:60:00Z", -1},
        {"2026-11-21T07:00:60Z", -1},
        {"2026-11-21T07:59:61Z", -1},
        {"2026-13-21T07:00:00Z", -1},
        {"2026-00-21T07:00:00Z", -1},
        {"2026-11-31T07:00:00Z", -1},
        {"2026-11-00T07:00:00Z", -1},
        {"2026-02-29T07:00:00Z", -1},
        {"1900-02-29T07:00:00Z", -1},
        {"0000-01-01T00:00:00Z", -1},
        {"26-11-21T07:00:00Z", -1},
        {"12026-11-21T07:00:00Z", -1},
        {"2026-11-21T07:00:00Z ", -1},
        {" 2026-11-21T07:00:00Z", -1},
        {"2026-11-21T-7:00:00Z", -1},
        {"2026-11-21T07:00:00ZZ", -1},
        {"2026-11-21", -1},
        {"", -1},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_time_t t = 77;
        int is_right = gt_rfc3339_parse(&t, rows[i].text);

        ck_assert_msg(is_right == (rows[i].t != -1), "\"%s\"", rows[i].text);
        ck_assert_msg(t == (is_right ? rows[i].t : 0), "\"%s\": %lld", rows[i].text, (long long)t);
    }
    ck_assert(!gt_rfc3339_parse(&(apr_time_t){0}, NULL));
}
END_TEST

START_TEST(rfc3339_is_written_and_read_back)
{
    static const struct {
        apr_time_t t;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {SEC(1795244400) + 999999, "2026-11-21T07:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {SEC(951782399), "2000-02-28T23:59:59Z"},
        {SEC(253402300799), "9999-12-31T23:59:59Z"},
        {APR_INT64_MAX, "9999-12-31T23:59:59Z"},
        {SEC(-62135596800), "0001-01-01T00:00:00Z"},
        {APR_INT64_MIN, "0000-01-01T00:00:00Z"},
    };
    apr_time_t t, back;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(gt_rfc3339(rows[i].t, pool), rows[i].text);
    for (t = SEC(-62135596800); t < SEC(253402300799); t += SEC(86400LL * 97 + 12345)) {
        ck_assert(gt_rfc3339_parse(&back, gt_rfc3339(t, pool)));
        ck_assert_int_eq(back, t);
        apr_pool_clear(pool);
    }
}
END_TEST

START_TEST(local_times_have_no_offset)
{
    static const char *const right[] = {"2026-11-21T07:00", "2026-11-21T07:00:00",
                                        "2026-11-21T07:00:00.0000000"};
    static const char *const wrong[] = {"2026-11-21T07:00:00Z",
                                        "2026-11-21T07:00+01:00",
                                        "2026-11-21",
                                        "2026-11-21T07",
                                        "2026-11-21T07:00:",
                                        "2026-11-21T07:00.5",
                                        "2026-02-30T07:00",
                                        "",
                                        "now"};
    apr_time_t t;
    size_t i;

    for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert_msg(gt_local_time_parse(&t, right[i]), "\"%s\"", right[i]);
        ck_assert_int_eq(t, SEC(1795244400));
    }
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!gt_local_time_parse(&t, wrong[i]), "\"%s\"", wrong[i]);
    ck_assert(!gt_local_time_parse(&t, NULL));
}
END_TEST

START_TEST(spans_are_read)
{
    static const struct {
        const char *text;
        apr_interval_time_t span; /* -1: it is none */
    } rows[] = {
        {"90", SEC(90)},
        {"90s", SEC(90)},
        {"90sec", SEC(90)},
        {"5min", SEC(300)},
        {"5m", SEC(300)},
        {"2h", SEC(7200)},
        {"1hour", SEC(3600)},
        {"2hours", SEC(7200)},
        {"1d", SEC(86400)},
        {"1day", SEC(86400)},
        {"250ms", 250000},
        {"0", 0},
        {"10MIN", SEC(600)},
        {"3650d", SEC(3650LL * 86400)},
        {"3651d", -1},
        {"315360001", -1},
        {"99999999999999999", -1},
        {"", -1},
        {"s", -1},
        {"-5s", -1},
        {"5 min", -1},
        {"5x", -1},
        {"300x", -1},
        {"1.5h", -1},
        {"5min ", -1},
        {" 5", -1},
        {"0x5", -1},
        {"5minutely", -1},
        {"1e3", -1},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_interval_time_t span = 77;
        int is_right = gt_span_parse(&span, rows[i].text);

        ck_assert_msg(is_right == (rows[i].span != -1), "\"%s\"", rows[i].text);
        ck_assert_int_eq(span, is_right ? rows[i].span : 0);
    }
    ck_assert(!gt_span_parse(&(apr_interval_time_t){0}, NULL));
}
END_TEST

START_TEST(spans_are_written_in_the_largest_unit)
{
    static const struct {
        apr_interval_time_t span;
        const char *text;
    } rows[] = {
        {0, "0s"},           {SEC(90), "90s"},          {SEC(300), "5min"}, {SEC(3600), "1h"},
        {SEC(86400), "1d"},  {SEC(5400), "90min"},      {250000, "250ms"},  {7, "7us"},
        {SEC(172800), "2d"}, {SEC(1) + 1000, "1001ms"},
    };
    apr_interval_time_t back;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_str_eq(gt_span_text(rows[i].span, pool), rows[i].text);
        if (rows[i].span % 1000 == 0) {
            ck_assert(gt_span_parse(&back, rows[i].text));
            ck_assert_int_eq(back, rows[i].span);
        }
    }
}
END_TEST

START_TEST(retry_after_is_seconds_or_a_date)
{
    static const struct {
        const char *text;
        apr_interval_time_t wait;
    } rows[] = {
        {"0", 0},
        {"120", SEC(120)},
        {" 120 ", SEC(120)},
        {"3600", SEC(3600)},
        {"3601", SEC(3600)},
        {"99999999999999999999999999", SEC(3600)},
        {"Sat, 21 Nov 2026 07:00:30 GMT", SEC(30)},
        {"Saturday, 21-Nov-26 07:00:30 GMT", SEC(30)},
        {"Sat Nov 21 07:00:30 2026", SEC(30)},
        {"Sat, 21 Nov 2026 06:59:30 GMT", 0},
        {"Sat, 21 Nov 2027 07:00:30 GMT", SEC(3600)},
        {"60,120", SEC(120)},
        {"120 , 60", SEC(120)},
        {"60,", 0},
        {"60,soon", 0},
        {"60 120", 0},
        {"-5", 0},
        {"5x", 0},
        {"1.5", 0},
        {"soon", 0},
        {"", 0},
    };
    size_t i;

    fake_clock(SEC(1795244400));
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(gt_retry_after(rows[i].text) == rows[i].wait, "\"%s\": %lld", rows[i].text,
                      (long long)gt_retry_after(rows[i].text));
    ck_assert_int_eq(gt_retry_after(NULL), 0);
}
END_TEST

START_TEST(waits_double_up_to_the_most_with_jitter)
{
    apr_interval_time_t least = APR_INT64_MAX;
    apr_interval_time_t most = 0;
    int n, i;

    for (n = 0; n < 70; n++) {
        apr_interval_time_t middle = n < 6 ? SEC(1) << n : SEC(60);

        for (i = 0; i < 20; i++) {
            apr_interval_time_t wait = gt_backoff(n, SEC(1), SEC(60));

            ck_assert_int_ge(wait, middle * 8 / 10);
            ck_assert_int_le(wait, middle * 12 / 10);
            least = n == 0 && wait < least ? wait : least;
            most = n == 0 && wait > most ? wait : most;
        }
    }
    /* Twenty throws that all fall together would be no jitter. */
    ck_assert_int_gt(most - least, 1000);
}
END_TEST

START_TEST(clocks_can_be_replaced_and_put_back)
{
    apr_time_t before;

    fake_clock(SEC(42));
    ck_assert_int_eq(gt_now(), SEC(42));
    ck_assert_int_eq(gt_ticks(), SEC(42));
    gt_clock_set(NULL, NULL);
    ck_assert_int_gt(gt_now(), SEC(1700000000));
    before = gt_ticks();
    ck_assert_int_ge(gt_ticks(), before);
}
END_TEST

Suite *suite_clock(void)
{
    Suite *suite = suite_create("clock");
    TCase *times = case_with_pool(suite, "times");
    TCase *spans = case_with_pool(suite, "spans");

    tcase_add_test(times, rfc3339_is_read);
    tcase_add_test(times, rfc3339_is_written_and_read_back);
    tcase_add_test(times, local_times_have_no_offset);
    tcase_add_test(times, clocks_can_be_replaced_and_put_back);
    tcase_add_test(spans, spans_are_read);
    tcase_add_test(spans, spans_are_written_in_the_largest_unit);
    tcase_add_test(spans, retry_after_is_seconds_or_a_date);
    tcase_add_test(spans, waits_double_up_to_the_most_with_jitter);
    return suite;
}
