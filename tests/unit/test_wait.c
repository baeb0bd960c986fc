/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The driver that waits: transfers, streams and times, on the calling thread. */

#include <pthread.h>

#include "gt_test.h"
#include "net/loop.h"
#include "net/transfer.h"
#include "task/wait.h"
#include "upstream.h"

Suite *suite_wait(void);

static upstream_t *up;
static gt_loop_t *loop;

static void begin(void)
{
    const gt_loop_limits_t limits = {100, 10, 0};

    make_pool();
    up = upstream_open(0);
    ck_ok(gt_loop_start(&loop, &limits, pool));
}

static void end(void)
{
    drop_pool();
    upstream_close(up);
}

typedef struct call_t {
    const char *path;
    int stream;
    gt_transfer_t *transfer;
    apr_int64_t taken;
    int takes, finished;
    const gt_err_t *err;
} call_t;

static gt_err_t *ask(gt_task_t *task, void *state)
{
    call_t *call = state;
    gt_request_t request = {.url = upstream_url(up, call->path), .stream = call->stream};

    GT_TRY(gt_transfer_make(&call->transfer, &request, gt_task_loop(task), gt_task_pool(task)));
    if (call->stream)
        gt_await_head(task, call->transfer);
    else
        gt_await(task, call->transfer);
    return GT_OK;
}

static gt_err_t *look(gt_task_t *task, void *state)
{
    call_t *call = state;

    GT_TRY(gt_transfer_error(call->transfer, gt_task_pool(task)));
    ck_assert_ptr_nonnull(gt_transfer_answer(call->transfer));
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    call_t *call = state;
    const char *bytes;
    apr_size_t len;
    int is_over;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, gt_task_pool(task));
    GT_TRY(gt_transfer_take(&bytes, &len, &is_over, call->transfer, scratch));
    call->taken += (apr_int64_t)len;
    call->takes++;
    apr_pool_destroy(scratch);
    if (!is_over)
        gt_again_on_bytes(task, call->transfer);
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    call_t *call = state;

    (void)task;
    call->finished++;
    call->err = err;
}

static gt_step_fn *const call_steps[] = {ask, look, NULL};
static const gt_work_t calling = {"call", call_steps, finish};
static gt_step_fn *const stream_steps[] = {ask, look, take, NULL};
static const gt_work_t streaming = {"stream", stream_steps, finish};

START_TEST(test_a_call)
{
    call_t call = {.path = "/slow/20"};

    ck_ok(gt_wait_run(&calling, &call, loop, PATIENCE, pool));
    ck_assert_str_eq(gt_transfer_answer(call.transfer)->body, "hello");
    ck_assert_int_eq(call.finished, 1);
}
END_TEST

START_TEST(test_a_call_that_fails)
{
    call_t call = {.path = "/drop"};

    ck_fails(gt_wait_run(&calling, &call, loop, PATIENCE, pool), GT_UPSTREAM, "GT0305");
    ck_assert_int_eq(call.finished, 1);
}
END_TEST

START_TEST(test_a_stream)
{
    call_t call = {.path = "/chunks/10000000", .stream = 1};

    ck_ok(gt_wait_run(&streaming, &call, loop, PATIENCE, pool));
    ck_assert_int_eq(call.taken, 10000000);
}
END_TEST

START_TEST(test_a_small_stream_is_taken_at_once)
{
    call_t call = {.path = "/hello", .stream = 1};

    ck_ok(gt_wait_run(&streaming, &call, loop, PATIENCE, pool));
    ck_assert_int_eq(call.taken, 5);
    ck_assert_int_eq(call.takes, 1);
}
END_TEST

START_TEST(test_the_limit)
{
    call_t call = {.path = "/hang"};
    gt_err_t *err = gt_wait_run(&calling, &call, loop, 100000, pool);

    ck_fails(err, GT_TIMEOUT, "GT0324");
    ck_assert_int_eq(call.finished, 1);
    ck_assert_int_eq(call.err->cls, GT_CANCELLED);
    upstream_await_gone(up, 1);
}
END_TEST

static int has_come(void *looks)
{
    return ++*(int *)looks >= 2;
}

START_TEST(test_the_end_comes)
{
    call_t call = {.path = "/hang"};
    int looks = 0;
    const gt_end_t end = {has_come, &looks};

    ck_fails(gt_wait_run_until(&end, &calling, &call, loop, PATIENCE, pool), GT_CANCELLED,
             "GT0322");
    ck_assert_int_eq(looks, 2);
    ck_assert_int_eq(call.finished, 1);
    upstream_await_gone(up, 1);
}
END_TEST

START_TEST(test_a_loop_that_stops)
{
    call_t call = {.path = "/hello"};

    gt_loop_stop(loop);
    ck_fails(gt_wait_run(&calling, &call, loop, PATIENCE, pool), GT_BUSY, "GT0303");
}
END_TEST

/* Many threads on one loop, as under prefork's and worker's kin. */
static void *call_often(void *unused)
{
    apr_pool_t *own;
    int i;

    (void)unused;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    for (i = 0; i < 100; i++) {
        call_t call = {.path = i % 2 ? "/hello" : "/chunks/70000", .stream = i % 2 == 0};

        ck_ok(gt_wait_run(call.stream ? &streaming : &calling, &call, loop, PATIENCE, own));
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    return NULL;
}

START_TEST(test_many_threads)
{
    pthread_t threads[8];
    int i;

    for (i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, NULL), 0);
    for (i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_le(upstream_connections(up), 16);
    ck_assert_int_eq(upstream_requests(up), 800);
}
END_TEST

Suite *suite_wait(void)
{
    Suite *suite = suite_create("wait");
    TCase *tcase = tcase_create("wait");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_a_call);
    tcase_add_test(tcase, test_a_call_that_fails);
    tcase_add_test(tcase, test_a_stream);
    tcase_add_test(tcase, test_a_small_stream_is_taken_at_once);
    tcase_add_test(tcase, test_the_limit);
    tcase_add_test(tcase, test_the_end_comes);
    tcase_add_test(tcase, test_a_loop_that_stops);
    tcase_add_test(tcase, test_many_threads);
    return suite;
}
