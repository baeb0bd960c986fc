/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What becomes of a request's conditions on their way to Graph. */

#include "gt_test.h"

#include "graph/condition.h"

Suite *suite_condition(void);

static const struct {
    const char *name, *value;
    const char *sent; /* NULL: refused */
} rows[] = {
    {"If-Match", "W/\"Zm9v+/8=\"", "If-Match: W/\"Zm9v+/8=\""},
    {"If-Match", "\"strong\"", "If-Match: \"strong\""},
    {"If-Match", " \"blanks\"\t", "If-Match: \"blanks\""},
    {"If-Match", "*", "If-Match: *"},
    {"If-Match", "\"\"", "If-Match: \"\""},
    {"If-Match", "W/\"abc-gzip\"", "If-Match: W/\"abc\""},
    {"If-Match", "\"abc-br\"", "If-Match: \"abc\""},
    {"If-Match", "\"-gzip\"", "If-Match: \"-gzip\""},
    {"If-None-Match", "W/\"a-gzip\" ,\"b\"", "If-None-Match: W/\"a\", \"b\""},
    {"If-None-Match", "*", "If-None-Match: *"},
    {"If-Match", "\"a\", \"b\"", NULL},
    {"If-Match", "bare", NULL},
    {"If-Match", "bare\"", NULL},
    {"If-Match", "", NULL},
    {"If-Match", "w/\"a\"", NULL},
    {"If-Match", "\"open", NULL},
    {"If-Match", "\"a\"b", NULL},
    {"If-Match", "\"a b\"", NULL},
    {"If-Match", "\"a\r\nX: y\"", NULL},
    {"If-Match", "\"\xc3\xa4\"", NULL},
    {"If-None-Match", "\"a\",", NULL},
    {"If-None-Match", "*, \"a\"", NULL},
};

START_TEST(a_condition_is_written_anew_or_refused_by_name)
{
    gt_graph_params_t params = {.headers = apr_array_make(pool, 1, sizeof(const char *))};
    gt_err_t *err = gt_condition_add(&params, rows[_i].name, rows[_i].value, pool);

    if (rows[_i].sent) {
        ck_ok(err);
        ck_assert_str_eq(APR_ARRAY_IDX(params.headers, 0, const char *), rows[_i].sent);
        return;
    }
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_INVALID);
    ck_assert_int_eq(params.headers->nelts, 0);
    ck_assert_str_eq(APR_ARRAY_IDX(err->fields, 0, gt_field_error_t).field, rows[_i].name);
}
END_TEST

START_TEST(a_304_is_for_those_who_asked)
{
    gt_graph_params_t params = {.headers = apr_array_make(pool, 1, sizeof(const char *))};

    ck_assert(!gt_condition_allows_304(NULL));
    ck_ok(gt_condition_add(&params, "If-None-Match", NULL, pool));
    ck_ok(gt_condition_add(&params, "If-Match", "*", pool));
    ck_assert(!gt_condition_allows_304(params.headers));
    ck_ok(gt_condition_add(&params, "If-None-Match", "\"a\"", pool));
    ck_assert(gt_condition_allows_304(params.headers));
}
END_TEST

Suite *suite_condition(void)
{
    Suite *suite = suite_create("condition");
    TCase *tcase = case_with_pool(suite, "condition");

    tcase_add_loop_test(tcase, a_condition_is_written_anew_or_refused_by_name, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, a_304_is_for_those_who_asked);
    return suite;
}
