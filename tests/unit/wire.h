/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TEST_WIRE_H
#define GT_TEST_WIRE_H

/*
 * What the suites of transfers share: a loop and an upstream for each test, transfers made, waited
 * for and looked at. Like gt_test.h: once per file, everything static.
 */

#include <sched.h>

#include "gt_test.h"
#include "latch.h"
#include "net/loop.h"
#include "net/transfer.h"
#include "upstream.h"

static MAYBE_UNUSED upstream_t *up;
static MAYBE_UNUSED gt_loop_t *loop;

static MAYBE_UNUSED void begin_with(int tls, int max_transfers, int max_host_connections)
{
    const gt_loop_limits_t limits = {max_transfers, max_host_connections, 0};

    apr_pool_create(&pool, NULL);
    up = upstream_open(tls);
    ck_ok(gt_loop_start(&loop, &limits, pool));
}

static MAYBE_UNUSED void begin(void)
{
    begin_with(0, 2000, 50);
}

static MAYBE_UNUSED void begin_tls(void)
{
    begin_with(1, 2000, 50);
}

static MAYBE_UNUSED void end(void)
{
    apr_pool_destroy(pool);
    upstream_close(up);
}

static MAYBE_UNUSED gt_transfer_t *made(const gt_request_t *request)
{
    gt_transfer_t *transfer;

    ck_ok(gt_transfer_make(&transfer, request, loop, pool));
    return transfer;
}

static MAYBE_UNUSED void await_point(gt_transfer_t *transfer, gt_transfer_point_t point)
{
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    gt_transfer_wait(transfer, point, &waker);
    latch_await(&latch, 1);
    ck_assert_int_eq(latch_wakes(&latch), 1);
    ck_assert_int_eq(gt_transfer_reached(transfer, point), 1);
}

static MAYBE_UNUSED gt_transfer_t *ended(const gt_request_t *request)
{
    gt_transfer_t *transfer = made(request);

    await_point(transfer, GT_POINT_END);
    return transfer;
}

static MAYBE_UNUSED const gt_answer_t *answer_to(const gt_request_t *request)
{
    gt_transfer_t *transfer = ended(request);

    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_ptr_nonnull(gt_transfer_answer(transfer));
    return gt_transfer_answer(transfer);
}

static MAYBE_UNUSED const gt_answer_t *answer_at(const char *path)
{
    return answer_to(&(gt_request_t){.url = upstream_url(up, path)});
}

static MAYBE_UNUSED gt_loop_figures_t figures(void)
{
    gt_loop_figures_t now;

    gt_loop_figures(&now, loop);
    return now;
}

/* The loop does not tell when a transfer that was left has ended: look until it has. */
static MAYBE_UNUSED void await_idle(void)
{
    apr_time_t until = gt_mono() + PATIENCE;

    while (figures().transfers > 0 && gt_mono() < until)
        sched_yield();
    ck_assert_int_eq(figures().transfers, 0);
}

static MAYBE_UNUSED gt_transfer_t *stream_at(const char *path)
{
    gt_request_t request = {.url = upstream_url(up, path), .stream = 1};
    gt_transfer_t *transfer = made(&request);

    await_point(transfer, GT_POINT_HEAD);
    return transfer;
}

static MAYBE_UNUSED TCase *add_case(Suite *suite, const char *name, void (*setup)(void))
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, setup, end);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

#endif
