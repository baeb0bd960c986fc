/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Transfers through a real loop to a real server on loopback: what comes back, what is refused, what
 * fails and how, and that leaving one is final.
 */

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/secret.h"
#include "gt_test.h"
#include "latch.h"
#include "net/loop.h"
#include "net/transfer.h"
#include "upstream.h"

Suite *suite_transfer(void);

static upstream_t *up;
static gt_loop_t *loop;

static void begin_with(int tls, int max_transfers, int max_host_connections)
{
    const gt_loop_limits_t limits = {max_transfers, max_host_connections};

    apr_pool_create(&pool, NULL);
    up = upstream_open(tls);
    ck_ok(gt_loop_start(&loop, &limits, pool));
}

static void begin(void)
{
    begin_with(0, 2000, 50);
}

static void begin_tls(void)
{
    begin_with(1, 2000, 50);
}

static void end(void)
{
    apr_pool_destroy(pool);
    upstream_close(up);
}

static gt_transfer_t *made(const gt_request_t *request)
{
    gt_transfer_t *transfer;

    ck_ok(gt_transfer_make(&transfer, request, loop, pool));
    return transfer;
}

static void await_point(gt_transfer_t *transfer, gt_transfer_point_t point)
{
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    gt_transfer_wait(transfer, point, &waker);
    latch_await(&latch, 1);
    ck_assert_int_eq(latch_wakes(&latch), 1);
    ck_assert_int_eq(gt_transfer_reached(transfer, point), 1);
}

static gt_transfer_t *ended(const gt_request_t *request)
{
    gt_transfer_t *transfer = made(request);

    await_point(transfer, GT_POINT_END);
    return transfer;
}

static const gt_answer_t *answer_to(const gt_request_t *request)
{
    gt_transfer_t *transfer = ended(request);

    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_ptr_nonnull(gt_transfer_answer(transfer));
    return gt_transfer_answer(transfer);
}

static const gt_answer_t *answer_at(const char *path)
{
    return answer_to(&(gt_request_t){.url = upstream_url(up, path)});
}

static gt_loop_figures_t figures(void)
{
    gt_loop_figures_t now;

    gt_loop_figures(&now, loop);
    return now;
}

/* The loop tells nobody when a transfer that was left has ended: look until it has. */
static void await_idle(void)
{
    apr_time_t until = gt_mono() + apr_time_from_sec(20);

    while (figures().transfers > 0 && gt_mono() < until)
        sched_yield();
    ck_assert_int_eq(figures().transfers, 0);
}

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

/* ---- streams ---- */

static gt_transfer_t *stream_at(const char *path)
{
    gt_request_t request = {.url = upstream_url(up, path), .stream = 1};
    gt_transfer_t *transfer = made(&request);

    await_point(transfer, GT_POINT_HEAD);
    return transfer;
}

/* Take a stream to its end; each byte is looked at. Returns how many there were. */
static apr_int64_t drain(gt_transfer_t *transfer)
{
    apr_pool_t *scratch;
    apr_int64_t all = 0;
    int is_over = 0;

    apr_pool_create(&scratch, pool);
    while (!is_over) {
        const char *bytes;
        apr_size_t len, i;

        ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, scratch));
        ck_assert_uint_le(len, 48 * 1024);
        for (i = 0; i < len; i += 911)
            ck_assert_int_eq(bytes[i], 'a' + (all + (apr_int64_t)i) % 23);
        all += (apr_int64_t)len;
        apr_pool_clear(scratch);
        if (!is_over && !gt_transfer_reached(transfer, GT_POINT_MORE))
            await_point(transfer, GT_POINT_MORE);
    }
    return all;
}

/* 0 under sanitizers, which keep what is freed. */
static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    resident = 0;
#endif
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

START_TEST(test_100_mib_pass_in_little_memory)
{
    gt_transfer_t *transfer = stream_at("/bytes/104857600");
    long before = resident_kib();

    ck_assert_int_eq(gt_transfer_answer(transfer)->length, 104857600);
    ck_assert_ptr_null(gt_transfer_answer(transfer)->body);
    ck_assert_int_eq(drain(transfer), 104857600);
    ck_ok(gt_transfer_error(transfer, pool));
    ck_assert_int_lt(resident_kib() - before, 32 * 1024);
}
END_TEST

START_TEST(test_a_slow_reader_stops_the_provider_and_nobody_else)
{
    gt_transfer_t *transfer = stream_at("/chunks/104857600");
    int i;

    for (i = 0; i < 100; i++)
        ck_assert_str_eq(answer_at("/hello")->body, "hello");
    /* What the sockets' buffers hold, and no more, has left the provider. */
    ck_assert_int_lt(upstream_written(up), 32 * 1024 * 1024);
    ck_assert_int_eq(drain(transfer), 104857600);
}
END_TEST

START_TEST(test_a_small_stream_comes_in_one_wake)
{
    gt_transfer_t *transfer = stream_at("/hello");
    const char *bytes;
    apr_size_t len;
    int is_over;

    await_point(transfer, GT_POINT_END);
    ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, pool));
    ck_assert_uint_eq(len, 5);
    ck_assert_int_eq(is_over, 1);
    ck_assert_int_eq(strncmp(bytes, "hello", 5), 0);
}
END_TEST

START_TEST(test_an_empty_stream)
{
    gt_transfer_t *transfer = stream_at("/bytes/0");

    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 200);
    ck_assert_int_eq(drain(transfer), 0);
}
END_TEST

