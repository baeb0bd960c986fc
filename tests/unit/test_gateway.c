/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Paths of the gateway, links to Graph, and batches. */

#include "gt_test.h"

#include <apr_strings.h>

#include "base/err.h"
#include "graph/gateway_batch.h"
#include "graph/gateway_path.h"

Suite *suite_gateway(void);

#define GRAPH "https://graph.microsoft.com/v1.0"
#define COUNT(list) (int)(sizeof(list) / sizeof((list)[0]))

/* ---- paths ---- */

static const struct {
    const char *decoded, *judged, *url, *mailbox;
    int is_of_mailbox;
} good[] = {
    {"me", "/v1.0/me", "/v1.0/me", NULL, 1},
    {"/me/", "/v1.0/me", "/v1.0/me", NULL, 1},
    {"v1.0/me/events/AA=", "/v1.0/me/events/AA=", "/v1.0/me/events/AA=", NULL, 1},
    {"BETA/me", "/beta/me", "/beta/me", NULL, 1},
    {"v2.0/me", "/v1.0/v2.0/me", "/v1.0/v2.0/me", NULL, 0},
    {"users/a b%/x", "/v1.0/users/a b%/x", "/v1.0/users/a%20b%25/x", "a b%", 1},
    {"Users('a@x')/messages", "/v1.0/Users('a@x')/messages", "/v1.0/Users('a@x')/messages", "a@x",
     1},
    {"users(id='a')/x", "/v1.0/users(id='a')/x", "/v1.0/users(id='a')/x", "id='a'", 1},
    {"groups/g/events", "/v1.0/groups/g/events", "/v1.0/groups/g/events", "g", 1},
    {"me/drive/root:/a(1).txt:/content", "/v1.0/me/drive/root:/a(1).txt:/content",
     "/v1.0/me/drive/root:/a(1).txt:/content", NULL, 0},
    {"users/a/drives/x", "/v1.0/users/a/drives/x", "/v1.0/users/a/drives/x", "a", 0},
    {"sites/root", "/v1.0/sites/root", "/v1.0/sites/root", NULL, 0},
    {"users", "/v1.0/users", "/v1.0/users", NULL, 0},
    {"", "/v1.0", "/v1.0", NULL, 0},
    {"me/caf\xC3\xA9?#[]", "/v1.0/me/caf\xC3\xA9?#[]", "/v1.0/me/caf%C3%A9%3F%23%5B%5D", NULL, 1},
    {"me/100%25", "/v1.0/me/100%25", "/v1.0/me/100%2525", NULL, 1},
};

START_TEST(test_paths_are_made_anew)
{
    gt_gateway_path_t path;

    ck_assert_ptr_null(gt_gateway_path_read(&path, good[_i].decoded, "v1.0", pool));
    ck_assert_str_eq(path.judged, good[_i].judged);
    ck_assert_str_eq(path.url, good[_i].url);
    ck_assert_pstr_eq(path.mailbox, good[_i].mailbox);
    ck_assert_int_eq(path.is_of_mailbox, good[_i].is_of_mailbox);
}
END_TEST

static const char *const bad[] = {"me//x",       "me/../x",         "me/.",         "..",
                                  "me/%2e%2e/x", "me/%252e%252e/x", "me/a%2fb",     "me/a%252Fb",
                                  "me/a\\b",     "me/a%5cb",        "me/a\x01",     "me/a%00b",
                                  "me/a%2500b",  "me/..;x=1/y",     "me/\xC0\xAE",  "me/$Batch",
                                  "$batch",      "me/%24batch",     "me/%2524batch"};

START_TEST(test_paths_with_two_readings_are_refused)
{
    gt_gateway_path_t path;
    gt_err_t *err = gt_gateway_path_read(&path, bad[_i], "v1.0", pool);

    ck_assert_ptr_nonnull(err);
    ck_assert_str_eq(err->tag, "GT0774");
}
END_TEST

START_TEST(test_encoded_paths_are_decoded_by_segment)
{
    gt_gateway_path_t path;

    ck_assert_ptr_null(gt_gateway_path_read_encoded(&path, "/users/a%40x/caf%c3%a9", "beta", pool));
    ck_assert_str_eq(path.judged, "/beta/users/a@x/caf\xC3\xA9");
    ck_assert_str_eq(path.url, "/beta/users/a@x/caf%C3%A9");
    ck_assert_ptr_nonnull(gt_gateway_path_read_encoded(&path, "/users/a%2Fb", "beta", pool));
    ck_assert_ptr_nonnull(gt_gateway_path_read_encoded(&path, "/me/%2e%2e", "beta", pool));
    ck_assert_ptr_nonnull(gt_gateway_path_read_encoded(&path, "/me/a%00", "beta", pool));
}
END_TEST

