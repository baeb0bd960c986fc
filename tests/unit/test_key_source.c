/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * When keys are fetched, by how many, and what serves meanwhile. The fetch is the test's own: it
 * waits at a gate where the test says so, and gives the set that the test wants.
 */

#include "gt_test.h"

#include <stdatomic.h>

#include "fake_provider.h"
#include "latch.h"
#include "net/loop.h"
#include "oauth/key_source.h"
#include "task/crew.h"
#include "task/wait.h"

Suite *suite_key_source(void);

#define LIMIT apr_time_from_sec(10)
#define HOUR apr_time_from_sec(3600)
#define WAITERS 5

/** Where the sets of a test come from. */
typedef struct desk_t {
    const char *jwks; /* NULL: the fetch fails */
    int is_held;      /* until `gate` rings */
    gt_bell_t gate;
    latch_t begun;
    latch_t ended;
} desk_t;

static gt_loop_t *loop;
static gt_crew_t *crew;
static gt_key_source_t *source;
static desk_t desk;

static gt_err_t *go_there(gt_task_t *task, void *state)
{
    (void)state;
    latch_wake(&desk.begun);
    if (desk.is_held)
        gt_await_bell(task, &desk.gate, gt_ticks() + HOUR);
    return GT_OK;
}

static gt_err_t *come_back(gt_task_t *task, void *state)
{
    gt_key_fetch_t *fetch = state;
    apr_pool_t *p = gt_task_pool(task);

    ck_assert_ptr_eq(fetch->from, &desk);
    if (desk.jwks == NULL)
        return gt_err(p, GT_UPSTREAM, "GT9999", "away");
    fetch->set = gt_key_set_parse(desk.jwks, strlen(desk.jwks), p);
    return GT_OK;
}

static void count_end(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task, (void)state, (void)err;
    latch_wake(&desk.ended);
}

static gt_step_fn *const fetch_steps[] = {go_there, come_back, NULL};
static const gt_work_t fetch = {"fetch", fetch_steps, count_end};

static void begin(void)
{
    const gt_loop_limits_t limits = {10, 10, 0};
    const gt_key_source_params_t params = {"test", &fetch, &desk, 0};

    make_pool();
    desk = (desk_t){.jwks = fake_jwks("key-1", NULL, pool)};
    gt_bell_init(&desk.gate);
    (void)latch_init(&desk.begun);
    (void)latch_init(&desk.ended);
    ck_ok(gt_loop_start(&loop, &limits, pool));
    ck_ok(gt_crew_start(&crew, "gt-crew", 2, loop, pool));
    source = gt_key_source_make(&params, pool);
    gt_key_source_run_by(source, crew);
    fake_clock(apr_time_from_sec(1800000000));
}

static void end(void)
{
    gt_crew_stop(crew, LIMIT);
    gt_loop_stop(loop);
    gt_bell_destroy(&desk.gate);
    drop_pool();
}

static gt_err_t *find(const gt_key_set_t **keys, const char *kid)
{
    gt_find_keys_t params = {.source = source, .kid = kid};
    gt_err_t *err = gt_wait_run(&gt_find_keys, &params, loop, LIMIT, pool);

    *keys = params.keys;
    return err;
}

static int fetches(void)
{
    return latch_wakes(&desk.begun);
}

/** A task that asks, driven by the test's thread. */
typedef struct asker_t {
    gt_find_keys_t find;
    gt_task_t *task;
    latch_t woken;
    apr_pool_t *pool;
} asker_t;

static gt_progress_t ask(asker_t *asker, const char *kid)
{
    gt_waker_t waker = latch_init(&asker->woken);

    asker->find = (gt_find_keys_t){.source = source, .kid = kid};
    apr_pool_create(&asker->pool, pool);
    asker->task = gt_task_make(&gt_find_keys, &asker->find, loop, &waker, asker->pool);
    return gt_task_run(asker->task);
}

static gt_err_t *answer(asker_t *asker)
{
    for (int wakes = 1; gt_task_run(asker->task) != GT_TASK_DONE; wakes++)
        latch_await(&asker->woken, wakes);
    return gt_task_error(asker->task);
}

