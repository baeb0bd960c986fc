/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Transfers that no task wants any more, in each state, and those that the loop takes no more. */

#include <pthread.h>
#include <stdatomic.h>

#include "wire.h"

Suite *suite_leaving(void);

START_TEST(test_left_before_it_began)
{
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    gt_transfer_t *transfer = made(&request);

    gt_transfer_leave(transfer);
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
    ck_assert_int_eq(upstream_requests(up), 1);
    ck_assert_int_eq(figures().started, 1);
}
END_TEST

START_TEST(test_left_while_it_waits)
{
    gt_request_t request = {.url = upstream_url(up, "/hang")};
    gt_transfer_t *transfer = made(&request);
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    upstream_await_requests(up, 1);
    gt_transfer_leave(transfer);
    latch_die(&latch);
    upstream_await_gone(up, 1);
    await_idle();
    ck_fails(gt_transfer_error(transfer, pool), GT_CANCELLED, "GT0312");
    ck_assert_int_eq(figures().failed, 1);
}
END_TEST

START_TEST(test_left_while_it_is_paused)
{
    gt_transfer_t *transfer = stream_at("/bytes/104857600");

    gt_transfer_leave(transfer);
    upstream_await_gone(up, 1);
    await_idle();
}
END_TEST

START_TEST(test_left_when_it_has_ended)
{
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    gt_transfer_t *transfer = ended(&request);

    gt_transfer_leave(transfer);
    ck_assert_str_eq(gt_transfer_answer(transfer)->body, "hello");
}
END_TEST

START_TEST(test_what_changes_state_goes_on)
{
    gt_request_t request = {.url = upstream_url(up, "/slow/50"), .method = "POST", .keep_going = 1};
    gt_transfer_t *transfer = made(&request);
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    upstream_await_requests(up, 1);
    gt_transfer_leave(transfer);
    latch_die(&latch);
    await_point(transfer, GT_POINT_END);
    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 200);
}
END_TEST

/* Its reader has gone, so no task takes the bytes: it goes on to its end all the same. */
START_TEST(test_a_stream_that_changes_state_goes_on_alone)
{
    gt_request_t request = {
        .url = upstream_url(up, "/bytes/20000000"), .method = "POST", .stream = 1, .keep_going = 1};
    gt_transfer_t *transfer = made(&request);
    int i;

    await_point(transfer, GT_POINT_HEAD);
    for (i = 0; i < 20; i++)
        ck_assert_str_eq(answer_at("/hello")->body, "hello");
    gt_transfer_leave(transfer);
    await_idle();
    ck_assert_int_eq(figures().failed, 0);
    ck_ok(gt_transfer_error(transfer, pool));
}
END_TEST

START_TEST(test_the_pool_of_the_asker_goes_first)
{
    gt_request_t request = {.url = upstream_url(up, "/slow/50"), .method = "POST", .keep_going = 1};
    gt_transfer_t *transfer;
    apr_pool_t *own;
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    apr_pool_create(&own, pool);
    ck_ok(gt_transfer_make(&transfer, &request, loop, own));
    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    upstream_await_requests(up, 1);
    apr_pool_destroy(own);
    latch_die(&latch);
    await_idle();
    ck_assert_int_eq(figures().failed, 0);
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
}
END_TEST