static void ends_in(const char *path, const gt_request_t *more, apr_size_t before, const char *tag)
{
    gt_request_t request = *more;
    gt_transfer_t *transfer;
    const char *bytes;
    apr_size_t len;
    int is_over;

    request.url = upstream_url(up, path);
    request.stream = 1;
    transfer = made(&request);
    await_point(transfer, GT_POINT_HEAD);
    ck_assert_int_eq(gt_transfer_answer(transfer)->status, 200);
    await_point(transfer, GT_POINT_END);
    ck_ok(gt_transfer_take(&bytes, &len, &is_over, transfer, pool));
    ck_assert_uint_eq(len, before);
    ck_assert_int_eq(is_over, 0);
    ck_assert_str_eq(gt_transfer_take(&bytes, &len, &is_over, transfer, pool)->tag, tag);
}

START_TEST(test_a_stream_that_breaks_gives_its_bytes_first)
{
    ends_in("/die", &(gt_request_t){0}, 5, "GT0305");
}
END_TEST

START_TEST(test_a_provider_that_pauses_too_long)
{
    ends_in("/pause", &(gt_request_t){.timeout = 150000}, 4, "GT0308");
}
END_TEST

START_TEST(test_a_stream_that_never_begins)
{
    gt_request_t request = {.url = upstream_url(up, "/hang"), .stream = 1, .timeout = 150000};
    gt_transfer_t *transfer = made(&request);

    await_point(transfer, GT_POINT_HEAD);
    ck_assert_ptr_null(gt_transfer_answer(transfer));
    ck_fails(gt_transfer_error(transfer, pool), GT_TIMEOUT, "GT0308");
}
END_TEST

/* The reader takes longer than the provider may pause: that is no fault of the provider's. */
START_TEST(test_a_slow_reader_is_no_pause_of_the_provider)
{
    gt_request_t request = {
        .url = upstream_url(up, "/bytes/20000000"), .stream = 1, .timeout = 50000};
    gt_transfer_t *transfer = made(&request);
    int i;

    await_point(transfer, GT_POINT_HEAD);
    for (i = 0; i < 4; i++)
        ck_assert_str_eq(answer_at("/slow/50")->body, "hello");
    ck_assert_int_eq(drain(transfer), 20000000);
}
END_TEST

START_TEST(test_a_bound_on_a_stream)
{
    gt_request_t request = {
        .url = upstream_url(up, "/chunks/100000"), .stream = 1, .answer_max = 40000};
    gt_transfer_t *transfer = ended(&request);

    ck_fails(gt_transfer_error(transfer, pool), GT_UPSTREAM, "GT0306");
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

/* A burst waits for the first connection's ALPN; learning that it is HTTP/1.1 must free them all. */
START_TEST(test_a_burst_over_tls)
{
    many(100, &(gt_request_t){.url = upstream_url(up, "/slow/20"), .ca_file = upstream_ca(up)});
    ck_assert_int_gt(upstream_connections(up), 10);
    ck_assert_int_le(upstream_connections(up), 50);
}
END_TEST

/* ---- leaving ---- */

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
    for (i = 0; i < 300; i++) {
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

static void begin_small(void)
{
    begin_with(0, 3, 4);
}

static TCase *add_case(Suite *suite, const char *name, void (*setup)(void))
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, setup, end);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

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

static void add_streams(TCase *tcase)
{
    tcase_add_test(tcase, test_100_mib_pass_in_little_memory);
    tcase_add_test(tcase, test_a_slow_reader_stops_the_provider_and_nobody_else);
    tcase_add_test(tcase, test_a_small_stream_comes_in_one_wake);
    tcase_add_test(tcase, test_an_empty_stream);
    tcase_add_test(tcase, test_a_stream_that_breaks_gives_its_bytes_first);
    tcase_add_test(tcase, test_a_provider_that_pauses_too_long);
    tcase_add_test(tcase, test_a_stream_that_never_begins);
    tcase_add_test(tcase, test_a_slow_reader_is_no_pause_of_the_provider);
    tcase_add_test(tcase, test_a_bound_on_a_stream);
}

static void add_tls(TCase *tcase)
{
    tcase_add_test(tcase, test_tls_with_its_own_authority);
    tcase_add_test(tcase, test_tls_of_an_unknown_authority);
    tcase_add_test(tcase, test_tls_of_another_host);
    tcase_add_test(tcase, test_tls_trust_is_not_inherited);
    tcase_add_test(tcase, test_a_burst_over_tls);
}

static void add_leaving(TCase *tcase)
{
    tcase_add_test(tcase, test_500_at_once);
    tcase_add_test(tcase, test_left_before_it_began);
    tcase_add_test(tcase, test_left_while_it_waits);
    tcase_add_test(tcase, test_left_while_it_is_paused);
    tcase_add_test(tcase, test_left_when_it_has_ended);
    tcase_add_test(tcase, test_what_changes_state_goes_on);
    tcase_add_test(tcase, test_the_pool_of_the_asker_goes_first);
    tcase_add_test(tcase, test_no_wake_after_leaving);
    tcase_add_test(tcase, test_a_closed_loop_takes_nothing_new);
    tcase_add_test(tcase, test_stopping_ends_what_is_under_way);
}

Suite *suite_transfer(void)
{
    Suite *suite = suite_create("transfer");

    add_answers(add_case(suite, "answers", begin));
    add_failures(add_case(suite, "failures", begin));
    add_streams(add_case(suite, "streams", begin));
    add_tls(add_case(suite, "tls", begin_tls));
    add_leaving(add_case(suite, "leaving", begin));
    tcase_add_test(add_case(suite, "bounds", begin_small), test_one_too_many);
    return suite;
}
