/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Processes that are dead for certain, and those that perhaps are not; and the signal that wakes
 * other processes. */

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "shm/signal.h"
#include "vault/holder.h"

Suite *suite_holder(void);

static apr_pool_t *pool;

static void begin(void)
{
    apr_pool_create(&pool, NULL);
}

static void end(void)
{
    apr_pool_destroy(pool);
}

/* The name of a child of ours, which has ended. */
static char *name_of_a_dead_child(const char *journal)
{
    char name[512] = "";
    int pipes[2];
    pid_t pid;

    ck_assert_int_eq(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        const char *own = gt_holder_name(journal, pool);

        _exit(write(pipes[1], own, strlen(own)) < 0);
    }
    ck_assert_int_gt(read(pipes[0], name, sizeof(name) - 1), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    close(pipes[0]);
    close(pipes[1]);
    return apr_pstrdup(pool, name);
}

START_TEST(the_living_are_not_dead)
{
    const char *own = gt_holder_name("/j", pool);

    ck_assert_int_eq(gt_holder_is_dead(own, own, pool), 0);
    ck_assert_int_eq(gt_holder_is_dead(apr_pstrcat(pool, own, "/17", NULL), own, pool), 0);
}
END_TEST

START_TEST(the_dead_of_this_node_are)
{
    const char *dead = name_of_a_dead_child("/j");
    const char *own = gt_holder_name("/j", pool);

    ck_assert_int_eq(gt_holder_is_dead(dead, own, pool), 1);
    ck_assert_int_eq(gt_holder_is_dead(apr_pstrcat(pool, dead, "/3", NULL), own, pool), 1);
}
END_TEST

START_TEST(another_journal_is_another_node)
{
    const char *dead = name_of_a_dead_child("/j");

    ck_assert_int_eq(gt_holder_is_dead(dead, gt_holder_name("/k", pool), pool), 0);
    ck_assert_int_eq(gt_holder_is_dead(dead, gt_holder_name(NULL, pool), pool), 0);
}
END_TEST

/* A pid that came back: the same number, another start. */
START_TEST(a_pid_that_came_back_is_somebody_else)
{
    char *own = gt_holder_name("/j", pool);
    char *start = strchr(strchr(own, '/') + 1, '/') + 1;
    char *other = apr_pstrcat(pool, apr_pstrmemdup(pool, own, (apr_size_t)(start - own)), "1",
                              strchr(start, '/'), NULL);

    ck_assert_int_eq(gt_holder_is_dead(other, own, pool), 1);
}
END_TEST

START_TEST(nobody_knows_of_anything_else)
{
    static const char *const strange[] = {
        "",          "x",           "node/1/0",  "h/1/2/3",
        "h//2/3/4",  "////",        "h/-1/2/n",  "h/99999999999/2/n",
        "a/b/c/d/e", "h/0/0/0/0/0", "h/1/2/3/\n"};
    const char *own = gt_holder_name("/j", pool);

    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        ck_assert_int_eq(gt_holder_is_dead(strange[i], own, pool), 0);
        ck_assert_int_eq(gt_holder_is_dead(own, strange[i], pool), 0);
    }
}
END_TEST

START_TEST(a_horn_wakes_another_process)
{
    gt_signal_t *signal =
        mmap(NULL, sizeof(*signal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    apr_uint32_t heard = gt_signal_count(signal);
    apr_time_t begun = gt_ticks();
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        gt_signal_wait(signal, heard, apr_time_from_sec(20));
        _exit(gt_signal_count(signal) == heard + 1 ? 0 : 1);
    }
    gt_signal_broadcast(signal);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_lt(gt_ticks() - begun, apr_time_from_sec(10));
    gt_signal_wait(signal, heard, apr_time_from_sec(20)); /* sent since: not at all */
    gt_signal_wait(signal, heard + 1, apr_time_from_msec(5));
    gt_signal_wait(signal, heard + 1, 0);
    ck_assert_int_lt(gt_ticks() - begun, apr_time_from_sec(10));
    munmap(signal, sizeof(*signal));
}
END_TEST

Suite *suite_holder(void)
{
    Suite *suite = suite_create("holder");
    TCase *tcase = tcase_create("processes");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, the_living_are_not_dead);
    tcase_add_test(tcase, the_dead_of_this_node_are);
    tcase_add_test(tcase, another_journal_is_another_node);
    tcase_add_test(tcase, a_pid_that_came_back_is_somebody_else);
    tcase_add_test(tcase, nobody_knows_of_anything_else);
    tcase_add_test(tcase, a_horn_wakes_another_process);
    suite_add_tcase(suite, tcase);
    return suite;
}
