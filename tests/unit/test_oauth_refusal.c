/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What a refusal of the token endpoint means, for every number Microsoft documents that a client
 * like ours can meet, and for what Google and rubbish look like. */

#include "gt_test.h"

#include "oauth/kind.h"
#include "oauth/oauth_refusal.h"
#include "oauth/token.h"

Suite *suite_oauth_refusal(void);

typedef struct number_case_t {
    const char *error;
    const char *suberror;
    gt_class_t cls;
    const char *numbers; /* blank-separated */
} number_case_t;

static const number_case_t number_cases[] = {
    {"interaction_required", NULL, GT_INTERACTION, "16000"},
    {"invalid_scope", NULL, GT_CLIENT_BROKEN, "28000 700022 28002 28003 70011 1002012"},
    {"temporarily_unavailable", NULL, GT_UPSTREAM,
     "40010 50033 50087 70012 80002 80005 90006 90012 90033 90090"},
    {"temporarily_unavailable", NULL, GT_THROTTLED, "90024 90055"},
    {"invalid_resource", NULL, GT_CLIENT_BROKEN, "50001 500011"},
    {"invalid_request", NULL, GT_CLIENT_BROKEN, "50011"},
    {"invalid_grant", NULL, GT_REFUSED, "50013 500133"},
    {"invalid_grant", NULL, GT_REFUSED, "50020 90072 51004 500207 500208 500212 500213"},
    {"invalid_client", NULL, GT_CLIENT_BROKEN, "50012 50027"},
    {"invalid_grant", "bad_token", GT_REFUSED, "50034"},
    {"invalid_instance", NULL, GT_CLIENT_BROKEN, "50049 50050"},
    {"invalid_grant", NULL, GT_THROTTLED, "50053 50196"},
    {"invalid_grant", "user_password_expired", GT_INTERACTION, "50055"},
    {"invalid_grant", NULL, GT_REFUSED, "50057"},
    {"login_required", NULL, GT_INTERACTION, "50058"},
    {"invalid_grant", "basic_action", GT_INTERACTION, "50072 50074 50076 50078 50079"},
    {"interaction_required", NULL, GT_INTERACTION, "50072 50074 50076 50078 50079"},
    {"invalid_grant", "message_only", GT_INTERACTION,
     "50097 53000 53001 53002 53003 530032 530034 530035"},
    {"invalid_grant", NULL, GT_REFUSED, "50105 50126"},
    {"invalid_grant", NULL, GT_SIGN_IN, "50085 50089 50132 50133"},
    {"interaction_required", NULL, GT_INTERACTION, "50085 50089 50131 50132 50133 50140 50158"},
    {"invalid_grant", NULL, GT_INTERACTION, "50131 50140 50158"},
    {"invalid_grant", NULL, GT_REFUSED, "50147 50148 501481 501491"},
    {"invalid_grant", "bad_token", GT_SIGN_IN, "50173"},
    {"unauthorized_client", NULL, GT_CLIENT_BROKEN, "50194"},
    {"invalid_grant", NULL, GT_SIGN_IN, "54005 700005"},
    {"invalid_grant", "consent_required", GT_INTERACTION, "65001"},
    {"access_denied", NULL, GT_INTERACTION, "65004"},
    {"invalid_client", NULL, GT_CLIENT_BROKEN, "65002 65005 650052 650054 650056 650057 90008"},
    {"invalid_grant", NULL, GT_SIGN_IN, "70000"},
    {"unauthorized_client", NULL, GT_CLIENT_BROKEN, "70001 700011 700016"},
    {"invalid_client", NULL, GT_CLIENT_BROKEN, "70002"},
    {"invalid_grant", NULL, GT_SIGN_IN, "70002"},
    {"unsupported_grant_type", NULL, GT_CLIENT_BROKEN, "70003 70007 700054"},
    {"invalid_grant", "token_expired", GT_SIGN_IN, "70008"},
    {"authorization_pending", NULL, GT_THROTTLED, "70016"},
    {"bad_verification_code", NULL, GT_REFUSED, "70018 70019 70020"},
    {"invalid_client", NULL, GT_CLIENT_BROKEN, "70021 700025 700027"},
    {"invalid_client", NULL, GT_CLIENT_BROKEN,
     "700030 7000112 900971 9002332 90038 900382 900432 900439"},
    {"invalid_grant", "bad_token", GT_SIGN_IN, "70043"},
    {"invalid_grant", NULL, GT_SIGN_IN, "700081 700082 700084"},
    {"invalid_client", NULL, GT_CLIENT_BROKEN, "7000215 7000218 7000222"},
    {"invalid_tenant", NULL, GT_CLIENT_BROKEN, "90002"},
    {"invalid_request", NULL, GT_CLIENT_BROKEN,
     "90009 90010 90013 90014 900144 90015 90056 900561 901002 9001023 70004 50059 50128 90019"},
    {"invalid_request", NULL, GT_CLIENT_BROKEN, "90023 9002313"},
    {"invalid_grant", "bad_token", GT_SIGN_IN, "90023 9002313"},
    {"invalid_request", NULL, GT_CLIENT_BROKEN, "9002325 9002326 9002327"},
    {"server_error", NULL, GT_UPSTREAM, "90036"},
    {"access_denied", NULL, GT_INTERACTION, "90093 90094 90095"},
};