START_TEST(all_wait_for_one_fetch)
{
    asker_t askers[WAITERS];

    desk.is_held = 1;
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(ask(&askers[i], "key-1"), GT_TASK_WAITS);
    latch_await(&desk.begun, 1);
    gt_bell_ring(&desk.gate);
    for (int i = 0; i < WAITERS; i++) {
        ck_ok(answer(&askers[i]));
        ck_assert(gt_key_set_has(askers[i].find.keys, "key-1"));
        ck_assert_ptr_eq(askers[i].find.keys, askers[0].find.keys);
    }
    ck_assert_int_eq(fetches(), 1);
}
END_TEST

START_TEST(all_hear_why_there_is_no_set)
{
    asker_t askers[WAITERS];

    desk.is_held = 1;
    desk.jwks = NULL;
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(ask(&askers[i], "key-1"), GT_TASK_WAITS);
    gt_bell_ring(&desk.gate);
    for (int i = 0; i < WAITERS; i++)
        ck_fails(answer(&askers[i]), GT_UPSTREAM, "GT9999");
    ck_assert_int_eq(fetches(), 1);
}
END_TEST

/* Those that come while keys are fetched for an unknown id have to wait, too: theirs may be among
 * them. */
START_TEST(an_unknown_key_is_waited_for_together)
{
    const gt_key_set_t *keys;
    asker_t askers[WAITERS];

    ck_ok(find(&keys, "key-1"));
    desk.jwks = fake_jwks("key-2", NULL, pool);
    desk.is_held = 1;
    ck_assert_int_eq(ask(&askers[0], "key-2"), GT_TASK_WAITS);
    latch_await(&desk.begun, 2);
    for (int i = 1; i < WAITERS; i++)
        ck_assert_int_eq(ask(&askers[i], "key-2"), GT_TASK_WAITS);
    ck_ok(find(&keys, "key-1")); /* a known one is not held up */
    gt_bell_ring(&desk.gate);
    for (int i = 0; i < WAITERS; i++) {
        ck_ok(answer(&askers[i]));
        ck_assert(gt_key_set_has(askers[i].find.keys, "key-2"));
    }
    ck_assert_int_eq(fetches(), 2);
}
END_TEST

START_TEST(unknown_keys_are_looked_for_once_a_minute)
{
    const gt_key_set_t *keys;
    asker_t asker;

    ck_ok(find(&keys, "key-1"));
    ck_ok(find(&keys, "invented-1")); /* the keys may have been rolled right then */
    ck_assert_int_eq(ask(&asker, "invented-2"), GT_TASK_DONE); /* without a job */
    ck_assert_int_eq(fetches(), 2);
    ck_assert(gt_key_set_has(keys, "key-1"));
    fake_time += apr_time_from_sec(60);
    ck_ok(find(&keys, "invented-3"));
    ck_ok(find(&keys, "invented-4"));
    ck_assert_int_eq(fetches(), 3);
}
END_TEST

START_TEST(a_set_in_use_outlives_its_day)
{
    const gt_key_set_t *keys, *later;

    ck_ok(find(&keys, "key-1"));
    desk.jwks = fake_jwks("key-2", NULL, pool);
    fake_time += 24 * HOUR;
    ck_ok(find(&later, "key-2"));
    ck_assert_ptr_ne(keys, later);
    ck_assert(gt_key_set_has(keys, "key-1")); /* this pool still holds it */
}
END_TEST

START_TEST(a_used_set_is_renewed_before_its_day_is_over)
{
    const gt_key_set_t *keys;

    gt_key_source_renew(source, pool); /* there is none */
    ck_ok(find(&keys, "key-1"));
    fake_time += 17 * HOUR;
    gt_key_source_renew(source, pool);
    ck_assert_int_eq(gt_crew_busy(crew), 0);
    ck_ok(find(&keys, "key-1"));
    fake_time += HOUR;
    desk.jwks = fake_jwks("key-2", NULL, pool);
    desk.is_held = 1;
    gt_key_source_renew(source, pool);
    gt_key_source_renew(source, pool);
    latch_await(&desk.begun, 2);
    ck_ok(find(&keys, "key-1")); /* nothing waits */
    ck_assert_int_eq(latch_wakes(&desk.ended), 1);
    gt_bell_ring(&desk.gate);
    ck_ok(find(&keys, "key-2"));
    ck_assert(gt_key_set_has(keys, "key-2"));
    ck_assert_int_eq(fetches(), 2);
}
END_TEST

START_TEST(a_set_that_is_not_used_is_not_renewed)
{
    const gt_key_set_t *keys;

    ck_ok(find(&keys, "key-1"));
    fake_time += 20 * HOUR;
    gt_key_source_renew(source, pool);
    latch_await(&desk.ended, 2);
    fake_time += 20 * HOUR;
    gt_key_source_renew(source, pool);
    gt_crew_stop(crew, LIMIT); /* which waits for what was begun */
    ck_assert_int_eq(fetches(), 2);
}
END_TEST

