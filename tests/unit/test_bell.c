/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A task that waits for another one to ring. */

#include "gt_test.h"
#include "latch.h"
#include "net/loop.h"
#include "task/task.h"
#include "task/wait.h"

Suite *suite_bell(void);

#define LONG apr_time_from_sec(3600)

typedef struct listener_t {
    gt_bell_t bell;
    apr_interval_time_t patience;
    int went_on, heard;
} listener_t;

static gt_loop_t *loop;
static latch_t latch;
static listener_t listener;

static gt_err_t *hear(gt_task_t *task, void *state)
{
    listener_t *own = state;

    gt_await_bell(task, &own->bell, gt_ticks() + own->patience);
    return GT_OK;
}

static gt_err_t *go_on(gt_task_t *task, void *state)
{
    listener_t *own = state;

    (void)task;
    own->went_on++;
    own->heard = gt_bell_has_rung(&own->bell);
    return GT_OK;
}

static gt_step_fn *const steps[] = {hear, go_on, NULL};
static const gt_work_t work = {"listen", steps, NULL};

static void begin(void)
{
    const gt_loop_limits_t limits = {8, 8, 0};

    make_pool();
    ck_ok(gt_loop_start(&loop, &limits, pool));
    memset(&listener, 0, sizeof(listener));
    listener.patience = LONG;
    gt_bell_init(&listener.bell);
}

static void end(void)
{
    gt_bell_destroy(&listener.bell);
    gt_loop_stop(loop);
    drop_pool();
}

static gt_task_t *task_on(gt_loop_t *its_loop)
{
    gt_waker_t waker = latch_init(&latch);

    return gt_task_make(&work, &listener, its_loop, &waker, pool);
}

START_TEST(a_bell_that_has_rung_stops_nobody)
{
    gt_bell_ring(&listener.bell);
    ck_assert_int_eq(gt_task_run(task_on(loop)), GT_TASK_DONE);
    ck_assert(listener.went_on == 1 && listener.heard);
    ck_assert_int_eq(latch_wakes(&latch), 0);
}
END_TEST

START_TEST(ringing_wakes_once)
{
    gt_task_t *task = task_on(loop);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    ck_assert_int_eq(gt_task_ready(task), 0);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    gt_bell_ring(&listener.bell);
    gt_bell_ring(&listener.bell);
    ck_assert_int_eq(latch_wakes(&latch), 1);
    ck_assert_int_eq(gt_task_ready(task), 1);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert(listener.went_on == 1 && listener.heard);
}
END_TEST

START_TEST(a_dropped_task_is_not_woken)
{
    gt_task_t *task = task_on(loop);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    gt_task_drop(task);
    latch_die(&latch);
    gt_bell_ring(&listener.bell);
    ck_assert_int_eq(listener.went_on, 0);
}
END_TEST

START_TEST(nobody_rings_in_time)
{
    gt_task_t *task;

    listener.patience = 1000;
    task = task_on(loop);
    /* The wait may be over before it begins. */
    if (gt_task_run(task) == GT_TASK_WAITS) {
        latch_await(&latch, 1);
        while (gt_task_run(task) != GT_TASK_DONE)
            latch_await(&latch, latch_wakes(&latch) + 1);
    }
    ck_assert(listener.went_on == 1 && !listener.heard);
    latch_die(&latch);
    gt_bell_ring(&listener.bell);
}
END_TEST

START_TEST(without_a_loop_there_is_no_patience)
{
    gt_task_t *task = task_on(NULL);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_fails(gt_task_error(task), GT_INTERNAL, "GT0321");
}
END_TEST

static void *ring(void *baton)
{
    gt_bell_ring(baton);
    return NULL;
}

START_TEST(a_thread_sleeps_until_another_rings)
{
    for (int i = 0; i < 100; i++) {
        pthread_t thread;

        gt_bell_destroy(&listener.bell);
        gt_bell_init(&listener.bell);
        ck_assert_int_eq(pthread_create(&thread, NULL, ring, &listener.bell), 0);
        ck_ok(gt_wait_run(&work, &listener, loop, PATIENCE, pool));
        pthread_join(thread, NULL);
        ck_assert(listener.heard);
    }
    ck_assert_int_eq(listener.went_on, 100);
}
END_TEST

Suite *suite_bell(void)
{
    Suite *suite = suite_create("bell");
    TCase *tcase = tcase_create("bell");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_bell_that_has_rung_stops_nobody);
    tcase_add_test(tcase, ringing_wakes_once);
    tcase_add_test(tcase, a_dropped_task_is_not_woken);
    tcase_add_test(tcase, nobody_rings_in_time);
    tcase_add_test(tcase, without_a_loop_there_is_no_patience);
    tcase_add_test(tcase, a_thread_sleeps_until_another_rings);
    suite_add_tcase(suite, tcase);
    return suite;
}
