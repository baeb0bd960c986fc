/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Transfers through a real loop to a real server on loopback: what comes back, what is refused,
 * what fails and how. Streams: test_stream.c; leaving and ending: test_leaving.c.
 */

#include "base/secret.h"
#include "wire.h"

Suite *suite_transfer(void);

/* ---- what comes back ---- */

START_TEST(test_a_whole_answer)
{
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    gt_transfer_t *transfer = made(&request);
    const gt_answer_t *answer;

    ck_assert_ptr_null(gt_transfer_answer(transfer));
    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 0);
    await_point(transfer, GT_POINT_END);
    answer = gt_transfer_answer(transfer);
    ck_assert_int_eq(answer->status, 200);
    ck_assert_str_eq(answer->body, "hello");
    ck_assert_uint_eq(answer->body_len, 5);
    ck_assert_int_eq(answer->length, 5);
    ck_assert_str_eq(apr_table_get(answer->headers, "content-type"), "text/plain");
    ck_assert(answer->date == APR_INT64_C(1795244400000000));
    ck_assert(answer->took > 0);
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 1);
    ck_assert_int_eq(figures().started, 1);
    ck_assert_int_eq(figures().failed, 0);
    ck_assert_int_eq(figures().transfers, 0);
}
END_TEST

static const struct {
    const char *method, *token, *body, *echo;
} exchanges[] = {
    {NULL, NULL, NULL, "GET\n\n"},
    {"GET", "tok-1", NULL, "GET\nBearer tok-1\n"},
    {"POST", NULL, "a=b&c=d", "POST\n\na=b&c=d"},
    {"POST", "tok-2", "", "POST\nBearer tok-2\n"},
    {"POST", NULL, NULL, "POST\n\n"},
    {"PUT", NULL, "{}", "PUT\n\n{}"},
    {"PATCH", "tok-3", "{\"a\":1}", "PATCH\nBearer tok-3\n{\"a\":1}"},
    {"DELETE", NULL, NULL, "DELETE\n\n"},
    {"DELETE", NULL, "x", "DELETE\n\nx"},
    {"OPTIONS", NULL, NULL, "OPTIONS\n\n"},
    {"GET", NULL, NULL, "GET\n\n"},
};

/* One after the other on one loop, so that each handle is used again for the next. */
START_TEST(test_methods_bodies_and_tokens)
{
    size_t i;

    for (i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        gt_request_t request = {.url = upstream_url(up, "/echo"),
                                .method = exchanges[i].method,
                                .bearer = gt_secret_from(exchanges[i].token, pool),
                                .body = gt_secret_from(exchanges[i].body, pool),
                                .content_type =
                                    exchanges[i].body != NULL ? "application/json" : NULL};

        ck_assert_str_eq(answer_to(&request)->body, exchanges[i].echo);
    }
    ck_assert_int_eq(upstream_connections(up), 1);
}
END_TEST

START_TEST(test_head_has_no_body)
{
    gt_request_t request = {.url = upstream_url(up, "/hello"), .method = "HEAD"};
    const gt_answer_t *answer = answer_to(&request);

    ck_assert_int_eq(answer->length, 99999999);
    ck_assert_uint_eq(answer->body_len, 0);
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
}
END_TEST

START_TEST(test_interim_heads_are_no_answer)
{
    const gt_answer_t *answer = answer_at("/early");

    ck_assert_int_eq(answer->status, 200);
    ck_assert_str_eq(answer->body, "hello");
    ck_assert_ptr_null(apr_table_get(answer->headers, "X-Early"));
}
END_TEST

START_TEST(test_redirects_are_answers)
{
    const gt_answer_t *answer = answer_at("/redirect");

    ck_assert_int_eq(answer->status, 302);
    ck_assert_str_eq(apr_table_get(answer->headers, "Location"), "/hello");
    ck_assert_int_eq(upstream_requests(up), 1);
}
END_TEST

START_TEST(test_any_status_is_an_answer)
{
    const gt_answer_t *answer = answer_at("/status/503");

    ck_assert_int_eq(answer->status, 503);
    ck_assert_str_eq(apr_table_get(answer->headers, "Retry-After"), "7");
    ck_assert_str_eq(answer->body, "no");
}
END_TEST

