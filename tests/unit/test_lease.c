/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The right to refresh, and what happens when two want the same at once, on both engines. */

#include <string.h>

#include <apr_strings.h>

#include "aside.h"
#include "base/clock.h"
#include "desk.h"

Suite *suite_lease(void);

static int take(desk_t *desk, const gt_grant_t *grant, const char *holder)
{
    const gt_lease_params_t params = {holder, apr_time_from_sec(30), NULL};
    int ours;

    bench_ok(gt_lease_take(&ours, desk->store, grant, &params, desk->pool));
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
    bench_ok(gt_lease_end(desk.store, grant, "two", 0, desk.pool));
    ck_assert_int_eq(take(&desk, grant, "two"), 0);
    bench_ok(gt_lease_end(desk.store, grant, "one", 0, desk.pool));
    ck_assert_int_eq(take(&desk, grant, "two"), 1);
    bench_close(desk.bench);
}
END_TEST

#define RUN_OUT "UPDATE user_tokens SET lease_until = lease_until - 40"
#define DOUBT_OVER "UPDATE user_tokens SET intent_until = intent_until - 40"

/* Its holder may have the answer in a journal: one more lease, from when a process noticed. */
START_TEST(a_lease_that_ran_out_with_its_intent_is_in_doubt_first)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const apr_interval_time_t lease = apr_time_from_sec(30);

    ck_assert_int_eq(take(&desk, grant, "dead"), 1);
    bench_ok(gt_lease_doubt(desk.store, grant, lease, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT intent_until FROM user_tokens"), "0");
    bench_run(desk.bench, RUN_OUT);
    ck_assert_int_eq(take(&desk, grant, "two"), 0);
    bench_ok(gt_lease_doubt(desk.store, grant, lease, desk.pool));
    bench_ok(gt_lease_doubt(desk.store, grant, 100 * lease, desk.pool));
    ck_assert_int_eq(take(&desk, grant, "two"), 0);
    bench_run(desk.bench, DOUBT_OVER);
    ck_assert_int_eq(take(&desk, grant, "two"), 1);
    ck_assert_str_eq(desk_found(&desk, &desk_tom)->intent_owner, "two");
    bench_ok(gt_lease_end(desk.store, grant, "dead", 0, desk.pool));
    ck_assert_int_eq(take(&desk, grant, "three"), 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_lease_at_rest_is_free_when_it_ran_out)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");

    ck_assert_int_eq(take(&desk, grant, "one"), 1);
    bench_ok(gt_lease_end(desk.store, grant, "two", 1, desk.pool));
    ck_assert_ptr_nonnull(desk_found(&desk, &desk_tom)->intent_owner);
    bench_ok(gt_lease_end(desk.store, grant, "one", 1, desk.pool));
    ck_assert_ptr_null(desk_found(&desk, &desk_tom)->intent_owner);
    ck_assert_int_eq(take(&desk, grant, "two"), 0);
    bench_run(desk.bench, RUN_OUT);
    ck_assert_int_eq(take(&desk, grant, "two"), 1);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_dead_holders_lease_is_taken_over_at_once)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_lease_params_t params = {"two", apr_time_from_sec(30), "another"};
    int ours;

    ck_assert_int_eq(take(&desk, grant, "dead"), 1);
    bench_ok(gt_lease_take(&ours, desk.store, grant, &params, desk.pool));
    ck_assert_int_eq(ours, 0);
    params.dead = "dead";
    bench_ok(gt_lease_take(&ours, desk.store, grant, &params, desk.pool));
    ck_assert_int_eq(ours, 1);
    bench_ok(gt_lease_take(&ours, desk.store, grant, &params, desk.pool));
    ck_assert_int_eq(ours, 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_lease_is_renewed_by_its_holder_alone)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_lease_params_t params = {"one", apr_time_from_sec(300), NULL};
    int ours;

    ck_assert_int_eq(take(&desk, grant, "one"), 1);
    bench_ok(gt_lease_renew(&ours, desk.store, grant, &params, desk.pool));
    ck_assert_int_eq(ours, 1);
    ck_assert_int_ge(desk_found(&desk, &desk_tom)->lease_until, gt_now() + apr_time_from_sec(298));
    params.holder = "two";
    bench_ok(gt_lease_renew(&ours, desk.store, grant, &params, desk.pool));
    ck_assert_int_eq(ours, 0);
    bench_close(desk.bench);
}
END_TEST

