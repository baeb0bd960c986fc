/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Who may touch a connection: one at a time, nothing asked for is lost, nothing lies for ever. */

#include <stdatomic.h>

#include "gt_test.h"
#include "latch.h"
#include "task/finisher.h"

Suite *suite_finisher(void);

#define SOON apr_time_from_msec(30)
#define NEVER apr_time_from_sec(3600)

/* A connection with its berth. */
typedef struct boat_t {
    gt_conn_slot_t slot;
    latch_t worked, called, may_go;
    int holds;                /* work waits for may_go */
    apr_interval_time_t idle; /* what work answers, from now; 0: it lies on */
    apr_time_t due;           /* what work answered last */
    int turn;                 /* its place in the order of calls */
    atomic_int inside;        /* threads that touch it; never two */
    atomic_int jobs, done;    /* asked for, and seen by work */
} boat_t;

static gt_finishers_t *finishers;
static atomic_int turns;

static void enter(boat_t *boat)
{
    ck_assert_int_eq(atomic_fetch_add(&boat->inside, 1), 0);
}

static void leave(boat_t *boat)
{
    atomic_fetch_sub(&boat->inside, 1);
}

static apr_time_t work(void *baton)
{
    boat_t *boat = baton;

    enter(boat);
    atomic_store(&boat->done, atomic_load(&boat->jobs));
    latch_wake(&boat->worked);
    if (boat->holds)
        latch_await(&boat->may_go, 1);
    leave(boat);
    boat->due = boat->idle > 0 ? gt_mono() + boat->idle : 0;
    return boat->due;
}

static void call(void *baton)
{
    boat_t *boat = baton;

    boat->turn = atomic_fetch_add(&turns, 1);
    latch_wake(&boat->called);
}

/* As a worker has it that made it. */
static void launch(boat_t *boat)
{
    static const gt_conn_ops_t ops = {work, call};

    memset(boat, 0, sizeof(*boat));
    boat->slot.finishers = finishers;
    boat->slot.ops = &ops;
    boat->slot.baton = boat;
    latch_init(&boat->worked);
    latch_init(&boat->called);
    latch_init(&boat->may_go);
}

static void begin(void)
{
    make_pool();
    ck_ok(gt_finishers_start(&finishers, 2, NULL, pool));
}

static void end(void)
{
    gt_finishers_stop(finishers);
    drop_pool();
}

START_TEST(test_a_wake_while_it_is_held_is_kept)
{
    boat_t boat;

    launch(&boat);
    gt_conn_slot_wake(&boat.slot);
    gt_conn_slot_wake(&boat.slot);
    ck_assert_int_eq(latch_wakes(&boat.worked), 0);
    gt_conn_slot_release(&boat.slot);
    latch_await(&boat.worked, 1);
    gt_conn_slot_take(&boat.slot);
    ck_assert_int_eq(latch_wakes(&boat.worked), 1);
    latch_die(&boat.worked);
    /* Taken with nothing new: nothing is done when it lies again. */
    gt_conn_slot_release(&boat.slot);
    gt_conn_slot_take(&boat.slot);
}
END_TEST

START_TEST(test_a_wake_while_it_is_worked_on_comes_again)
{
    boat_t boat;

    launch(&boat);
    boat.holds = 1;
    gt_conn_slot_release(&boat.slot);
    gt_conn_slot_wake(&boat.slot);
    latch_await(&boat.worked, 1);
    gt_conn_slot_wake(&boat.slot);
    latch_wake(&boat.may_go);
    latch_await(&boat.worked, 2);
    gt_conn_slot_take(&boat.slot);
    ck_assert_int_eq(latch_wakes(&boat.worked), 2);
}
END_TEST

static void *take(void *baton)
{
    boat_t *boat = baton;

    gt_conn_slot_take(&boat->slot);
    enter(boat);
    return NULL;
}