START_TEST(test_a_packed_answer_is_unpacked)
{
    const gt_answer_t *answer = answer_at("/gzip");

    ck_assert_uint_eq(answer->body_len, 300000);
    ck_assert_int_eq(answer->body[299999], 0);
    ck_assert_int_eq(answer->length, -1);
    ck_assert_ptr_null(apr_table_get(answer->headers, "Content-Encoding"));
    ck_assert_ptr_null(apr_table_get(answer->headers, "Content-Length"));
}
END_TEST

START_TEST(test_a_large_answer_is_whole)
{
    const gt_answer_t *answer = answer_at("/chunks/1048576");
    apr_size_t i;

    ck_assert_uint_eq(answer->body_len, 1048576);
    ck_assert_int_eq(answer->length, -1);
    for (i = 0; i < answer->body_len; i++)
        if (answer->body[i] != (char)('a' + i % 23))
            ck_abort_msg("byte %d is wrong", (int)i);
}
END_TEST

START_TEST(test_connections_are_used_again)
{
    int i;

    for (i = 0; i < 10; i++)
        ck_assert_str_eq(answer_at("/hello")->body, "hello");
    ck_assert_int_eq(upstream_connections(up), 1);
    ck_assert_int_eq(upstream_requests(up), 10);
}
END_TEST

/* ---- what fails ---- */

static const struct {
    const char *path;
    apr_size_t answer_max;
    gt_class_t cls;
    const char *tag;
} failures[] = {
    {"/die", 0, GT_UPSTREAM, "GT0305"},
    {"/drop", 0, GT_UPSTREAM, "GT0305"},
    {"/garbage", 0, GT_UPSTREAM, "GT0305"},
    {"/fields/101", 0, GT_UPSTREAM, "GT0305"},
    {"/field/70000", 0, GT_UPSTREAM, "GT0305"},
    {"/bytes/1001", 1000, GT_UPSTREAM, "GT0306"},
    {"/chunks/1001", 1000, GT_UPSTREAM, "GT0306"},
    {"/bytes/1048577", 0, GT_UPSTREAM, "GT0306"},
    {"/gzip", 299999, GT_UPSTREAM, "GT0306"},
    {"/hang", 0, GT_TIMEOUT, "GT0308"},
    {"/pause", 0, GT_TIMEOUT, "GT0308"},
};

START_TEST(test_failures_have_class_and_tag)
{
    gt_request_t request = {.url = upstream_url(up, failures[_i].path),
                            .answer_max = failures[_i].answer_max,
                            .timeout = failures[_i].cls == GT_TIMEOUT ? 100000 : 0,
                            .purpose = "the test"};
    gt_transfer_t *transfer = ended(&request);
    gt_err_t *err = gt_transfer_error(transfer, pool);

    ck_fails(err, failures[_i].cls, failures[_i].tag);
    ck_assert_int_eq(strncmp(err->detail, "the test: ", 10), 0);
    ck_assert_ptr_null(gt_transfer_answer(transfer));
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 1);
    ck_assert_int_eq(gt_transfer_is_too_large(transfer), strcmp(failures[_i].tag, "GT0306") == 0);
    ck_assert_int_eq(figures().failed, 1);
    /* The loop is as good as before. */
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
}
END_TEST

START_TEST(test_as_much_as_allowed_is_taken)
{
    gt_request_t request = {.url = upstream_url(up, "/chunks/1000"), .answer_max = 1000};

    ck_assert_uint_eq(answer_to(&request)->body_len, 1000);
    ck_assert_int_eq(answer_at("/fields/90")->status, 200);
}
END_TEST

START_TEST(test_nobody_there)
{
    upstream_t *gone = upstream_open(0);
    gt_request_t request = {.url = apr_pstrdup(pool, upstream_url(gone, "/hello?secret=1"))};
    gt_transfer_t *transfer;
    gt_err_t *err;

    upstream_close(gone);
    transfer = ended(&request);
    err = gt_transfer_error(transfer, pool);
    ck_fails(err, GT_UPSTREAM, "GT0304");
    ck_assert_ptr_null(strstr(err->detail, "secret"));
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 0);
    request.url = "https://name.invalid/";
    transfer = ended(&request);
    ck_fails(gt_transfer_error(transfer, pool), GT_UPSTREAM, "GT0304");
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 0);
}
END_TEST

