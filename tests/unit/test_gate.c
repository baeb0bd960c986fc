/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The gate in front of the database's connections, while one caller holds a place. */

#include <string.h>

#include <apr_thread_cond.h>
#include <apr_thread_proc.h>

#include "base/clock.h"
#include "base/thread.h"
#include "bench.h"
#include "db/handle.h"

Suite *suite_gate(void);

static gt_err_t *ping(gt_db_t *db, apr_pool_t *p)
{
    return gt_db_ping(db, p);
}

static apr_time_t test_ticks;

static apr_time_t fake_ticks(void)
{
    return test_ticks;
}

/* One thread holds the only place (its acquire waits for our lock) while another asks. */
typedef struct holder_t {
    gt_db_t *db;
    apr_pool_t *pool;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *changed;
    int is_inside, may_leave, fails;
    gt_db_source_t real;
    gt_err_t *err;
} holder_t;

static apr_status_t holding_acquire(gt_db_conn_t *conn, void *baton, apr_pool_t *p)
{
    holder_t *holder = baton;

    if (holder->fails)
        return APR_EGENERAL;
    apr_thread_mutex_lock(holder->lock);
    holder->is_inside = 1;
    apr_thread_cond_broadcast(holder->changed);
    while (!holder->may_leave)
        apr_thread_cond_wait(holder->changed, holder->lock);
    apr_thread_mutex_unlock(holder->lock);
    return holder->real.acquire(conn, holder->real.baton, p);
}

static void holding_release(gt_db_conn_t *conn, void *baton)
{
    holder_t *holder = baton;

    holder->real.release(conn, holder->real.baton);
}

static void *APR_THREAD_FUNC hold(apr_thread_t *thread, void *baton)
{
    holder_t *holder = baton;

    (void)thread;
    holder->err = ping(holder->db, holder->pool);
    return NULL;
}

static void open_patient_holder(holder_t *holder, bench_t *bench, int users,
                                apr_interval_time_t wait)
{
    const gt_db_limits_t limits = {users, wait, 0};
    const gt_db_source_t source = {holder, holding_acquire, holding_release};

    memset(holder, 0, sizeof *holder);
    bench_ok(gt_handle_source(&holder->real, bench->driver, bench->params, bench->pool));
    apr_pool_create_unmanaged_ex(&holder->pool, NULL, NULL);
    apr_thread_mutex_create(&holder->lock, APR_THREAD_MUTEX_DEFAULT, bench->pool);
    apr_thread_cond_create(&holder->changed, bench->pool);
    holder->db = gt_db_make(&source, &limits, bench->pool);
}

static void open_holder(holder_t *holder, bench_t *bench, int users)
{
    open_patient_holder(holder, bench, users, apr_time_from_msec(20));
}

static apr_thread_t *let_in(holder_t *holder, bench_t *bench)
{
    apr_thread_t *thread;

    ck_assert_int_eq(apr_thread_create(&thread, NULL, hold, holder, bench->pool), APR_SUCCESS);
    apr_thread_mutex_lock(holder->lock);
    while (!holder->is_inside)
        apr_thread_cond_wait(holder->changed, holder->lock);
    apr_thread_mutex_unlock(holder->lock);
    return thread;
}

static void let_out(holder_t *holder, apr_thread_t *thread)
{
    apr_status_t status;

    apr_thread_mutex_lock(holder->lock);
    holder->may_leave = 1;
    apr_thread_cond_broadcast(holder->changed);
    apr_thread_mutex_unlock(holder->lock);
    apr_thread_join(&status, thread);
    bench_ok(holder->err);
}

START_TEST(the_gate_bounds_the_wait)
{
    bench_t *bench = bench_open(_i);
    holder_t holder;
    apr_thread_t *thread;
    apr_time_t began;

    open_holder(&holder, bench, 1);
    began = gt_ticks(); /* before the holder came in, since the wait counts from then */
    thread = let_in(&holder, bench);
    bench_tag(ping(holder.db, bench->pool), "GT0403");
    ck_assert_int_ge(gt_ticks() - began, apr_time_from_msec(15));
    let_out(&holder, thread);
    bench_ok(ping(holder.db, bench->pool));
    apr_pool_destroy(holder.pool);
    bench_close(bench);
}
END_TEST

