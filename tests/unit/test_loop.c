/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The loop's timers and rounds, its start and end. Transfers: test_transfer.c. */

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#include <sys/socket.h>

#include "gt_test.h"
#include "latch.h"
#include "net/alarm.h"
#include "net/loop.h"

Suite *suite_loop(void);

static gt_loop_t *loop;

static const gt_loop_limits_t limits = {100, 10, 0};

static void begin(void)
{
    make_pool();
    ck_ok(gt_loop_start(&loop, &limits, pool));
}

/* ---- the heap ---- */

START_TEST(test_alarms_come_in_order)
{
    gt_alarms_t alarms = {NULL, 0, 0};
    gt_alarm_t entries[500];
    apr_time_t last = 0;
    unsigned dice = 1;
    int i;
    int left = 0;

    memset(entries, 0, sizeof(entries));
    for (i = 0; i < 2000; i++) {
        gt_alarm_t *entry = &entries[(dice = dice * 1103515245 + 12345) % 500];

        if (entry->slot != 0)
            gt_alarm_clear(&alarms, entry);
        else
            gt_alarm_set(&alarms, entry, (dice >> 8) % 1000 + 1);
    }
    for (i = 0; i < 500; i++)
        left += entries[i].slot != 0;
    ck_assert_int_gt(left, 100);
    for (; left > 0; left--) {
        gt_alarm_t *first = gt_alarm_first(&alarms);

        ck_assert(first->at >= last);
        last = first->at;
        gt_alarm_clear(&alarms, first);
        gt_alarm_clear(&alarms, first);
    }
    ck_assert_ptr_null(gt_alarm_first(&alarms));
    gt_alarms_free(&alarms);
}
END_TEST

/* ---- timers ---- */

START_TEST(test_a_timer_wakes_once_and_not_early)
{
    latch_t latch, other;
    gt_waker_t waker = latch_init(&latch);
    gt_waker_t later = latch_init(&other);
    apr_time_t at = gt_ticks() + 20000;
    gt_timer_t *timer = gt_timer_start(loop, at, &waker, pool);
    gt_timer_t *fence;

    latch_await(&latch, 1);
    ck_assert(gt_ticks() >= at);
    /* Another one, later, shows that the first did not come twice. */
    fence = gt_timer_start(loop, gt_ticks() + 5000, &later, pool);
    latch_await(&other, 1);
    ck_assert_int_eq(latch_wakes(&latch), 1);
    gt_timer_again(timer, gt_ticks());
    latch_await(&latch, 2);
    gt_timer_cancel(timer);
    gt_timer_cancel(fence);
}
END_TEST

START_TEST(test_an_earlier_timer_is_not_late)
{
    latch_t far, near;
    gt_waker_t far_waker = latch_init(&far);
    gt_waker_t near_waker = latch_init(&near);
    apr_time_t begun = gt_ticks();
    gt_timer_t *first = gt_timer_start(loop, begun + apr_time_from_sec(600), &far_waker, pool);
    gt_timer_t *second = gt_timer_start(loop, begun + 1000, &near_waker, pool);

    latch_await(&near, 1);
    ck_assert(gt_ticks() - begun < apr_time_from_sec(10));
    gt_timer_cancel(first);
    gt_timer_cancel(second);
    ck_assert_int_eq(latch_wakes(&far), 0);
}
END_TEST

static void *cancel_at_random(void *baton)
{
    unsigned dice = (unsigned)(size_t)baton;
    apr_pool_t *own;
    int i;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    for (i = 0; i < 1000; i++) {
        latch_t latch;
        gt_waker_t waker = latch_init(&latch);
        gt_timer_t *timer = gt_timer_start(loop, gt_ticks() + dice % 50, &waker, own);
        apr_time_t until;

        dice = dice * 1103515245 + 12345;
        for (until = gt_mono() + (dice >> 16) % 100; gt_mono() < until;)
            sched_yield();
        gt_timer_cancel(timer);
        latch_die(&latch);
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    return NULL;
}

START_TEST(test_no_wake_after_cancelling)
{
    pthread_t threads[3];
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    gt_timer_t *fence;
    size_t i;

    for (i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, cancel_at_random, (void *)(i + 1)), 0);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    fence = gt_timer_start(loop, gt_ticks() + 1000, &waker, pool);
    latch_await(&latch, 1);
    gt_timer_cancel(fence);
}
END_TEST

/* ---- rounds ---- */

typedef struct round_t {
    int woken;
    latch_t latch;
    gt_waker_t inner;
} round_t;

