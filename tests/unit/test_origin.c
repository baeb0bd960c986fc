/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Calls of an origin: told apart by it, bounded while they open connections, in order. */

#include <apr_strings.h>

#include "gt_test.h"
#include "net/origin.h"

Suite *suite_origin(void);

static gt_origins_t origins;

static void end(void)
{
    gt_origins_free(&origins);
    ck_assert_ptr_null(origins.first);
    drop_pool();
}

START_TEST(test_what_comes_before_the_path_tells_them_apart)
{
    gt_origin_t *graph = gt_origin_of(&origins, "https://graph.example/v1.0/me", NULL);

    ck_assert_ptr_eq(gt_origin_of(&origins, "https://graph.example?x=/", NULL), graph);
    ck_assert_ptr_eq(gt_origin_of(&origins, "https://graph.example", NULL), graph);
    ck_assert_ptr_ne(gt_origin_of(&origins, "https://graph.example:444/", NULL), graph);
    ck_assert_ptr_ne(gt_origin_of(&origins, "http://graph.example/", NULL), graph);
    ck_assert_ptr_ne(gt_origin_of(&origins, "https://graph.example.org/", NULL), graph);
    ck_assert_ptr_ne(gt_origin_of(&origins, "https://graph.exampl/", NULL), graph);
    ck_assert_int_eq(origins.count, 5);
}
END_TEST

/* A proxy's name is the one to be looked up; the origin's own is the proxy's affair. */
START_TEST(test_a_proxy_is_on_the_way)
{
    static const char url[] = "https://graph.example/v1.0";
    gt_origin_t *direct = gt_origin_of(&origins, url, NULL);
    gt_origin_t *proxied = gt_origin_of(&origins, url, "http://proxy.example:3128");
    gt_origin_t *address = gt_origin_of(&origins, url, "http://192.0.2.1:3128");

    ck_assert_ptr_ne(direct, proxied);
    ck_assert_ptr_ne(address, proxied);
    ck_assert_ptr_eq(gt_origin_of(&origins, url, "http://proxy.example:3128"), proxied);
    ck_assert_str_eq(direct->host, "graph.example");
    ck_assert_str_eq(proxied->host, "proxy.example");
    ck_assert_str_eq(address->host, "");
    ck_assert_ptr_null(direct->proxy);
    ck_assert_str_eq(proxied->proxy, "http://proxy.example:3128");
    proxied->addresses = strdup("192.0.2.7");
    ck_assert_str_eq(gt_origin_resolved(proxied, pool), "+proxy.example:3128:192.0.2.7");
}
END_TEST

START_TEST(test_too_many_and_too_long_share_a_place)
{
    char *name = apr_pcalloc(pool, 2 * GT_ORIGIN_NAME);
    gt_origin_t *rest;
    int i;

    memset(name, 'x', 2 * GT_ORIGIN_NAME - 1);
    rest = gt_origin_of(&origins, apr_pstrcat(pool, "https://", name, "/", NULL), NULL);
    for (i = 0; i < 200; i++)
        gt_origin_of(&origins, apr_psprintf(pool, "https://h%d/", i), NULL);
    ck_assert_int_eq(origins.count, 64);
    ck_assert_ptr_eq(gt_origin_of(&origins, "https://one.more/", NULL), rest);
    ck_assert_str_eq(gt_origin_of(&origins, "https://h0/", NULL)->name, "https://h0");
}
END_TEST

START_TEST(test_few_open_where_a_connection_carries_many)
{
    gt_origin_t *origin = gt_origin_of(&origins, "https://graph.example/", NULL);
    gt_transfer_t calls[8];
    int i;

    memset(calls, 0, sizeof(calls));
    for (i = 0; i < 8; i++) {
        ck_assert(gt_origin_has_room(origin));
        gt_origin_begin(origin, &calls[i]);
    }
    origin->multiplexes = 1;
    ck_assert(!gt_origin_has_room(origin));
    for (i = 0; i < 8; i++) {
        gt_origin_connected(&calls[i]);
        gt_origin_connected(&calls[i]);
        ck_assert_int_eq(gt_origin_has_room(origin), i >= 4);
    }
    ck_assert_int_eq(origin->opening, 0);
}
END_TEST

START_TEST(test_who_waits_leaves_from_anywhere)
{
    static const int order[] = {1, 0, 3, 2};
    gt_origin_t *origin = gt_origin_of(&origins, "https://graph.example/", NULL);
    gt_transfer_t calls[4];
    int i;

    memset(calls, 0, sizeof(calls));
    for (i = 0; i < 4; i++)
        gt_origin_wait(origin, &calls[i]);
    ck_assert_ptr_eq(origin->first, &calls[0]);
    ck_assert_ptr_eq(origin->first->next->next->next, &calls[3]);
    for (i = 0; i < 4; i++) {
        gt_origin_leave(origin, &calls[order[i]]);
        ck_assert_int_eq(calls[order[i]].waits, 0);
    }
    ck_assert_ptr_null(origin->first);
    ck_assert_ptr_null(origin->last);
}
END_TEST

Suite *suite_origin(void)
{
    Suite *suite = suite_create("origin");
    TCase *tcase = tcase_create("origins");

    tcase_add_checked_fixture(tcase, make_pool, end);
    tcase_add_test(tcase, test_what_comes_before_the_path_tells_them_apart);
    tcase_add_test(tcase, test_a_proxy_is_on_the_way);
    tcase_add_test(tcase, test_too_many_and_too_long_share_a_place);
    tcase_add_test(tcase, test_few_open_where_a_connection_carries_many);
    tcase_add_test(tcase, test_who_waits_leaves_from_anywhere);
    suite_add_tcase(suite, tcase);
    return suite;
}
