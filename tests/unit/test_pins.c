/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Pins as texts, and against a real server: its own key, another's, and connections kept. */

#include "base/secret.h"
#include "net/local_end.h"
#include "net/pins.h"
#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Suite *suite_pins(void);

#define ONE "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define TWO "sha256//BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct {
    const char *text;
    int count; /* 0: it is refused */
} texts[] = {
    {ONE, 1},
    {ONE " " TWO, 2},
    {"", 0},
    {" ", 0},
    {ONE " ", 0},
    {" " ONE, 0},
    {ONE "  " TWO, 0},
    {ONE " " ONE, 0},
    {ONE ";" TWO, 0},
    {"sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0},
    {"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0},
    {"SHA256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 0},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", 0}, /* bits that mean nothing */
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-=", 0},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0},
    {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=A", 0},
};

START_TEST(test_texts)
{
    ck_assert_int_eq(gt_pins_are_good(texts[_i].text), texts[_i].count > 0);
    if (texts[_i].count > 0)
        ck_assert_int_eq(gt_pins_count(texts[_i].text), texts[_i].count);
}
END_TEST

START_TEST(test_a_pin_among_keys)
{
    ck_assert_int_eq(gt_pins_are_in(TWO " " ONE, "sha256//x (a), " ONE " (b)"), 1);
    ck_assert_int_eq(gt_pins_are_in(TWO, ONE " (b)"), 0);
    ck_assert_int_eq(gt_pins_are_in(NULL, ONE " (b)"), 0);
}
END_TEST

static const struct {
    const char *text, *option;
} ends[] = {
    {"127.0.0.1", "host!127.0.0.1"},
    {"::1", "host!::1"},
    {"2001:db8::7", "host!2001:db8::7"},
    {"eth0", "if!eth0"},
    {"enp3s0.100", "if!enp3s0.100"},
    {"", NULL},
    {"127.0.0.256", NULL},
    {"host!eth0", NULL},
    {"eth0:1", NULL},
    {"an-interface-of16", NULL},
    {"www.example.org", "if!www.example.org"},
    {"[::1]", NULL},
};

START_TEST(test_local_ends)
{
    ck_assert_int_eq(gt_local_is_good(ends[_i].text), ends[_i].option != NULL);
    if (ends[_i].option != NULL)
        ck_assert_str_eq(gt_local_option(ends[_i].text, pool), ends[_i].option);
}
END_TEST

START_TEST(test_local_faults)
{
    ck_assert_ptr_null(gt_local_fault("127.0.0.1", pool));
    ck_assert_ptr_null(gt_local_fault("lo", pool));
    ck_assert_str_eq(gt_local_fault("192.0.2.1", pool), "this machine has no address 192.0.2.1");
    ck_assert_str_eq(gt_local_fault("none", pool), "this machine has no interface none");
}
END_TEST

/* ---- on the wire ---- */

static gt_request_t hello(const char *pins)
{
    return (gt_request_t){.url = upstream_url(up, "/hello"),
                          .ca_file = upstream_ca(up),
                          .pins = pins,
                          .notes_keys = 1};
}

static const char *own_pin(void)
{
    gt_request_t request = hello(NULL);
    gt_transfer_t *transfer = ended(&request);
    const char *keys = gt_transfer_keys(transfer);

    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_ptr_nonnull(keys);
    ck_assert_ptr_nonnull(strstr(keys, " (localhost)"));
    return apr_pstrmemdup(pool, keys, strcspn(keys, " "));
}

START_TEST(test_a_key_that_fits)
{
    gt_request_t request = hello(apr_pstrcat(pool, ONE " ", own_pin(), NULL));

    ck_assert_str_eq(answer_to(&request)->body, "hello");
}
END_TEST

/* Neither on a connection of its own, nor on one that a call without pins has left. */
START_TEST(test_a_key_that_does_not)
{
    gt_request_t request = hello(ONE " " TWO);
    int requests = _i > 0 ? own_pin() != NULL : 0;
    gt_transfer_t *transfer = ended(&request);

    ck_fails(gt_transfer_error(transfer, pool), GT_UPSTREAM, "GT0316");
    ck_assert_int_eq(gt_transfer_error(transfer, pool)->is_ours, 1);
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 0);
    ck_assert_int_eq(upstream_requests(up), requests);
    ck_assert_ptr_nonnull(strstr(gt_transfer_keys(transfer), "(localhost)"));
    upstream_await_gone(up, 1);
}
END_TEST

START_TEST(test_a_stream_is_pinned)
{
    gt_request_t request = hello(ONE);

    request.stream = 1;
    ck_fails(gt_transfer_error(ended(&request), pool), GT_UPSTREAM, "GT0316");
    ck_assert_int_eq(upstream_requests(up), 0);
}
END_TEST

/* A session that is resumed brings no certificates. */
START_TEST(test_no_session_is_resumed)
{
    const gt_loop_limits_t limits = {4, 4, 1};
    gt_loop_t *other = loop;
    gt_request_t request = hello(NULL);

    ck_ok(gt_loop_start(&loop, &limits, pool));
    request.url = upstream_url(up, "/last");
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(gt_transfer_keys(ended(&request)));
    ck_assert_int_eq(upstream_connections(up), 3);
    gt_loop_stop(loop);
    loop = other;
}
END_TEST

START_TEST(test_without_tls_there_is_no_key)
{
    gt_request_t request = hello(ONE);

    ck_fails(gt_transfer_error(ended(&request), pool), GT_UPSTREAM, "GT0316");
    ck_assert_int_eq(upstream_requests(up), 0);
}
END_TEST

START_TEST(test_what_is_no_pin_is_not_sent)
{
    gt_request_t request = hello("sha256//short");
    gt_transfer_t *transfer;

    ck_fails(gt_transfer_make(&transfer, &request, loop, pool), GT_INTERNAL, "GT0310");
    request = hello(NULL);
    request.local_end = "host!x";
    ck_fails(gt_transfer_make(&transfer, &request, loop, pool), GT_INTERNAL, "GT0310");
}
END_TEST

Suite *suite_pins(void)
{
    Suite *suite = suite_create("pins");
    TCase *tcase = case_with_pool(suite, "texts");

    tcase_add_loop_test(tcase, test_texts, 0, COUNT(texts));
    tcase_add_test(tcase, test_a_pin_among_keys);
    tcase_add_loop_test(tcase, test_local_ends, 0, COUNT(ends));
    tcase_add_test(tcase, test_local_faults);
    tcase = add_case(suite, "tls", begin_tls);
    tcase_add_test(tcase, test_a_key_that_fits);
    tcase_add_loop_test(tcase, test_a_key_that_does_not, 0, 2);
    tcase_add_test(tcase, test_a_stream_is_pinned);
    tcase_add_test(tcase, test_no_session_is_resumed);
    tcase_add_test(tcase, test_what_is_no_pin_is_not_sent);
    tcase = add_case(suite, "plain", begin);
    tcase_add_test(tcase, test_without_tls_there_is_no_key);
    return suite;
}
