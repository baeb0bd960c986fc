/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* URLs, queries and forms: what is taken, and above all what is not. */

#include "base/secret.h"
#include "gt_test.h"
#include "net/url.h"

Suite *suite_url(void);

/* ---- local paths: shapes in which open redirects were published, and honest ones ---- */

static const char *const local[] = {
    "/",
    "/calendar",
    "/calendar/",
    "/calendar?start=2026-11-21T07:00:00Z&top=5",
    "/a/b.c/d-e_f~g",
    "/a..b/...",
    "/caf%C3%A9",
    "/x?next=/y/../z",
    "/x?u=https://example.com/",
    "/;p=1",
    "/@user",
    /* What a deep link may hold, beyond its beginning. */
    "/a%20b",
    "/%20b",
    "/100%25",
    "/a%5Cb",
    "/k%E4se",
    "/a%0Ab",
    "/a%00b",
    "/a//b",
    "/a/%2Fb",
    "/a/../b",
    "/../b",
    "/a/..",
    "/%2e%2e/b",
    "/a/./b/.",
    "/a/https://example.com",
    "/https:/x",
    "/x%23y",
    "/x?a=%5C&b=%0A&c=//d",
    "/x?%",
    "/%zz",
    "/%E2%80%AEx",
    "/.well-known/x",
    "/x#y",
    "/x?a#b",
    "/#",
    "/x#//evil.example/..?a=%5C",
    "/...",
};

static const char *const not_local[] = {
    "",
    "calendar",
    "?a=b",
    "#x",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "//evil.example/../..",
    "//../evil.example",
    "//..",
    "/%2Fevil.example/../..",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/ /evil.example",
    " /calendar",
    "/calendar ",
    "\t/calendar",
    "/x\x7f",
    "/x\x01",
    "https://evil.example",
    "http:evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/%2Fevil.example",
    "/%2fevil.example",
    "%2F%2Fevil.example",
    "/%5Cevil.example",
    "/%5cevil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%20/evil.example",
    "/%252Fevil.example",
    "/%25252Fevil.example",
    "/%255Cevil.example",
    "/%2509/evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "/a/b/../..//evil.example",
    "/%2e%2E//evil.example",
    "/%2e/%2e//evil.example",
    "/%252e%252e//evil.example",
    "/%2e%2e/%2Fevil.example",
    "/%2509%255Cevil.example",
    "/%00/evil.example",
    "/https://evil.example",
    "/%68ttp%3A//evil.example",
    "/x/../http:\\%5C",
    "//evil.example#/x",
    "/%2Fevil.example#",
    "#/x",
    "/x?a=b c",
    "/caf\xc3\xa9",
    "/\xe3\x80\x82",
};

START_TEST(test_local_paths)
{
    ck_assert_msg(gt_is_local_path(local[_i]), "%s", local[_i]);
}
END_TEST

START_TEST(test_paths_that_lead_away)
{
    ck_assert_msg(!gt_is_local_path(not_local[_i]), "%s", not_local[_i]);
}
END_TEST

START_TEST(what_may_not_stand_in_a_URL_is_escaped)
{
    ck_assert_str_eq(gt_url_escape_stray("/a b\\c\x7f?q=\xc3\xa4&d=%20\t\"<>^`{|}#e f", pool),
                     "/a%20b%5Cc%7F?q=%C3%A4&d=%20%09%22%3C%3E%5E%60%7B%7C%7D#e%20f");
    ck_assert_str_eq(gt_url_escape_stray("/!$&'()*+,-./:;=?@[]_~%zz#", pool),
                     "/!$&'()*+,-./:;=?@[]_~%zz#");
    ck_assert_str_eq(gt_url_escape_stray("", pool), "");
}
END_TEST

START_TEST(test_local_paths_have_a_length)
{
    char path[GT_LOCAL_PATH_MAX + 2];

    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[GT_LOCAL_PATH_MAX] = '\0';
    ck_assert_int_eq(gt_is_local_path(path), 1);
    path[GT_LOCAL_PATH_MAX] = 'a';
    path[GT_LOCAL_PATH_MAX + 1] = '\0';
    ck_assert_int_eq(gt_is_local_path(path), 0);
    ck_assert_int_eq(gt_is_local_path(NULL), 0);
}
END_TEST

