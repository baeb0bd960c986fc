/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Pauses: which failure begins one, how wide it is, how long, and that all children obey it. */

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "gt_test.h"
#include "vault/pause.h"

Suite *suite_pause(void);

#define SECOND apr_time_from_sec(1)
#define SLOTS 64
#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static gt_limits_t *pauses;
static int alarms;

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_ERROR;
}

static void count(void *baton, int level, const char *line)
{
    (void)baton, (void)level, (void)line;
    alarms++;
}

static const gt_log_sink_t sink = {NULL, wants, count};

static void begin(void)
{
    make_pool();
    fake_clock(1000 * SECOND);
    pauses = gt_pauses_make(NULL, pool);
    alarms = 0;
    gt_log_set(&sink);
}

static void end(void)
{
    gt_log_set(NULL);
    drop_pool();
}

/* ---- widths ---- */

static const gt_pause_scope_t calls[] = {
    {"microsoft", NULL, NULL},      /* a first sign-in */
    {"microsoft", "contoso", NULL}, /* refreshes */
    {"microsoft", "fabrikam", NULL}, {"google", NULL, NULL},
    {NULL, NULL, "tom's"}, /* calls to Graph */
    {NULL, NULL, "ann's"},
};

typedef struct width_row_t {
    gt_class_t cls;
    gt_extent_t extent;
    gt_pause_scope_t scope; /* of the call that failed */
    const char *paused;     /* a letter for each of the calls: p, or . */
} width_row_t;

static const width_row_t widths[] = {
    {GT_THROTTLED, GT_EXTENT_PROVIDER, {"microsoft", "contoso", NULL}, "ppp..."},
    {GT_THROTTLED, GT_EXTENT_REGISTRATION, {"microsoft", NULL, NULL}, "ppp..."},
    {GT_THROTTLED, GT_EXTENT_TENANT, {"microsoft", "contoso", NULL}, ".p...."},
    {GT_THROTTLED, GT_EXTENT_TENANT, {"microsoft", NULL, NULL}, "......"},
    {GT_THROTTLED, GT_EXTENT_MAILBOX, {NULL, NULL, "tom's"}, "....p."},
    {GT_THROTTLED, GT_EXTENT_MAILBOX, {"microsoft", "contoso", NULL}, "......"},
    {GT_THROTTLED, GT_EXTENT_PROVIDER, {NULL, NULL, "tom's"}, "......"},
    {GT_THROTTLED, GT_EXTENT_USER, {"microsoft", "contoso", "tom's"}, "......"},
    {GT_THROTTLED, GT_EXTENT_CALL, {"microsoft", "contoso", "tom's"}, "......"},
    {GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, {"google", NULL, NULL}, "...p.."},
    {GT_CLIENT_BROKEN, GT_EXTENT_TENANT, {"microsoft", "fabrikam", NULL}, "..p..."},
    {GT_UPSTREAM, GT_EXTENT_PROVIDER, {"microsoft", NULL, NULL}, "......"},
    {GT_LIMITED, GT_EXTENT_MAILBOX, {NULL, NULL, "tom's"}, "......"},
};

static gt_err_t *failure(gt_class_t cls, gt_extent_t extent, apr_interval_time_t retry_after)
{
    gt_err_t *err = gt_err(pool, cls, "GT0399", "scripted");

    err->extent = extent;
    err->retry_after = retry_after;
    return err;
}

START_TEST(the_error_says_how_wide)
{
    const width_row_t *row = &widths[_i];

    gt_pause_begin(pauses, &row->scope, failure(row->cls, row->extent, 9 * SECOND));
    for (size_t i = 0; i < ROWS(calls); i++) {
        gt_class_t cls;
        apr_interval_time_t left = gt_pause_left(&cls, pauses, &calls[i], pool);

        ck_assert_msg(left == (row->paused[i] == 'p' ? 9 * SECOND : 0), "call %d: %d", (int)i,
                      (int)left);
        ck_assert(left == 0 || cls == row->cls);
    }
}
END_TEST

START_TEST(a_provider_in_a_pause_is_not_asked)
{
    gt_err_t *err;

    ck_ok(gt_pause_check(pauses, &calls[1], pool));
    gt_pause_begin(pauses, &calls[0], failure(GT_THROTTLED, GT_EXTENT_PROVIDER, 17 * SECOND));
    fake_time += 5 * SECOND;
    err = gt_pause_check(pauses, &calls[1], pool);
    ck_fails(err, GT_THROTTLED, "GT0619");
    ck_assert_int_eq(err->retry_after, 12 * SECOND);
    fake_time += 12 * SECOND;
    ck_ok(gt_pause_check(pauses, &calls[1], pool));
}
END_TEST

/* ---- how long ---- */

