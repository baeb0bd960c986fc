/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Connections to mail servers that libcurl dials and hands over: what comes and goes on them, with
 * TLS from the beginning and when asked, and servers that are none. */

#include "task/wait.h"
#include "wire.h"

Suite *suite_dial(void);

#define MIB (1024 * 1024)
#define GREETING "* OK ready\r\n"

static gt_request_t dial_of(const char *scheme)
{
    return (gt_request_t){
        .url = apr_psprintf(pool, "%s://localhost%s", scheme, strrchr(upstream_url(up, ""), ':')),
        .ca_file = upstream_ca(up),
        .dials = 1,
        .purpose = "mail"};
}

static gt_transfer_t *dialled(const char *greeting, int wants_starttls)
{
    gt_request_t request = dial_of(wants_starttls ? "imap" : "imaps");
    gt_transfer_t *transfer = made(&request);

    upstream_greets(up, greeting, wants_starttls);
    await_point(transfer, GT_POINT_HEAD);
    return transfer;
}

static void say(gt_transfer_t *transfer, const char *line)
{
    apr_size_t taken;

    ck_ok(gt_transfer_give(&taken, transfer, line, strlen(line), 0, pool));
    ck_assert_uint_eq(taken, strlen(line));
}

/* Take until so many bytes are there, or the end. */
static const char *taken(gt_transfer_t *transfer, apr_size_t wanted, apr_size_t *len)
{
    char *all = apr_palloc(pool, wanted + 1);
    int is_over = 0;

    for (*len = 0; *len < wanted && !is_over;) {
        const char *bytes;
        apr_size_t n;

        if (!gt_transfer_reached(transfer, GT_POINT_MORE))
            await_point(transfer, GT_POINT_MORE);
        ck_ok(gt_transfer_take(&bytes, &n, &is_over, transfer, pool));
        ck_assert_uint_le(*len + n, wanted);
        memcpy(all + *len, bytes, n);
        *len += n;
    }
    all[*len] = '\0';
    return all;
}

static void answers(gt_transfer_t *transfer, const char *text)
{
    apr_size_t len;

    ck_assert_str_eq(taken(transfer, strlen(text), &len), text);
}

/* With TLS from the beginning, and by STARTTLS. */
START_TEST(test_both_ways)
{
    gt_transfer_t *transfer = dialled(GREETING, _i);

    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 0);
    say(transfer, "x1 CAPABILITY\r\n");
    answers(transfer, "* CAPABILITY IMAP4rev1\r\nx1 OK done\r\n");
    say(transfer, "x2 SEND 5\r\nx3 SEND 2\r\n");
    answers(transfer, "abcdex2 OK\r\nabx3 OK\r\n");
}
END_TEST

/* The server's bytes wait there while the task takes none of them. */
START_TEST(test_back_pressure)
{
    gt_transfer_t *transfer = dialled(GREETING, 0);
    const char *all;
    apr_size_t len;

    say(transfer, apr_psprintf(pool, "x1 SEND %d\r\n", 4 * MIB));
    await_point(transfer, GT_POINT_MORE);
    all = taken(transfer, 4 * MIB + 7, &len);
    for (apr_size_t i = 0; i < 4 * MIB; i++)
        if (all[i] != (char)('a' + i % 23))
            ck_abort_msg("byte %" APR_SIZE_T_FMT, i);
    ck_assert_str_eq(all + 4 * MIB, "x1 OK\r\n");
}
END_TEST

START_TEST(test_much_is_given)
{
    gt_transfer_t *transfer = dialled(GREETING, 0);
    apr_size_t at = 0;

    say(transfer, apr_psprintf(pool, "x1 TAKE %d\r\n", MIB));
    while (at < MIB) {
        char piece[10000];
        apr_size_t n = MIB - at < sizeof(piece) ? MIB - at : sizeof(piece), took;

        if (!gt_transfer_reached(transfer, GT_POINT_ROOM))
            await_point(transfer, GT_POINT_ROOM);
        for (apr_size_t i = 0; i < n; i++)
            piece[i] = (char)('a' + (at + i) % 23);
        ck_ok(gt_transfer_give(&took, transfer, piece, n, 0, pool));
        at += took;
    }
    answers(transfer, "x1 OK\r\n");
}
END_TEST

START_TEST(test_the_last_piece_hangs_up)
{
    gt_transfer_t *transfer = dialled(GREETING, 0);
    apr_size_t taken;

    ck_ok(gt_transfer_give(&taken, transfer, "x1 HUSH\r\n", 9, 1, pool));
    await_point(transfer, GT_POINT_END);
    ck_ok(gt_transfer_error(transfer, pool));
    upstream_await_requests(up, 2);
    upstream_await_gone(up, 1);
}
END_TEST

START_TEST(test_the_server_hangs_up)
{
    gt_transfer_t *transfer = dialled(GREETING, 0);
    apr_size_t len;

    say(transfer, "x1 LOGOUT\r\n");
    taken(transfer, 1, &len);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(gt_transfer_reached(transfer, GT_POINT_END), 1);
}
END_TEST

START_TEST(test_a_task_that_goes)
{
    gt_transfer_t *transfer = dialled(GREETING, 0);

    say(transfer, "x1 HUSH\r\n");
    gt_transfer_leave(transfer);
    upstream_await_gone(up, 1);
    await_idle();
    ck_assert_int_eq(figures().connections, 0);
}
END_TEST

/* ---- no connection ---- */

