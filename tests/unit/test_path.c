/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Paths against patterns: what fits, what its holes are, and what cannot be smuggled through
 * one. */

#include "gt_test.h"
#include "net/path.h"

Suite *suite_path(void);

/* Fits; its holes and its tail, "-" for one that is none. */
static const struct {
    const char *pattern, *path, *first, *second, *tail;
} good[] = {
    {"/", "/", "-", "-", "-"},
    {"/login", "/login", "-", "-", "-"},
    {"/login/{}", "/login/microsoft", "microsoft", "-", "-"},
    {"/{}/tokens", "/microsoft/tokens", "microsoft", "-", "-"},
    {"/events/{}/extensions/{}", "/events/a b/extensions/c", "a b", "c", "-"},
    {"/events/{}", "/events/AA%2fB%2FC=", "AA/B/C=", "-", "-"},
    {"/events/{}", "/events/%2F", "/", "-", "-"},
    {"/events/{}", "/events/%2", "%2", "-", "-"},
    {"/events/{}", "/events/..", "..", "-", "-"},
    {"/{*}", "/me", "-", "-", "me"},
    {"/{*}", "/me/messages/AAMk=", "-", "-", "me/messages/AAMk="},
    {"/drive/{*}", "/drive/root:/a b/\xC3\xA4.txt:/content", "-", "-",
     "root:/a b/\xC3\xA4.txt:/content"},
    {"/users/{}/{*}", "/users/a%2Fb/x/...", "a/b", "-", "x/..."},
    {"/{*}", "/%41/%2", "-", "-", "%41/%2"},
};

START_TEST(test_what_fits)
{
    gt_path_match_t match;

    ck_assert_int_eq(gt_path_fits(&match, good[_i].pattern, good[_i].path, pool), 1);
    ck_assert_str_eq(match.holes[0] ? match.holes[0] : "-", good[_i].first);
    ck_assert_str_eq(match.holes[1] ? match.holes[1] : "-", good[_i].second);
    ck_assert_str_eq(match.tail ? match.tail : "-", good[_i].tail);
}
END_TEST

static const struct {
    const char *pattern, *path;
} bad[] = {
    {"/", "/x"},
    {"/login", "/"},
    {"/login", "/Login"},
    {"/login", "/login/x"},
    {"/login", "/logins"},
    {"/login/{}", "/login"},
    {"/login/{}", "/login/"},
    {"/login/{}", "/login//"},
    {"/login/{}", "/login/a/b"},
    {"/login/{}", "/login/\xFF"},
    {"/{}/tokens", "//tokens"},
    {"/{*}", "/"},
    {"/{*}", "//"},
    {"/{*}", "/a//b"},
    {"/{*}", "/a/"},
    {"/{*}", "/."},
    {"/{*}", "/.."},
    {"/{*}", "/a/../b"},
    {"/{*}", "/a/b/.."},
    {"/{*}", "/a/./b"},
    {"/{*}", "/a%2Fb"},
    {"/{*}", "/a/..%2f..%2Fb"},
    {"/{*}", "/a\\..\\b"},
    {"/{*}", "/a\nb"},
    {"/{*}", "/a\x7F"},
    {"/{*}", "/a/\xC3"},
    {"/drive/{*}", "/drive"},
    {"/drive/{*}", "/drives/x"},
    {"/users/{}/{*}", "/users/x"},
};

START_TEST(test_what_does_not)
{
    gt_path_match_t match;

    ck_assert_int_eq(gt_path_fits(&match, bad[_i].pattern, bad[_i].path, pool), 0);
}
END_TEST

START_TEST(test_a_match_leaves_nothing_of_the_one_before)
{
    gt_path_match_t match;

    ck_assert_int_eq(gt_path_fits(&match, "/{}/{*}", "/a/b", pool), 1);
    ck_assert_int_eq(gt_path_fits(&match, "/a/b", "/a/b", pool), 1);
    ck_assert_ptr_null(match.holes[0]);
    ck_assert_ptr_null(match.tail);
}
END_TEST

Suite *suite_path(void)
{
    Suite *suite = suite_create("path");
    TCase *tcase = case_with_pool(suite, "path");

    tcase_add_loop_test(tcase, test_what_fits, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, test_what_does_not, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tcase, test_a_match_leaves_nothing_of_the_one_before);
    return suite;
}