static const struct {
    gt_request_t request;
    const char *header;
} refused[] = {
    {{.url = "http://example.com/"}, NULL},
    {{.url = "ftp://example.com/"}, NULL},
    {{.url = "https://user@example.com/"}, NULL},
    {{.url = "file:///etc/passwd"}, NULL},
    {{.url = "/relative"}, NULL},
    {{.url = "https://example.com/", .method = "get"}, NULL},
    {{.url = "https://example.com/", .method = "GET /"}, NULL},
    {{.url = "https://example.com/", .method = ""}, NULL},
    {{.url = "https://example.com/", .method = "ABCDEFGHIJKLMNOPQ"}, NULL},
    {{.url = "https://example.com/", .content_type = "a\r\nb: c"}, NULL},
    {{.url = "https://example.com/"}, "X: a\r\nY: b"},
    {{.url = "https://example.com/"}, "X: a\nY: b"},
    {{.url = "https://example.com/"}, "X Y: a"},
    {{.url = "https://example.com/"}, ": a"},
    {{.url = "https://example.com/"}, "no colon"},
    {{.url = "https://example.com/"}, "Content-Length: 1"},
    {{.url = "https://example.com/"}, "transfer-encoding: chunked"},
    {{.url = "https://example.com/"}, "Host: other"},
};

START_TEST(test_refused_before_they_are_sent)
{
    gt_request_t request = refused[_i].request;
    apr_array_header_t *headers = apr_array_make(pool, 1, sizeof(const char *));
    gt_transfer_t *transfer;

    if (refused[_i].header != NULL)
        APR_ARRAY_PUSH(headers, const char *) = refused[_i].header;
    request.headers = headers;
    ck_fails(gt_transfer_make(&transfer, &request, loop, pool), GT_INTERNAL, "GT0310");
    ck_assert_ptr_null(transfer);
}
END_TEST

START_TEST(test_tokens_that_no_token_can_be)
{
    static const char *const tokens[] = {"", "two words", "line\r\nX: y", "tab\t", "\x7f", "\xc3"};
    size_t i;

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        gt_request_t request = {.url = "https://example.com/",
                                .bearer = gt_secret_from(tokens[i], pool)};
        gt_transfer_t *transfer;
        gt_err_t *err = gt_transfer_make(&transfer, &request, loop, pool);

        ck_fails(err, GT_INTERNAL, "GT0310");
        ck_assert(tokens[i][0] == '\0' || strstr(err->detail, tokens[i]) == NULL);
    }
}
END_TEST

/* ---- what must not be sent twice ---- */

static void fail_on_a_used_connection(const gt_request_t *request, const char *tag, int arrivals)
{
    gt_transfer_t *transfer;

    ck_assert_str_eq(answer_at("/hello")->body, "hello");
    transfer = ended(request);
    ck_fails(gt_transfer_error(transfer, pool), GT_UPSTREAM, tag);
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 1);
    ck_assert_int_eq(upstream_requests(up), 1 + arrivals);
}

START_TEST(test_a_post_is_never_sent_twice)
{
    gt_request_t request = {.url = upstream_url(up, "/drop"),
                            .method = "POST",
                            .body = gt_secret_from("grant_type=refresh_token", pool)};

    fail_on_a_used_connection(&request, "GT0307", 1);
}
END_TEST

START_TEST(test_a_delete_is_never_sent_twice)
{
    gt_request_t request = {.url = upstream_url(up, "/drop"), .method = "DELETE"};

    fail_on_a_used_connection(&request, "GT0307", 1);
}
END_TEST

START_TEST(test_a_get_is_sent_again_when_its_connection_was_dead)
{
    gt_request_t request = {.url = upstream_url(up, "/drop")};

    fail_on_a_used_connection(&request, "GT0305", 2);
}
END_TEST

/* ---- TLS ---- */

START_TEST(test_tls_with_its_own_authority)
{
    gt_request_t request = {.url = upstream_url(up, "/hello"), .ca_file = upstream_ca(up)};
    int i;

    for (i = 0; i < 5; i++)
        ck_assert_str_eq(answer_to(&request)->body, "hello");
    ck_assert_int_eq(upstream_connections(up), 1);
}
END_TEST

static void tls_fails(const char *url, const char *ca)
{
    gt_request_t request = {.url = url, .ca_file = ca, .method = "POST"};
    gt_transfer_t *transfer = ended(&request);

    ck_fails(gt_transfer_error(transfer, pool), GT_UPSTREAM, "GT0309");
    ck_assert_int_eq(gt_transfer_was_sent(transfer), 0);
    ck_assert_int_eq(upstream_requests(up), 0);
}

