/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A child that ends begins no refresh, and waits for the answers of refreshes that it has sent. */

#include "children.h"

#include <sched.h>

#include "base/clock.h"
#include "base/notice.h"
#include "base/secret.h"

Suite *suite_ending(void);

/* gt_vault_stop on a thread of its own. */
static void stop(void *baton)
{
    gt_vault_stop(baton, 1);
}

static void start_to_stop(aside_t *stopping, child_t *c)
{
    aside_start(stopping, stop, c->vault);
    while (!atomic_load(&c->vault->is_ending))
        sched_yield();
}

START_TEST(what_the_provider_has_is_waited_for_and_stored)
{
    aside_t stopping;
    asker_t asker;

    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    start_to_stop(&stopping, &child[0]);
    fake_release(fake);
    aside_join(&stopping);
    ck_assert_str_eq(answer_of(&asker), "at-1");
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(without_a_database_the_answer_is_sealed_into_the_journal)
{
    gt_journal_t *journal = share_journal();
    aside_t stopping;
    asker_t asker;

    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    atomic_store(&child[0].away, 1000000);
    start_to_stop(&stopping, &child[0]);
    fake_release(fake);
    aside_join(&stopping);
    ck_assert_str_eq(answer_of(&asker), "at-1");
    gives(&child[1], "at-1");
    gt_cache_forget(cache, &toms);
    gives(&child[1], "at-1"); /* the row says so, too: an entry is stored before it is asked for */
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
}
END_TEST

START_TEST(no_refresh_is_begun)
{
    gt_refresh_params_t what = {.vault = child[0].vault, .key = toms};
    gt_refresh_t *refresh = gt_refresh_init(&what, pool);
    gt_err_t *err;

    sign_in_row(&tom, 0);
    atomic_store(&child[0].vault->is_ending, 1);
    err = gt_wait_run(&gt_refresh, refresh, child[0].loop, LIMIT, pool);
    bench_tag(err, "GT0624");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
    ck_assert_ptr_null(row()->lease_owner);
    gives(&child[1], "at-1");
}
END_TEST

/* A lone refusal says nothing, and the second question would take more time. */
START_TEST(a_refusal_is_not_asked_for_twice_and_does_not_count)
{
    fake_reply_t dead = {400, NULL, "{\"error\":\"invalid_grant\"}"};
    asker_t asker;

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &dead);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    atomic_store(&child[0].vault->is_ending, 1);
    fake_release(fake);
    ck_assert_str_eq(answer_of(&asker), "GT0520");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_int_eq(row()->error_count, 0);
    ck_assert_ptr_null(row()->lease_owner);
}
END_TEST

static atomic_int waits;

static int count_wait(void *baton, const gt_notice_t *event)
{
    (void)baton;
    (void)event;
    atomic_fetch_add(&waits, 1);
    return 1;
}

START_TEST(whoever_waits_for_another_child_does_not_hold_it_up)
{
    const gt_notice_sink_t sink = {NULL, GT_NOTICES(GT_NOTICE_LEASE_WAIT), count_wait};
    asker_t winner, waiter;
    apr_time_t begun;

    gt_notice_to(&sink);
    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&winner, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    start_asker(&waiter, &child[1]);
    while (atomic_load(&waits) == 0)
        sched_yield();
    begun = gt_ticks();
    gt_vault_stop(child[1].vault, 1);
    ck_assert_int_lt(gt_ticks() - begun, SECONDS(5)); /* it would have been dropped by then */
    ck_assert_str_eq(answer_of(&waiter), "GT0624");
    fake_release(fake);
    ck_assert_str_eq(answer_of(&winner), "at-1");
}
END_TEST

Suite *suite_ending(void)
{
    Suite *suite = suite_create("ending");
    TCase *tcase = children_case(suite, "a child", GT_SQLITE);

    tcase_add_test(tcase, what_the_provider_has_is_waited_for_and_stored);
    tcase_add_test(tcase, without_a_database_the_answer_is_sealed_into_the_journal);
    tcase_add_test(tcase, no_refresh_is_begun);
    tcase_add_test(tcase, a_refusal_is_not_asked_for_twice_and_does_not_count);
    tcase_add_test(tcase, whoever_waits_for_another_child_does_not_hold_it_up);
    return suite;
}
