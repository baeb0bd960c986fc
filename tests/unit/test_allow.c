/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Rules of GraphTokAllow: how they are written, and which requests they allow. */

#include "gt_test.h"

#include "conf/allow.h"

Suite *suite_allow(void);

/* A rule as it is written, and as it is shown. */
static const struct {
    const char *text, *shown;
} good[] = {
    {"GET /calendar", "GET /calendar"},
    {"GET /calendar/", "GET /calendar"},
    {"PATCH GET PATCH /calendar/events/*", "GET PATCH /calendar/events/*"},
    {"DELETE PUT POST /a/*/b/**", "POST PUT DELETE /a/*/b/**"},
    {"GET /**", "GET /**"},
    {"GET /", "GET /"},
    {"GET /caf\xC3\xA9/...", "GET /caf\xC3\xA9/..."},
    {"GET /users('it''s')/delta()", "GET /users/it's/delta"},
    {"GET /a claim:roles=agent claim:a.b=c=d", "GET /a claim:roles=agent claim:a.b=c=d"},
};

START_TEST(test_rules_are_read)
{
    gt_allow_t rule;
    const char *why = NULL;

    ck_assert_int_eq(gt_allow_parse(&rule, good[_i].text, &why, pool), 1);
    ck_assert_str_eq(gt_allow_text(&rule, pool), good[_i].shown);
}
END_TEST

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "it needs one method or more, and a path"},
    {"GET", "it needs one method or more"},
    {"/calendar", "it needs one method or more"},
    {"get /calendar", "'get' is no method"},
    {"GET HEAD /calendar", "HEAD goes with GET"},
    {"OPTIONS /calendar", "'OPTIONS' is no method"},
    {"GET /a /b", "'/a' is no method"},
    {"GET calendar", "begins with '/'"},
    {"GET /a//b", "two slashes in a row"},
    {"GET //", "two slashes in a row"},
    {"GET /a/../b", "cannot be '.' or '..'"},
    {"GET /.", "cannot be '.' or '..'"},
    {"GET /a/**/b", "stands at its end"},
    {"GET /**/", "stands at its end"},
    {"GET /a*", "a whole segment"},
    {"GET /a/***", "a whole segment"},
    {"GET /a%2Fb", "has no blanks, '%'"},
    {"GET /a?b", "has no blanks"},
    {"GET /a\\b", "has no blanks"},
    {"GET /\xFF", "no UTF-8"},
    {"GET /a claim:roles", "is no claim"},
    {"GET /a claim:=x", "is no claim"},
    {"GET /a claim:x=", "is no claim"},
    {"GET claim:x=y", "it needs one method or more"},
    {"claim:x=y GET /a", "'claim:x=y' is no method"},
};

START_TEST(test_slips_are_named)
{
    gt_allow_t rule;
    const char *why = NULL;

    ck_assert_int_eq(gt_allow_parse(&rule, bad[_i].text, &why, pool), 0);
    ck_assert_msg(strstr(why, bad[_i].why) != NULL, "%s", why);
}
END_TEST

/* Requests under the rules of `rules_of`. */
static const struct {
    const char *method, *path;
    int is_allowed;
} requests[] = {
    {"GET", "/calendar/events", 1},
    {"GET", "/calendar/events/", 1},
    {"GET", "/calendar/events/AA=", 1},
    {"GET", "/calendar/events/AA%2FB", 1},
    {"GET", "/calendar/events/AA/instances", 1},
    {"GET", "/calendar/events/a;b/c", 1},
    {"PATCH", "/calendar/events/AA%2fB", 1},
    {"GET", "/auth/token", 1},
    {"GET", "/x/y/z", 1},
    {"POST", "/calendar/events", 0},
    {"DELETE", "/calendar/events/AA", 0},
    {"PATCH", "/calendar/events", 0},
    {"PATCH", "/calendar/events/", 0},
    {"PATCH", "/calendar/events/AA/instances", 0},
    {"HEAD", "/calendar/events", 0}, /* a caller says GET for it */
    {"get", "/calendar/events", 0},
    {"", "/calendar/events", 0},
    {"GET", "/calendar", 0},
    {"GET", "/calendar/Events", 0},
    {"GET", "/calendar/events;x", 0},
    {"GET", "/calendar/events2", 0},
    {"GET", "/calendar/event", 0},
    {"GET", "/calendar//events", 0},
    {"GET", "/calendar/events//", 0},
    {"GET", "/calendar/events//AA", 0},
    {"GET", "/calendar/events/../next24", 0},
    {"GET", "/calendar/events/.", 0},
    {"GET", "/calendar%2Fevents", 0},
    {"GET", "/calendar/events%2FAA", 0},
    {"GET", "/calendar/%65vents", 0},
    {"GET", "/calendar/events/\xFF", 0},
    {"GET", "/auth/token/x", 0},
    {"GET", "/x/y", 0},
    {"GET", "/x//z", 0},
    {"GET", "x/y/z", 0},
    {"GET", "/", 0},
    {"GET", "", 0},
};

static const apr_array_header_t *rules_of(void)
{
    static const char *const texts[] = {"GET /calendar/events/**", "PATCH /calendar/events/*",
                                        "GET /auth/token", "GET /x/*/z"};
    apr_array_header_t *rules = apr_array_make(pool, 4, sizeof(gt_allow_t));

    for (int i = 0; i < 4; i++) {
        const char *why;

        ck_assert_int_eq(gt_allow_parse(apr_array_push(rules), texts[i], &why, pool), 1);
    }
    return rules;
}

