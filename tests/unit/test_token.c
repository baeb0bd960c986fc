/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Reading the token endpoint's good answer: strict about the token, lenient about the rest. */

#include "gt_test.h"

#include "base/secret.h"
#include "oauth/token.h"

Suite *suite_token(void);

#define NOW apr_time_from_sec(1800000000)

static gt_tokens_t tokens;

static gt_err_t *parse(const char *body)
{
    return gt_token_parse(&tokens, body, strlen(body), NOW, pool);
}

START_TEST(a_whole_answer)
{
    ck_ok(parse("{\"token_type\":\"Bearer\",\"scope\":\"https://graph.microsoft.com/User.Read\","
                "\"expires_in\":4711,\"ext_expires_in\":4711,\"access_token\":\"eyJ.a.b\","
                "\"refresh_token\":\"0.AX-\",\"id_token\":\"x.y.z\",\"new\":[1]}"));
    ck_assert_str_eq(gt_secret_text(tokens.access), "eyJ.a.b");
    ck_assert_str_eq(gt_secret_text(tokens.refresh), "0.AX-");
    ck_assert_str_eq(gt_secret_text(tokens.id_token), "x.y.z");
    ck_assert_str_eq(tokens.scope, "https://graph.microsoft.com/User.Read");
    ck_assert_int_eq(tokens.expires_at, NOW + apr_time_from_sec(4711));
    ck_assert_int_eq(tokens.received, NOW);
}
END_TEST

START_TEST(the_least_answer)
{
    ck_ok(parse("{\"access_token\":\"EwB+/=\"}"));
    ck_assert_str_eq(gt_secret_text(tokens.access), "EwB+/=");
    ck_assert_ptr_null(tokens.refresh);
    ck_assert_ptr_null(tokens.id_token);
    ck_assert_ptr_null(tokens.scope);
    ck_assert_int_eq(tokens.expires_at, NOW + apr_time_from_sec(3600));
}
END_TEST

/* member and the life (s) that comes of it */
static const struct {
    const char *expires_in;
    int life;
} lives[] = {
    {"\"3599\"", 3599}, {"3599", 3599},     {"0", 3600},     {"-5", 3600},
    {"null", 3600},     {"\"soon\"", 3600}, {"1e300", 3600}, {"99999999999", 3600},
    {"[]", 3600},       {"100800", 100800}, {"1", 1},        {"\"\"", 3600},
};

START_TEST(an_absurd_life_does_not_cost_the_refresh_token)
{
    ck_ok(parse(apr_psprintf(pool,
                             "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"expires_in\":%s}",
                             lives[_i].expires_in)));
    ck_assert_int_eq(tokens.expires_at, NOW + apr_time_from_sec(lives[_i].life));
    ck_assert_str_eq(gt_secret_text(tokens.refresh), "r");
}
END_TEST

static const struct {
    const char *body;
    const char *tag;
} rubbish[] = {
    {"", "GT0510"},
    {"<html>", "GT0510"},
    {"[\"access_token\"]", "GT0510"},
    {"{\"access_token\":\"a\"", "GT0510"},
    {"{}", "GT0511"},
    {"{\"access_token\":\"\"}", "GT0511"},
    {"{\"access_token\":null}", "GT0511"},
    {"{\"access_token\":17}", "GT0511"},
    {"{\"access_token\":\"a b\"}", "GT0511"},
    {"{\"access_token\":\"a\\r\\nX-Evil: 1\"}", "GT0511"},
    {"{\"access_token\":\"\\u00e4\"}", "GT0511"},
    {"{\"access_token\":\"a\",\"token_type\":\"pop\"}", "GT0511"},
    {"{\"error\":\"invalid_grant\"}", "GT0511"},
};

START_TEST(rubbish_is_a_fault_of_the_provider)
{
    ck_fails(parse(rubbish[_i].body), GT_UPSTREAM, rubbish[_i].tag);
}
END_TEST