START_TEST(test_the_version_of_an_address)
{
    ck_assert_str_eq(gt_gateway_root(GRAPH "//", pool), "https://graph.microsoft.com");
    ck_assert_str_eq(gt_gateway_root("https://g/x/Beta", pool), "https://g/x");
    ck_assert_str_eq(gt_gateway_root("https://g/x", pool), "https://g/x");
    ck_assert_str_eq(gt_gateway_version("https://g/x/Beta/"), "beta");
    ck_assert_str_eq(gt_gateway_version("https://g/xbeta"), "v1.0");
    ck_assert_str_eq(gt_gateway_target("/v1.0/me", "https://g/x"), "/me");
    ck_assert_str_eq(gt_gateway_target("/beta/me", "https://g/x"), "/beta/me");
    ck_assert_str_eq(gt_gateway_target("/v1.0/me", GRAPH), "/v1.0/me");
}
END_TEST

static const struct {
    const char *link, *graph_url, *ours; /* NULL: no link to Graph */
} links[] = {
    {GRAPH "/me?$skip=1#x", GRAPH, "/v1.0/me?$skip=1#x"},
    {"HTTPS://Graph.Microsoft.com:443/beta/me", GRAPH, "/beta/me"},
    {GRAPH "/me", "https://gw.example/g/v1.0", "/v1.0/me"},
    {"https://gw.example/g/beta/x", "https://gw.example/g/v1.0", "/beta/x"},
    {"https://gw.example/other/x", "https://gw.example/g/v1.0", NULL},
    {"https://gw.example/gg/x", "https://gw.example/g/v1.0", NULL},
    {"https://graph.microsoft.us/v1.0/me", GRAPH, NULL},
    {"https://graph.microsoft.com.evil.example/v1.0/me", GRAPH, NULL},
    {"https://graph.microsoft.com@evil.example/v1.0/me", GRAPH, NULL},
    {"http://graph.microsoft.com/v1.0/me", GRAPH, NULL},
    {"https://contoso.sharepoint.com/x?token=1", GRAPH, NULL},
    {"/v1.0/me", GRAPH, NULL},
    {"", GRAPH, NULL},
};

START_TEST(test_links_to_graph)
{
    ck_assert_pstr_eq(gt_gateway_link(links[_i].link, links[_i].graph_url, pool), links[_i].ours);
}
END_TEST

/* ---- batches ---- */

static const char *const fields[] = {"Prefer", "Content-Type", NULL};

static gt_err_t *judge(void *baton, const char *method, const gt_gateway_path_t *path)
{
    (void)baton;
    if (strstr(path->judged, "secret") == NULL)
        return GT_OK;
    return gt_err(pool, GT_FORBIDDEN, "GT1701", "no %s", method);
}