static const struct {
    const char *scheme, *greeting;
    int wants_starttls;
    const char *tag, *text;
} refusals[] = {
    {"imaps", "* BYE too many of you\r\n", 0, "GT0305", "too many of you"},
    {"imaps", "* BYE\r\n", 0, "GT0305", "the mail server said: * BYE"},
    {"imaps", "* BYE too\033]0;x\a\200\r\n", 0, "GT0305", "said: * BYE too_]0;x__"},
    {"imaps", GREETING, 1, "GT0309", "SSL"},
};

START_TEST(test_servers_that_are_none)
{
    gt_request_t request = dial_of(refusals[_i].scheme);
    gt_transfer_t *transfer = made(&request);
    gt_err_t *err;

    upstream_greets(up, refusals[_i].greeting, refusals[_i].wants_starttls);
    await_point(transfer, GT_POINT_HEAD);
    err = gt_transfer_error(transfer, pool);
    ck_assert_msg(err != NULL, "%d", _i);
    ck_assert_str_eq(err->tag, refusals[_i].tag);
    ck_assert_msg(strstr(err->detail, refusals[_i].text) != NULL, "%s", err->detail);
}
END_TEST

/* Nothing is handed over in the clear. */
START_TEST(test_a_server_without_starttls)
{
    gt_request_t request = dial_of("imap");
    gt_transfer_t *transfer = made(&request);

    upstream_greets(up, GREETING, 0);
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_str_eq(gt_transfer_error(transfer, pool)->tag, "GT0309");
    ck_assert_int_eq(upstream_requests(up), 1);
}
END_TEST

START_TEST(test_a_certificate_of_another_authority)
{
    gt_request_t request = dial_of("imaps");
    gt_transfer_t *transfer;

    request.ca_file = NULL;
    transfer = made(&request);
    upstream_greets(up, GREETING, 0);
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_str_eq(gt_transfer_error(transfer, pool)->tag, "GT0309");
    ck_assert_int_eq(upstream_requests(up), 0);
}
END_TEST

/* One that says nothing, and one of another protocol. */
START_TEST(test_servers_that_do_not_greet)
{
    gt_request_t request = dial_of("imaps");
    gt_transfer_t *transfer;

    request.timeout = apr_time_from_msec(50);
    transfer = made(&request);
    upstream_greets(up, _i == 0 ? "" : "HTTP/1.1 400 Bad\r\n\r\n", 0);
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_int_eq(gt_transfer_error(transfer, pool)->cls, GT_TIMEOUT);
}
END_TEST

START_TEST(test_addresses)
{
    static const char *const wrong[] = {
        "imaps://localhost",          "imaps://localhost:993/INBOX",
        "imaps://user@localhost:993", "https://localhost:993",
        "imaps://local host:993",     "imaps://localhost:993?x",
        "imaps://localhost:993\r\n",  "imaps://:993",
        "pop3s://localhost:995",
    };
    gt_transfer_t *transfer;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(gt_transfer_make(&transfer, &(gt_request_t){.url = wrong[i], .dials = 1},
                                       loop, pool) != NULL,
                      "%s", wrong[i]);
    ck_assert_ptr_nonnull(
        gt_transfer_make(&transfer, &(gt_request_t){.url = "imaps://localhost:993"}, loop, pool));
}
END_TEST

/* ---- a task's wait that ends by itself ---- */

typedef struct waiting_t {
    gt_transfer_t *transfer;
    apr_time_t until;
    int rounds;
} waiting_t;

static gt_err_t *wait_for_bytes(gt_task_t *task, void *state)
{
    waiting_t *waiting = state;

    waiting->rounds++;
    if (gt_ticks() < waiting->until && !gt_transfer_reached(waiting->transfer, GT_POINT_MORE))
        gt_again_on_bytes_until(task, waiting->transfer, waiting->until);
    return GT_OK;
}

/* The connection is as good afterwards as before. */
START_TEST(test_a_wait_that_ends)
{
    static gt_step_fn *const steps[] = {wait_for_bytes, NULL};
    static const gt_work_t work = {"waits for bytes", steps, NULL};
    waiting_t waiting = {dialled(GREETING, 0), gt_ticks() + apr_time_from_msec(20), 0};

    say(waiting.transfer, "x1 HUSH\r\n");
    ck_ok(gt_wait_run(&work, &waiting, loop, PATIENCE, pool));
    ck_assert_int_ge(gt_ticks(), waiting.until);
    ck_assert_int_eq(waiting.rounds, 2);
    waiting.until = gt_ticks() + PATIENCE;
    say(waiting.transfer, "x2 SEND 1\r\n");
    ck_ok(gt_wait_run(&work, &waiting, loop, PATIENCE, pool));
    answers(waiting.transfer, "ax2 OK\r\n");
}
END_TEST

Suite *suite_dial(void)
{
    Suite *suite = suite_create("dial");
    TCase *tcase = add_case(suite, "dial", begin_tls);

    tcase_add_loop_test(tcase, test_both_ways, 0, 2);
    tcase_add_test(tcase, test_back_pressure);
    tcase_add_test(tcase, test_much_is_given);
    tcase_add_test(tcase, test_the_last_piece_hangs_up);
    tcase_add_test(tcase, test_the_server_hangs_up);
    tcase_add_test(tcase, test_a_task_that_goes);
    tcase_add_loop_test(tcase, test_servers_that_are_none, 0,
                        (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(tcase, test_a_certificate_of_another_authority);
    tcase_add_loop_test(tcase, test_servers_that_do_not_greet, 0, 2);
    tcase_add_test(tcase, test_addresses);
    tcase_add_test(tcase, test_a_wait_that_ends);
    tcase = add_case(suite, "in the clear", begin);
    tcase_add_test(tcase, test_a_server_without_starttls);
    return suite;
}
