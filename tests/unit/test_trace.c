/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The header `traceparent`: what is one (W3C Trace Context, section 3.2), and what is handed on. */

#include "gt_test.h"

#include "base/trace.h"

Suite *suite_trace(void);

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define ZEROS "00000000000000000000000000000000"

START_TEST(a_header_is_read_to_the_letter)
{
    static const struct {
        const char *header;
        int is_one, is_sampled;
    } rows[] = {
        {"00-" ID "-" PARENT "-01", 1, 1},
        {"00-" ID "-" PARENT "-00", 1, 0},
        {"00-" ID "-" PARENT "-02", 1, 0},
        {"00-" ID "-" PARENT "-ff", 1, 1},
        {"01-" ID "-" PARENT "-01", 1, 1},
        {"cc-" ID "-" PARENT "-01-what-comes-later", 1, 1},
        {"cc-" ID "-" PARENT "-01.what-comes-later", 0, 0},
        {"cc-" ID "-" PARENT "-012", 0, 0},
        {"00-" ID "-" PARENT "-01-what-comes-later", 0, 0},
        {"00-" ID "-" PARENT "-01-", 0, 0},
        {"00-" ID "-" PARENT "-01, 00-" ID "-" PARENT "-01", 0, 0},
        {"00-" ID "-" PARENT "-01 ", 0, 0},
        {" 00-" ID "-" PARENT "-01", 0, 0},
        {"ff-" ID "-" PARENT "-01", 0, 0},
        {"0-" ID "-" PARENT "-01", 0, 0},
        {"00-" ZEROS "-" PARENT "-01", 0, 0},
        {"00-" ID "-0000000000000000-01", 0, 0},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", 0, 0},
        {"00-" ID "-" PARENT "-0", 0, 0},
        {"00-" ID "-" PARENT "-", 0, 0},
        {"00-" ID "-" PARENT, 0, 0},
        {"00-" ID "-00f067aa0ba902-01", 0, 0},
        {"00-" ID "0-" PARENT "-01", 0, 0},
        {"00-4bf92f3577b34da6a3ce929d0e0e473-" PARENT "-01", 0, 0},
        {"00_" ID "-" PARENT "-01", 0, 0},
        {"00-" ID "-" PARENT "-0g", 0, 0},
        {"", 0, 0},
        {"f", 0, 0},
        {NULL, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_trace_t trace = {"before", -1};

        ck_assert_msg(gt_trace_read(&trace, rows[i].header) == rows[i].is_one, "%s",
                      rows[i].header);
        ck_assert_str_eq(trace.id, rows[i].is_one ? ID : "before");
        ck_assert_int_eq(trace.is_sampled, rows[i].is_one ? rows[i].is_sampled : -1);
    }
}
END_TEST

START_TEST(each_call_has_a_parent_of_its_own)
{
    gt_trace_t trace, again;
    const char *first, *second;

    ck_assert(gt_trace_read(&trace, "42-" ID "-" PARENT "-03-more"));
    first = gt_trace_next(&trace, pool);
    second = gt_trace_next(&trace, pool);
    ck_assert_str_ne(first, second);
    ck_assert_uint_eq(strlen(first), 55);
    ck_assert(strncmp(first, "00-" ID "-", 36) == 0);
    ck_assert_str_eq(first + 52, "-01");
    ck_assert(gt_trace_read(&again, first));
    ck_assert_ptr_null(strstr(first, PARENT));
    trace.is_sampled = 0;
    ck_assert_str_eq(gt_trace_next(&trace, pool) + 52, "-00");
}
END_TEST

Suite *suite_trace(void)
{
    Suite *suite = suite_create("trace");
    TCase *tcase = case_with_pool(suite, "header");

    tcase_add_test(tcase, a_header_is_read_to_the_letter);
    tcase_add_test(tcase, each_call_has_a_parent_of_its_own);
    return suite;
}
