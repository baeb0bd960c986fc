/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Secrets for steps (task/reader): one reading for all tasks, which wait two seconds at most. */

#include "gt_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/run.h"
#include "base/secret.h"
#include "base/thread.h"
#include "net/loop.h"
#include "task/reader.h"
#include "task/wait.h"

Suite *suite_reader(void);

#define ASKERS 6
#define AT_ONCE apr_time_from_msec(1500) /* less than a source is waited for */
#define LONG apr_time_from_sec(20)

static char folder[64];
static gt_loop_t *loop;
static gt_crew_t *readers;
static int warnings;

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_WARNING;
}

static void count(void *baton, int level, const char *line)
{
    (void)baton;
    (void)level;
    warnings += strstr(line, "GT0110") != NULL;
}

static const gt_log_sink_t sink = {NULL, wants, count};

static void begin(void)
{
    const gt_loop_limits_t limits = {10, 10, 0};

    make_pool();
    apr_cpystrn(folder, "/tmp/graphtok-reader-XXXXXX", sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    warnings = 0;
    gt_log_set(&sink);
    ck_ok(gt_loop_start(&loop, &limits, pool));
    ck_ok(gt_crew_start(&readers, "gt-crew", 2, loop, pool));
}

static void end(void)
{
    const char *command = apr_pstrcat(pool, "rm -rf ", folder, NULL);

    gt_run_end_all();
    gt_crew_stop(readers, 0);
    gt_loop_stop(loop);
    gt_log_set(NULL);
    ck_assert_int_eq(system(command), 0);
    drop_pool();
}

static const char *in_folder(const char *name)
{
    return apr_pstrcat(pool, folder, "/", name, NULL);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    const char *beside = in_folder("beside");
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
    ck_assert_int_eq(rename(beside, in_folder(name)), 0);
}

static gt_source_t *source_of(const char *text)
{
    gt_source_t *source;
    const char *why;

    ck_assert(gt_source_parse(&source, text, folder, &why, pool));
    return source;
}

/* A command that notes each run; it gives the file "key", fails without it, and hangs as long as
 * there is a file "hang". */
static gt_source_t *vault(void)
{
    write_file("vault",
               apr_psprintf(pool,
                            "#!/bin/sh\ncd %s\necho run >> runs\n"
                            "if [ -e hang ]; then exec sleep 1000; fi\ncat key\n",
                            folder),
               0700);
    return source_of(apr_pstrcat(pool, "exec:", folder, "/vault", NULL));
}

static int runs(void)
{
    struct stat st;

    return stat(in_folder("runs"), &st) == 0 ? (int)(st.st_size / 4) : 0;
}

static void await_runs(int wanted)
{
    apr_time_t until = gt_mono() + LONG;

    while (runs() < wanted && gt_mono() < until)
        apr_sleep(1000);
    ck_assert_int_eq(runs(), wanted);
}

typedef struct asker_t {
    gt_read_t read;
    gt_err_t *err;
    apr_pool_t *pool;
    apr_interval_time_t took;
    pthread_t thread;
} asker_t;

static void *ask(void *baton)
{
    asker_t *asker = baton;
    apr_time_t began = gt_mono();

    asker->err = gt_wait_run(&gt_read, &asker->read, loop, LONG, asker->pool);
    asker->took = gt_mono() - began;
    return NULL;
}

static apr_status_t destroy(void *own)
{
    apr_pool_destroy(own);
    return APR_SUCCESS;
}

static asker_t asker_of(gt_source_t *source)
{
    asker_t asker = {.read = {.readers = readers, .source = source}};

    apr_pool_create_unmanaged_ex(&asker.pool, NULL, NULL);
    apr_pool_cleanup_register(pool, asker.pool, destroy, apr_pool_cleanup_null);
    return asker;
}

static asker_t ask_once(gt_source_t *source)
{
    asker_t asker = asker_of(source);

    ask(&asker);
    return asker;
}

static void is_value(const asker_t *asker, const char *value)
{
    ck_ok(asker->err);
    ck_assert(gt_secret_equal(asker->read.secret, gt_secret_from(value, pool)));
}

static void fails_for_now(const asker_t *asker, const char *tag)
{
    ck_fails(asker->err, GT_INTERNAL, tag);
    ck_assert_int_eq(gt_err_status(asker->err), 503);
    ck_assert_int_ge(asker->err->retry_after, APR_USEC_PER_SEC);
    ck_assert_int_le(asker->err->retry_after, apr_time_from_sec(5));
}

START_TEST(a_changed_file_gives_its_new_value_at_once)
{
    gt_source_t *source = source_of("file:key");
    asker_t asker;

    for (int i = 0; i < 50; i++) {
        const char *value = apr_psprintf(pool, "value %d", i);

        write_file("key", value, 0600);
        asker = ask_once(source);
        is_value(&asker, value);
    }
}
END_TEST

START_TEST(a_fresh_value_is_taken_without_a_look)
{
    gt_source_t *source = source_of("file:key");
    asker_t asker;

    write_file("key", "before", 0600);
    asker = asker_of(source);
    asker.read.fresh = LONG;
    ask(&asker);
    is_value(&asker, "before");
    write_file("key", "behind", 0600);
    ask(&asker);
    is_value(&asker, "before");
    asker.read.fresh = 1;
    ask(&asker);
    is_value(&asker, "behind");
}
END_TEST

START_TEST(a_command_runs_once_for_all_who_ask)
{
    asker_t askers[ASKERS];
    gt_source_t *source = vault();

    write_file("key", "hunter2", 0600);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = asker_of(source);
        ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        is_value(&askers[i], "hunter2");
    }
    ck_assert_int_eq(runs(), 1);
}
END_TEST

