/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The error value, the table of classes, and what a log line makes of them. */

#include "gt_test.h"

#include <stdio.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/text.h"

Suite *suite_err(void);

static char logged[4096];
static int logged_level;
static int wanted_level = GT_LOG_TRACE;

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= wanted_level;
}

static void print(void *baton, int level, const char *line)
{
    (void)baton;
    logged_level = level;
    apr_cpystrn(logged, line, sizeof(logged));
}

static const gt_log_sink_t sink = {NULL, wants, print};

static void catch_log(void)
{
    logged[0] = '\0';
    wanted_level = GT_LOG_TRACE;
    gt_log_set(&sink);
}

START_TEST(an_error_keeps_what_it_was_made_with)
{
    gt_err_t *err = gt_err(pool, GT_CONFLICT, "GT0999", "grant of %s, %d%%", "tom", 7);

    ck_assert_int_eq(err->cls, GT_CONFLICT);
    ck_assert_str_eq(err->tag, "GT0999");
    ck_assert_str_eq(err->detail, "grant of tom, 7%");
    ck_assert_int_eq(gt_err_status(err), 409);
    err->status = 418;
    ck_assert_int_eq(gt_err_status(err), 418);
}
END_TEST

START_TEST(context_stands_before_the_detail)
{
    gt_err_t *err = gt_err(pool, GT_INTERNAL, "GT0999", "no memory");

    ck_assert_ptr_eq(gt_err_in(err, "refresh of %s", "tom"), err);
    ck_assert_str_eq(err->detail, "refresh of tom: no memory");
    ck_assert_ptr_null(gt_err_in(GT_OK, "nothing"));
}
END_TEST

START_TEST(a_detail_is_bounded)
{
    char *longer = apr_palloc(pool, 100001);
    gt_err_t *err;

    memset(longer, 'x', 100000);
    longer[100000] = '\0';
    err = gt_err(pool, GT_INTERNAL, "GT0999", "%s", longer);
    ck_assert_uint_lt(strlen(err->detail), 2000);
}
END_TEST

static gt_err_t *fail_or_not(int fails)
{
    return fails ? gt_err(pool, GT_BUSY, "GT0999", "busy") : GT_OK;
}

static gt_err_t *tried(int fails, int *went_on)
{
    GT_TRY(fail_or_not(fails));
    *went_on = 1;
    return GT_OK;
}

START_TEST(try_hands_a_failure_on)
{
    int went_on = 0;

    ck_fails(tried(1, &went_on), GT_BUSY, "GT0999");
    ck_assert_int_eq(went_on, 0);
    ck_ok(tried(0, &went_on));
    ck_assert_int_eq(went_on, 1);
}
END_TEST

START_TEST(a_copy_outlives_the_pool_of_the_first)
{
    apr_pool_t *inner;
    gt_err_t *err, *copy;

    apr_pool_create(&inner, pool);
    err = gt_err(inner, GT_INVALID, "GT0999", "wrong %d", 1);
    err->code = apr_pstrdup(inner, "AADSTS50076");
    err->request_id = apr_pstrdup(inner, "r-1");
    err->claims = apr_pstrdup(inner, "{}");
    err->retry_after = 42;
    gt_err_field(err, apr_pstrdup(inner, "start"), apr_pstrdup(inner, "is missing"));
    copy = gt_err_dup(err, pool);
    apr_pool_destroy(inner);
    ck_assert_str_eq(copy->detail, "wrong 1");
    ck_assert_str_eq(copy->code, "AADSTS50076");
    ck_assert_str_eq(copy->request_id, "r-1");
    ck_assert_str_eq(copy->claims, "{}");
    ck_assert_int_eq(copy->retry_after, 42);
    ck_assert_int_eq(copy->fields->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(copy->fields, 0, gt_field_error_t).field, "start");
    gt_err_field(copy, "end", "is missing");
    ck_assert_int_eq(copy->fields->nelts, 2);
    ck_assert_ptr_null(gt_err_dup(GT_OK, pool));
}
END_TEST

