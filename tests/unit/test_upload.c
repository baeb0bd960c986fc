/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Bodies that come in pieces: whole, with back-pressure both ways, refused, broken off, never sent
 * twice. */

#include "task/wait.h"
#include "wire.h"

Suite *suite_upload(void);

#define MIB (1024 * 1024)

static char piece[32 * 1024];

/* The bytes of a body from a place on. */
static const char *bytes_from(apr_int64_t at, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++)
        piece[i] = (char)('a' + (at + (apr_int64_t)i) % 23);
    return piece;
}

static gt_request_t upload_to(const char *path, apr_int64_t length)
{
    return (gt_request_t){.method = "PUT",
                          .url = upstream_url(up, path),
                          .stream = 1,
                          .uploads = 1,
                          .upload_length = length};
}

/* Give until there is no room; where the body has got to. */
static apr_int64_t fill(gt_transfer_t *transfer, apr_int64_t at, apr_int64_t all)
{
    apr_size_t taken, len;

    do {
        len = all - at < (apr_int64_t)sizeof(piece) ? (apr_size_t)(all - at) : sizeof(piece);
        ck_ok(gt_transfer_give(&taken, transfer, bytes_from(at, len), len,
                               at + (apr_int64_t)len == all, pool));
        at += (apr_int64_t)taken;
    } while (taken == len && at < all);
    return at;
}

/* The whole body, as fast as it is taken; ends early when no more is wanted. */
static apr_int64_t give_all(gt_transfer_t *transfer, apr_int64_t at, apr_int64_t all)
{
    while (at < all && gt_transfer_wants_body(transfer)) {
        if (!gt_transfer_reached(transfer, GT_POINT_ROOM))
            await_point(transfer, GT_POINT_ROOM);
        at = fill(transfer, at, all);
    }
    return at;
}

static void answers(gt_transfer_t *transfer, const char *text)
{
    const char *bytes;
    apr_size_t len;
    int is_over;

    await_point(transfer, GT_POINT_HEAD);
    await_point(transfer, GT_POINT_END);
    ck_ok(gt_transfer_error(transfer, pool));
    ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, pool));
    ck_assert_str_eq(apr_pstrmemdup(pool, bytes, len), text);
}

static const struct {
    apr_int64_t length, all;
    const char *text;
} bodies[] = {
    {0, 0, "0 long"},
    {1, 1, "1 long"},
    {-1, 0, "0 chunked"},
    {-1, 1, "1 chunked"},
    {48 * 1024, 48 * 1024, "49152 long"},
    {20 * MIB, 20 * MIB, "20971520 long"},
    {-1, 20 * MIB, "20971520 chunked"},
};

START_TEST(test_a_body_arrives_whole)
{
    gt_request_t request = upload_to("/up/count", bodies[_i].length);
    gt_transfer_t *transfer = made(&request);
    apr_size_t taken;

    if (bodies[_i].all == 0)
        ck_ok(gt_transfer_give(&taken, transfer, "", 0, 1, pool));
    else
        ck_assert_int_eq(give_all(transfer, 0, bodies[_i].all), bodies[_i].all);
    answers(transfer, bodies[_i].text);
}
END_TEST

START_TEST(test_a_body_arrives_over_tls)
{
    gt_request_t request = upload_to("/up/count", -1);
    gt_transfer_t *transfer;

    request.ca_file = upstream_ca(up);
    transfer = made(&request);
    ck_assert_int_eq(give_all(transfer, 0, 3 * MIB), 3 * MIB);
    answers(transfer, "3145728 chunked");
}
END_TEST

/* What the sockets' buffers hold, and no more, is taken of a body that the provider does not
 * read. */