/* Eight at once; what moved on, is free, at rest or gone is news. */
START_TEST(many_grants_are_watched_with_one_statement)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_awaited_t watched[2] = {{.owner = desk_tom, .generation = grant->generation},
                               {.owner = {"nobody", "microsoft"}, .generation = 1}};

    ck_assert_int_eq(take(&desk, grant, "one"), 1);
    bench_ok(gt_lease_look(watched, 2, desk.store, desk.pool));
    ck_assert_int_eq(watched[0].has_changed, 0);
    ck_assert_str_eq(watched[0].intent_owner, "one");
    ck_assert_int_eq(watched[1].has_changed, 1);
    bench_run(desk.bench, RUN_OUT);
    bench_ok(gt_lease_look(watched, 1, desk.store, desk.pool));
    ck_assert_int_eq(watched[0].has_changed, 1);
    bench_ok(gt_lease_doubt(desk.store, grant, apr_time_from_sec(30), desk.pool));
    bench_ok(gt_lease_look(watched, 1, desk.store, desk.pool));
    ck_assert_int_eq(watched[0].has_changed, 0);
    watched[0].generation--;
    bench_ok(gt_lease_look(watched, 1, desk.store, desk.pool));
    ck_assert_int_eq(watched[0].has_changed, 1);
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
    bench_ok(gt_lease_end(desk.store, old, "one", 0, desk.pool));
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
    bench_run(desk.bench, RUN_OUT);
    bench_ok(gt_lease_doubt(desk.store, grant, apr_time_from_sec(30), desk.pool));
    bench_run(desk.bench, DOUBT_OVER);
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

#define FREE                                                                                       \
    "UPDATE user_tokens SET lease_until = 0, lease_owner = NULL, intent_owner = NULL, "            \
    "intent_until = 0"

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

static void race_for_lease(void *baton)
{
    racer_t *racer = baton;
    const gt_lease_params_t params = {racer->name, apr_time_from_sec(30), NULL};

    racer->err = gt_lease_take(&racer->won, racer->store, racer->grant, &params, racer->pool);
}

static void race_to_sign_in(void *baton)
{
    racer_t *racer = baton;
    const gt_tokens_t fresh = desk_tokens(racer->name, racer->name, racer->pool);
    gt_grant_t *grant = NULL;

    racer->err =
        gt_grant_sign_in(&grant, racer->store, &desk_tom, racer->identity, &fresh, racer->pool);
    racer->won = grant != NULL;
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

static void race(racer_t racers[2], void (*run)(void *baton))
{
    aside_t asides[2];
    int i;

    for (i = 0; i < 2; i++)
        aside_start(&asides[i], run, &racers[i]);
    for (i = 0; i < 2; i++)
        aside_join(&asides[i]);
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
        race(racers, race_for_lease);
        bench_ok(racers[0].err);
        bench_ok(racers[1].err);
        ck_assert_int_eq(racers[0].won + racers[1].won, 1);
        ck_assert_str_eq(desk_found(&desk, &desk_tom)->lease_owner, racers[0].won ? "one" : "two");
        bench_run(desk.bench, FREE);
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
        race(racers, race_to_sign_in);
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
        race(racers, race_to_sign_in);
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
    tcase_add_loop_test(tcase, a_lease_that_ran_out_with_its_intent_is_in_doubt_first, 0, n);
    tcase_add_loop_test(tcase, a_lease_at_rest_is_free_when_it_ran_out, 0, n);
    tcase_add_loop_test(tcase, a_dead_holders_lease_is_taken_over_at_once, 0, n);
    tcase_add_loop_test(tcase, a_lease_is_renewed_by_its_holder_alone, 0, n);
    tcase_add_loop_test(tcase, many_grants_are_watched_with_one_statement, 0, n);
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
