/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The next link replaced, with an answer cut into pieces at any place. */

#include "gt_test.h"

#include "graph/relink.h"

Suite *suite_relink(void);

static const char *last_link;

/* Ours: "<…>" with a quote in it, so that escaping is seen. */
static gt_err_t *replace(const char **ours, void *baton, const char *next_link, apr_pool_t *p)
{
    last_link = apr_pstrdup(pool, next_link);
    if (!baton)
        return gt_err(p, GT_UPSTREAM, "GT0717", "elsewhere");
    *ours = apr_pstrcat(p, "<\"", next_link, "\">", NULL);
    return GT_OK;
}

/* Feed in two pieces, cut at `at`; the whole output. */
static const char *feed(const char *text, apr_size_t len, apr_size_t at, void *baton)
{
    gt_relink_t *relink = gt_relink_make(replace, baton, pool);
    const char *out[2];
    apr_size_t out_len[2];

    last_link = NULL;
    ck_ok(gt_relink_feed(&out[0], &out_len[0], relink, text, at, 0, pool));
    ck_ok(gt_relink_feed(&out[1], &out_len[1], relink, text + at, len - at, 1, pool));
    return apr_pstrcat(pool, apr_pstrmemdup(pool, out[0], out_len[0]),
                       apr_pstrmemdup(pool, out[1], out_len[1]), NULL);
}

static const struct {
    const char *text, *wanted;
    const char *link; /* what was asked for; NULL: nothing */
} rows[] = {
    {"{\"value\":[],\"@odata.nextLink\":\"https://g/x\"}",
     "{\"value\":[],\"@odata.nextLink\":\"<\\\"https://g/x\\\">\"}", "https://g/x"},
    {" \n{ \"@odata.nextLink\" :\t\"https://g/x\" , \"value\" : [ 1 ] }\r\n",
     " \n{ \"@odata.nextLink\" :\t\"<\\\"https://g/x\\\">\" , \"value\" : [ 1 ] }\r\n",
     "https://g/x"},
    /* escapes in the link, in the key, and before both */
    {"{\"a\\\\\":\"\\\"\",\"@odata.nextLink\":\"https:\\/\\/g\\u002fx\\u00e4\"}",
     "{\"a\\\\\":\"\\\"\",\"@odata.nextLink\":\"<\\\"https://g/x\xc3\xa4\\\">\"}",
     "https://g/x\xc3\xa4"},
    {"{\"\\u0040odata\\u002EnextLink\":\"y\"}", "{\"\\u0040odata\\u002EnextLink\":\"<\\\"y\\\">\"}",
     "y"},
    {"{\"\\u0040\\u006f\\u0064\\u0061\\u0074\\u0061\\u002e\\u006e\\u0065\\u0078\\u0074\\u004c\\u006"
     "9"
     "\\u006e\\u006b\":\"y\"}",
     "{\"\\u0040\\u006f\\u0064\\u0061\\u0074\\u0061\\u002e\\u006e\\u0065\\u0078\\u0074\\u004c\\u006"
     "9"
     "\\u006e\\u006b\":\"<\\\"y\\\">\"}",
     "y"},
    {"{\"@odata.nextLink\":\"\"}", "{\"@odata.nextLink\":\"<\\\"\\\">\"}", ""},
    {"{\"@odata.nextLink\":\"a\",\"@odata.nextLink\":\"b\"}",
     "{\"@odata.nextLink\":\"<\\\"a\\\">\",\"@odata.nextLink\":\"<\\\"b\\\">\"}", "b"},
    /* not the outermost object's, not a key, not a text, not that name */
    /* Of nested collections, and where the changes since then are to be had. */
    {"{\"value\":[{\"a@odata.nextLink\":\"x\"}]}",
     "{\"value\":[{\"a@odata.nextLink\":\"<\\\"x\\\">\"}]}", "x"},
    {"{\"value\":{\"@odata.nextLink\" : \"x\"},\"b\":1}",
     "{\"value\":{\"@odata.nextLink\" : \"<\\\"x\\\">\"},\"b\":1}", "x"},
    {"{\"value\":[],\"@odata.deltaLink\":\"x\"}",
     "{\"value\":[],\"@odata.deltaLink\":\"<\\\"x\\\">\"}", "x"},
    {"{\"a\":[\"@odata.nextLink\",\"x\"],\"b\":{\"c\":\"@odata.nextLink\"}}", NULL, NULL},
    {"{\"value\":\"@odata.nextLink\",\"x\":\"https://g\"}", NULL, NULL},
    {"{\"value\":\"\\\"@odata.nextLink\\\":\\\"x\\\"\"}", NULL, NULL},
    {"{\"@odata.nextLink\":null}", NULL, NULL},
    {"{\"@odata.nextLink\":{\"a\":\"x\"},\"b\":\"y\"}", NULL, NULL},
    {"{\"@odata.nextLink\":[\"x\"]}", NULL, NULL},
    {"{\"@odata.nextLinks\":\"x\"}", NULL, NULL},
    {"{\"@odata.nextLin\":\"x\"}", NULL, NULL},
    {"{\"@ODATA.nextLink\":\"x\"}", NULL, NULL},
    {"{\"a\":\"@odata.nextLink\",\"b\":[\"@odata.nextLink\",\"x\"],\"c\":true}", NULL, NULL},
    {"[{\"@odata.nextLink\":\"x\"}]", NULL, NULL},
    /* a byte order mark in front, a part of one, and one elsewhere */
    {"\xEF\xBB\xBF{\"@odata.nextLink\":\"x\"}", "{\"@odata.nextLink\":\"<\\\"x\\\">\"}", "x"},
    {"\xEF\xBB{\"@odata.nextLink\":\"x\"}", "{\"@odata.nextLink\":\"x\"}", NULL},
    {"{\"a\":\"\xEF\xBB\xBF\",\"@odata.nextLink\":\"x\"}",
     "{\"a\":\"\xEF\xBB\xBF\",\"@odata.nextLink\":\"<\\\"x\\\">\"}", "x"},
    /* nothing of JSON, or broken: as it came */
    {"", NULL, NULL},
    {"   ", NULL, NULL},
    {"\"@odata.nextLink\":\"x\"", NULL, NULL},
    {"<html>{\"@odata.nextLink\":\"x\"}</html>", NULL, NULL},
    {"{\"a\":1} {\"@odata.nextLink\":\"x\"}", NULL, NULL},
    {"{}}}{\"@odata.nextLink\":\"x\"}", NULL, NULL},
    {"{]\"@odata.nextLink\":\"x\"}", NULL, NULL},
    {"{\"a\":[[[[{}]]]],\"b\":{\"c\":{\"d\":\"}\"}}}", NULL, NULL},
    {"{\"unfinished", NULL, NULL},
    {"{\"a\":\"unfinished\\", NULL, NULL},
};