/* ---- URLs ---- */

static const struct {
    const char *url, *origin;
    int is_safe;
} urls[] = {
    {"https://graph.microsoft.com", "https://graph.microsoft.com", 1},
    {"https://graph.microsoft.com/v1.0/me", "https://graph.microsoft.com", 1},
    {"HTTPS://Graph.Microsoft.COM:443/", "https://graph.microsoft.com", 1},
    {"https://example.com:8443?x=1", "https://example.com:8443", 1},
    {"https://example.com/a:b@c", "https://example.com", 1},
    {"https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443", 1},
    {"https://xn--caf-dma.example/", "https://xn--caf-dma.example", 1},
    {"http://localhost:8080/", "http://localhost:8080", 1},
    {"http://LOCALHOST/", "http://localhost", 1},
    {"http://127.0.0.1:80/", "http://127.0.0.1", 1},
    {"http://127.8.9.10/", "http://127.8.9.10", 1},
    {"http://[::1]/", "http://[::1]", 1},
    {"http://example.com/", "http://example.com", 0},
    {"http://127.0.0.1.evil.example/", "http://127.0.0.1.evil.example", 0},
    {"http://127.0.0.256/", "http://127.0.0.256", 0},
    {"http://127.0.0/", "http://127.0.0", 0},
    {"http://127.0.0.01/", "http://127.0.0.01", 0},
    {"http://127.0.0.1./", "http://127.0.0.1.", 0},
    {"http://127.1/", "http://127.1", 0},
    {"http://localhost.evil.example/", "http://localhost.evil.example", 0},
    {"http://[::2]/", "http://[::2]", 0},
    {NULL, NULL, 0},
    {"", NULL, 0},
    {"https", NULL, 0},
    {"https://", NULL, 0},
    {"https:///path", NULL, 0},
    {"https:/example.com", NULL, 0},
    {"//example.com/", NULL, 0},
    {"/path", NULL, 0},
    {"ftp://example.com/", NULL, 0},
    {"file:///etc/passwd", NULL, 0},
    {" https://example.com/", NULL, 0},
    {"https://example.com/ ", NULL, 0},
    {"https://example.com/a b", NULL, 0},
    {"https://example.com/\t", NULL, 0},
    {"https://example.com/\r\nX: y", NULL, 0},
    {"https://example.com/\x7f", NULL, 0},
    {"https://example.com/caf\xc3\xa9", NULL, 0},
    {"https://ex\xc3\xa4mple.com/", NULL, 0},
    {"https://example.com/#fragment", NULL, 0},
    {"https://example.com#@evil.example/", NULL, 0},
    {"https://example.com\\evil.example/", NULL, 0},
    {"https://example.com/\\x", NULL, 0},
    {"https://user@example.com/", NULL, 0},
    {"https://user:secret@example.com/", NULL, 0},
    {"https://example.com:443@evil.example/", NULL, 0},
    {"https://example.com:/", NULL, 0},
    {"https://example.com:0/", NULL, 0},
    {"https://example.com:65536/", NULL, 0},
    {"https://example.com:-1/", NULL, 0},
    {"https://example.com:80a/", NULL, 0},
    {"https://example.com:80:80/", NULL, 0},
    {"https://-example.com/", NULL, 0},
    {"https://.example.com/", NULL, 0},
    {"https://exa%6Dple.com/", NULL, 0},
    {"https://exam*ple.com/", NULL, 0},
    {"https://[::1/", NULL, 0},
    {"https://::1]/", NULL, 0},
    {"https://[]/", NULL, 0},
    {"https://[::g]/", NULL, 0},
    {"https://[::1]x/", NULL, 0},
    {"https://[fe80::1%25eth0]/", NULL, 0},
};

START_TEST(test_urls)
{
    char *origin = gt_url_origin(urls[_i].url, pool);

    ck_assert_msg(gt_url_is_safe(urls[_i].url) == urls[_i].is_safe, "%s", urls[_i].url);
    if (urls[_i].origin == NULL)
        ck_assert_msg(origin == NULL, "%s: %s", urls[_i].url, origin);
    else
        ck_assert_str_eq(origin, urls[_i].origin);
}
END_TEST

