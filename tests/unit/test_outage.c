/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A PostgreSQL that stands still, whose answers are lost, or that became read-only: each wait has a
 * limit, and calls that need no database do not wait. */

#include "children.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/thread.h"
#include "store/due.h"

Suite *suite_outage(void);

static gt_err_t *use_tom(child_t *c)
{
    return gt_due_let_go(c->store, &tom, pool);
}

/* Wait until SQL answers this. */
static void await_answer(const char *sql, const char *wanted)
{
    apr_time_t until = gt_mono() + SECONDS(20);
    const char *answer = bench_ask(bench, sql);

    while (strcmp(answer, wanted) != 0 && gt_mono() < until) {
        sched_yield();
        answer = bench_ask(bench, sql);
    }
    ck_assert_str_eq(answer, wanted);
}

#define OPEN_LEASES                                                                                \
    "SELECT count(*) FROM user_tokens WHERE lease_owner IS NOT NULL OR intent_owner IS NOT NULL"

/* ---- it stands still ---- */

START_TEST(a_statement_that_gets_no_answer_is_ended)
{
    gt_db_t *db = gt_store_db(child[0].store);
    apr_time_t began = gt_mono();
    gt_err_t *err;

    gt_crew_stop(child[0].crew, SECONDS(5)); /* nothing else asks */
    sign_in_row(&tom, 3600);
    bench_ok(use_tom(&child[0]));
    relay_freeze(relay, 1);
    /* Those who had an answer lately keep the breaker closed. */
    while (gt_mono() < began + ANSWER_LIMIT)
        sched_yield();
    err = use_tom(&child[0]);
    bench_tag(err, "GT0432");
    ck_assert_int_eq(err->cls, GT_STORE_AWAY);
    ck_assert_int_eq(gt_db_is_up(db), 0);
    ck_assert_int_eq(gt_db_is_stuck(db), 1);
    bench_tag(use_tom(&child[0]), "GT0402");
    ck_assert_int_lt(gt_mono() - began, SECONDS(15));
    relay_freeze(relay, 0);
    do
        err = use_tom(&child[0]);
    while (err != GT_OK && gt_mono() < began + SECONDS(40));
    bench_ok(err);
}
END_TEST

/* A pool of two connections. */
typedef struct two_t {
    gt_db_source_t real[2];
    atomic_int is_taken[2];
} two_t;

static apr_status_t acquire_one(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    two_t *two = baton;
    int i = atomic_exchange(&two->is_taken[0], 1) == 0 ? 0 : 1;
    apr_status_t status = two->real[i].acquire(conn, two->real[i].baton, p);

    conn->lease = two->real[i].baton;
    return status;
}

static void release_one(gt_db_conn_t *conn, void *baton)
{
    two_t *two = baton;
    int i = conn->lease == two->real[0].baton ? 0 : 1;

    two->real[i].release(conn, two->real[i].baton);
    atomic_store(&two->is_taken[i], 0);
}

typedef struct slow_t {
    gt_store_t *store;
    apr_pool_t *pool;
    char tag[8];
    atomic_int has_ended;
} slow_t;

static void use_slowly(void *baton)
{
    slow_t *slow = baton;
    gt_err_t *err = gt_due_let_go(slow->store, &tom, slow->pool);

    apr_cpystrn(slow->tag, err != GT_OK ? err->tag : "", sizeof slow->tag);
    atomic_store(&slow->has_ended, 1);
}