START_TEST(test_a_slow_provider_stops_the_giver)
{
    gt_request_t request = upload_to("/up/held", 100 * MIB);
    gt_transfer_t *transfer = made(&request);
    apr_time_t quiet_since;
    apr_int64_t at = 0;
    latch_t latch;
    gt_waker_t waker;

    /* There is room at once, and then as long as the kernel takes what was given. */
    for (quiet_since = gt_mono(); gt_mono() - quiet_since < apr_time_from_msec(300);) {
        if (!gt_transfer_reached(transfer, GT_POINT_ROOM)) {
            sched_yield();
            continue;
        }
        waker = latch_init(&latch);
        gt_transfer_wait(transfer, GT_POINT_ROOM, &waker);
        latch_await(&latch, 1);
        ck_assert_int_eq(gt_transfer_reached(transfer, GT_POINT_ROOM), 1);
        at = fill(transfer, at, 100 * MIB);
        quiet_since = gt_mono();
    }
    ck_assert_int_lt(at, 32 * MIB);
    ck_assert_int_eq(gt_transfer_wants_body(transfer), 1);
    ck_assert_int_eq(upstream_read(up), 0);
    upstream_let_go(up);
    ck_assert_int_eq(give_all(transfer, at, 100 * MIB), 100 * MIB);
    answers(transfer, "104857600 long");
}
END_TEST

/* The giver's pauses are none of the provider's, and nothing is sent for want of bytes. */
START_TEST(test_a_slow_giver_is_waited_for)
{
    gt_request_t request = upload_to("/up/count", 3);
    gt_transfer_t *transfer;
    apr_size_t taken;
    int i;

    request.timeout = 800000;
    transfer = made(&request);
    for (i = 0; i < 3; i++) {
        ck_ok(gt_transfer_give(&taken, transfer, bytes_from(i, 1), 1, i == 2, pool));
        ck_assert_uint_eq(taken, 1);
        await_point(transfer, GT_POINT_ROOM);
        if (i < 2)
            ck_assert_str_eq(answer_at("/slow/1000")->body, "hello");
    }
    answers(transfer, "3 long");
}
END_TEST

START_TEST(test_a_provider_that_takes_nothing_for_too_long)
{
    gt_request_t request = upload_to("/up/held", 100 * MIB);
    gt_transfer_t *transfer;

    request.timeout = 200000;
    transfer = made(&request);
    ck_assert_int_lt(give_all(transfer, 0, 100 * MIB), 100 * MIB);
    await_point(transfer, GT_POINT_END);
    ck_fails(gt_transfer_error(transfer, pool), GT_TIMEOUT, "GT0308");
}
END_TEST

START_TEST(test_a_refusal_comes_before_the_body_has_ended)
{
    gt_request_t request = upload_to("/up/refuse", 100 * MIB);
    gt_transfer_t *transfer = made(&request);

    ck_assert_int_lt(give_all(transfer, 0, 100 * MIB), 100 * MIB);
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 413);
    answers(transfer, "no");
}
END_TEST

START_TEST(test_a_refusal_whose_body_is_still_to_come)
{
    gt_request_t request = upload_to("/up/stay", -1);
    gt_transfer_t *transfer = made(&request);
    apr_size_t taken;

    ck_ok(gt_transfer_give(&taken, transfer, bytes_from(0, 10), 10, 0, pool));
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_int_eq(gt_transfer_wants_body(transfer), 0);
    while (taken > 0)
        ck_ok(gt_transfer_give(&taken, transfer, piece, sizeof(piece), 0, pool));
    await_point(transfer, GT_POINT_ROOM);
    ck_assert_int_eq(gt_transfer_reached(transfer, GT_POINT_END), 0);
}
END_TEST

START_TEST(test_a_provider_that_goes_in_the_middle)
{
    gt_request_t request = upload_to("/up/part/70000", -1);
    gt_transfer_t *transfer = made(&request);

    ck_assert_int_lt(give_all(transfer, 0, 100 * MIB), 100 * MIB);
    await_point(transfer, GT_POINT_END);
    ck_assert_int_eq(gt_transfer_error(transfer, pool)->cls, GT_UPSTREAM);
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 1);
    ck_assert_int_eq(upstream_requests(up), 1);
}
END_TEST