START_TEST(of_those_who_need_a_connection_one_connects)
{
    bench_t *bench = bench_open(_i);
    holder_t holder;
    apr_thread_t *thread;

    open_holder(&holder, bench, 8);
    thread = let_in(&holder, bench);
    for (int i = 0; i < 7; i++)
        bench_tag(ping(holder.db, bench->pool), "GT0403");
    let_out(&holder, thread);
    bench_ok(ping(holder.db, bench->pool));
    apr_pool_destroy(holder.pool);
    bench_close(bench);
}
END_TEST

/* A newcomer waits 20 s at most, but no task has come or gone for longer than that. */
START_TEST(a_gate_that_is_stuck_holds_nobody_up)
{
    bench_t *bench = bench_open(_i);
    apr_time_t began = gt_mono();
    apr_thread_t *thread;
    holder_t holder;

    test_ticks = apr_time_from_sec(1000);
    gt_clock_set(NULL, fake_ticks);
    open_patient_holder(&holder, bench, 1, apr_time_from_sec(20));
    thread = let_in(&holder, bench);
    ck_assert_int_eq(gt_db_is_stuck(holder.db), 0);
    test_ticks += apr_time_from_sec(21);
    ck_assert_int_eq(gt_db_is_stuck(holder.db), 1);
    bench_tag(ping(holder.db, bench->pool), "GT0403");
    ck_assert_int_lt(gt_mono() - began, apr_time_from_sec(15));
    let_out(&holder, thread);
    ck_assert_int_eq(gt_db_is_stuck(holder.db), 0);
    gt_clock_set(NULL, NULL);
    apr_pool_destroy(holder.pool);
    bench_close(bench);
}
END_TEST

/* The database went away, and three seconds later one caller is finding out whether it is back. */
static apr_thread_t *let_probe(holder_t *holder, bench_t *bench)
{
    open_holder(holder, bench, 2);
    test_ticks = apr_time_from_sec(1000);
    gt_clock_set(NULL, fake_ticks);
    holder->fails = 1;
    bench_tag(ping(holder->db, bench->pool), "GT0401");
    holder->fails = 0;
    test_ticks += apr_time_from_sec(3);
    return let_in(holder, bench);
}

static void close_holder(holder_t *holder, bench_t *bench)
{
    gt_clock_set(NULL, NULL);
    apr_pool_destroy(holder->pool);
    bench_close(bench);
}

START_TEST(a_long_probe_holds_nobody)
{
    bench_t *bench = bench_open(_i);
    holder_t holder;
    apr_thread_t *thread = let_probe(&holder, bench);

    bench_tag(ping(holder.db, bench->pool), "GT0402");
    let_out(&holder, thread);
    bench_ok(ping(holder.db, bench->pool));
    close_holder(&holder, bench);
}
END_TEST

static void *APR_THREAD_FUNC leave_at_once(apr_thread_t *thread, void *baton)
{
    holder_t *holder = baton;

    (void)thread;
    apr_thread_mutex_lock(holder->lock);
    holder->may_leave = 1;
    apr_thread_cond_broadcast(holder->changed);
    apr_thread_mutex_unlock(holder->lock);
    return NULL;
}

START_TEST(a_short_probe_is_waited_for)
{
    bench_t *bench = bench_open(_i);
    holder_t holder;
    apr_thread_t *probe = let_probe(&holder, bench), *leaves;
    apr_status_t status;

    ck_assert_int_eq(apr_thread_create(&leaves, NULL, leave_at_once, &holder, bench->pool),
                     APR_SUCCESS);
    bench_ok(ping(holder.db, bench->pool));
    apr_thread_join(&status, leaves);
    let_out(&holder, probe);
    close_holder(&holder, bench);
}
END_TEST

Suite *suite_gate(void)
{
    Suite *suite = suite_create("gate");
    TCase *tcase = tcase_create("both engines");
    const int n = bench_engines();

    tcase_add_loop_test(tcase, the_gate_bounds_the_wait, 0, n);
    tcase_add_loop_test(tcase, of_those_who_need_a_connection_one_connects, 0, n);
    tcase_add_loop_test(tcase, a_gate_that_is_stuck_holds_nobody_up, 0, n);
    tcase_add_loop_test(tcase, a_long_probe_holds_nobody, 0, n);
    tcase_add_loop_test(tcase, a_short_probe_is_waited_for, 0, n);
    suite_add_tcase(suite, tcase);
    return suite;
}