/* A table is locked; statements on another table have answers all the time. */
START_TEST(one_slow_statement_is_no_outage)
{
    const gt_db_limits_t limits = {2, SECONDS(10), SECONDS(2)};
    two_t two = {.is_taken = {0, 0}};
    gt_db_source_t source = {&two, acquire_one, release_one};
    apr_array_header_t *rows;
    aside_t aside;
    slow_t slow = {.has_ended = 0};

    sign_in_row(&tom, 3600);
    for (int i = 0; i < 2; i++)
        bench_ok(gt_handle_source(&two.real[i], bench->driver, bench->params, pool));
    slow.store = gt_store_make(bench->conf, gt_db_make(&source, &limits, pool), bench->ring, pool);
    apr_pool_create_unmanaged_ex(&slow.pool, NULL, NULL);
    bench_ok(gt_db_literal_rows(&rows, bench->db, "BEGIN", pool));
    bench_ok(gt_db_literal_rows(&rows, bench->db, "LOCK TABLE user_tokens", pool));
    aside_start(&aside, use_slowly, &slow);
    while (!atomic_load(&slow.has_ended))
        bench_ok(gt_store_ping(slow.store, pool));
    aside_join(&aside);
    ck_assert_str_eq(slow.tag, "GT0432");
    bench_ok(gt_store_ping(slow.store, pool));
    bench_ok(gt_db_literal_rows(&rows, bench->db, "ROLLBACK", pool));
    apr_pool_destroy(slow.pool);
}
END_TEST

START_TEST(test_T6_an_answer_that_cannot_be_stored_goes_to_the_journal_at_once)
{
    gt_journal_t *journal = share_journal();
    apr_time_t began;
    asker_t asker;

    child[1].vault->parts.journal = NULL; /* another node */
    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    relay_freeze(relay, 1);
    fake_release(fake);
    began = gt_mono();
    ck_assert_str_eq(answer_of(&asker), "at-1");
    ck_assert_int_lt(gt_mono() - began, SECONDS(10));
    ck_assert_int_eq(gt_journal_length(journal, pool), 1);
    ck_assert_int_eq(gt_db_is_up(gt_store_db(child[0].store)), 0);
    relay_freeze(relay, 0);
    await_answer("SELECT generation - (SELECT min(generation) FROM user_tokens) + "
                 "(CASE WHEN lease_owner IS NULL THEN 0 ELSE 1 END) FROM user_tokens",
                 "0");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    gt_cache_forget(cache, &toms);
    gives(&child[1], "at-1");
}
END_TEST

/* The fixture's end must not hang either: the relay stays frozen. */
START_TEST(a_child_ends_while_the_server_stands_still)
{
    apr_time_t began;
    asker_t asker;

    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    relay_freeze(relay, 1);
    fake_release(fake);
    began = gt_mono();
    gt_crew_stop(child[0].crew, SECONDS(1));
    ck_assert_int_lt(gt_mono() - began, SECONDS(20));
    (void)answer_of(&asker);
}
END_TEST

/* Without connect_timeout a connection to a host that swallows packets is tried for ever. */
START_TEST(connecting_has_a_limit_of_its_own)
{
    const gt_db_limits_t limits = {1, SECONDS(1), ANSWER_LIMIT};
    const char *said = strstr(bench->params, " connect_timeout=");
    gt_db_source_t source;
    const char *params;

    ck_assert_ptr_nonnull(said);
    params =
        apr_pstrcat(pool, apr_pstrmemdup(pool, bench->params, (apr_size_t)(said - bench->params)),
                    strchr(said + 1, ' '), relay_params(relay), NULL);
    ck_assert_int_eq(unsetenv("PGCONNECT_TIMEOUT"), 0);
    gt_db_bound_connecting();
    ck_assert_ptr_nonnull(getenv("PGCONNECT_TIMEOUT"));
    ck_assert_int_eq(setenv("PGCONNECT_TIMEOUT", "2", 1), 0);
    gt_db_bound_connecting();
    ck_assert_str_eq(getenv("PGCONNECT_TIMEOUT"), "2"); /* what the administrator says stays */
    relay_freeze(relay, 1);
    bench_ok(gt_handle_source(&source, bench->driver, params, pool));
    bench_tag(gt_store_ping(
                  gt_store_make(bench->conf, gt_db_make(&source, &limits, pool), bench->ring, pool),
                  pool),
              "GT0401");
}
END_TEST