START_TEST(wrong_fields_are_bounded)
{
    gt_err_t *err = gt_err(pool, GT_INVALID, "GT0999", "wrong");
    int i;

    for (i = 0; i < 1000; i++)
        gt_err_field(err, "field", "is wrong");
    ck_assert_int_eq(err->fields->nelts, 100);
}
END_TEST

START_TEST(every_class_has_a_whole_row_and_a_name_of_its_own)
{
    int cls, other;

    for (cls = 0; cls < GT_CLASSES; cls++) {
        const gt_class_row_t *row = gt_class_row((gt_class_t)cls);

        ck_assert_msg(row->name != NULL && row->title != NULL, "class %d", cls);
        ck_assert_int_ge(row->status, 400);
        ck_assert_int_le(row->status, 504);
        ck_assert_int_ge(row->exit_code, EX__BASE);
        ck_assert_int_le(row->exit_code, EX__MAX);
        ck_assert_int_ge(row->log_level, GT_LOG_ERROR);
        ck_assert_int_le(row->log_level, GT_LOG_DEBUG);
        /* Failures that may be tried again have the exit status that says so. */
        ck_assert_int_eq(row->may_retry, row->exit_code == EX_TEMPFAIL);
        for (other = 0; other < cls; other++)
            ck_assert_str_ne(row->name, gt_class_row((gt_class_t)other)->name);
    }
    ck_assert_ptr_eq(gt_class_row((gt_class_t)99), gt_class_row(GT_INTERNAL));
}
END_TEST

START_TEST(only_what_is_the_users_touches_the_grant)
{
    int cls;

    for (cls = 0; cls < GT_CLASSES; cls++) {
        gt_effect_t wanted = cls == GT_SIGN_IN       ? GT_EFFECT_DEACTIVATE
                             : cls == GT_INTERACTION ? GT_EFFECT_INTERACT
                             : cls == GT_REFUSED     ? GT_EFFECT_COUNT
                                                     : GT_EFFECT_NONE;

        ck_assert_int_eq(gt_class_row((gt_class_t)cls)->effect, wanted);
    }
}
END_TEST

START_TEST(what_is_the_administrators_is_not_told)
{
    static const gt_class_t inside[] = {GT_CLIENT_BROKEN, GT_STORE_AWAY, GT_DAMAGED, GT_INTERNAL};
    gt_err_t *err;

    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        err = gt_err(pool, inside[i], "GT0104", "file:/etc/x cannot be read");
        ck_assert_ptr_null(strstr(gt_err_told(err, pool), "/etc/x"));
        ck_assert_ptr_nonnull(strstr(gt_err_told(err, pool), "GT0104"));
    }
    err = gt_err(pool, GT_INVALID, "GT0112", "a field is missing");
    ck_assert_str_eq(gt_err_told(err, pool), "a field is missing");
}
END_TEST

START_TEST(a_class_is_answered_with_its_status)
{
    static const struct {
        gt_class_t cls;
        int status;
    } rows[] = {
        {GT_INVALID, 400},   {GT_TOO_LARGE, 413},   {GT_UNSUPPORTED, 415}, {GT_FORBIDDEN, 403},
        {GT_NOT_FOUND, 404}, {GT_METHOD, 405},      {GT_CONFLICT, 409},    {GT_LIMITED, 429},
        {GT_SIGN_IN, 401},   {GT_INTERACTION, 401}, {GT_REFUSED, 502},     {GT_CLIENT_BROKEN, 502},
        {GT_THROTTLED, 429}, {GT_UPSTREAM, 502},    {GT_TIMEOUT, 504},     {GT_STORE_AWAY, 503},
        {GT_OVER, 400},      {GT_BUSY, 503},        {GT_CANCELLED, 499},   {GT_DAMAGED, 500},
        {GT_INTERNAL, 500},
    };
    size_t i;

    ck_assert_uint_eq(sizeof(rows) / sizeof(rows[0]), GT_CLASSES);
    for (i = 0; i < GT_CLASSES; i++)
        ck_assert_int_eq(gt_class_row(rows[i].cls)->status, rows[i].status);
}
END_TEST