static const struct {
    const char *text;
    const char *origin;
} exact[] = {
    {"https://app.example.org", "https://app.example.org"},
    {"HTTPS://App.Example.org:443", "https://app.example.org"},
    {"http://app.example.org:443", "http://app.example.org:443"},
    {"http://[::1]:8080", "http://[::1]:8080"},
    {"capacitor://localhost", "capacitor://localhost"},
    {"Chrome-Extension://abcdef", "chrome-extension://abcdef"},
    {"tauri://localhost:8080", "tauri://localhost:8080"},
    {"https://app.example.org/", NULL},
    {"https://app.example.org?", NULL},
    {"https://app.example.org.", NULL},
    {"https://app.example.org.:443", NULL},
    {"https://app.example.org#", NULL},
    {"https://u@app.example.org", NULL},
    {"https://app.example.org:0", NULL},
    {"https://*.example.org", NULL},
    {"https://b\xc3\xbc.example", NULL},
    {"app.example.org", NULL},
    {"//app.example.org", NULL},
    {"null", NULL},
    {"none", NULL},
    {"*", NULL},
    {"", NULL},
    {"file://localhost", NULL},
    {"1a://host", NULL},
    {"a_b://host", NULL},
    {"ionic://", NULL},
    {"ionic://host/path", NULL},
    {"ionic://host.", NULL},
    {"ionic://host:x", NULL},
    {"ionic://host:80:80", NULL},
};

START_TEST(test_origins)
{
    char *origin = gt_url_exact_origin(exact[_i].text, pool);

    if (exact[_i].origin == NULL)
        ck_assert_msg(origin == NULL, "%s: %s", exact[_i].text, origin);
    else {
        ck_assert_ptr_nonnull(origin);
        ck_assert_str_eq(origin, exact[_i].origin);
        ck_assert_str_eq(gt_url_exact_origin(origin, pool), origin);
    }
}
END_TEST

START_TEST(test_urls_have_a_length)
{
    char *url = apr_pcalloc(pool, 9000);

    strcpy(url, "https://example.com/");
    memset(url + 20, 'a', 8192 - 20);
    ck_assert_int_eq(gt_url_is_safe(url), 1);
    url[8192] = 'a';
    ck_assert_int_eq(gt_url_is_safe(url), 0);
}
END_TEST

static const struct {
    const char *url, *base;
    int is_below;
} places[] = {
    {"https://g.example/v1.0/me", "https://g.example/v1.0", 1},
    {"https://g.example/v1.0/me?$skip=2", "https://g.example/v1.0/", 1},
    {"https://g.example/v1.0?x", "https://g.example/v1.0", 1},
    {"https://g.example/v1.0", "https://g.example/v1.0", 1},
    {"https://G.example:443/v1.0/me", "https://g.example/v1.0", 1},
    {"https://g.example/v1.0/me?x=../..", "https://g.example/v1.0", 1},
    {"https://g.example/any", "https://g.example", 1},
    {"https://g.example", "https://g.example/", 1},
    {"https://g.example/v1.0/a.b/..c", "https://g.example/v1.0", 1},
    {"https://g.example/v1.0evil", "https://g.example/v1.0", 0},
    {"https://g.example/beta/me", "https://g.example/v1.0", 0},
    {"https://g.example/V1.0/me", "https://g.example/v1.0", 0},
    {"https://g.example.evil.example/v1.0/me", "https://g.example/v1.0", 0},
    {"https://evilg.example/v1.0/me", "https://g.example/v1.0", 0},
    {"https://g.example:444/v1.0/me", "https://g.example/v1.0", 0},
    {"http://g.example/v1.0/me", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/../beta", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/..", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/./me", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/%2e%2e/beta", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/%2E./beta", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/x%2f..%2f..%2fbeta", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/%5c..%5c", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/%zz", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/%252e%252e/beta", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/x%25252f..%25252fbeta", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/%25252e%25252e%252f/%25zz", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/100%25/a%252520b", "https://g.example/v1.0", 1},
    {"/v1.0/me", "https://g.example/v1.0", 0},
    {"https://g.example/v1.0/me", "/v1.0", 0},
};

