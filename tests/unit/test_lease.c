/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The right to refresh, and what happens when two want the same at once, on both engines. */

#include <string.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/clock.h"
#include "crypt/aead.h"
#include "desk.h"

Suite *suite_lease(void);

static int take(desk_t *desk, const gt_grant_t *grant, const char *holder)
{
    int ours;

    bench_ok(gt_lease_take(&ours, desk->store, grant, holder, apr_time_from_sec(30), desk->pool));
    return ours;
}

START_TEST(a_lease_has_one_holder_until_it_is_given_back)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_grant_t *held;

    ck_assert_int_eq(take(&desk, grant, "one"), 1);
    ck_assert_int_eq(take(&desk, grant, "two"), 0);
    ck_assert_int_eq(take(&desk, grant, "one"), 0);
    held = desk_found(&desk, &desk_tom);
    ck_assert_str_eq(held->lease_owner, "one");
    ck_assert_int_ge(held->lease_until, gt_now() + apr_time_from_sec(29));
    ck_assert_int_le(held->lease_until, gt_now() + apr_time_from_sec(32));
    bench_ok(gt_lease_give_back(desk.store, grant, "two", desk.pool));
    ck_assert_int_eq(take(&desk, grant, "two"), 0);
    bench_ok(gt_lease_give_back(desk.store, grant, "one", desk.pool));
    ck_assert_int_eq(take(&desk, grant, "two"), 1);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_lease_that_ran_out_is_free)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");

    ck_assert_int_eq(take(&desk, grant, "dead"), 1);
    bench_run(desk.bench, "UPDATE user_tokens SET lease_until = lease_until - 40");
    ck_assert_int_eq(take(&desk, grant, "two"), 1);
    bench_ok(gt_lease_give_back(desk.store, grant, "dead", desk.pool));
    ck_assert_int_eq(take(&desk, grant, "three"), 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_lease_is_for_a_generation)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *old = desk_signed_in(&desk, &desk_tom, "a1");
    gt_grant_t *now = desk_signed_in(&desk, &desk_tom, "a2");

    ck_assert_int_eq(take(&desk, old, "one"), 0);
    ck_assert_int_eq(take(&desk, now, "one"), 1);
    bench_ok(gt_lease_give_back(desk.store, old, "one", desk.pool));
    ck_assert_int_eq(take(&desk, now, "two"), 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_result_is_stored_though_the_lease_ran_out)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const gt_tokens_t rotated = desk_tokens("a2", "r2", desk.pool);
    int stored;

    ck_assert_int_eq(take(&desk, grant, "paused"), 1);
    bench_run(desk.bench, "UPDATE user_tokens SET lease_until = lease_until - 40");
    ck_assert_int_eq(take(&desk, grant, "other"), 1);
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &rotated, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "r2", desk.pool));
    bench_close(desk.bench);
}
END_TEST

/* PostgreSQL: the server ends our connection, and the next statement is the commit. */
START_TEST(test_T6_a_cut_connection_loses_no_refresh)
{
    desk_t desk = desk_open(1);
    gt_db_t *db = bench_db(desk.bench, "");
    gt_store_t *store = gt_store_make(desk.bench->conf, db, desk.bench->ring, desk.pool);
    const gt_tokens_t rotated = desk_tokens("a2", "r2", desk.pool);
    apr_array_header_t *rows;
    gt_grant_t *grant;
    int stored;

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_ok(gt_grant_find(&grant, store, &desk_tom, desk.pool));
    bench_ok(gt_db_literal_rows(&rows, db, "SELECT pg_backend_pid()", desk.pool));
    bench_ask(desk.bench, apr_psprintf(desk.pool, "SELECT pg_terminate_backend(%s, 5000)",
                                       APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0]));
    bench_ok(gt_grant_commit(&stored, store, grant, &rotated, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "r2", desk.pool));
    bench_close(desk.bench);
}
END_TEST

/* --- races: two threads, a connection each ---------------------------------------------------- */

#define ROUNDS 10

typedef struct racer_t {
    apr_pool_t *pool; /* of this thread alone */
    gt_store_t *store;
    const gt_identity_t *identity;
    const char *name;
    const gt_grant_t *grant;
    gt_err_t *err;
    int won;
} racer_t;

static void *APR_THREAD_FUNC race_for_lease(apr_thread_t *thread, void *baton)
{
    racer_t *racer = baton;

    (void)thread;
    racer->err = gt_lease_take(&racer->won, racer->store, racer->grant, racer->name,
                               apr_time_from_sec(30), racer->pool);
    return NULL;
}