/* Leave at every moment that the two threads' clocks happen to give. */
static void *leave_at_random(void *baton)
{
    unsigned dice = (unsigned)(size_t)baton;
    apr_pool_t *own;
    int i;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    for (i = rounds(300); i > 0; i--) {
        gt_request_t request = {.url = upstream_url(up, i % 2 ? "/hello" : "/chunks/60000"),
                                .stream = i % 3 == 0};
        gt_transfer_t *transfer;
        latch_t latch;
        gt_waker_t waker = latch_init(&latch);
        apr_time_t until;

        ck_ok(gt_transfer_make(&transfer, &request, loop, own));
        gt_transfer_wait(transfer, request.stream ? GT_POINT_HEAD : GT_POINT_END, &waker);
        dice = dice * 1103515245 + 12345;
        for (until = gt_mono() + (dice >> 16) % 700; gt_mono() < until;)
            sched_yield();
        if (dice & 0x100000 && gt_transfer_reached(transfer, GT_POINT_HEAD))
            latch_die(&latch);
        gt_transfer_leave(transfer);
        latch_die(&latch);
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    return NULL;
}

START_TEST(test_no_wake_after_leaving)
{
    pthread_t threads[4];
    size_t i;

    for (i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, leave_at_random, (void *)(i + 1)), 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    await_idle();
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
}
END_TEST

/* ---- bounds and the end of the loop ---- */

START_TEST(test_one_too_many)
{
    gt_request_t hanging = {.url = upstream_url(up, "/hang")};
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    gt_transfer_t *first = NULL;
    gt_err_t *err;
    int i;

    for (i = 0; i < 3; i++) {
        first = made(&hanging);
        gt_transfer_wait(first, GT_POINT_END, &waker);
    }
    upstream_await_requests(up, 3);
    err = gt_transfer_error(ended(&request), pool);
    ck_fails(err, GT_BUSY, "GT0302");
    ck_assert(err->retry_after > 0);
    ck_assert_int_eq(figures().transfers, 3);
    gt_transfer_leave(first);
    upstream_await_gone(up, 1);
    while (figures().transfers > 2)
        sched_yield();
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
    gt_loop_stop(loop);
}
END_TEST

START_TEST(test_a_closed_loop_takes_nothing_new)
{
    gt_request_t slow = {.url = upstream_url(up, "/slow/50")};
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    gt_transfer_t *transfer = made(&slow);
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    gt_loop_close(loop);
    ck_fails(gt_transfer_error(ended(&request), pool), GT_BUSY, "GT0303");
    latch_await(&latch, 1);
    ck_assert_str_eq(gt_transfer_answer(transfer)->body, "hello");
}
END_TEST

START_TEST(test_stopping_ends_what_is_under_way)
{
    gt_request_t hanging = {.url = upstream_url(up, "/hang"), .method = "POST", .keep_going = 1};
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    gt_transfer_t *transfer = made(&hanging);
    gt_transfer_t *stream = stream_at("/bytes/104857600");
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    const char *bytes;
    apr_size_t len;
    int is_over;

    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    upstream_await_requests(up, 2);
    gt_loop_stop(loop);
    latch_await(&latch, 1);
    ck_fails(gt_transfer_error(transfer, pool), GT_CANCELLED, "GT0312");
    ck_ok(gt_transfer_take(&bytes, &len, &is_over, stream, pool));
    ck_assert_int_eq(is_over, 0);
    ck_fails(gt_transfer_take(&bytes, &len, &is_over, stream, pool), GT_CANCELLED, "GT0312");
    gt_transfer_leave(stream);
    ck_fails(gt_transfer_error(ended(&request), pool), GT_BUSY, "GT0303");
    gt_loop_stop(loop);
}
END_TEST

/* ---- its end is told ---- */

static atomic_int overs, over_status;

static void note_over(void *baton, const gt_answer_t *answer)
{
    ck_assert_ptr_eq(baton, &overs);
    atomic_store(&over_status, answer != NULL ? answer->status : 0);
    atomic_fetch_add(&overs, 1);
}

static gt_transfer_t *told(const gt_request_t *request, apr_pool_t *p)
{
    gt_transfer_t *transfer;

    ck_ok(gt_transfer_make(&transfer, request, loop, p));
    gt_transfer_when_over(transfer, note_over, &overs);
    atomic_store(&overs, 0);
    return transfer;
}

static int over_once_with(int status)
{
    return atomic_load(&overs) == 1 && atomic_load(&over_status) == status;
}

START_TEST(test_the_end_is_told_before_the_task_is_woken)
{
    gt_request_t good = {.url = upstream_url(up, "/hello")};
    gt_request_t bad;
    int i;

    for (i = 0; i < 200; i++) {
        await_point(told(&good, pool), GT_POINT_END);
        ck_assert(over_once_with(200));
    }
    bad = (gt_request_t){.url = upstream_url(up, "/drop")};
    await_point(told(&bad, pool), GT_POINT_END);
    ck_assert(over_once_with(0));
}
END_TEST

START_TEST(test_the_end_of_what_goes_on_alone_is_told)
{
    gt_request_t request = {.url = upstream_url(up, "/hang"), .method = "POST", .keep_going = 1};
    gt_transfer_t *transfer;
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    transfer = told(&request, own);
    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    upstream_await_requests(up, 1);
    apr_pool_destroy(own);
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
    ck_assert_int_eq(atomic_load(&overs), 0);
    gt_loop_stop(loop);
    ck_assert(over_once_with(0));
}
END_TEST

START_TEST(test_the_end_is_told_also_when_it_never_began)
{
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    apr_pool_t *own;

    gt_transfer_leave(told(&request, pool));
    ck_assert(over_once_with(0));
    apr_pool_create(&own, pool);
    told(&request, own);
    apr_pool_destroy(own);
    ck_assert(over_once_with(0));
    gt_loop_close(loop);
    await_point(told(&request, pool), GT_POINT_END);
    ck_assert(over_once_with(0));
}
END_TEST

START_TEST(test_the_end_of_what_is_cancelled_is_told)
{
    gt_request_t request = {.url = upstream_url(up, "/bytes/104857600"), .stream = 1};
    gt_transfer_t *transfer = told(&request, pool);

    await_point(transfer, GT_POINT_HEAD);
    ck_assert_int_eq(atomic_load(&overs), 0);
    gt_transfer_leave(transfer);
    await_idle();
    gt_loop_stop(loop);
    ck_assert(over_once_with(200));
}
END_TEST

static void begin_small(void)
{
    begin_with(0, 3, 4);
}

Suite *suite_leaving(void)
{
    Suite *suite = suite_create("leaving");
    TCase *tcase = add_case(suite, "leaving", begin);

    tcase_add_test(tcase, test_left_before_it_began);
    tcase_add_test(tcase, test_left_while_it_waits);
    tcase_add_test(tcase, test_left_while_it_is_paused);
    tcase_add_test(tcase, test_left_when_it_has_ended);
    tcase_add_test(tcase, test_what_changes_state_goes_on);
    tcase_add_test(tcase, test_a_stream_that_changes_state_goes_on_alone);
    tcase_add_test(tcase, test_the_pool_of_the_asker_goes_first);
    tcase_add_test(tcase, test_no_wake_after_leaving);
    tcase_add_test(tcase, test_a_closed_loop_takes_nothing_new);
    tcase_add_test(tcase, test_stopping_ends_what_is_under_way);
    tcase_add_test(tcase, test_the_end_is_told_before_the_task_is_woken);
    tcase_add_test(tcase, test_the_end_of_what_goes_on_alone_is_told);
    tcase_add_test(tcase, test_the_end_is_told_also_when_it_never_began);
    tcase_add_test(tcase, test_the_end_of_what_is_cancelled_is_told);
    tcase_add_test(add_case(suite, "bounds", begin_small), test_one_too_many);
    return suite;
}