START_TEST(test_what_is_allowed)
{
    ck_assert_int_eq(gt_allow_fits(rules_of(), requests[_i].method, requests[_i].path, NULL, pool),
                     requests[_i].is_allowed);
    ck_assert_int_eq(gt_allow_fits(NULL, requests[_i].method, requests[_i].path, NULL, pool), 0);
}
END_TEST

START_TEST(test_the_root_is_a_path)
{
    static const char *const patterns[] = {"GET /", "GET /**"};

    for (int i = 0; i < 2; i++) {
        apr_array_header_t *rules = apr_array_make(pool, 1, sizeof(gt_allow_t));
        const char *why;

        ck_assert_int_eq(gt_allow_parse(apr_array_push(rules), patterns[i], &why, pool), 1);
        ck_assert_int_eq(gt_allow_fits(rules, "GET", "/", NULL, pool), 1);
        ck_assert_int_eq(gt_allow_fits(rules, "GET", "/x", NULL, pool), i);
    }
}
END_TEST

/* Keys in parentheses are segments, on both sides. */
static const struct {
    const char *pattern, *path;
    int is_allowed;
} keys[] = {
    {"GET /users/*/calendar", "/users('a@x')/calendar", 1},
    {"GET /users/*/calendar", "/users(id='a')/calendar", 1},
    {"GET /users('a')/calendar", "/users/a/calendar", 1},
    {"GET /users/it's/x", "/users('it''s')/x", 1},
    {"GET /me/*", "/me/messages('a')", 0},
    {"GET /me/*", "/me/delta()", 1},
    {"GET /me/*/*", "/me/messages('a')", 1},
    {"GET /users/*/calendar", "/users('')/calendar", 0},
    {"GET /users/*/calendar", "/users('..')/calendar", 0},
    {"GET /users/**", "/users('..')", 0},
    {"GET /a/*", "/a/(x)", 1},
    {"GET /a/*", "/a/x)", 1},
};

START_TEST(test_keys_are_segments)
{
    apr_array_header_t *rules = apr_array_make(pool, 1, sizeof(gt_allow_t));
    const char *why;

    ck_assert_int_eq(gt_allow_parse(apr_array_push(rules), keys[_i].pattern, &why, pool), 1);
    ck_assert_int_eq(gt_allow_fits(rules, "GET", keys[_i].path, NULL, pool), keys[_i].is_allowed);
}
END_TEST

static const struct {
    const char *claims; /* NULL: none */
    int is_allowed;
} callers[] = {
    {NULL, 0},
    {"{}", 0},
    {"{\"roles\": \"agent\"}", 0},
    {"{\"roles\": \"agent\", \"level\": 2}", 1},
    {"{\"roles\": [\"x\", \"agent\"], \"level\": \"2\"}", 1},
    {"{\"roles\": [\"agents\"], \"level\": 2}", 0},
    {"{\"roles\": \"x agent\", \"level\": 2}", 0},
};

START_TEST(test_all_claims_of_a_rule_must_hold)
{
    apr_array_header_t *rules = apr_array_make(pool, 1, sizeof(gt_allow_t));
    const char *text = callers[_i].claims, *why;
    json_t *claims = NULL;

    if (text != NULL)
        ck_assert_ptr_null(gt_json_parse(&claims, text, strlen(text), pool));
    ck_assert_int_eq(
        gt_allow_parse(apr_array_push(rules), "GET /a claim:roles=agent claim:level=2", &why, pool),
        1);
    ck_assert_int_eq(gt_allow_fits(rules, "GET", "/a", claims, pool), callers[_i].is_allowed);
}
END_TEST

static const struct {
    const char *pattern, *place;
    int reaches;
} places[] = {
    {"GET /calendar/**", "/calendar", 1},
    {"GET /calendar", "/calendar", 1},
    {"GET /calendar/events", "/calendar", 1},
    {"GET /**", "/a/b", 1},
    {"GET /*/events", "/calendar", 1},
    {"GET /x", "", 1},
    {"GET /calendar", "/calendar/sub", 0},
    {"GET /calender/**", "/calendar", 0},
    {"GET /cal", "/calendar", 0},
    {"GET /", "/calendar", 0},
};

START_TEST(test_what_a_rule_reaches)
{
    gt_allow_t rule;
    const char *why;

    ck_assert_int_eq(gt_allow_parse(&rule, places[_i].pattern, &why, pool), 1);
    ck_assert_int_eq(gt_allow_reaches(&rule, places[_i].place), places[_i].reaches);
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof((list)[0]))

Suite *suite_allow(void)
{
    Suite *suite = suite_create("allow");
    TCase *tests = case_with_pool(suite, "allow");

    tcase_add_loop_test(tests, test_rules_are_read, 0, COUNT(good));
    tcase_add_loop_test(tests, test_slips_are_named, 0, COUNT(bad));
    tcase_add_loop_test(tests, test_what_is_allowed, 0, COUNT(requests));
    tcase_add_loop_test(tests, test_keys_are_segments, 0, COUNT(keys));
    tcase_add_loop_test(tests, test_all_claims_of_a_rule_must_hold, 0, COUNT(callers));
    tcase_add_test(tests, test_the_root_is_a_path);
    tcase_add_loop_test(tests, test_what_a_rule_reaches, 0, COUNT(places));
    return suite;
}