START_TEST(test_a_worker_waits_until_the_finisher_lets_go)
{
    boat_t boat;
    pthread_t worker;

    launch(&boat);
    boat.holds = 1;
    gt_conn_slot_release(&boat.slot);
    gt_conn_slot_wake(&boat.slot);
    latch_await(&boat.worked, 1);
    ck_assert_int_eq(pthread_create(&worker, NULL, take, &boat), 0);
    latch_wake(&boat.may_go);
    pthread_join(worker, NULL);
    ck_assert_int_eq(atomic_load(&boat.inside), 1);
    /* Again is no harm. */
    gt_conn_slot_take(&boat.slot);
}
END_TEST

START_TEST(test_idle_ones_are_called_in_the_order_of_their_time)
{
    boat_t late, early;

    launch(&late);
    launch(&early);
    late.idle = 3 * SOON;
    early.idle = SOON;
    gt_conn_slot_release(&late.slot);
    gt_conn_slot_release(&early.slot);
    gt_conn_slot_wake(&late.slot);
    latch_await(&late.worked, 1);
    gt_conn_slot_wake(&early.slot);
    latch_await(&early.called, 1);
    latch_await(&late.called, 1);
    gt_conn_slot_take(&late.slot);
    gt_conn_slot_take(&early.slot);
    /* On a busy machine the second may have been woken after the first one's time. */
    ck_assert_int_eq(early.turn < late.turn, early.due < late.due);
    ck_assert_int_eq(late.slot.is_late, 1);
    gt_conn_slot_release(&late.slot);
    ck_assert_int_eq(late.slot.is_late, 0);
    gt_conn_slot_take(&late.slot);
}
END_TEST

/* @return whether the worker came before the boat's idle time was over */
static int comes_in_time(apr_interval_time_t idle)
{
    boat_t boat, fence;
    int in_time;

    launch(&boat);
    launch(&fence);
    boat.idle = idle;
    fence.idle = 2 * idle;
    gt_conn_slot_release(&boat.slot);
    gt_conn_slot_release(&fence.slot);
    gt_conn_slot_wake(&boat.slot);
    latch_await(&boat.worked, 1);
    gt_conn_slot_take(&boat.slot);
    in_time = gt_mono() < boat.due;
    if (in_time) {
        ck_assert_int_eq(boat.slot.is_late, 0);
        latch_die(&boat.called);
    }
    gt_conn_slot_wake(&fence.slot);
    latch_await(&fence.called, 1);
    gt_conn_slot_take(&fence.slot);
    return in_time;
}

START_TEST(test_a_worker_that_comes_in_time_ends_the_idling)
{
    apr_interval_time_t idle = SOON;

    /* A machine that is too busy for a short time gets a longer one. */
    while (!comes_in_time(idle))
        idle *= 2;
}
END_TEST

START_TEST(test_closed_nothing_lies_idle)
{
    boat_t before, after;

    launch(&before);
    launch(&after);
    before.idle = after.idle = NEVER;
    gt_conn_slot_release(&before.slot);
    gt_conn_slot_wake(&before.slot);
    latch_await(&before.worked, 1);
    gt_finishers_close(finishers);
    latch_await(&before.called, 1);
    gt_conn_slot_release(&after.slot);
    gt_conn_slot_wake(&after.slot);
    latch_await(&after.called, 1);
    gt_conn_slot_take(&before.slot);
    gt_conn_slot_take(&after.slot);
}
END_TEST

START_TEST(test_a_worker_is_called_where_all_finishers_are_held_up)
{
    boat_t slow[2], third;
    int i;

    for (i = 0; i < 2; i++) {
        launch(&slow[i]);
        slow[i].holds = 1;
        gt_conn_slot_release(&slow[i].slot);
        gt_conn_slot_wake(&slow[i].slot);
        latch_await(&slow[i].worked, 1);
    }
    launch(&third);
    gt_conn_slot_release(&third.slot);
    gt_conn_slot_wake(&third.slot);
    latch_await(&third.called, 1);
    ck_assert_int_eq(latch_wakes(&third.worked), 0);
    gt_conn_slot_take(&third.slot);
    for (i = 0; i < 2; i++) {
        latch_wake(&slow[i].may_go);
        gt_conn_slot_take(&slow[i].slot);
    }
}
END_TEST

