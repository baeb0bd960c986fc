/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Names and the transfers that need them. The system's resolver is replaced for the whole program
 * by one that knows some names of its own, and holds up those of "stuck.test" until it is told.
 */

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <apr_strings.h>

#include "net/lane.h"
#include "net/origin.h"
#include "wire.h"

Suite *suite_lookup(void);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_stuck, asked, replied;       /* under the lock: of names that end in ".test" */
static const char *moved_to = "127.0.0.1"; /* where "moves.test" is; NULL: nowhere */

typedef int resolver_t(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static const char *wait_for_answer(const char *node)
{
    const char *address = "127.0.0.1";

    pthread_mutex_lock(&lock);
    asked++;
    pthread_cond_broadcast(&changed);
    while (is_stuck && strcmp(node, "stuck.test") == 0)
        pthread_cond_wait(&changed, &lock);
    if (strcmp(node, "moves.test") == 0)
        address = moved_to;
    replied++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return strcmp(node, "gone.test") == 0 ? NULL : address;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **found)
{
    resolver_t *next = (resolver_t *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *dot = node != NULL ? strrchr(node, '.') : NULL;

    if (dot != NULL && strcmp(dot, ".test") == 0)
        node = wait_for_answer(node);
    else
        dot = NULL;
    return dot != NULL && node == NULL ? EAI_NONAME : next(node, service, hints, found);
}

static void stick(int is)
{
    pthread_mutex_lock(&lock);
    is_stuck = is;
    moved_to = "127.0.0.1";
    asked = replied = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void await_count(const int *count, int n)
{
    pthread_mutex_lock(&lock);
    while (*count < n)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static int asked_so_far(void)
{
    int n;

    pthread_mutex_lock(&lock);
    n = asked;
    pthread_mutex_unlock(&lock);
    return n;
}

static void begin_stuck(void)
{
    stick(1);
    begin();
}

static void end_unstuck(void)
{
    stick(0);
    end();
}

/* ---- transfers ---- */

static gt_transfer_t *begun(const char *host, latch_t *latch, apr_interval_time_t timeout,
                            apr_pool_t *p)
{
    gt_request_t request = {.url = apr_pstrcat(p, "https://", host, "/", NULL),
                            .connect_timeout = timeout};
    gt_waker_t waker = latch_init(latch);
    gt_transfer_t *transfer;

    ck_ok(gt_transfer_make(&transfer, &request, loop, p));
    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    return transfer;
}

START_TEST(a_stuck_lookup_holds_nobody_else)
{
    latch_t latch;
    gt_transfer_t *transfer = begun("stuck.test", &latch, 0, pool);
    int i;

    await_count(&asked, 1);
    for (i = 0; i < 20; i++)
        ck_assert_str_eq(answer_at("/hello")->body, "hello");
    gt_transfer_leave(transfer);
    await_idle();
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
    ck_assert_int_eq(latch_wakes(&latch), 0);
}
END_TEST

START_TEST(its_time_for_a_connection_ends_and_nobody_waits_for_the_resolver)
{
    latch_t latch;
    gt_transfer_t *transfer = begun("stuck.test", &latch, 20000, pool);

    latch_await(&latch, 1);
    ck_fails(gt_transfer_error(transfer, pool), GT_TIMEOUT, "GT0308");
    await_idle();
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
    /* Nor does the end of the loop. */
    gt_loop_stop(loop);
}
END_TEST

START_TEST(those_who_come_and_go_ask_once)
{
    int i;

    for (i = 0; i < 100; i++) {
        latch_t latch;
        gt_transfer_t *transfer = begun("stuck.test", &latch, 0, pool);

        await_count(&asked, 1);
        gt_transfer_leave(transfer);
        latch_die(&latch);
    }
    await_idle();
    ck_assert_int_eq(asked_so_far(), 1);
}
END_TEST

START_TEST(all_who_wait_are_told_that_there_is_no_such_name)
{
    latch_t latches[3];
    gt_transfer_t *calls[3];
    int i;

    for (i = 0; i < 3; i++)
        calls[i] = begun("gone.test", &latches[i], 0, pool);
    for (i = 0; i < 3; i++) {
        gt_err_t *err;

        latch_await(&latches[i], 1);
        err = gt_transfer_error(calls[i], pool);
        ck_fails(err, GT_UPSTREAM, "GT0304");
        ck_assert_ptr_nonnull(strstr(err->detail, "gone.test does not resolve"));
    }
}
END_TEST

START_TEST(streams_wait_for_a_name_as_well)
{
    gt_request_t request = {.url = "https://stuck.test/", .stream = 1};
    gt_transfer_t *transfer = made(&request);
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);

    gt_transfer_wait(transfer, GT_POINT_HEAD, &waker);
    await_count(&asked, 1);
    ck_assert_str_eq(answer_at("/hello")->body, "hello");
    gt_transfer_leave(transfer);
    await_idle();
}
END_TEST

/* libcurl is given the addresses that were found: it looks up no name itself. */
START_TEST(a_call_goes_where_its_name_was_found)
{
    gt_request_t request = {.url = upstream_url(up, "/hello"), .ca_file = upstream_ca(up)};
    const char *port = strrchr(request.url, ':');
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    gt_transfer_t *transfer;

    request.url = apr_pstrcat(pool, "https://there.test", port, NULL);
    transfer = made(&request);
    gt_transfer_wait(transfer, GT_POINT_END, &waker);
    latch_await(&latch, 1);
    /* It arrived: only the certificate, which is of localhost, is not that of this name. */
    ck_fails(gt_transfer_error(transfer, pool), GT_UPSTREAM, "GT0309");
    ck_assert_int_eq(upstream_connections(up), 1);
    ck_assert_int_eq(asked_so_far(), 1);
}
END_TEST

static void begin_tls_stuck(void)
{
    stick(1);
    begin_tls();
}

/* ---- the authorities' file ---- */

static atomic_int readings; /* of the system's */

static FILE *open_counted(const char *name, const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, name);
    const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;

    if (file != NULL && strcmp(path, file) == 0)
        atomic_fetch_add(&readings, 1);
    return next(path, mode);
}

__attribute__((visibility("default"))) FILE *fopen(const char *path, const char *mode)
{
    return open_counted("fopen", path, mode);
}

__attribute__((visibility("default"))) FILE *fopen64(const char *path, const char *mode)
{
    return open_counted("fopen64", path, mode);
}

START_TEST(the_authorities_are_read_once_and_not_for_each_connection)
{
    gt_request_t request = {.url = upstream_url(up, "/hello")};
    int i;

    atomic_store(&readings, 0);
    for (i = 1; i <= 3; i++) {
        ck_fails(gt_transfer_error(ended(&request), pool), GT_UPSTREAM, "GT0309");
        ck_assert_int_eq(upstream_connections(up), i);
    }
    ck_assert_int_eq(atomic_load(&readings), 1);
}
END_TEST

/* ---- when a name is looked up again ---- */

#define SECOND apr_time_from_sec(1)

static gt_origins_t origins;

static void note_done(void *baton)
{
    (void)baton;
}

static const gt_waker_t done = {note_done, NULL};

static void end_origins(void)
{
    stick(0);
    gt_origins_free(&origins);
    drop_pool();
}

/* Ask, and take in what the n-th lookup since stick() came to. */
static const char *looked_up(gt_origin_t *origin, int n, apr_time_t now)
{
    const char *why;

    gt_origin_look_up(origin, &done, now);
    ck_assert_ptr_nonnull(origin->lookup);
    await_count(&replied, n);
    do
        why = gt_origin_take_lookup(origin, now);
    while (origin->lookup != NULL && sched_yield() == 0);
    return why;
}

START_TEST(an_address_needs_no_lookup)
{
    static const char *const urls[] = {"https://127.0.0.1:8443/", "https://[::1]:8443/",
                                       "https://[::1]/"};
    size_t i;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        gt_origin_t *origin = gt_origin_of(&origins, urls[i], NULL);

        ck_assert(gt_origin_is_found(origin, 0));
        gt_origin_look_up(origin, &done, 0);
        ck_assert_ptr_null(origin->lookup);
    }
}
END_TEST

START_TEST(what_libcurl_is_told)
{
    gt_origin_t *plain = gt_origin_of(&origins, "https://there.test/", NULL);
    gt_origin_t *other = gt_origin_of(&origins, "https://there.test:444/x", NULL);

    ck_assert(!gt_origin_is_found(plain, 0));
    ck_assert_ptr_null(looked_up(plain, 1, 0));
    ck_assert_ptr_null(looked_up(other, 2, 0));
    ck_assert_str_eq(gt_origin_resolved(plain, pool), "+there.test:443:127.0.0.1");
    ck_assert_str_eq(gt_origin_resolved(other, pool), "+there.test:444:127.0.0.1");
}
END_TEST

START_TEST(a_host_that_moves_is_followed)
{
    gt_origin_t *origin = gt_origin_of(&origins, "https://moves.test/", NULL);

    moved_to = "192.0.2.1";
    ck_assert_ptr_null(looked_up(origin, 1, 0));
    ck_assert_str_eq(origin->addresses, "192.0.2.1");
    moved_to = "192.0.2.2";
    gt_origin_look_up(origin, &done, 59 * SECOND);
    ck_assert_ptr_null(origin->lookup);
    ck_assert_ptr_null(looked_up(origin, 2, 60 * SECOND));
    ck_assert_str_eq(origin->addresses, "192.0.2.2");
    /* One that cannot be reached is doubted at once. */
    moved_to = "192.0.2.3";
    gt_origin_doubt(origin);
    ck_assert_ptr_null(looked_up(origin, 3, 61 * SECOND));
    ck_assert_str_eq(origin->addresses, "192.0.2.3");
}
END_TEST

START_TEST(name_servers_that_are_away_are_not_felt_once_a_host_was_found)
{
    gt_origin_t *origin = gt_origin_of(&origins, "https://moves.test/", NULL);

    ck_assert_ptr_null(looked_up(origin, 1, 0));
    moved_to = NULL;
    ck_assert_ptr_null(looked_up(origin, 2, 1000 * SECOND));
    ck_assert(gt_origin_is_found(origin, 1000 * SECOND));
    gt_origin_look_up(origin, &done, 1004 * SECOND);
    ck_assert_ptr_null(origin->lookup);
    ck_assert_ptr_null(looked_up(origin, 3, 1005 * SECOND));
    ck_assert_str_eq(origin->addresses, "127.0.0.1");
}
END_TEST

START_TEST(nobody_waits_long_for_a_host_that_was_found_before)
{
    gt_origin_t *origin = gt_origin_of(&origins, "https://stuck.test/", NULL);
    gt_transfer_t waiting = {0};

    stick(0);
    ck_assert_ptr_null(looked_up(origin, 1, 0));
    stick(1);
    gt_origin_look_up(origin, &done, 70 * SECOND);
    ck_assert_ptr_nonnull(origin->lookup);
    ck_assert(gt_origin_is_found(origin, 70 * SECOND));
    gt_lookup_drop(origin->lookup);
    origin->lookup = NULL;
    gt_origin_look_up(origin, &done, 1000 * SECOND);
    ck_assert(!gt_origin_is_found(origin, 1000 * SECOND));
    ck_assert(gt_origin_patience(origin) == APR_INT64_MAX);
    gt_origin_wait(origin, &waiting);
    ck_assert_int_eq(gt_origin_patience(origin), 1001 * SECOND);
    ck_assert(gt_origin_is_found(origin, 1001 * SECOND));
    gt_origin_leave(origin, &waiting);
}
END_TEST

/* ---- connections do not last for ever ---- */

START_TEST(a_lane_that_is_never_idle_is_left_alone_in_time)
{
    gt_lane_t lanes[4] = {{0}};
    apr_time_t now = 1000 * SECOND;

    gt_lane_begin(&lanes[gt_lane_choose(lanes, 4, now)], now);
    ck_assert_int_eq(lanes[1].under_way, 1);
    now += GT_CONNECTION_LIFE - 1;
    gt_lane_begin(&lanes[1], now);
    ck_assert_int_eq(gt_lane_choose(lanes, 4, now), 1);
    now++;
    ck_assert_int_eq(gt_lane_choose(lanes, 4, now), 2);
    gt_lane_begin(&lanes[2], now);
    lanes[1].under_way = 0;
    ck_assert_int_eq(gt_lane_choose(lanes, 4, now), 1);
}
END_TEST

START_TEST(the_spare_lane_is_for_that_only)
{
    gt_lane_t lanes[4] = {{0}};
    apr_time_t now = 1000 * SECOND;

    lanes[1].under_way = lanes[2].under_way = GT_LANE_CALLS + 7;
    lanes[1].busy_since = lanes[2].busy_since = now;
    lanes[2].under_way--;
    ck_assert_int_eq(gt_lane_choose(lanes, 4, now), 2);
    lanes[1].busy_since -= GT_CONNECTION_LIFE;
    ck_assert_int_eq(gt_lane_choose(lanes, 4, now), 3);
    lanes[3].under_way = 1;
    lanes[2].busy_since = lanes[3].busy_since = lanes[1].busy_since;
    ck_assert_int_eq(gt_lane_choose(lanes, 4, now), 3);
}
END_TEST

static void add_origins(Suite *suite)
{
    TCase *tcase = tcase_create("origins");

    tcase_add_checked_fixture(tcase, make_pool, end_origins);
    tcase_add_test(tcase, an_address_needs_no_lookup);
    tcase_add_test(tcase, what_libcurl_is_told);
    tcase_add_test(tcase, a_host_that_moves_is_followed);
    tcase_add_test(tcase, name_servers_that_are_away_are_not_felt_once_a_host_was_found);
    tcase_add_test(tcase, nobody_waits_long_for_a_host_that_was_found_before);
    tcase_add_test(tcase, a_lane_that_is_never_idle_is_left_alone_in_time);
    tcase_add_test(tcase, the_spare_lane_is_for_that_only);
    suite_add_tcase(suite, tcase);
}

Suite *suite_lookup(void)
{
    Suite *suite = suite_create("lookup");
    TCase *tcase = tcase_create("transfers");

    tcase_add_checked_fixture(tcase, begin_stuck, end_unstuck);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_stuck_lookup_holds_nobody_else);
    tcase_add_test(tcase, its_time_for_a_connection_ends_and_nobody_waits_for_the_resolver);
    tcase_add_test(tcase, those_who_come_and_go_ask_once);
    tcase_add_test(tcase, all_who_wait_are_told_that_there_is_no_such_name);
    tcase_add_test(tcase, streams_wait_for_a_name_as_well);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("tls");
    tcase_add_checked_fixture(tcase, begin_tls_stuck, end_unstuck);
    tcase_add_test(tcase, a_call_goes_where_its_name_was_found);
    tcase_add_test(tcase, the_authorities_are_read_once_and_not_for_each_connection);
    suite_add_tcase(suite, tcase);
    add_origins(suite);
    return suite;
}