/* The client has gone: there is no end of the body, so it must not look as if there were. */
static void breaks_off(int keep_going, apr_int64_t length)
{
    gt_request_t request = upload_to("/up/count", length);
    gt_transfer_t *transfer;
    apr_size_t taken;

    request.keep_going = keep_going;
    transfer = made(&request);
    ck_ok(gt_transfer_give(&taken, transfer, bytes_from(0, 1000), 1000, 0, pool));
    await_point(transfer, GT_POINT_ROOM);
    upstream_await_requests(up, 1);
    gt_transfer_leave(transfer);
    await_idle();
    upstream_await_gone(up, 1);
    ck_fails(gt_transfer_error(transfer, pool), GT_CANCELLED, "GT0312");
}

START_TEST(test_a_body_that_breaks_off_ends_the_call)
{
    breaks_off(0, 200000);
}
END_TEST

START_TEST(test_a_body_that_breaks_off_ends_a_call_that_keeps_going)
{
    breaks_off(1, -1);
}
END_TEST

START_TEST(test_a_body_that_is_whole_keeps_going)
{
    gt_request_t request = upload_to("/up/held", 40000);
    gt_transfer_t *transfer;

    request.keep_going = 1;
    transfer = made(&request);
    ck_assert_int_eq(give_all(transfer, 0, 40000), 40000);
    await_point(transfer, GT_POINT_ROOM);
    upstream_await_requests(up, 1);
    gt_transfer_leave(transfer);
    upstream_let_go(up);
    await_idle();
    ck_assert_int_eq(upstream_read(up), 40000);
    ck_ok(gt_transfer_error(transfer, pool));
}
END_TEST

START_TEST(test_a_body_has_the_length_that_was_said)
{
    gt_request_t request = upload_to("/up/count", 10);
    gt_transfer_t *transfer = made(&request);
    apr_size_t taken;

    ck_fails(gt_transfer_give(&taken, transfer, piece, 11, 0, pool), GT_INVALID, "GT0315");
    ck_assert_uint_eq(taken, 0);
    ck_fails(gt_transfer_give(&taken, transfer, piece, 9, 1, pool), GT_INVALID, "GT0315");
    ck_ok(gt_transfer_give(&taken, transfer, bytes_from(0, 10), 10, 1, pool));
    ck_fails(gt_transfer_give(&taken, transfer, piece, 1, 1, pool), GT_INVALID, "GT0315");
    await_point(transfer, GT_POINT_ROOM);
    answers(transfer, "10 long");
}
END_TEST

/* A kept connection that has died meanwhile: what was taken of the body cannot be had again. */
START_TEST(test_a_body_is_never_sent_twice)
{
    gt_request_t first = {.url = upstream_url(up, "/last"), .stream = 1};
    gt_request_t request = upload_to("/up/count", 10);
    gt_transfer_t *transfer;
    apr_size_t taken;
    const gt_err_t *err;

    ended(&first);
    transfer = made(&request);
    ck_ok(gt_transfer_give(&taken, transfer, bytes_from(0, 10), 10, 1, pool));
    await_point(transfer, GT_POINT_END);
    err = gt_transfer_error(transfer, pool);
    /* libcurl has seen in time that the connection is dead, or the call has failed. */
    if (err != GT_OK)
        ck_assert_str_eq(err->tag, "GT0307");
    ck_assert_int_le(upstream_requests(up), 2);
}
END_TEST

START_TEST(test_a_redirect_is_not_followed)
{
    gt_request_t request = upload_to("/redirect", 0);
    gt_transfer_t *transfer = made(&request);
    apr_size_t taken;

    ck_ok(gt_transfer_give(&taken, transfer, "", 0, 1, pool));
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 302);
    ck_assert_int_eq(gt_transfer_wants_body(transfer), 0);
    ck_assert_int_eq(upstream_requests(up), 1);
}
END_TEST