START_TEST(the_longest_of_all_widths_counts)
{
    gt_pause_begin(pauses, &calls[0], failure(GT_THROTTLED, GT_EXTENT_PROVIDER, 9 * SECOND));
    gt_pause_begin(pauses, &calls[1], failure(GT_THROTTLED, GT_EXTENT_TENANT, 30 * SECOND));
    gt_pause_begin(pauses, &calls[0], failure(GT_THROTTLED, GT_EXTENT_PROVIDER, 4 * SECOND));
    gt_pause_begin(pauses, &calls[2], failure(GT_THROTTLED, GT_EXTENT_TENANT, 3 * SECOND));
    ck_assert_int_eq(gt_pause_left(NULL, pauses, &calls[0], pool), 9 * SECOND);
    ck_assert_int_eq(gt_pause_left(NULL, pauses, &calls[1], pool), 30 * SECOND);
    ck_assert_int_eq(gt_pause_left(NULL, pauses, &calls[2], pool), 9 * SECOND);
}
END_TEST

START_TEST(where_nothing_is_said_it_is_short)
{
    gt_err_t *err = failure(GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, 0);

    gt_pause_begin(pauses, &calls[0], err);
    ck_assert_int_eq(err->retry_after, 5 * SECOND);
    ck_assert_int_eq(gt_pause_left(NULL, pauses, &calls[0], pool), 5 * SECOND);
}
END_TEST

START_TEST(no_pause_is_longer_than_an_hour)
{
    static const gt_pause_scope_t *const scopes[] = {&calls[0], &calls[1], &calls[4]};
    static const gt_extent_t extents[] = {GT_EXTENT_PROVIDER, GT_EXTENT_TENANT, GT_EXTENT_MAILBOX};

    for (size_t i = 0; i < ROWS(scopes); i++) {
        gt_pause_begin(pauses, scopes[i], failure(GT_THROTTLED, extents[i], 86400 * SECOND));
        ck_assert_int_eq(gt_pause_left(NULL, pauses, scopes[i], pool), 3600 * SECOND);
    }
}
END_TEST

/* ---- the alarm ---- */

START_TEST(an_alarm_is_one_in_ten_minutes_and_tenant)
{
    for (int i = 0; i < 3; i++) {
        gt_pause_begin(pauses, &calls[0], failure(GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, 0));
        fake_time += 10 * SECOND;
    }
    ck_assert_int_eq(alarms, 1);
    gt_pause_begin(pauses, &calls[1], failure(GT_CLIENT_BROKEN, GT_EXTENT_TENANT, 0));
    gt_pause_begin(pauses, &calls[2], failure(GT_CLIENT_BROKEN, GT_EXTENT_TENANT, 0));
    ck_assert_int_eq(alarms, 3);
    fake_time += 600 * SECOND;
    gt_pause_begin(pauses, &calls[0], failure(GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, 0));
    ck_assert_int_eq(alarms, 4);
    gt_pause_begin(pauses, &calls[4], failure(GT_THROTTLED, GT_EXTENT_MAILBOX, 0));
    ck_assert_int_eq(alarms, 4);
}
END_TEST

/* ---- children ---- */

/* In another process, which finds the same memory: a letter for each of the calls, as exit
 * status. */
static int paused_in_child(void *memory, apr_size_t size)
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        gt_limits_t *theirs = gt_pauses_make(gt_limits_open(memory, size, SLOTS, pool), pool);
        int paused = 0;

        for (size_t i = 0; i < ROWS(calls); i++)
            paused |= (gt_pause_left(NULL, theirs, &calls[i], pool) > 0) << i;
        _exit(paused);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A child begins it, as another one. */
static void begin_in_child(void *memory, apr_size_t size, const gt_pause_scope_t *scope,
                           gt_extent_t extent)
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        gt_limits_t *theirs = gt_pauses_make(gt_limits_open(memory, size, SLOTS, pool), pool);

        gt_pause_begin(theirs, scope, failure(GT_THROTTLED, extent, 60 * SECOND));
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(children_obey_each_others_pauses)
{
    apr_size_t size = gt_limits_size(SLOTS);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert(memory != MAP_FAILED);
    ck_assert_int_eq(paused_in_child(memory, size), 0);
    begin_in_child(memory, size, &calls[4], GT_EXTENT_MAILBOX);
    ck_assert_int_eq(paused_in_child(memory, size), 1 << 4);
    begin_in_child(memory, size, &calls[2], GT_EXTENT_TENANT);
    ck_assert_int_eq(paused_in_child(memory, size), 1 << 4 | 1 << 2);
    begin_in_child(memory, size, &calls[3], GT_EXTENT_PROVIDER);
    ck_assert_int_eq(paused_in_child(memory, size), 1 << 4 | 1 << 2 | 1 << 3);
    fake_time += 60 * SECOND;
    ck_assert_int_eq(paused_in_child(memory, size), 0);
    munmap(memory, size);
}
END_TEST

Suite *suite_pause(void)
{
    Suite *suite = suite_create("pause");
    TCase *tcase = tcase_create("pause");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, the_error_says_how_wide, 0, ROWS(widths));
    tcase_add_test(tcase, a_provider_in_a_pause_is_not_asked);
    tcase_add_test(tcase, the_longest_of_all_widths_counts);
    tcase_add_test(tcase, where_nothing_is_said_it_is_short);
    tcase_add_test(tcase, no_pause_is_longer_than_an_hour);
    tcase_add_test(tcase, an_alarm_is_one_in_ten_minutes_and_tenant);
    tcase_add_test(tcase, children_obey_each_others_pauses);
    suite_add_tcase(suite, tcase);
    return suite;
}