START_TEST(a_set_is_kept_while_its_issuer_is_away)
{
    const gt_key_set_t *keys;

    ck_ok(find(&keys, "key-1"));
    desk.jwks = NULL;
    fake_time += 24 * HOUR;
    ck_ok(find(&keys, "key-1"));
    ck_assert(gt_key_set_has(keys, "key-1"));
    ck_assert_int_eq(fetches(), 2);
    ck_ok(find(&keys, "key-1")); /* and is not asked for again at once */
    ck_assert_int_eq(fetches(), 2);
    desk.jwks = fake_jwks("key-2", NULL, pool);
    fake_time += apr_time_from_sec(60);
    ck_ok(find(&keys, "key-2"));
    ck_assert(gt_key_set_has(keys, "key-2"));
}
END_TEST

/* It hangs for as long as a call may take, each time that it is asked. */
START_TEST(an_issuer_that_hangs_holds_up_no_key_that_is_at_hand)
{
    const gt_key_set_t *keys;
    asker_t asker;

    ck_ok(find(&keys, "key-1"));
    desk.jwks = NULL;
    fake_time += 24 * HOUR;
    ck_ok(find(&keys, "key-1")); /* waits for the first one that fails */
    fake_time += HOUR;
    desk.is_held = 1;
    gt_key_source_renew(source, pool);
    latch_await(&desk.begun, 3);
    ck_assert_int_eq(ask(&asker, "key-1"), GT_TASK_DONE);
    desk.jwks = fake_jwks("key-2", NULL, pool);
    gt_bell_ring(&desk.gate);
    latch_await(&desk.ended, 3);
    while (gt_crew_busy(crew) > 0)
        sched_yield();
    ck_ok(find(&keys, "key-2"));
    ck_assert_int_eq(fetches(), 3);
}
END_TEST

START_TEST(a_crew_that_ends_leaves_the_fetch_to_the_task)
{
    const gt_key_set_t *keys;

    gt_crew_stop(crew, LIMIT);
    ck_ok(find(&keys, "key-1"));
    ck_assert(gt_key_set_has(keys, "key-1"));
    desk.jwks = NULL;
    fake_time += 24 * HOUR;
    ck_ok(find(&keys, "key-1"));
}
END_TEST

/* A fetch that its child's end cuts off must not look as if it went on. */
START_TEST(a_fetch_that_is_dropped_is_over)
{
    const gt_key_set_t *keys;
    asker_t asker, other;

    ck_ok(find(&keys, "key-1"));
    desk.is_held = 1;
    ck_assert_int_eq(ask(&asker, "key-2"), GT_TASK_WAITS);
    latch_await(&desk.begun, 2);
    gt_crew_stop(crew, 0);
    ck_ok(answer(&asker));
    ck_assert(gt_key_set_has(asker.find.keys, "key-1"));
    ck_assert_int_eq(ask(&other, "key-3"), GT_TASK_DONE);
    ck_assert_int_eq(fetches(), 2);
}
END_TEST

Suite *suite_key_source(void)
{
    Suite *suite = suite_create("key_source");
    TCase *tcase = tcase_create("keys");

    tcase_add_unchecked_fixture(tcase, fake_key, NULL);
    tcase_add_checked_fixture(tcase, begin, end);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, all_wait_for_one_fetch);
    tcase_add_test(tcase, all_hear_why_there_is_no_set);
    tcase_add_test(tcase, an_unknown_key_is_waited_for_together);
    tcase_add_test(tcase, unknown_keys_are_looked_for_once_a_minute);
    tcase_add_test(tcase, a_set_in_use_outlives_its_day);
    tcase_add_test(tcase, a_used_set_is_renewed_before_its_day_is_over);
    tcase_add_test(tcase, a_set_that_is_not_used_is_not_renewed);
    tcase_add_test(tcase, a_set_is_kept_while_its_issuer_is_away);
    tcase_add_test(tcase, an_issuer_that_hangs_holds_up_no_key_that_is_at_hand);
    tcase_add_test(tcase, a_crew_that_ends_leaves_the_fetch_to_the_task);
    tcase_add_test(tcase, a_fetch_that_is_dropped_is_over);
    return suite;
}