START_TEST(every_text_cut_at_every_place)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_size_t len = strlen(rows[i].text);
        const char *wanted = rows[i].wanted ? rows[i].wanted : rows[i].text;

        for (apr_size_t at = 0; at <= len; at++) {
            ck_assert_str_eq(feed(rows[i].text, len, at, pool), wanted);
            if (rows[i].link)
                ck_assert_pstr_eq(last_link, rows[i].link);
            else
                ck_assert_ptr_null(last_link);
        }
    }
}
END_TEST

START_TEST(byte_by_byte)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        gt_relink_t *relink = gt_relink_make(replace, pool, pool);
        const char *whole = "";
        const char *out;
        apr_size_t out_len;

        for (const char *at = rows[i].text; *at; at++) {
            ck_ok(gt_relink_feed(&out, &out_len, relink, at, 1, 0, pool));
            whole = apr_pstrcat(pool, whole, apr_pstrmemdup(pool, out, out_len), NULL);
        }
        ck_ok(gt_relink_feed(&out, &out_len, relink, NULL, 0, 1, pool));
        ck_assert_uint_eq(out_len, 0);
        ck_assert_str_eq(whole, rows[i].wanted ? rows[i].wanted : rows[i].text);
    }
}
END_TEST

/* A surrogate half is no text, so no link. */
START_TEST(a_link_that_cannot_be_ours_ends_the_answer)
{
    static const char elsewhere[] = "{\"a\":1,\"@odata.nextLink\":\"x\",\"b\":2}";
    static const char no_text[] = "{\"@odata.nextLink\":\"\\ud800\"}";
    const char *out;
    apr_size_t out_len;

    ck_fails(gt_relink_feed(&out, &out_len, gt_relink_make(replace, NULL, pool), elsewhere,
                            sizeof(elsewhere) - 1, 1, pool),
             GT_UPSTREAM, "GT0717");
    ck_fails(gt_relink_feed(&out, &out_len, gt_relink_make(replace, pool, pool), no_text,
                            sizeof(no_text) - 1, 1, pool),
             GT_UPSTREAM, "GT0718");
}
END_TEST