/* Whose trouble each number is; what is not listed is its user's. */
typedef struct extent_case_t {
    gt_extent_t extent;
    const char *numbers;
} extent_case_t;

static const extent_case_t extents[] = {
    {GT_EXTENT_REGISTRATION,
     "7000215 7000218 7000222 700025 700027 700030 70021 50012 50027 50049 50050 50194"},
    {GT_EXTENT_TENANT, "70001 700011 700016 7000112 7000229 65002 65005 650051 650052 650053 "
                       "650054 650056 650057 50001 500011 90008 28000 28002 28003 70011 700022 "
                       "1002012 50059 50128 90002 90019 90038 900382 900432 900439 9002332 90055"},
    {GT_EXTENT_CALL,
     "50011 70004 90009 900971 9002325 9002326 9002327 70003 70007 700054 90010 90013 "
     "90014 90015 90056 900144 900561 901002 9001023"},
    {GT_EXTENT_PROVIDER, "40010 50033 50087 70012 80002 80005 90006 90012 90033 90090 90024 90036"},
};

static gt_extent_t extent_of(const char *number)
{
    for (size_t i = 0; i < sizeof(extents) / sizeof(extents[0]); i++)
        if (strstr(apr_pstrcat(pool, " ", extents[i].numbers, " ", NULL),
                   apr_pstrcat(pool, " ", number, " ", NULL)) != NULL)
            return extents[i].extent;
    return GT_EXTENT_USER;
}

static gt_err_t *verdict(int status, const char *body)
{
    return gt_token_verdict(gt_kind_microsoft.refusals, status, body, strlen(body), 0, pool);
}

static char *body_of(const number_case_t *row, const char *number)
{
    const char *sub =
        row->suberror == NULL ? "" : apr_psprintf(pool, ",\"suberror\":\"%s\"", row->suberror);

    return apr_psprintf(pool,
                        "{\"error\":\"%s\",\"error_description\":\"AADSTS%s: text. Trace ID: x\","
                        "\"error_codes\":[%s],\"trace_id\":\"0d4d2b3f-1111-4222-8333-abcdefabcdef\""
                        "%s}",
                        row->error, number, number, sub);
}

START_TEST(every_number_has_its_class)
{
    const number_case_t *row = &number_cases[_i];
    char *last = NULL;

    for (char *number = apr_strtok(apr_pstrdup(pool, row->numbers), " ", &last); number != NULL;
         number = apr_strtok(NULL, " ", &last)) {
        gt_err_t *err = verdict(400, body_of(row, number));

        ck_assert_msg(err->cls == row->cls, "%s %s: class %d, not %d", row->error, number,
                      (int)err->cls, (int)row->cls);
        /* The others stand in no table: the error word decides. */
        if (strstr(" 70002 90023 9002313 ", number) == NULL)
            ck_assert_msg(err->extent == extent_of(number), "%s %s: extent %d, not %d", row->error,
                          number, (int)err->extent, (int)extent_of(number));
        ck_assert_str_eq(err->code, apr_pstrcat(pool, "AADSTS", number, NULL));
        ck_assert_str_eq(err->request_id, "0d4d2b3f-1111-4222-8333-abcdefabcdef");
        ck_assert_ptr_null(strstr(err->detail, "Trace"));
    }
}
END_TEST

