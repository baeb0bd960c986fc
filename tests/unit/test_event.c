/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What is announced reaches the sinks that want it, in order, and one that says no ends it. */

#include "gt_test.h"

#include "base/notice.h"
#include "base/log.h"

Suite *suite_event(void);

static char heard[64]; /* a letter for each sink that was called */
static gt_notice_t last;
static char line[256];

static int take_a(void *baton, const gt_notice_t *event)
{
    strcat(heard, "a");
    last = *event;
    return *(int *)baton;
}

static int take_b(void *baton, const gt_notice_t *event)
{
    (void)baton;
    (void)event;
    strcat(heard, "b");
    return 1;
}

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_INFO;
}

static void print(void *baton, int level, const char *text)
{
    (void)baton;
    ck_assert_int_eq(level, GT_LOG_INFO);
    apr_cpystrn(line, text, sizeof(line));
}

static int says; /* of sink a */

static void begin(void)
{
    static const gt_log_sink_t log = {NULL, wants, print};
    const gt_notice_sink_t a = {&says, GT_NOTICES(GT_NOTICE_PASSED) | GT_NOTICES(GT_NOTICE_REFRESH),
                                take_a};
    const gt_notice_sink_t b = {NULL, ~0U, take_b};

    make_pool();
    heard[0] = line[0] = '\0';
    says = 1;
    gt_log_set(&log);
    gt_notice_to_none();
    gt_notice_to(&a);
    gt_notice_to(&b);
}

static void end(void)
{
    gt_notice_to_none();
    gt_log_set(NULL);
    drop_pool();
}

START_TEST(sinks_hear_what_they_want_in_order)
{
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_PASSED, .user = "tom"});
    ck_assert_str_eq(heard, "ab");
    ck_assert_str_eq(last.user, "tom");
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_CACHE, .detail = "hit"});
    ck_assert_str_eq(heard, "abb");
    gt_notice_to_none();
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_PASSED});
    ck_assert_str_eq(heard, "abb");
}
END_TEST

START_TEST(what_must_be_recorded_and_cannot_be_does_not_happen)
{
    const gt_notice_t event = {.kind = GT_NOTICE_PASSED};
    const gt_err_t *err;

    ck_ok(gt_notice_before(&event, pool));
    says = 0;
    heard[0] = '\0';
    err = gt_notice_before(&event, pool);
    ck_assert_ptr_nonnull(err);
    ck_assert_str_eq(err->tag, "GT0160");
    ck_assert_int_eq(gt_err_status(err), 503);
    ck_assert(err->retry_after > 0);
    /* The figures behind it count nothing. */
    ck_assert_str_eq(heard, "a");
}
END_TEST

START_TEST(what_has_happened_is_heard_by_all)
{
    says = 0;
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_REFRESH});
    ck_assert_str_eq(heard, "ab");
}
END_TEST

START_TEST(the_log_says_what_went_well)
{
    static const struct {
        gt_notice_t event;
        const char *line;
    } rows[] = {
        {{.kind = GT_NOTICE_REFRESH,
          .store = "main",
          .user = "tom",
          .provider = "microsoft",
          .detail = "refresh token rotated"},
         "refreshed: store main, user tom, provider microsoft, refresh token rotated"},
        {{.kind = GT_NOTICE_SIGN_IN, .store = "main", .user = "tom", .provider = "x"},
         "signed in: store main, user tom, provider x"},
        {{.kind = GT_NOTICE_REVOKE, .store = "main"}, "revoked: store main, user , provider "},
        {{.kind = GT_NOTICE_CALL, .user = "tom"}, ""},
        {{.kind = GT_NOTICE_LIMIT, .user = "tom"}, ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        line[0] = '\0';
        gt_notice(&rows[i].event);
        ck_assert_str_eq(line, rows[i].line);
    }
}
END_TEST

START_TEST(failures_are_logged_by_whoever_ends_the_work)
{
    gt_err_t *err = gt_err(pool, GT_SIGN_IN, "GT0101", "no");

    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_REFRESH, .err = err});
    ck_assert_str_eq(line, "");
    ck_assert_ptr_eq(last.err, err);
}
END_TEST

START_TEST(every_kind_has_a_name_of_its_own)
{
    for (int i = 0; i < GT_NOTICE_KINDS; i++) {
        ck_assert_ptr_nonnull(gt_notice_name((gt_notice_kind_t)i));
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(gt_notice_name((gt_notice_kind_t)i),
                             gt_notice_name((gt_notice_kind_t)k));
    }
}
END_TEST

START_TEST(an_asker_is_copied_deep)
{
    char address[] = "192.0.2.1";
    gt_trace_t trace = {"4bf92f3577b34da6a3ce929d0e0e4736", 1};
    const gt_asker_t asker = {
        .address = address, .route = "events", .client = "agent", .trace = &trace};
    gt_asker_t *copy = gt_asker_dup(&asker, pool);

    address[0] = trace.id[0] = 'x';
    ck_assert_str_eq(copy->address, "192.0.2.1");
    ck_assert_str_eq(gt_asker_trace(copy)->id, "4bf92f3577b34da6a3ce929d0e0e4736");
    ck_assert_ptr_null(gt_asker_trace(NULL));
    ck_assert_str_eq(copy->client, "agent");
    ck_assert_str_eq(copy->route, "events");
    ck_assert_ptr_null(copy->request_id);
    ck_assert_ptr_null(gt_asker_dup(NULL, pool));
}
END_TEST

Suite *suite_event(void)
{
    Suite *suite = suite_create("event");
    TCase *tcase = tcase_create("event");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, sinks_hear_what_they_want_in_order);
    tcase_add_test(tcase, what_must_be_recorded_and_cannot_be_does_not_happen);
    tcase_add_test(tcase, what_has_happened_is_heard_by_all);
    tcase_add_test(tcase, the_log_says_what_went_well);
    tcase_add_test(tcase, failures_are_logged_by_whoever_ends_the_work);
    tcase_add_test(tcase, every_kind_has_a_name_of_its_own);
    tcase_add_test(tcase, an_asker_is_copied_deep);
    suite_add_tcase(suite, tcase);
    return suite;
}