/** Quotation marks are written as apostrophes, and those as grave accents. */
static const char *json(const char *text)
{
    char *made = apr_pstrdup(pool, text);

    for (char *c = made; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c == '`' ? '\'' : *c;
    return made;
}

static gt_err_t *split(gt_batch_split_t *out, const char *requests)
{
    const char *text = json(apr_pstrcat(pool, "{'requests':", requests, "}", NULL));
    gt_batch_wish_t wish = {NULL, "v1.0", fields, judge, NULL};
    json_t *body;

    ck_assert_ptr_null(gt_json_parse(&body, text, strlen(text), pool));
    wish.body = body;
    return gt_batch_split(out, &wish, pool);
}

START_TEST(test_parts_are_judged_and_made_anew)
{
    gt_batch_split_t out;

    ck_assert_ptr_null(split(&out,
                             "[{'id':'a','method':'get','url':'me/x%20y?$top=1#f','more':1,"
                             "'headers':{'prefer':'p','Authorization':'b','Content-Type':'x\\ny'}},"
                             "{'id':'b','method':'POST','url':'/users/U/messages','body':{'n':1},"
                             "'dependsOn':['a']},"
                             "{'id':'c','method':'GET','url':'/users(`u`)/events'},"
                             "{'id':'d','method':'GET','url':'/secret'},"
                             "{'id':'e','method':'GET','url':'/me','dependsOn':['f']},"
                             "{'id':'f','method':'GET','url':'/me','dependsOn':['d']}]"));
    ck_assert_str_eq(gt_json_dump(out.body, pool),
                     json("{'requests':[{'id':'a','method':'GET','url':'/me/x%20y?$top=1',"
                          "'headers':{'prefer':'p'}},"
                          "{'id':'b','method':'POST','url':'/users/U/messages','headers':{},"
                          "'body':{'n':1},'dependsOn':['a']},"
                          "{'id':'c','method':'GET','url':'/users(`u`)/events','headers':{}}]}"));
    ck_assert_int_eq((int)json_array_size(out.refused), 3);
    ck_assert_int_eq(out.places->nelts, 2);
    ck_assert_ptr_null(APR_ARRAY_IDX(out.places, 0, gt_batch_place_t).mailbox);
    ck_assert_int_eq(APR_ARRAY_IDX(out.places, 0, gt_batch_place_t).parts, 1);
    ck_assert_int_eq(APR_ARRAY_IDX(out.places, 1, gt_batch_place_t).parts, 2);
    ck_assert_str_eq(apr_table_get(out.mailboxes, "a"), "");
    ck_assert_str_eq(apr_table_get(out.mailboxes, "c"), "u");
}
END_TEST

START_TEST(test_a_batch_of_which_nothing_is_left)
{
    gt_batch_split_t out;

    ck_assert_ptr_null(split(&out, "[{'id':'a','method':'GET','url':'/secret'}]"));
    ck_assert_ptr_null(out.body);
    ck_assert_str_eq(gt_json_dump(out.refused, pool),
                     json("[{'id':'a','status':403,'headers':{'Content-Type':'application/json'},"
                          "'body':{'error':{'code':'forbidden','message':'no GET'}}}]"));
}
END_TEST

static const char *const no_batches[] = {
    "1",
    "[]",
    "[1]",
    "[{'id':1,'method':'GET','url':'/me'}]",
    "[{'id':'','method':'GET','url':'/me'}]",
    "[{'id':'a','method':'GET'}]",
    "[{'id':'a','url':'/me'}]",
    "[{'id':'a','method':'GET','url':'https://x/me'}]",
    "[{'id':'a','method':'GET','url':'/me','dependsOn':'a'}]",
    "[{'id':'a','method':'GET','url':'/me','dependsOn':['a']}]",
    "[{'id':'a','method':'GET','url':'/me','dependsOn':[1]}]"};

START_TEST(test_what_is_no_batch)
{
    gt_batch_split_t out;
    gt_err_t *err = split(&out, no_batches[_i]);

    ck_assert_ptr_nonnull(err);
    ck_assert_str_eq(err->tag, "GT0776");
    ck_assert_int_eq(err->fields->nelts, 1);
}
END_TEST

static const struct {
    const char *theirs, *answer; /* NULL: none to a batch */
} answers[] = {
    {"{'responses':[]}", "{'responses':[1,2]}"},
    {"{'responses' : [ {'a':1.10}]}", "{'responses' : [1,2, {'a':1.10}]}"},
    {"{'a':{'responses':[3]},'b':'\\'responses\\':[','responses':[4]}",
     "{'a':{'responses':[3]},'b':'\\'responses\\':[','responses':[1,2,4]}"},
    {"{'responses':1}", NULL},
    {"{'a':'responses'}", NULL},
    {"{'responses", NULL},
    {"", NULL},
};

START_TEST(test_answers_are_put_together)
{
    json_t *refused = gt_json_own(json_pack("[i,i]", 1, 2), pool);
    const char *text = json(answers[_i].theirs);
    apr_size_t len;
    gt_err_t *err = gt_batch_join(&text, &len, text, strlen(text), refused, pool);

    if (answers[_i].answer == NULL) {
        ck_assert_ptr_nonnull(err);
        return;
    }
    ck_assert_ptr_null(err);
    ck_assert_str_eq(apr_pstrmemdup(pool, text, len), json(answers[_i].answer));
}
END_TEST

Suite *suite_gateway(void)
{
    Suite *suite = suite_create("gateway");
    TCase *tests = case_with_pool(suite, "gateway");

    tcase_add_loop_test(tests, test_paths_are_made_anew, 0, COUNT(good));
    tcase_add_loop_test(tests, test_paths_with_two_readings_are_refused, 0, COUNT(bad));
    tcase_add_test(tests, test_encoded_paths_are_decoded_by_segment);
    tcase_add_test(tests, test_the_version_of_an_address);
    tcase_add_loop_test(tests, test_links_to_graph, 0, COUNT(links));
    tcase_add_test(tests, test_parts_are_judged_and_made_anew);
    tcase_add_test(tests, test_a_batch_of_which_nothing_is_left);
    tcase_add_loop_test(tests, test_what_is_no_batch, 0, COUNT(no_batches));
    tcase_add_loop_test(tests, test_answers_are_put_together, 0, COUNT(answers));
    return suite;
}