/* What has no link is not copied: the bytes that come out are those that went in. */
START_TEST(bytes_without_a_link_are_not_copied)
{
    static const char text[] = "{\"value\":[{\"subject\":\"a \\\" b\"}]}";
    gt_relink_t *relink = gt_relink_make(replace, pool, pool);
    const char *out;
    apr_size_t out_len;

    ck_ok(gt_relink_feed(&out, &out_len, relink, text, sizeof(text) - 1, 1, pool));
    ck_assert_ptr_eq(out, text);
    ck_assert_uint_eq(out_len, sizeof(text) - 1);
}
END_TEST

/* {"@odata.nextLink":"xxxx…"} with a link of so many bytes. */
static char *with_link(apr_size_t len)
{
    char *link = apr_pcalloc(pool, len + 1);

    memset(link, 'x', len);
    return apr_pstrcat(pool, "{\"@odata.nextLink\":\"", link, "\"}", NULL);
}

START_TEST(a_link_of_8_KiB_and_not_one_more)
{
    const char *fits = with_link(8192);
    const char *does_not = with_link(8193);
    gt_relink_t *relink = gt_relink_make(replace, pool, pool);
    const char *out;
    apr_size_t out_len;

    ck_assert_ptr_nonnull(strstr(feed(fits, strlen(fits), 4000, pool), "<\\\"xxx"));
    ck_fails(gt_relink_feed(&out, &out_len, relink, does_not, strlen(does_not), 1, pool),
             GT_UPSTREAM, "GT0721");
}
END_TEST

START_TEST(a_long_key_is_passed_by)
{
    char *key = apr_pcalloc(pool, 100001);
    const char *text;

    memset(key, '@', 100000);
    text = apr_pstrcat(pool, "{\"", key, "\":1,\"@odata.nextLink\":\"x\"}", NULL);
    ck_assert_ptr_nonnull(strstr(feed(text, strlen(text), 50000, pool), ":\"<\\\"x\\\">\"}"));
}
END_TEST

START_TEST(an_answer_that_ends_inside_a_link_is_broken)
{
    static const char text[] = "{\"@odata.nextLink\":\"https://gra";
    gt_relink_t *relink = gt_relink_make(replace, pool, pool);
    const char *out;
    apr_size_t out_len;

    ck_fails(gt_relink_feed(&out, &out_len, relink, text, sizeof(text) - 1, 1, pool), GT_UPSTREAM,
             "GT0722");
}
END_TEST

/* A list of a megabyte in pieces of odd sizes: the scratch pool of each piece is enough. */
START_TEST(long_lists_need_no_memory)
{
    gt_relink_t *relink = gt_relink_make(replace, pool, pool);
    static const char item[] = "{\"id\":\"AAMk\",\"subject\":\"x \\\\ \\\" @odata.nextLink\"},";
    apr_pool_t *scratch;
    apr_size_t in = 0, passed = 0;
    const char *out;
    apr_size_t out_len;

    apr_pool_create(&scratch, pool);
    ck_ok(gt_relink_feed(&out, &out_len, relink, "{\"value\":[", 10, 0, scratch));
    for (int i = 0; i < 20000; i++) {
        apr_size_t cut = (apr_size_t)i % sizeof(item);

        ck_ok(gt_relink_feed(&out, &out_len, relink, item, cut, 0, scratch));
        passed += out_len;
        ck_ok(
            gt_relink_feed(&out, &out_len, relink, item + cut, sizeof(item) - 1 - cut, 0, scratch));
        passed += out_len;
        in += sizeof(item) - 1;
        apr_pool_clear(scratch);
    }
    ck_assert_uint_eq(in, passed);
    ck_ok(gt_relink_feed(&out, &out_len, relink, "0],\"@odata.nextLink\":\"x\"}", 25, 1, scratch));
    ck_assert_str_eq(apr_pstrmemdup(pool, out, out_len), "0],\"@odata.nextLink\":\"<\\\"x\\\">\"}");
}
END_TEST

Suite *suite_relink(void)
{
    Suite *suite = suite_create("relink");
    TCase *tcase = case_with_pool(suite, "relink");

    tcase_add_test(tcase, every_text_cut_at_every_place);
    tcase_add_test(tcase, byte_by_byte);
    tcase_add_test(tcase, a_link_that_cannot_be_ours_ends_the_answer);
    tcase_add_test(tcase, bytes_without_a_link_are_not_copied);
    tcase_add_test(tcase, a_link_of_8_KiB_and_not_one_more);
    tcase_add_test(tcase, a_long_key_is_passed_by);
    tcase_add_test(tcase, an_answer_that_ends_inside_a_link_is_broken);
    tcase_add_test(tcase, long_lists_need_no_memory);
    return suite;
}
