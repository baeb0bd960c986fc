/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What an account's refusals mean, and what their administrator is told. */

#include "gt_test.h"

#include <string.h>

#include <apr_strings.h>

#include "oauth/kind.h"
#include "oauth/token.h"
#include "vault/flow/flows.h"

Suite *suite_password(void);

static gt_err_t *refusal(const char *error, int number)
{
    const char *body =
        apr_psprintf(pool, "{\"error\": \"%s\", \"error_codes\": [%d]}", error, number);
    int status = strcmp(error, "invalid_client") == 0 ? 401 : 400;

    return gt_flow_password.refused(
        gt_token_verdict(gt_kind_microsoft.refusals, status, body, strlen(body), 0, pool));
}

static const struct {
    int number;
    const char *advice;
} refusals[] = {
    {50126, "correct GraphTokAccountUser, or what GraphTokAccountPassword gives"},
    {50034, "personal accounts and guests cannot be used"},
    {50053, "wait until the provider unlocks it"},
    {50055, "set a new password"},
    {50057, "enable the account"},
    {50072, "a second factor"},
    {50074, "a second factor"},
    {50076, "a second factor"},
    {50079, "a second factor"},
    {50158, "a second factor"},
    {53003, "Conditional Access"},
    {530034, "security defaults"},
    {65001, "delegated (not application) permissions"},
    {50105, "assign the account"},
    {50173, "the provider's administration"},
    {999999, "the provider's administration"},
};

START_TEST(each_says_what_to_do_and_touches_no_other_user)
{
    gt_err_t *err = refusal("invalid_grant", refusals[_i].number);

    ck_assert_str_eq(err->tag, "GT0622");
    ck_assert_int_eq(err->cls, GT_CLIENT_BROKEN);
    ck_assert_int_eq(err->extent, GT_EXTENT_USER);
    ck_assert_ptr_nonnull(strstr(err->detail, refusals[_i].advice));
    ck_assert_str_eq(err->code, apr_psprintf(pool, "AADSTS%d", refusals[_i].number));
}
END_TEST

/* Where the grant itself is not allowed, people can still sign in by the same registration. */
START_TEST(a_fault_of_the_registration_is_this_grants_alone)
{
    gt_err_t *err = refusal("invalid_client", 7000218);

    ck_assert_int_eq(err->cls, GT_CLIENT_BROKEN);
    ck_assert_int_eq(err->extent, GT_EXTENT_CALL);
    ck_assert_ptr_nonnull(strstr(err->detail, "allow public client flows"));
    err = refusal("invalid_scope", 70011);
    ck_assert_int_eq(err->extent, GT_EXTENT_CALL);
    err = refusal("invalid_client", 7000222);
    ck_assert_int_eq(err->extent, GT_EXTENT_REGISTRATION);
}
END_TEST

START_TEST(a_provider_in_trouble_has_refused_nothing)
{
    gt_err_t *err = refusal("temporarily_unavailable", 90033);

    ck_assert_int_eq(err->cls, GT_UPSTREAM);
    err = refusal("temporarily_unavailable", 90055);
    ck_assert_int_eq(err->cls, GT_THROTTLED);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *suite_password(void)
{
    Suite *suite = suite_create("password");
    TCase *tcase = case_with_pool(suite, "refusals");

    tcase_add_loop_test(tcase, each_says_what_to_do_and_touches_no_other_user, 0, ROWS(refusals));
    tcase_add_test(tcase, a_fault_of_the_registration_is_this_grants_alone);
    tcase_add_test(tcase, a_provider_in_trouble_has_refused_nothing);
    return suite;
}