/* Members beside the tokens, which are read all the same. */
static const char *const oddities[] = {
    "\"foci\":\"1\",\"foci\":\"1\"",
    "\"client_info\":\"a\\u0000b\"",
    "\"x\":\"\\ud800\"",
    "\"ext_expires_in\":1e999",
    "\"ext_expires_in\":NaN",
    "\"x\":99999999999999999999",
    "\"x\":\"\xff\"",
    "\"scope\":\"a\\u0000\"",
    "\"expires_in\":1e999",
    "\"id_token\":\"\\ud800\"",
    "\"access_token\":\"old\"",
    "\"refresh_token\":\"old\"",
};

START_TEST(an_oddity_does_not_cost_the_tokens)
{
    ck_ok(parse(apr_psprintf(pool,
                             "\xef\xbb\xbf{%s,\"access_token\":\"a\",\"refresh_token\":"
                             "\"r\"}\r\n\r\n",
                             oddities[_i])));
    ck_assert_str_eq(gt_secret_text(tokens.access), "a");
    ck_assert_str_eq(gt_secret_text(tokens.refresh), "r");
    ck_assert_int_eq(tokens.expires_at, NOW + apr_time_from_sec(3600));
}
END_TEST

static const char *const no_access[] = {
    "",
    "\"access_token\":null,",
    "\"access_token\":\"a b\",",
    "\"access_token\":\"a\\u0000\",",
    "\"access_token\":\"a\",\"token_type\":\"DPoP\",",
    "\"error\":\"server_error\",",
};

START_TEST(a_refresh_token_is_kept_without_an_access_token)
{
    ck_ok(parse(apr_psprintf(pool, "{%s\"refresh_token\":\"r\"}", no_access[_i])));
    ck_assert_ptr_null(tokens.access);
    ck_assert_str_eq(gt_secret_text(tokens.refresh), "r");
    ck_assert_int_eq(tokens.expires_at, NOW);
    ck_fails(gt_tokens_usable(&tokens, pool), GT_UPSTREAM, "GT0511");
}
END_TEST

START_TEST(a_token_may_be_long_but_not_endless)
{
    char *longest = apr_palloc(pool, 64 * 1024 + 2);

    memset(longest, 'a', 64 * 1024 + 1);
    longest[64 * 1024 + 1] = '\0';
    ck_fails(parse(apr_psprintf(pool, "{\"access_token\":\"%s\"}", longest)), GT_UPSTREAM,
             "GT0511");
    longest[64 * 1024] = '\0';
    ck_ok(parse(apr_psprintf(pool, "{\"access_token\":\"%s\"}", longest)));
    ck_assert_uint_eq(gt_secret_len(tokens.access), 64 * 1024);
}
END_TEST

START_TEST(no_body_is_no_answer)
{
    ck_fails(gt_token_parse(&tokens, NULL, 0, NOW, pool), GT_UPSTREAM, "GT0510");
}
END_TEST

START_TEST(what_cannot_be_a_header_or_shown_is_left_out)
{
    ck_ok(parse("{\"access_token\":\"a\",\"token_type\":\"bearer\",\"scope\":\"a\\nb\","
                "\"refresh_token\":\"r\\u0001\",\"id_token\":7}"));
    ck_assert_ptr_null(tokens.scope);
    ck_assert_ptr_null(tokens.refresh);
    ck_assert_ptr_null(tokens.id_token);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *suite_token(void)
{
    Suite *suite = suite_create("token");
    TCase *tcase = case_with_pool(suite, "parse");

    tcase_add_test(tcase, a_whole_answer);
    tcase_add_test(tcase, the_least_answer);
    tcase_add_loop_test(tcase, an_absurd_life_does_not_cost_the_refresh_token, 0, ROWS(lives));
    tcase_add_loop_test(tcase, rubbish_is_a_fault_of_the_provider, 0, ROWS(rubbish));
    tcase_add_loop_test(tcase, an_oddity_does_not_cost_the_tokens, 0, ROWS(oddities));
    tcase_add_loop_test(tcase, a_refresh_token_is_kept_without_an_access_token, 0, ROWS(no_access));
    tcase_add_test(tcase, a_token_may_be_long_but_not_endless);
    tcase_add_test(tcase, no_body_is_no_answer);
    tcase_add_test(tcase, what_cannot_be_a_header_or_shown_is_left_out);
    return suite;
}
