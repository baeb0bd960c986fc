/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Surveys of a store (store/survey): many threads ask, one of them asks the database. */

#include <pthread.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "children.h"

Suite *suite_survey(void);

static atomic_int statements;

static void count_statement(void)
{
    atomic_fetch_add(&statements, 1);
}

static gt_survey_t *survey(void)
{
    return gt_vault_survey(child[0].vault, child[0].store);
}

static gt_grant_stats_t look(void)
{
    gt_grant_stats_t stats = {0};

    bench_ok(gt_survey_stats(&stats, survey(), pool));
    return stats;
}

/* A slow machine has not counted all parts when the first look's time is over. */
static void look_until_whole(void)
{
    while (!look().is_whole)
        apr_sleep(apr_time_from_msec(50));
}

static apr_time_t standing;

static apr_time_t standing_ticks(void)
{
    return standing;
}

/* Small stores are counted whole by the first look, where its time is enough. */
START_TEST(the_first_look_has_all)
{
    gt_grant_stats_t stats;

    sign_in_row(&tom, 3600);
    gt_crew_stop(child[0].crew, 0); /* so that no thread reads the clock meanwhile */
    gt_crew_stop(child[1].crew, 0);
    standing = gt_ticks();
    gt_clock_set(NULL, standing_ticks);
    stats = look();
    gt_clock_set(NULL, NULL);
    ck_assert_int_eq(stats.is_whole, 1);
    ck_assert_int_eq(stats.total, 1);
    ck_assert_int_eq(stats.active, 1);
    ck_assert_int_lt(stats.age, SECONDS(60));
}
END_TEST

/* No process looks twice: the crew goes on. */
START_TEST(sums_follow)
{
    const apr_time_t until = gt_ticks() + SECONDS(40);
    gt_grant_stats_t stats = look();

    ck_assert_int_eq(stats.total, 0);
    sign_in_row(&tom, 3600);
    bench_run(bench, "UPDATE user_tokens_jobs SET due_at = 0");
    do {
        apr_sleep(apr_time_from_msec(50));
        bench_ok(gt_grant_stats(&stats, child[1].store, pool));
    } while (stats.total == 0 && gt_ticks() < until);
    ck_assert_int_eq(stats.total, 1);
}
END_TEST

START_TEST(a_thousand_looks_are_one)
{
    const apr_time_t begun = gt_ticks();
    int seconds;

    look_until_whole();
    child[0].acquires = count_statement;
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(look().is_whole, 1);
        ck_assert_int_eq(gt_survey_ping(survey(), pool), 1);
    }
    child[0].acquires = NULL;
    seconds = (int)apr_time_sec(gt_ticks() - begun) + 1;
    /* A look and a ping a second, what the crew does by itself, and parts that are due again. */
    ck_assert_int_le(atomic_load(&statements), seconds * 50);
}
END_TEST

/* The crew asks while there are looks, and the looks have its answers. */
START_TEST(looks_cost_no_statement)
{
    gt_crew_stop(child[0].crew, 0);
    child[0].acquires = count_statement;
    atomic_store(&statements, 0);
    standing = gt_ticks() + SECONDS(121);
    gt_clock_set(NULL, standing_ticks);
    gt_survey_follow(survey(), pool);
    ck_assert_int_eq(atomic_load(&statements), 0);
    ck_assert_int_eq(gt_survey_ping(survey(), pool), 1);
    ck_assert_int_eq(atomic_load(&statements), 1);
    standing += SECONDS(4);
    gt_survey_follow(survey(), pool);
    ck_assert_int_eq(atomic_load(&statements), 2);
    ck_assert_int_eq(gt_survey_ping(survey(), pool), 1);
    ck_assert_int_eq(atomic_load(&statements), 2);
    standing += SECONDS(121);
    gt_survey_follow(survey(), pool);
    gt_clock_set(NULL, NULL);
    child[0].acquires = NULL;
    ck_assert_int_eq(atomic_load(&statements), 2);
}
END_TEST

/* ---- a database that takes its time ---- */

static _Thread_local int is_the_slow_one;
static atomic_int is_held, is_slow;

static void hold_the_slow_one(void)
{
    if (!is_the_slow_one || !atomic_load(&is_held))
        return;
    atomic_store(&is_slow, 1);
    while (atomic_load(&is_held))
        apr_sleep(apr_time_from_msec(5));
}

/* Returns the error, in the pool that is given. */
static void *look_slowly(void *p)
{
    gt_grant_stats_t stats;

    is_the_slow_one = 1;
    return gt_survey_stats(&stats, survey(), p);
}

/* Two dozen anonymous requests, and one of them hangs in the database: none of the others
 * follows. */
START_TEST(who_comes_while_another_asks_waits_for_nothing)
{
    gt_grant_stats_t stats;
    apr_pool_t *slow_pool;
    pthread_t thread;
    void *slow_err;

    apr_pool_create_unmanaged_ex(&slow_pool, NULL, NULL);
    atomic_store(&is_slow, 0); /* the same process may have run this on the other engine */
    atomic_store(&is_held, 1);
    child[0].acquires = hold_the_slow_one;
    ck_assert_int_eq(pthread_create(&thread, NULL, look_slowly, slow_pool), 0);
    while (!atomic_load(&is_slow))
        apr_sleep(apr_time_from_msec(5));
    for (int i = 0; i < 24; i++)
        bench_tag(gt_survey_stats(&stats, survey(), pool), "GT0440");
    atomic_store(&is_held, 0);
    ck_assert_int_eq(pthread_join(thread, &slow_err), 0);
    bench_ok(slow_err);
    apr_pool_destroy(slow_pool);
    look_until_whole();
}
END_TEST

START_TEST(a_database_that_is_away_is_down)
{
    atomic_store(&child[0].away, 1000000);
    while (gt_survey_ping(survey(), pool))
        apr_sleep(apr_time_from_msec(50));
    atomic_store(&child[0].away, 0);
    while (!gt_survey_ping(survey(), pool))
        apr_sleep(apr_time_from_msec(50));
}
END_TEST

Suite *suite_survey(void)
{
    Suite *suite = suite_create("survey");
    TCase *sqlite = children_case(suite, "sqlite", GT_SQLITE);
    TCase *pgsql = children_case(suite, "pgsql", GT_PGSQL);

    tcase_add_test(sqlite, the_first_look_has_all);
    tcase_add_test(sqlite, sums_follow);
    tcase_add_test(sqlite, looks_cost_no_statement);
    tcase_add_test(sqlite, who_comes_while_another_asks_waits_for_nothing);
    tcase_add_loop_test(pgsql, the_first_look_has_all, 0, bench_engines() - 1);
    tcase_add_loop_test(pgsql, a_thousand_looks_are_one, 0, bench_engines() - 1);
    tcase_add_loop_test(pgsql, looks_cost_no_statement, 0, bench_engines() - 1);
    tcase_add_loop_test(pgsql, who_comes_while_another_asks_waits_for_nothing, 0,
                        bench_engines() - 1);
    tcase_add_loop_test(pgsql, a_database_that_is_away_is_down, 0, bench_engines() - 1);
    return suite;
}