START_TEST(test_urls_below_others)
{
    ck_assert_msg(gt_url_is_below(places[_i].url, places[_i].base, pool) == places[_i].is_below,
                  "%s", places[_i].url);
}
END_TEST

START_TEST(test_a_query_is_appended)
{
    ck_assert_str_eq(gt_url_with_query("https://a/b", "c=d", pool), "https://a/b?c=d");
    ck_assert_str_eq(gt_url_with_query("https://a/b?x=y", "c=d", pool), "https://a/b?x=y&c=d");
    ck_assert_str_eq(gt_url_with_query("https://a/b?", "c=d", pool), "https://a/b?c=d");
    ck_assert_str_eq(gt_url_with_query("https://a/b?x&", "c=d", pool), "https://a/b?x&c=d");
    ck_assert_str_eq(gt_url_with_query("https://a/b", "", pool), "https://a/b");
    ck_assert_str_eq(gt_url_with_query("https://a/b", NULL, pool), "https://a/b");
}
END_TEST

/* ---- forms ---- */

START_TEST(test_a_form)
{
    gt_form_t *form = gt_form_make(pool);
    gt_secret_t *whole;

    ck_assert_str_eq(gt_form_text(form), "");
    gt_form_add(form, "scope", "openid User.Read");
    gt_form_add(form, "absent", NULL);
    gt_form_add(form, "a&b", "c=d/\xc3\xa9~");
    gt_form_add_secret(form, "code", gt_secret_make("x\0+&", 4, pool));
    gt_form_add_secret(form, "none", NULL);
    gt_form_add(form, "empty", "");
    ck_assert_str_eq(gt_form_text(form), "scope=openid%20User.Read&a%26b=c%3Dd%2F%C3%A9~&"
                                         "code=x%00%2B%26&empty=");
    whole = gt_form_secret(form);
    ck_assert_uint_eq(gt_secret_len(whole), strlen(gt_form_text(form)));
    ck_assert_str_eq(gt_secret_text(whole), gt_form_text(form));
}
END_TEST

START_TEST(test_a_large_form)
{
    gt_form_t *form = gt_form_make(pool);
    char value[1001];
    int i;

    memset(value, '%', 1000);
    value[1000] = '\0';
    for (i = 0; i < 100; i++)
        gt_form_add(form, "n", value);
    ck_assert_uint_eq(strlen(gt_form_text(form)), 100 * 3003 - 1);
    ck_assert_uint_eq(strspn(gt_form_text(form), "n=%25&"), 100 * 3003 - 1);
}
END_TEST

/* ---- queries ---- */

START_TEST(test_a_query)
{
    apr_table_t *pairs;

    ck_ok(gt_query_parse(&pairs, "code=a%2Bb&state=x+y&empty=&flag&n=caf%C3%A9", 5, pool));
    ck_assert_str_eq(apr_table_get(pairs, "code"), "a+b");
    ck_assert_str_eq(apr_table_get(pairs, "state"), "x y");
    ck_assert_str_eq(apr_table_get(pairs, "empty"), "");
    ck_assert_str_eq(apr_table_get(pairs, "flag"), "");
    ck_assert_str_eq(apr_table_get(pairs, "n"), "caf\xc3\xa9");
    ck_ok(gt_query_parse(&pairs, "", 5, pool));
    ck_assert(apr_is_empty_table(pairs));
    ck_ok(gt_query_parse(&pairs, NULL, 5, pool));
    ck_ok(gt_query_parse(&pairs, "a=b=c", 5, pool));
    ck_assert_str_eq(apr_table_get(pairs, "a"), "b=c");
}
END_TEST