static void wake_in_round(void *baton)
{
    round_t *r = baton;

    r->woken += gt_loop_is_here(loop);
}

static void at_end_of_round(void *baton)
{
    round_t *r = baton;

    if (!gt_loop_is_here(loop))
        return;
    if (r->woken == 2)
        r->inner.wake(r->inner.baton);
}

START_TEST(test_the_end_of_a_round_is_told_after_its_wakes)
{
    static round_t r;
    const gt_waker_t round = {at_end_of_round, &r}, each = {wake_in_round, &r};
    apr_time_t soon = gt_ticks() + 1000;
    gt_timer_t *one, *two;

    r.inner = latch_init(&r.latch);
    ck_assert_int_eq(gt_loop_is_here(loop), 0);
    gt_loop_after_round(loop, &round);
    one = gt_timer_start(loop, soon, &each, pool);
    two = gt_timer_start(loop, soon, &each, pool);
    latch_await(&r.latch, 1);
    gt_loop_after_round(loop, NULL);
    ck_assert_int_eq(r.woken, 2);
    gt_timer_cancel(one);
    gt_timer_cancel(two);
}
END_TEST

START_TEST(test_nobody_is_told_of_rounds_any_more)
{
    latch_t never, fence;
    gt_waker_t round = latch_init(&never), waker = latch_init(&fence);
    gt_timer_t *timer;

    gt_loop_after_round(loop, &round);
    gt_loop_after_round(loop, NULL);
    latch_die(&never);
    timer = gt_timer_start(loop, gt_ticks() + 1000, &waker, pool);
    latch_await(&fence, 1);
    gt_timer_cancel(timer);
}
END_TEST

/* ---- life ---- */

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int n = 0;

    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

START_TEST(test_start_and_stop_leave_nothing)
{
    int before = descriptors();
    int i;

    for (i = 0; i < 20; i++) {
        apr_pool_t *own;
        gt_loop_t *other;

        apr_pool_create(&own, pool);
        ck_ok(gt_loop_start(&other, &limits, own));
        if (i % 2)
            gt_loop_stop(other);
        apr_pool_destroy(own);
    }
    ck_assert_int_eq(descriptors(), before);
}
END_TEST

START_TEST(test_a_stopped_loop_wakes_nobody)
{
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    gt_timer_t *early = gt_timer_start(loop, gt_ticks() + apr_time_from_sec(600), &waker, pool);
    gt_timer_t *late;

    gt_loop_stop(loop);
    latch_die(&latch);
    late = gt_timer_start(loop, gt_ticks(), &waker, pool);
    gt_timer_cancel(early);
    gt_timer_cancel(late);
    gt_loop_close(loop);
    gt_loop_stop(loop);
}
END_TEST

static pthread_t own_thread;
static volatile sig_atomic_t strays, caught;

static void catch_signal(int number)
{
    (void)number;
    caught = 1;
    if (!pthread_equal(pthread_self(), own_thread))
        strays = 1;
}

START_TEST(test_signals_do_not_land_on_the_loop)
{
    sigset_t all, before;
    struct sigaction action = {.sa_handler = catch_signal};
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    gt_timer_t *timer;

    own_thread = pthread_self();
    sigaction(SIGUSR1, &action, NULL);
    sigfillset(&all);
    /* Only the loop could take it now. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    kill(getpid(), SIGUSR1);
    timer = gt_timer_start(loop, gt_ticks() + 1000, &waker, pool);
    latch_await(&latch, 1);
    ck_assert_int_eq(caught, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ck_assert_int_eq(caught, 1);
    ck_assert_int_eq(strays, 0);
    gt_timer_cancel(timer);
}
END_TEST

Suite *suite_loop(void)
{
    Suite *suite = suite_create("loop");
    TCase *tcase = tcase_create("loop");

    tcase_add_checked_fixture(tcase, begin, drop_pool);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_alarms_come_in_order);
    tcase_add_test(tcase, test_a_timer_wakes_once_and_not_early);
    tcase_add_test(tcase, test_an_earlier_timer_is_not_late);
    tcase_add_test(tcase, test_no_wake_after_cancelling);
    tcase_add_test(tcase, test_the_end_of_a_round_is_told_after_its_wakes);
    tcase_add_test(tcase, test_nobody_is_told_of_rounds_any_more);
    tcase_add_test(tcase, test_start_and_stop_leave_nothing);
    tcase_add_test(tcase, test_a_stopped_loop_wakes_nobody);
    tcase_add_test(tcase, test_signals_do_not_land_on_the_loop);
    return suite;
}