static const gt_request_t bad[] = {
    {.method = "PUT", .uploads = 1},
    {.method = "GET", .uploads = 1, .stream = 1},
    {.method = "HEAD", .uploads = 1, .stream = 1},
    {.uploads = 1, .stream = 1},
};

START_TEST(test_what_is_no_upload)
{
    gt_request_t request = bad[_i];
    gt_transfer_t *transfer;

    request.url = upstream_url(up, "/up/count");
    ck_fails(gt_transfer_make(&transfer, &request, loop, pool), GT_INTERNAL, "GT0310");
}
END_TEST

/* ---- as a step ---- */

typedef struct sending_t {
    gt_transfer_t *transfer;
    apr_int64_t at, all;
    int rounds;
} sending_t;

static gt_err_t *send_piece(gt_task_t *task, void *state)
{
    sending_t *sending = state;
    gt_request_t request = upload_to("/up/count", -1);

    if (sending->transfer == NULL)
        GT_TRY(
            gt_transfer_make(&sending->transfer, &request, gt_task_loop(task), gt_task_pool(task)));
    sending->at = fill(sending->transfer, sending->at, sending->all);
    sending->rounds++;
    if (sending->at < sending->all && gt_transfer_wants_body(sending->transfer))
        gt_again_on_room(task, sending->transfer);
    else
        gt_await_head(task, sending->transfer);
    return GT_OK;
}

static gt_err_t *look(gt_task_t *task, void *state)
{
    sending_t *sending = state;

    GT_TRY(gt_transfer_error(sending->transfer, gt_task_pool(task)));
    ck_assert_int_eq(gt_transfer_answer(sending->transfer)->status, 200);
    return GT_OK;
}

static gt_step_fn *const send_steps[] = {send_piece, look, NULL};
static const gt_work_t send_work = {"send", send_steps, NULL};

START_TEST(test_a_step_gives_a_body_by_and_by)
{
    sending_t sending = {.all = 5 * MIB};

    ck_ok(gt_wait_run(&send_work, &sending, loop, PATIENCE, pool));
    ck_assert_int_eq(sending.at, 5 * MIB);
    /* It waited for room; how often depends on the upstream's pace. */
    ck_assert_int_gt(sending.rounds, 2);
    ck_assert_int_eq(upstream_read(up), 5 * MIB);
}
END_TEST

Suite *suite_upload(void)
{
    Suite *suite = suite_create("upload");
    TCase *tcase = add_case(suite, "upload", begin);

    tcase_add_loop_test(tcase, test_a_body_arrives_whole, 0, sizeof(bodies) / sizeof(bodies[0]));
    tcase_add_test(tcase, test_a_slow_provider_stops_the_giver);
    tcase_add_test(tcase, test_a_slow_giver_is_waited_for);
    tcase_add_test(tcase, test_a_provider_that_takes_nothing_for_too_long);
    tcase_add_test(tcase, test_a_refusal_comes_before_the_body_has_ended);
    tcase_add_test(tcase, test_a_refusal_whose_body_is_still_to_come);
    tcase_add_test(tcase, test_a_provider_that_goes_in_the_middle);
    tcase_add_test(tcase, test_a_body_that_breaks_off_ends_the_call);
    tcase_add_test(tcase, test_a_body_that_breaks_off_ends_a_call_that_keeps_going);
    tcase_add_test(tcase, test_a_body_that_is_whole_keeps_going);
    tcase_add_test(tcase, test_a_body_has_the_length_that_was_said);
    tcase_add_test(tcase, test_a_body_is_never_sent_twice);
    tcase_add_test(tcase, test_a_redirect_is_not_followed);
    tcase_add_loop_test(tcase, test_what_is_no_upload, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tcase, test_a_step_gives_a_body_by_and_by);
    tcase = add_case(suite, "upload over TLS", begin_tls);
    tcase_add_test(tcase, test_a_body_arrives_over_tls);
    return suite;
}