static const struct {
    const char *text, *field;
} broken[] = {
    {"a=1&a=2", "a"},
    {"state=1&State=2", "State"},
    {"a=1&%61=2", "a"},
    {"a=%", "a"},
    {"a=%2", "a"},
    {"a=%zz", "a"},
    {"a=%00", "a"},
    {"a=%0d%0a", "a"},
    {"a=\n", "a"},
    {"a=%C3", "a"},
    {"a=%ED%A0%80", "a"},
    {"%0a=1", "query"},
    {"=1", "query"},
    {"a=1&", "query"},
    {"&a=1", "query"},
    {"a=1&&b=2", "query"},
    {"a=1&b=2&c=3&d=4", "query"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=%", "query"},
};

START_TEST(test_queries_that_are_none)
{
    apr_table_t *pairs;
    gt_err_t *err = gt_query_parse(&pairs, broken[_i].text, 3, pool);

    ck_fails(err, GT_INVALID, "GT0350");
    ck_assert_int_eq(err->fields->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(err->fields, 0, gt_field_error_t).field, broken[_i].field);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* A query of another party: what is not well-formed costs only itself, unless it is decisive. */
START_TEST(test_a_query_read_leniently)
{
    static const char *const strict[] = {"state", "code", NULL};
    static const char *const refused[] = {"state=a&State=b", "code=%ff", "code=a%00", "state=%zz"};
    static const char text[] = "error=access_denied&text=AADSTS65004%3a+no.%0d%0aTrace&"
                               "odd=%e4%b8%ad%ff&broken=a%zz&state=x&twice=1&twice=2&=none&%ff=x&&"
                               "flag";
    apr_table_t *pairs;

    ck_ok(gt_query_parse_leniently(&pairs, text, 20, strict, pool));
    ck_assert_str_eq(apr_table_get(pairs, "error"), "access_denied");
    ck_assert_str_eq(apr_table_get(pairs, "text"), "AADSTS65004: no.");
    ck_assert_str_eq(apr_table_get(pairs, "odd"), "\xe4\xb8\xad");
    ck_assert_str_eq(apr_table_get(pairs, "broken"), "a");
    ck_assert_str_eq(apr_table_get(pairs, "state"), "x");
    ck_assert_str_eq(apr_table_get(pairs, "flag"), "");
    ck_assert_int_eq(apr_table_elts(pairs)->nelts, 7);
    ck_ok(gt_query_parse_leniently(&pairs, "a=1&b=2&c=3", 2, strict, pool));
    ck_assert_ptr_null(apr_table_get(pairs, "c"));
    for (size_t i = 0; i < COUNT(refused); i++)
        ck_fails(gt_query_parse_leniently(&pairs, refused[i], 9, strict, pool), GT_INVALID,
                 "GT0350");
}
END_TEST

/* A colon in either part does not part them; a copy is added to by itself. */
START_TEST(test_what_clients_show)
{
    gt_form_t *form = gt_form_make(pool), *copy;

    ck_assert_str_eq(gt_secret_text(gt_form_basic("a:b", gt_secret_from("c =:&%", pool), pool)),
                     "a%3Ab:c%20%3D%3A%26%25");
    gt_form_add(form, "a", "1");
    copy = gt_form_copy(form, pool);
    gt_form_add(copy, "b", "2");
    ck_assert_str_eq(gt_form_text(form), "a=1");
    ck_assert_str_eq(gt_form_text(copy), "a=1&b=2");
}
END_TEST

Suite *suite_url(void)
{
    Suite *suite = suite_create("url");
    TCase *tcase = case_with_pool(suite, "url");

    tcase_add_loop_test(tcase, test_local_paths, 0, COUNT(local));
    tcase_add_loop_test(tcase, test_paths_that_lead_away, 0, COUNT(not_local));
    tcase_add_test(tcase, test_a_query_read_leniently);
    tcase_add_test(tcase, what_may_not_stand_in_a_URL_is_escaped);
    tcase_add_test(tcase, test_local_paths_have_a_length);
    tcase_add_loop_test(tcase, test_urls, 0, COUNT(urls));
    tcase_add_loop_test(tcase, test_origins, 0, COUNT(exact));
    tcase_add_test(tcase, test_urls_have_a_length);
    tcase_add_loop_test(tcase, test_urls_below_others, 0, COUNT(places));
    tcase_add_test(tcase, test_a_query_is_appended);
    tcase = case_with_pool(suite, "form");
    tcase_add_test(tcase, test_a_form);
    tcase_add_test(tcase, test_a_large_form);
    tcase_add_test(tcase, test_what_clients_show);
    tcase_add_test(tcase, test_a_query);
    tcase_add_loop_test(tcase, test_queries_that_are_none, 0, COUNT(broken));
    return suite;
}
