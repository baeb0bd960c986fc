/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Answers that could not be stored: when they are looked for, and that nothing stands in their way. */

#include "children.h"

#include <sched.h>
#include <stdatomic.h>

#include "base/event.h"
#include "base/secret.h"

Suite *suite_replay(void);

#define DEAD "host/3999999/1/node/7"

static gt_journal_t *journal;
static apr_int64_t generation;
static int acquires_left;

/* ---- a holder that dies ---- */

static void put_before_the_lease(void)
{
    if (--acquires_left == 0)
        put_answer(journal, generation);
}

/* The process that holds the lease writes its answer, and has died, right after our look into the
 * journal: our first statement reads the row, the second takes the lease. */
START_TEST(a_lease_taken_over_from_the_dead_has_the_journal_looked_into_again)
{
    gt_refresh_ask_t what = {.vault = child[0].vault, .store = child[0].store, .owner = tom};
    gt_refresh_t *refresh;

    gt_crew_stop(child[0].crew, 0); /* so that nothing else uses its connection */
    gt_crew_stop(child[1].crew, 0);
    journal = share_journal();
    child[0].vault->parts.holder = "host/4000000/1/node";
    sign_in_row(&tom, 0);
    generation = row()->generation;
    bench_run(bench, "UPDATE user_tokens SET lease_owner = '" DEAD "', intent_owner = '" DEAD
                     "', lease_until = 9999999999");
    refresh = gt_refresh_init(&what, pool);
    acquires_left = 2;
    child[0].acquires = put_before_the_lease;
    bench_ok(gt_wait_run(&gt_refresh, refresh, child[0].loop, LIMIT, pool));
    child[0].acquires = NULL;
    ck_assert_str_eq(gt_secret_text(refresh->token.access), "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_ptr_null(row()->lease_owner);
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
}
END_TEST

/* ---- an answer that waits for the database ---- */

static atomic_int waits;

static int count_wait(void *baton, const gt_event_t *event)
{
    (void)baton;
    (void)event;
    atomic_fetch_add(&waits, 1);
    return 1;
}

START_TEST(whoever_waits_elsewhere_hears_of_an_answer_in_the_journal)
{
    const gt_event_sink_t sink = {NULL, GT_EVENTS(GT_EV_LEASE_WAIT), count_wait};
    asker_t winner, waiter;

    gt_event_to(&sink);
    journal = share_journal();
    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&winner, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    start_asker(&waiter, &child[1]);
    while (atomic_load(&waits) == 0)
        sched_yield();
    atomic_store(&child[0].away, 1000000);
    atomic_store(&child[1].away, 1000000);
    fake_release(fake);
    ck_assert_str_eq(answer_of(&winner), "at-1");
    ck_assert_str_eq(answer_of(&waiter), "at-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 1);
    atomic_store(&child[0].away, 0);
}
END_TEST

Suite *suite_replay(void)
{
    Suite *suite = suite_create("replay");
    TCase *away = children_case(suite, "away", GT_SQLITE);
    TCase *dead = children_case(suite, "dead", GT_SQLITE);

    tcase_add_test(away, whoever_waits_elsewhere_hears_of_an_answer_in_the_journal);
    tcase_add_test(dead, a_lease_taken_over_from_the_dead_has_the_journal_looked_into_again);
    return suite;
}