typedef struct answer_case_t {
    int status;
    const char *body;
    gt_class_t cls;
    const char *code; /* NULL: none */
} answer_case_t;

static const answer_case_t answer_cases[] = {
    /* only 400 with invalid_grant ends a grant */
    {400, "{\"error\":\"invalid_grant\"}", GT_SIGN_IN, "invalid_grant"},
    {401, "{\"error\":\"invalid_grant\"}", GT_INTERACTION, "invalid_grant"},
    {403, "{\"error\":\"invalid_grant\"}", GT_INTERACTION, "invalid_grant"},
    {500, "{\"error\":\"invalid_grant\"}", GT_UPSTREAM, "invalid_grant"},
    {503, "{\"error\":\"invalid_grant\",\"error_codes\":[50173]}", GT_UPSTREAM, "AADSTS50173"},
    {429, "{\"error\":\"invalid_grant\"}", GT_THROTTLED, "invalid_grant"},
    {200, "{\"error\":\"invalid_grant\"}", GT_UPSTREAM, "invalid_grant"},
    {302, "{\"error\":\"invalid_grant\"}", GT_UPSTREAM, "invalid_grant"},
    {408, "{\"error\":\"invalid_grant\"}", GT_UPSTREAM, "invalid_grant"},
    /* a fault of our own client never costs a user his grant, with any status */
    {400, "{\"error\":\"invalid_client\"}", GT_CLIENT_BROKEN, "invalid_client"},
    {401, "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}", GT_CLIENT_BROKEN,
     "AADSTS7000222"},
    {401, "{\"error\":\"something_new\"}", GT_CLIENT_BROKEN, "something_new"},
    /* several numbers, general first; numbers in the description only */
    {400, "{\"error\":\"invalid_grant\",\"error_codes\":[70002,54005]}", GT_SIGN_IN, "AADSTS54005"},
    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS50076: MFA\"}",
     GT_INTERACTION, "AADSTS50076"},
    {400, "{\"error\":\"invalid_grant\",\"error_codes\":[99999]}", GT_SIGN_IN, "AADSTS99999"},
    {400, "{\"error\":\"invalid_grant\",\"error_codes\":[99999],\"suberror\":\"basic_action\"}",
     GT_INTERACTION, "AADSTS99999"},
    {400, "{\"error\":\"invalid_grant\",\"error_codes\":[-1,0,\"50173\",1e9]}", GT_SIGN_IN,
     "invalid_grant"},
    /* a device's words, with the number of a sign-in that is awaited */
    {400, "{\"error\":\"slow_down\",\"error_codes\":[70016]}", GT_THROTTLED, "slow_down"},
    {400, "{\"error\":\"authorization_declined\",\"error_codes\":[70016]}", GT_REFUSED,
     "authorization_declined"},
    {400, "{\"error\":\"expired_token\",\"error_codes\":[70019]}", GT_REFUSED, "expired_token"},
    {400, "{\"error\":\"authorization_pending\"}", GT_THROTTLED, "authorization_pending"},
    /* Google */
    {400,
     "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}",
     GT_SIGN_IN, "invalid_grant"},
    {400, "{\"error\":\"invalid_grant\",\"error_subtype\":\"invalid_rapt\"}", GT_SIGN_IN,
     "invalid_grant"},
    {401, "{\"error\":\"deleted_client\"}", GT_CLIENT_BROKEN, "deleted_client"},
    {400, "{\"error\":\"redirect_uri_mismatch\"}", GT_CLIENT_BROKEN, "redirect_uri_mismatch"},
    {403, "{\"error\":\"admin_policy_enforced\"}", GT_REFUSED, "admin_policy_enforced"},
    /* unknown words and no words */
    {400, "{\"error\":\"something_new\"}", GT_REFUSED, "something_new"},
    {400, "{\"error\":\"<script>\"}", GT_UPSTREAM, NULL},
    {400, "{\"error\":{\"code\":\"x\"}}", GT_UPSTREAM, NULL},
    {400, "{\"error\":\"\"}", GT_UPSTREAM, NULL},
    {400, "{}", GT_UPSTREAM, NULL},
    {400, "[]", GT_UPSTREAM, NULL},
    {400, "<html>blocked</html>", GT_UPSTREAM, NULL},
    {404, "", GT_UPSTREAM, NULL},
    /* oddities cost nothing of what is read */
    {400, "\xef\xbb\xbf{\"x\":\"\\u0000\",\"x\":1e999,\"error\":\"invalid_grant\"} ", GT_SIGN_IN,
     "invalid_grant"},
    {400, "{\"error\":\"invalid_grant\\u0000\"}", GT_UPSTREAM, NULL},
    {403, "{\"error\":\"invalid_grant\",\"error\":\"x\"}", GT_REFUSED, "x"},
    {503, "", GT_UPSTREAM, NULL},
    {502, "<html></html>", GT_UPSTREAM, NULL},
    {429, "", GT_THROTTLED, NULL},
    {999, "", GT_UPSTREAM, NULL},
    {0, "", GT_UPSTREAM, NULL},
};