START_TEST(test_a_held_up_finisher_is_helped)
{
    boat_t slow, other;

    launch(&slow);
    launch(&other);
    slow.holds = 1;
    gt_conn_slot_release(&slow.slot);
    gt_conn_slot_wake(&slow.slot);
    latch_await(&slow.worked, 1);
    gt_conn_slot_release(&other.slot);
    gt_conn_slot_wake(&other.slot);
    latch_await(&other.worked, 1);
    latch_wake(&slow.may_go);
    gt_conn_slot_take(&slow.slot);
    gt_conn_slot_take(&other.slot);
}
END_TEST

/* ---- all at once ---- */

#define BOATS 8
#define ROUNDS 3000

static boat_t fleet[BOATS];
static atomic_int is_over;

static void *wake_at_random(void *baton)
{
    unsigned dice = (unsigned)(size_t)baton;

    while (!atomic_load(&is_over)) {
        boat_t *boat = &fleet[(dice = dice * 1103515245 + 12345) >> 16 & (BOATS - 1)];

        atomic_fetch_add(&boat->jobs, 1);
        gt_conn_slot_wake(&boat->slot);
    }
    return NULL;
}

static void *come_and_go(void *baton)
{
    boat_t *mine = baton;
    int i, n;

    for (i = rounds(ROUNDS); i > 0; i--)
        for (n = 0; n < BOATS / 2; n++) {
            gt_conn_slot_take(&mine[n].slot);
            enter(&mine[n]);
            atomic_store(&mine[n].done, atomic_load(&mine[n].jobs));
            leave(&mine[n]);
            gt_conn_slot_release(&mine[n].slot);
        }
    return NULL;
}

static void all_at_once(void)
{
    pthread_t wakers[2], workers[2];
    size_t i;

    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&wakers[i], NULL, wake_at_random, (void *)(i + 1)), 0);
        ck_assert_int_eq(pthread_create(&workers[i], NULL, come_and_go, fleet + i * BOATS / 2), 0);
    }
    for (i = 0; i < 2; i++)
        pthread_join(workers[i], NULL);
    atomic_store(&is_over, 1);
    for (i = 0; i < 2; i++)
        pthread_join(wakers[i], NULL);
}

START_TEST(test_all_at_once_nothing_is_lost)
{
    int i;

    for (i = 0; i < BOATS; i++) {
        launch(&fleet[i]);
        fleet[i].idle = i % 2 ? SOON / 30 : 0;
        gt_conn_slot_release(&fleet[i].slot);
    }
    all_at_once();
    for (i = 0; i < BOATS; i++) {
        apr_time_t until = gt_mono() + PATIENCE;

        while (atomic_load(&fleet[i].done) < atomic_load(&fleet[i].jobs) &&
               !latch_wakes(&fleet[i].called) && gt_mono() < until)
            sched_yield();
        gt_conn_slot_take(&fleet[i].slot);
        ck_assert(atomic_load(&fleet[i].done) == atomic_load(&fleet[i].jobs) ||
                  latch_wakes(&fleet[i].called));
    }
}
END_TEST

Suite *suite_finisher(void)
{
    Suite *suite = suite_create("finisher");
    TCase *tcase = tcase_create("berths");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_a_wake_while_it_is_held_is_kept);
    tcase_add_test(tcase, test_a_wake_while_it_is_worked_on_comes_again);
    tcase_add_test(tcase, test_a_worker_waits_until_the_finisher_lets_go);
    tcase_add_test(tcase, test_idle_ones_are_called_in_the_order_of_their_time);
    tcase_add_test(tcase, test_a_worker_that_comes_in_time_ends_the_idling);
    tcase_add_test(tcase, test_closed_nothing_lies_idle);
    tcase_add_test(tcase, test_a_worker_is_called_where_all_finishers_are_held_up);
    tcase_add_test(tcase, test_a_held_up_finisher_is_helped);
    tcase_add_test(tcase, test_all_at_once_nothing_is_lost);
    suite_add_tcase(suite, tcase);
    return suite;
}