START_TEST(test_tls_of_an_unknown_authority)
{
    tls_fails(upstream_url(up, "/hello"), NULL);
}
END_TEST

START_TEST(test_tls_of_another_host)
{
    const char *port = strrchr(upstream_url(up, ""), ':');

    tls_fails(apr_pstrcat(pool, "https://127.0.0.1", port, "/hello", NULL), upstream_ca(up));
}
END_TEST

/* A connection that trusted one authority serves no call that trusts another. */
START_TEST(test_tls_trust_is_not_inherited)
{
    gt_request_t request = {.url = upstream_url(up, "/hello"), .ca_file = upstream_ca(up)};

    ck_assert_str_eq(answer_to(&request)->body, "hello");
    request.ca_file = NULL;
    ck_fails(gt_transfer_error(ended(&request), pool), GT_UPSTREAM, "GT0309");
}
END_TEST

/* ---- many ---- */

static void many(int n, const gt_request_t *request)
{
    gt_transfer_t **transfers = apr_palloc(pool, (apr_size_t)n * sizeof(*transfers));
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    int i;

    for (i = 0; i < n; i++) {
        transfers[i] = made(request);
        gt_transfer_wait(transfers[i], GT_POINT_END, &waker);
    }
    latch_await(&latch, n);
    for (i = 0; i < n; i++) {
        ck_ok(gt_transfer_error(transfers[i], pool));
        ck_assert_str_eq(gt_transfer_answer(transfers[i])->body, "hello");
    }
    ck_assert_int_eq(latch_wakes(&latch), n);
}

START_TEST(test_500_at_once)
{
    many(500, &(gt_request_t){.url = upstream_url(up, "/slow/20")});
    ck_assert_int_le(upstream_connections(up), 50);
    ck_assert_int_eq(upstream_requests(up), 500);
}
END_TEST

/* A burst waits for the first connection's ALPN; learning that it is HTTP/1.1 must free them
 * all. */
START_TEST(test_a_burst_over_tls)
{
    many(100, &(gt_request_t){.url = upstream_url(up, "/slow/20"),
                              .ca_file = upstream_ca(up),
                              .connect_timeout = PATIENCE});
    ck_assert_int_gt(upstream_connections(up), 10);
    ck_assert_int_le(upstream_connections(up), 50);
}
END_TEST

static void add_answers(TCase *tcase)
{
    tcase_add_test(tcase, test_a_whole_answer);
    tcase_add_test(tcase, test_methods_bodies_and_tokens);
    tcase_add_test(tcase, test_head_has_no_body);
    tcase_add_test(tcase, test_interim_heads_are_no_answer);
    tcase_add_test(tcase, test_redirects_are_answers);
    tcase_add_test(tcase, test_any_status_is_an_answer);
    tcase_add_test(tcase, test_a_packed_answer_is_unpacked);
    tcase_add_test(tcase, test_a_large_answer_is_whole);
    tcase_add_test(tcase, test_connections_are_used_again);
}

static void add_failures(TCase *tcase)
{
    tcase_add_loop_test(tcase, test_failures_have_class_and_tag, 0,
                        sizeof(failures) / sizeof(failures[0]));
    tcase_add_test(tcase, test_as_much_as_allowed_is_taken);
    tcase_add_test(tcase, test_nobody_there);
    tcase_add_loop_test(tcase, test_refused_before_they_are_sent, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tcase, test_tokens_that_no_token_can_be);
    tcase_add_test(tcase, test_a_post_is_never_sent_twice);
    tcase_add_test(tcase, test_a_delete_is_never_sent_twice);
    tcase_add_test(tcase, test_a_get_is_sent_again_when_its_connection_was_dead);
}

static void add_tls(TCase *tcase)
{
    tcase_add_test(tcase, test_tls_with_its_own_authority);
    tcase_add_test(tcase, test_tls_of_an_unknown_authority);
    tcase_add_test(tcase, test_tls_of_another_host);
    tcase_add_test(tcase, test_tls_trust_is_not_inherited);
    tcase_add_test(tcase, test_a_burst_over_tls);
}

Suite *suite_transfer(void)
{
    Suite *suite = suite_create("transfer");

    add_answers(add_case(suite, "answers", begin));
    add_failures(add_case(suite, "failures", begin));
    add_tls(add_case(suite, "tls", begin_tls));
    tcase_add_test(add_case(suite, "many", begin), test_500_at_once);
    return suite;
}