START_TEST(every_answer_has_its_class)
{
    const answer_case_t *row = &answer_cases[_i];
    gt_err_t *err = verdict(row->status, row->body);

    ck_assert_msg(err->cls == row->cls, "%d %s: class %d, not %d", row->status, row->body,
                  (int)err->cls, (int)row->cls);
    ck_assert_pstr_eq(err->code, row->code);
}
END_TEST

typedef struct word_case_t {
    int status;
    const char *body;
    gt_extent_t extent;
} word_case_t;

static const word_case_t words[] = {
    {401, "{\"error\":\"invalid_client\"}", GT_EXTENT_REGISTRATION},
    {401, "{\"error\":\"something_new\"}", GT_EXTENT_REGISTRATION},
    {400, "{\"error\":\"unauthorized_client\"}", GT_EXTENT_TENANT},
    {400, "{\"error\":\"invalid_scope\"}", GT_EXTENT_TENANT},
    {400, "{\"error\":\"invalid_resource\"}", GT_EXTENT_TENANT},
    {400, "{\"error\":\"invalid_tenant\"}", GT_EXTENT_TENANT},
    {400, "{\"error\":\"invalid_request\",\"error_codes\":[9002313]}", GT_EXTENT_CALL},
    {400, "{\"error\":\"redirect_uri_mismatch\"}", GT_EXTENT_CALL},
    {400, "{\"error\":\"something_new\"}", GT_EXTENT_USER},
    {400, "{\"error\":\"invalid_grant\"}", GT_EXTENT_USER},
    /* the status says more than the word, unless the word names a user or a tenant */
    {429, "", GT_EXTENT_PROVIDER},
    {503, "{\"error\":\"invalid_grant\"}", GT_EXTENT_PROVIDER},
    {429, "{\"error\":\"invalid_grant\",\"error_codes\":[50196]}", GT_EXTENT_USER},
    {429, "{\"error\":\"temporarily_unavailable\",\"error_codes\":[90055]}", GT_EXTENT_TENANT},
};

START_TEST(every_word_has_its_extent)
{
    gt_err_t *err = verdict(words[_i].status, words[_i].body);

    ck_assert_msg(err->extent == words[_i].extent, "%d %s: extent %d", words[_i].status,
                  words[_i].body, (int)err->extent);
}
END_TEST

/** What one refusal of Google's means. */
typedef struct google_case_t {
    int status;
    const char *body;
    gt_class_t cls;
    gt_extent_t extent;
    const char *says; /* stands in the detail */
} google_case_t;