START_TEST(a_line_carries_tag_and_level)
{
    catch_log();
    gt_log(GT_LOG_WARNING, "GT0998", "disk at %d %%", 93);
    ck_assert_str_eq(logged, "GT0998: disk at 93 %");
    ck_assert_int_eq(logged_level, GT_LOG_WARNING);
    gt_log(GT_LOG_DEBUG, NULL, "step");
    ck_assert_str_eq(logged, "step");
}
END_TEST

START_TEST(unwanted_lines_are_dropped)
{
    catch_log();
    wanted_level = GT_LOG_INFO;
    gt_log(GT_LOG_DEBUG, NULL, "step");
    ck_assert_str_eq(logged, "");
    ck_assert(!gt_log_wants(GT_LOG_DEBUG));
    gt_log_set(NULL);
    gt_log(GT_LOG_ERROR, "GT0998", "nobody listens");
    ck_assert_str_eq(logged, "");
    ck_assert(!gt_log_wants(GT_LOG_ERROR));
}
END_TEST

START_TEST(a_line_cannot_forge_another)
{
    catch_log();
    gt_log(GT_LOG_INFO, NULL, "user a\r\nGT0001: b\x1b[2J\x7f end");
    ck_assert_str_eq(logged, "user a  GT0001: b [2J  end");
    gt_log(GT_LOG_INFO, NULL, "user \xff\xfe");
    ck_assert_str_eq(logged, "user ??");
    gt_log(GT_LOG_INFO, NULL, "user \xc3\xa4");
    ck_assert_str_eq(logged, "user \xc3\xa4");
}
END_TEST

START_TEST(a_long_line_is_cut_between_characters)
{
    char *umlauts = apr_palloc(pool, 9001);
    int shift;

    for (shift = 0; shift < 2; shift++) {
        int i;

        for (i = 0; i < 4500; i++)
            memcpy(umlauts + 2 * i, "\xc3\xa4", 2);
        umlauts[9000] = '\0';
        catch_log();
        gt_log(GT_LOG_INFO, NULL, "%s%s", shift ? "x" : "", umlauts);
        ck_assert_uint_ge(strlen(logged), 2040);
        ck_assert_uint_lt(strlen(logged), 2048);
        ck_assert(gt_is_utf8(logged, strlen(logged)));
        ck_assert_ptr_null(strchr(logged, '?'));
    }
}
END_TEST

START_TEST(an_error_is_logged_at_its_class_level)
{
    gt_err_t *err = gt_err(pool, GT_UPSTREAM, "GT0998", "status 502");

    catch_log();
    err->code = "server_error";
    err->request_id = "abc";
    gt_log_err(err, "refresh");
    ck_assert_str_eq(logged, "GT0998: refresh: status 502, code server_error, request id abc");
    ck_assert_int_eq(logged_level, GT_LOG_WARNING);
    catch_log();
    gt_log_err(GT_OK, "refresh");
    ck_assert_str_eq(logged, "");
}
END_TEST

static void drop_log(void)
{
    gt_log_set(NULL);
}

Suite *suite_err(void)
{
    Suite *suite = suite_create("err");
    TCase *err = case_with_pool(suite, "errors");
    TCase *table = case_with_pool(suite, "classes");
    TCase *log = case_with_pool(suite, "log");

    tcase_add_checked_fixture(log, NULL, drop_log);
    tcase_add_test(err, an_error_keeps_what_it_was_made_with);
    tcase_add_test(err, context_stands_before_the_detail);
    tcase_add_test(err, a_detail_is_bounded);
    tcase_add_test(err, try_hands_a_failure_on);
    tcase_add_test(err, a_copy_outlives_the_pool_of_the_first);
    tcase_add_test(err, wrong_fields_are_bounded);
    tcase_add_test(err, what_is_the_administrators_is_not_told);
    tcase_add_test(table, every_class_has_a_whole_row_and_a_name_of_its_own);
    tcase_add_test(table, only_what_is_the_users_touches_the_grant);
    tcase_add_test(table, a_class_is_answered_with_its_status);
    tcase_add_test(log, a_line_carries_tag_and_level);
    tcase_add_test(log, unwanted_lines_are_dropped);
    tcase_add_test(log, a_line_cannot_forge_another);
    tcase_add_test(log, a_long_line_is_cut_between_characters);
    tcase_add_test(log, an_error_is_logged_at_its_class_level);
    return suite;
}
