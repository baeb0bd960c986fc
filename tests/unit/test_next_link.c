/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Where the link to the next page leads. */

#include "gt_test.h"

#include "graph/next_link.h"

Suite *suite_next_link(void);

#define GRAPH "https://graph.microsoft.com/v1.0"
#define GATEWAY "https://gw.example:8443/graph/v1.0"

static const struct {
    const char *graph_url, *link;
    const char *url; /* NULL: elsewhere */
} rows[] = {
    {GRAPH, GRAPH "/me/events?$skip=10", GRAPH "/me/events?$skip=10"},
    {GRAPH "/", GRAPH "/me/events?$skip=10", GRAPH "/me/events?$skip=10"},
    {GRAPH, "HTTPS://GRAPH.Microsoft.com:443/V1.0/me/events?$skip=A", GRAPH "/me/events?$skip=A"},
    {GRAPH, GRAPH "/users('a%40b')/calendarView?$skip=1",
     GRAPH "/users('a%40b')/calendarView?$skip=1"},
    {GRAPH, " " GRAPH "/me/events?a=b c&d=\"{\xc3\xa9}\"#top ",
     GRAPH "/me/events?a=b%20c&d=%22%7B%C3%A9%7D%22"},
    {GRAPH, "/v1.0/me/events?$skip=1", GRAPH "/me/events?$skip=1"},
    {GRAPH, "me/events?$skip=1&t=a:b", GRAPH "/me/events?$skip=1&t=a:b"},
    {GRAPH, "//graph.microsoft.com/v1.0/me?x", GRAPH "/me?x"},
    {GATEWAY, GRAPH "/me/events?$skip=1", GATEWAY "/me/events?$skip=1"},
    {GATEWAY, "https://graph.microsoft.us/V1.0/me?x", GATEWAY "/me?x"},
    {GATEWAY, GATEWAY "/me?x", GATEWAY "/me?x"},
    {"https://gw.example/beta", "https://graph.microsoft.com/beta/me?x",
     "https://gw.example/beta/me?x"},
    {"https://gw.example/graph", GRAPH "/me?x", "https://gw.example/graph/me?x"},
    {"https://gw.example", GRAPH "/me?x", "https://gw.example/me?x"},
    {GRAPH, "", NULL},
    {GRAPH, "?$skip=1", NULL},
    {GRAPH, "https://evil.example/v1.0/me", NULL},
    {GRAPH, "https://graph.microsoft.com.evil.example/v1.0/me", NULL},
    {GRAPH, "https://graph.microsoft.com@evil.example/v1.0/me", NULL},
    {GRAPH, "https://graph.microsoft.com/beta/me", NULL},
    {GRAPH, "https://graph.microsoft.com/v1.0evil", NULL},
    {GRAPH, "https://graph.microsoft.us/v1.0/me", NULL},
    {GRAPH, "http://graph.microsoft.com/v1.0/me", NULL},
    {GRAPH, GRAPH "/../beta/me", NULL},
    {GRAPH, GRAPH "/%252e%252e/beta", NULL},
    {GRAPH, "../beta/me", NULL},
    {GRAPH, "/beta/me", NULL},
    {GRAPH, "//evil.example/v1.0/me", NULL},
    {GRAPH, "javascript:alert(1)", NULL},
    {GRAPH, GRAPH "/me\\..\\x", NULL},
    {GATEWAY, "https://evil.example/graph/v1.0/me", NULL},
    {GATEWAY, "https://evil.example/v1.0/me?x", NULL},
    {GATEWAY, "https://graph.microsoft.com/beta/me", NULL},
    {GATEWAY, GRAPH "/../me", NULL},
};

START_TEST(a_next_link_is_read_as_a_url_and_stays_below_graph)
{
    const char *url;
    gt_err_t *err = gt_next_link(&url, rows[_i].link, rows[_i].graph_url, pool);

    if (rows[_i].url) {
        ck_ok(err);
        ck_assert_str_eq(url, rows[_i].url);
    }
    else
        ck_fails(err, GT_UPSTREAM, "GT0717");
}
END_TEST

Suite *suite_next_link(void)
{
    Suite *suite = suite_create("next_link");
    TCase *tcase = case_with_pool(suite, "next_link");

    tcase_add_loop_test(tcase, a_next_link_is_read_as_a_url_and_stays_below_graph, 0,
                        sizeof(rows) / sizeof(rows[0]));
    return suite;
}