static const google_case_t google_cases[] = {
    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"Bad Request\"}", GT_SIGN_IN,
     GT_EXTENT_USER, "not used for 6 months"},
    {400, "{\"error\":\"invalid_grant\",\"error_subtype\":\"invalid_rapt\"}", GT_SIGN_IN,
     GT_EXTENT_USER, "session length"},
    {400, "{\"error\":\"invalid_grant\",\"error_subtype\":\"rapt_required\"}", GT_SIGN_IN,
     GT_EXTENT_USER, "session length"},
    {403, "{\"error\":\"admin_policy_enforced\"}", GT_REFUSED, GT_EXTENT_USER, "API controls"},
    {403, "{\"error\":\"access_denied\"}", GT_REFUSED, GT_EXTENT_USER, "denied"},
    {403, "{\"error\":\"org_internal\"}", GT_REFUSED, GT_EXTENT_USER, "user type Internal"},
    {401, "{\"error\":\"disabled_client\"}", GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION,
     "Google's console"},
    {401, "{\"error\":\"deleted_client\"}", GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION, "deleted"},
    {401, "{\"error\":\"invalid_client\",\"error_description\":\"Unauthorized\"}", GT_CLIENT_BROKEN,
     GT_EXTENT_REGISTRATION, "id or secret"},
    {400, "{\"error\":\"unauthorized_client\"}", GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION,
     "Web application"},
    {400, "{\"error\":\"invalid_scope\"}", GT_CLIENT_BROKEN, GT_EXTENT_REGISTRATION,
     "GraphTokScope"},
    {400, "{\"error\":\"redirect_uri_mismatch\"}", GT_CLIENT_BROKEN, GT_EXTENT_CALL,
     "redirect URI"},
    {403, "{\"error\":\"rate_limit_exceeded\"}", GT_THROTTLED, GT_EXTENT_PROVIDER, "too often"},
    {403, "{\"error\":\"userRateLimitExceeded\"}", GT_THROTTLED, GT_EXTENT_USER, "this user"},
    {429, "<html></html>", GT_THROTTLED, GT_EXTENT_PROVIDER, "asks us to wait"},
    {400, "{\"error\":\"internal_failure\"}", GT_UPSTREAM, GT_EXTENT_PROVIDER, "a fault"},
    {502, "<html></html>", GT_UPSTREAM, GT_EXTENT_PROVIDER, "in trouble"},
};

START_TEST(googles_words_have_their_class)
{
    const google_case_t *row = &google_cases[_i];
    gt_err_t *err = gt_token_verdict(gt_kind_google.refusals, row->status, row->body,
                                     strlen(row->body), 0, pool);

    ck_assert_msg(err->cls == row->cls && err->extent == row->extent, "%s: %d %d", row->body,
                  (int)err->cls, (int)err->extent);
    ck_assert_msg(strstr(err->detail, row->says) != NULL, "%s", err->detail);
    if (row->cls == GT_THROTTLED)
        ck_assert_int_gt(err->retry_after, 0);
}
END_TEST

START_TEST(retry_after_is_kept_or_given)
{
    const char *body = "{\"error\":\"temporarily_unavailable\"}";
    gt_err_t *err = gt_token_verdict(gt_kind_microsoft.refusals, 503, body, strlen(body),
                                     apr_time_from_sec(7), pool);

    ck_assert_int_eq(err->cls, GT_THROTTLED);
    ck_assert_int_eq(err->retry_after, apr_time_from_sec(7));

    err = verdict(429, "");
    ck_assert_int_eq(err->retry_after, apr_time_from_sec(5));

    err = verdict(400, "{\"error\":\"invalid_grant\",\"error_codes\":[50196]}");
    ck_assert_int_eq(err->retry_after, apr_time_from_sec(300));

    err = verdict(500, "");
    ck_assert_int_eq(err->retry_after, 0);
}
END_TEST

static const char *claims_of(const char *claims)
{
    return verdict(400, apr_psprintf(pool,
                                     "{\"error\":\"invalid_grant\",\"suberror\":\"message_only\","
                                     "\"claims\":%s}",
                                     claims))
        ->claims;
}