/* ---- an answer is lost ---- */

START_TEST(a_lease_whose_answer_was_lost_is_given_back)
{
    sign_in_row(&tom, 0);
    relay_swallow(relay, "SET lease_owner", 0);
    fails(&child[0], GT_STORE_AWAY, "GT0424");
    await_answer(OPEN_LEASES, "0");
    gives(&child[1], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(a_lease_that_cannot_be_given_back_is_when_the_database_is_there)
{
    gt_err_t *err;

    sign_in_row(&tom, 0);
    relay_swallow(relay, "SET lease_owner", 1);
    err = error_of(&child[0]);
    ck_assert_int_eq(err->cls, GT_STORE_AWAY);
    ck_assert_str_eq(bench_ask(bench, OPEN_LEASES), "1");
    relay_up(relay);
    await_answer(OPEN_LEASES, "0");
    gives(&child[1], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* ---- it became read-only ---- */

/* This connection ends at a server that is a standby now; a new one finds the primary. */
START_TEST(a_server_that_became_read_only_is_left)
{
    gt_db_t *db = gt_store_db(child[0].store);
    apr_array_header_t *rows;
    int before;

    gt_crew_stop(child[0].crew, SECONDS(5));
    sign_in_row(&tom, 3600);
    bench_run(bench, "UPDATE user_tokens SET due_after = 1");
    bench_ok(gt_db_literal_rows(&rows, db, "SET default_transaction_read_only = on", pool));
    before = relay_connections(relay);
    bench_ok(use_tom(&child[0]));
    ck_assert_str_eq(bench_ask(bench, "SELECT due_after FROM user_tokens"), "0");
    ck_assert_int_eq(relay_connections(relay), before + 1);
    ck_assert_int_eq(gt_db_is_up(db), 1);
}
END_TEST

START_TEST(while_there_is_no_primary_reads_go_on)
{
    gt_db_t *db = bench_db(bench, apr_pstrcat(pool, relay_params(relay),
                                              " options='-c search_path=bench,public -c "
                                              "default_transaction_read_only=on'",
                                              NULL));
    gt_store_t *store = gt_store_make(bench->conf, db, bench->ring, pool);
    gt_grant_t *grant;

    sign_in_row(&tom, 3600);
    bench_tag(gt_due_let_go(store, &tom, pool), "GT0433");
    ck_assert_int_eq(gt_db_is_stuck(db), 1);
    bench_tag(gt_due_let_go(store, &tom, pool), "GT0402");
    bench_ok(gt_grant_find(&grant, store, &tom, pool));
    ck_assert_ptr_nonnull(grant);
    ck_assert_int_eq(gt_db_is_stuck(db), 1); /* a read says nothing about writes */
    ck_assert_int_eq(gt_db_is_up(db), 0);
}
END_TEST

Suite *suite_outage(void)
{
    Suite *suite = suite_create("outage");
    TCase *tcase;

    if (bench_engines() < 2)
        return suite;
    tcase = children_case_on_relay(suite, "outage");
    tcase_add_test(tcase, a_statement_that_gets_no_answer_is_ended);
    tcase_add_test(tcase, one_slow_statement_is_no_outage);
    tcase_add_test(tcase, test_T6_an_answer_that_cannot_be_stored_goes_to_the_journal_at_once);
    tcase_add_test(tcase, a_child_ends_while_the_server_stands_still);
    tcase_add_test(tcase, connecting_has_a_limit_of_its_own);
    tcase_add_test(tcase, a_lease_whose_answer_was_lost_is_given_back);
    tcase_add_test(tcase, a_lease_that_cannot_be_given_back_is_when_the_database_is_there);
    tcase_add_test(tcase, a_server_that_became_read_only_is_left);
    tcase_add_test(tcase, while_there_is_no_primary_reads_go_on);
    return suite;
}