START_TEST(a_command_that_hangs_is_waited_for_once)
{
    gt_source_t *source = vault();
    asker_t asker;

    write_file("hang", "", 0600);
    asker = ask_once(source);
    fails_for_now(&asker, "GT0114");
    for (int i = 0; i < ASKERS; i++) {
        asker = ask_once(source);
        fails_for_now(&asker, "GT0114");
        ck_assert_int_lt(asker.took, AT_ONCE);
    }
    ck_assert_int_eq(runs(), 1);
}
END_TEST

START_TEST(the_last_value_is_used_while_a_command_hangs)
{
    gt_source_t *source = vault();
    asker_t asker;

    gt_source_keep(source, 0);
    write_file("key", "hunter2", 0600);
    asker = ask_once(source);
    is_value(&asker, "hunter2");
    write_file("hang", "", 0600);
    asker = ask_once(source);
    is_value(&asker, "hunter2");
    ck_assert_int_eq(warnings, 1);
    for (int i = 0; i < ASKERS; i++) {
        asker = ask_once(source);
        is_value(&asker, "hunter2");
        ck_assert_int_lt(asker.took, AT_ONCE);
    }
    ck_assert_int_eq(runs(), 2);
    ck_assert_int_eq(warnings, 1);
}
END_TEST

START_TEST(a_failure_is_remembered)
{
    gt_source_t *source = vault();
    asker_t asker;

    fake_clock(apr_time_from_sec(1795244400));
    for (int i = 0; i < ASKERS; i++) {
        asker = ask_once(source);
        fails_for_now(&asker, "GT0111");
    }
    ck_assert_int_eq(runs(), 1);
    write_file("key", "hunter2", 0600);
    fake_time += apr_time_from_sec(5);
    asker = ask_once(source);
    is_value(&asker, "hunter2");
    ck_assert_int_eq(runs(), 2);
}
END_TEST

START_TEST(what_is_read_ahead_is_there)
{
    gt_source_t *source = vault();
    asker_t asker;

    write_file("key", "hunter2", 0600);
    gt_read_ahead(readers, source, pool);
    await_runs(1);
    asker = ask_once(source);
    is_value(&asker, "hunter2");
    gt_read_ahead(readers, source, pool);
    ck_assert_int_eq(runs(), 1);
}
END_TEST

START_TEST(a_process_that_ends_waits_for_no_command)
{
    gt_source_t *source = vault();
    apr_time_t began;

    write_file("hang", "", 0600);
    gt_read_ahead(readers, source, pool);
    await_runs(1);
    began = gt_mono();
    gt_run_end_all();
    gt_crew_stop(readers, 0);
    /* A command has ten seconds. */
    ck_assert_int_lt(gt_mono() - began, apr_time_from_sec(8));
}
END_TEST

Suite *suite_reader(void)
{
    Suite *suite = suite_create("reader");
    TCase *tcase = tcase_create("reader");

    /* Each of them ends the process for its commands. */
    tcase_set_tags(tcase, "ends");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, a_changed_file_gives_its_new_value_at_once);
    tcase_add_test(tcase, a_fresh_value_is_taken_without_a_look);
    tcase_add_test(tcase, a_command_runs_once_for_all_who_ask);
    tcase_add_test(tcase, a_command_that_hangs_is_waited_for_once);
    tcase_add_test(tcase, the_last_value_is_used_while_a_command_hangs);
    tcase_add_test(tcase, a_failure_is_remembered);
    tcase_add_test(tcase, what_is_read_ahead_is_there);
    tcase_add_test(tcase, a_process_that_ends_waits_for_no_command);
    return suite;
}