static void *APR_THREAD_FUNC race_to_sign_in(apr_thread_t *thread, void *baton)
{
    racer_t *racer = baton;
    const gt_tokens_t fresh = desk_tokens(racer->name, racer->name, racer->pool);
    gt_grant_t *grant = NULL;

    (void)thread;
    racer->err =
        gt_grant_sign_in(&grant, racer->store, &desk_tom, racer->identity, &fresh, racer->pool);
    racer->won = grant != NULL;
    gt_aead_thread_end();
    return NULL;
}

static void make_racers(racer_t racers[2], desk_t *desk)
{
    static const char *const racer_names[] = {"one", "two"};
    int i;

    for (i = 0; i < 2; i++) {
        memset(&racers[i], 0, sizeof racers[i]);
        apr_pool_create_unmanaged_ex(&racers[i].pool, NULL, NULL);
        racers[i].name = racer_names[i];
        racers[i].store = gt_store_make(desk->bench->conf, bench_db(desk->bench, ""),
                                        desk->bench->ring, desk->pool);
    }
}

static void race(racer_t racers[2], apr_thread_start_t run, apr_pool_t *p)
{
    apr_thread_t *threads[2];
    apr_status_t status;
    int i;

    for (i = 0; i < 2; i++)
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL, run, &racers[i], p), APR_SUCCESS);
    for (i = 0; i < 2; i++)
        apr_thread_join(&status, threads[i]);
}

static void end_racers(racer_t racers[2])
{
    apr_pool_destroy(racers[0].pool);
    apr_pool_destroy(racers[1].pool);
}

START_TEST(of_two_that_want_a_lease_one_gets_it)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    racer_t racers[2];
    int round;

    make_racers(racers, &desk);
    racers[0].grant = racers[1].grant = grant;
    for (round = 0; round < ROUNDS; round++) {
        race(racers, race_for_lease, desk.pool);
        bench_ok(racers[0].err);
        bench_ok(racers[1].err);
        ck_assert_int_eq(racers[0].won + racers[1].won, 1);
        ck_assert_str_eq(desk_found(&desk, &desk_tom)->lease_owner, racers[0].won ? "one" : "two");
        bench_run(desk.bench, "UPDATE user_tokens SET lease_until = 0, lease_owner = NULL");
    }
    end_racers(racers);
    bench_close(desk.bench);
}
END_TEST

START_TEST(of_two_people_who_sign_in_first_one_gets_the_row)
{
    desk_t desk = desk_open(_i);
    racer_t racers[2];
    int round, deleted;

    make_racers(racers, &desk);
    racers[0].identity = &desk_person;
    racers[1].identity = &desk_stranger;
    for (round = 0; round < ROUNDS; round++) {
        race(racers, race_to_sign_in, desk.pool);
        ck_assert_int_eq(racers[0].won + racers[1].won, 1);
        bench_ok(racers[racers[0].won ? 0 : 1].err);
        bench_tag(racers[racers[0].won ? 1 : 0].err, "GT0423");
        ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, racers[0].won ? "one" : "two",
                             desk.pool));
        bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    }
    end_racers(racers);
    bench_close(desk.bench);
}
END_TEST

START_TEST(one_person_may_sign_in_twice_at_once)
{
    desk_t desk = desk_open(_i);
    racer_t racers[2];
    int round;

    make_racers(racers, &desk);
    racers[0].identity = racers[1].identity = &desk_person;
    for (round = 0; round < ROUNDS; round++) {
        race(racers, race_to_sign_in, desk.pool);
        bench_ok(racers[0].err);
        bench_ok(racers[1].err);
        ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens"), "1");
    }
    end_racers(racers);
    bench_close(desk.bench);
}
END_TEST

static TCase *of_leases(int n)
{
    TCase *tcase = tcase_create("leases and races");

    tcase_add_loop_test(tcase, a_lease_has_one_holder_until_it_is_given_back, 0, n);
    tcase_add_loop_test(tcase, a_lease_that_ran_out_is_free, 0, n);
    tcase_add_loop_test(tcase, a_lease_is_for_a_generation, 0, n);
    tcase_add_loop_test(tcase, a_result_is_stored_though_the_lease_ran_out, 0, n);
    tcase_add_loop_test(tcase, test_T6_a_cut_connection_loses_no_refresh, 0, n - 1);
    tcase_add_loop_test(tcase, of_two_that_want_a_lease_one_gets_it, 0, n);
    tcase_add_loop_test(tcase, of_two_people_who_sign_in_first_one_gets_the_row, 0, n);
    tcase_add_loop_test(tcase, one_person_may_sign_in_twice_at_once, 0, n);
    return tcase;
}

Suite *suite_lease(void)
{
    Suite *suite = suite_create("lease");

    suite_add_tcase(suite, of_leases(bench_engines()));
    return suite;
}