START_TEST(a_claims_challenge_is_a_small_object_or_nothing)
{
    char *large = apr_palloc(pool, 6001);

    ck_assert_str_eq(claims_of("\"{\\\"access_token\\\":{\\\"nbf\\\":{\\\"essential\\\":true}}}\""),
                     "{\"access_token\":{\"nbf\":{\"essential\":true}}}");
    ck_assert_ptr_null(claims_of("{\"access_token\":{}}"));
    ck_assert_ptr_null(claims_of("\"[1]\""));
    ck_assert_ptr_null(claims_of("\"{\\\"a\\\":\""));
    ck_assert_ptr_null(claims_of("\"x\\r\\nSet-Cookie: a=b\""));
    memset(large, ' ', 6000);
    large[6000] = '\0';
    ck_assert_ptr_null(claims_of(apr_psprintf(pool, "\"{%s}\"", large)));
}
END_TEST

START_TEST(claims_are_not_kept_for_a_dead_grant)
{
    gt_err_t *err = verdict(400, "{\"error\":\"invalid_grant\",\"claims\":\"{}\"}");

    ck_assert_int_eq(err->cls, GT_SIGN_IN);
    ck_assert_ptr_null(err->claims);
}
END_TEST

START_TEST(nothing_of_the_description_is_quoted)
{
    gt_err_t *err =
        verdict(400, "{\"error\":\"invalid_grant\",\"error_description\":\"0.AXsecret expired\"}");

    ck_assert_ptr_null(strstr(err->detail, "secret"));
}
END_TEST

START_TEST(numbers_and_words_are_bounded)
{
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, "AADSTS50076: text"), 50076);
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, "AADSTS7000222"), 7000222);
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, "AADSTS99999999999999999999"),
                     0);
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, "AADSTS"), 0);
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, "AADSTSx"), 0);
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, "see AADSTS50076"), 0);
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, ""), 0);
    ck_assert_int_eq(gt_refusal_number(gt_kind_microsoft.refusals, NULL), 0);
    ck_assert_ptr_nonnull(gt_refusal_word("invalid_grant"));
    ck_assert_ptr_null(gt_refusal_word("invalid grant"));
    ck_assert_ptr_null(gt_refusal_word("a\n"));
    ck_assert_ptr_null(gt_refusal_word(""));
    ck_assert_ptr_null(gt_refusal_word(NULL));
    ck_assert_ptr_null(
        gt_refusal_word("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}
END_TEST

/* A row keeps the code alone; its meaning is shown beside it. */
START_TEST(a_code_has_a_meaning)
{
    const gt_refusal_tables_t *microsoft = gt_kind_microsoft.refusals;
    const gt_refusal_tables_t *google = gt_kind_google.refusals;

    ck_assert_str_eq(gt_refusal_meaning(microsoft, "AADSTS50173"), "the grant was revoked");
    ck_assert_ptr_nonnull(gt_refusal_meaning(google, "invalid_grant"));
    ck_assert_ptr_null(gt_refusal_meaning(google, "AADSTS50173"));
    ck_assert_ptr_null(gt_refusal_meaning(microsoft, "AADSTS1"));
    ck_assert_ptr_null(gt_refusal_meaning(microsoft, "administrator"));
    ck_assert_ptr_null(gt_refusal_meaning(NULL, ""));
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *suite_oauth_refusal(void)
{
    Suite *suite = suite_create("oauth_refusal");
    TCase *tcase = case_with_pool(suite, "verdict");

    tcase_add_loop_test(tcase, every_number_has_its_class, 0, ROWS(number_cases));
    tcase_add_loop_test(tcase, every_answer_has_its_class, 0, ROWS(answer_cases));
    tcase_add_loop_test(tcase, every_word_has_its_extent, 0, ROWS(words));
    tcase_add_loop_test(tcase, googles_words_have_their_class, 0, ROWS(google_cases));
    tcase_add_test(tcase, retry_after_is_kept_or_given);
    tcase_add_test(tcase, a_claims_challenge_is_a_small_object_or_nothing);
    tcase_add_test(tcase, claims_are_not_kept_for_a_dead_grant);
    tcase_add_test(tcase, nothing_of_the_description_is_quoted);
    tcase_add_test(tcase, numbers_and_words_are_bounded);
    tcase_add_test(tcase, a_code_has_a_meaning);
    return suite;
}
