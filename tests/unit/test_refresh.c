/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Refreshes that fail: each class has its effect and no other, nothing is lost, nothing is sent
 * twice. */

#include "children.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"

Suite *suite_refresh(void);

static void ck_fails(gt_err_t *err, gt_class_t cls, const char *tag)
{
    bench_tag(err, tag);
    ck_assert_int_eq(err->cls, cls);
}

/* ---- failures and their effects ---- */

typedef struct effect_case_t {
    fake_reply_t reply;
    gt_class_t cls;
    gt_status_t status;
    int errors;
    int keeps_lease;
} effect_case_t;

static const effect_case_t effects[] = {
    {{400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50173]}"},
     GT_SIGN_IN,
     GT_INACTIVE,
     1,
     0},
    {{400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50076],\"claims\":\"{}\"}"},
     GT_INTERACTION,
     GT_NEEDS_USER,
     1,
     0},
    {{400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50057]}"},
     GT_REFUSED,
     GT_ACTIVE,
     1,
     0},
    {{401, NULL, "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"},
     GT_CLIENT_BROKEN,
     GT_ACTIVE,
     0,
     0},
    {{429, "Retry-After: 7\r\n", ""}, GT_THROTTLED, GT_ACTIVE, 0, 0},
    {{503, "Retry-After: 7\r\n", "<html>"}, GT_THROTTLED, GT_ACTIVE, 0, 0},
    {{500, NULL, "oops"}, GT_UPSTREAM, GT_ACTIVE, 0, 0},
    {{400, NULL, "<html>"}, GT_UPSTREAM, GT_ACTIVE, 0, 0},
    /* the outcome of these is not known */
    {{200, NULL, "<html>"}, GT_UPSTREAM, GT_ACTIVE, 0, 1},
    {{200, NULL, "{}"}, GT_UPSTREAM, GT_ACTIVE, 0, 1},
    {{0, NULL, NULL}, GT_UPSTREAM, GT_ACTIVE, 0, 1},
};

START_TEST(a_failure_has_its_effect_and_no_other)
{
    const effect_case_t *effect = &effects[_i];
    gt_grant_t *grant;
    gt_err_t *err;

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &effect->reply);
    err = error_of(&child[0]);
    ck_assert_int_eq(err->cls, effect->cls);
    /* The first who asks is told when to come again, as those are who come after. */
    ck_assert_int_eq(err->retry_after > 0, gt_class_row(effect->cls)->effect == GT_EFFECT_NONE);
    grant = row();
    ck_assert_int_eq(grant->status, effect->status);
    ck_assert_int_eq(grant->error_count, effect->errors);
    ck_assert_str_eq(gt_secret_text(grant->refresh), "rt-0");
    ck_assert_int_eq(grant->lease_owner != NULL, effect->keeps_lease);
    ck_assert_ptr_null(grant->intent_owner);
    /* A refusal counts when it is said twice. */
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), effect->cls == GT_SIGN_IN ? 2 : 1);
}
END_TEST

START_TEST(a_valid_token_is_served_whatever_the_refresh_said)
{
    sign_in_row(&tom, 200);
    fake_answer(fake, FAKE_TOKEN, &effects[_i].reply);
    gives(&child[0], "at-0");
    ck_assert_int_ge(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(what_failed_a_moment_ago_is_not_tried_again_at_once)
{
    fake_reply_t down = {500, NULL, ""};
    gt_err_t *err;

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &down);
    err = fails(&child[0], GT_UPSTREAM, "GT0524");
    ck_assert_int_gt(err->retry_after, 0);
    err = fails(&child[0], GT_UPSTREAM, "GT0524");
    ck_assert_int_gt(err->retry_after, 0);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    fake_answer(fake, FAKE_TOKEN, NULL);
    gives(&child[1], "at-1"); /* who knows nothing of it may try */
}
END_TEST

START_TEST(a_throttle_is_for_all_users)
{
    fake_reply_t busy = {429, "Retry-After: 60\r\n", ""};
    gt_owner_t bob = {"bob", "microsoft"};
    gt_token_for_t what = ask_of(&child[0]);
    gt_err_t *err;

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &busy);
    fails(&child[0], GT_THROTTLED, "GT0523");
    sign_in_row(&bob, 0);
    what.key.grant.owner = bob;
    err = ask(&what, &child[0]);
    ck_fails(err, GT_THROTTLED, "GT0619");
    ck_assert_int_gt(err->retry_after, SECONDS(50));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* A user of a tenant asks; only the tenant is his own. */
static gt_err_t *error_of_user(const char *name, const char *tenant)
{
    gt_owner_t owner = {name, "microsoft"};
    gt_token_for_t what = ask_of(&child[0]);

    sign_in_row(&owner, 0);
    bench_run(bench, apr_psprintf(pool,
                                  "UPDATE user_tokens SET account_tenant = '%s' WHERE user_id = "
                                  "'%s'",
                                  tenant, name));
    what.key.grant.owner = owner;
    return ask(&what, &child[0]);
}

static void serve_many_tenants(void)
{
    gt_provider_conf_t *conf = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *);
    const char *base = apr_pstrcat(pool, conf->authority, "/common", NULL);
    fake_reply_t document = {200, NULL, NULL};

    conf->tenant = "common";
    document.body = apr_psprintf(pool,
                                 "{\"issuer\":\"%s/{tenantid}/v2.0\",\"authorization_endpoint\":"
                                 "\"%s/authorize\",\"token_endpoint\":\"%s/token\",\"jwks_uri\":"
                                 "\"%s/keys\"}",
                                 conf->authority, base, base, base);
    fake_answer(fake, FAKE_DISCOVERY, &document);
}

typedef struct held_case_t {
    fake_reply_t reply;
    int tenants_users; /* 1: others of the same tenant are held back */
    int all;           /* 1: all callers are */
} held_case_t;

static const held_case_t held_cases[] = {
    {{400, NULL, "{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}"}, 1, 0},
    {{400, NULL, "{\"error\":\"invalid_scope\"}"}, 1, 0},
    {{400, NULL, "{\"error\":\"temporarily_unavailable\",\"error_codes\":[90055]}"}, 1, 0},
    {{400, NULL, "{\"error\":\"invalid_request\",\"error_codes\":[9002313]}"}, 0, 0},
    {{429, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50196]}"}, 0, 0},
    {{401, NULL, "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"}, 1, 1},
    {{429, "Retry-After: 60\r\n", ""}, 1, 1},
};

START_TEST(a_trouble_is_theirs_whose_it_is)
{
    const held_case_t *held = &held_cases[_i];
    int asked = 0;

    serve_many_tenants();
    fake_answer(fake, FAKE_TOKEN, &held->reply);
    ck_assert_ptr_nonnull(error_of_user("one", "t-1"));
    ck_assert_ptr_nonnull(error_of_user("two", "t-1"));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), asked + (held->tenants_users ? 1 : 2));
    asked = fake_calls(fake, FAKE_TOKEN);
    ck_assert_ptr_nonnull(error_of_user("three", "t-2"));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), asked + (held->all ? 0 : 1));
}
END_TEST

START_TEST(a_post_that_may_have_arrived_is_repeated_only_after_the_lease)
{
    fake_reply_t cut = {0, NULL, NULL};
    gt_err_t *err;

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &cut);
    ck_assert_int_eq(error_of(&child[0])->cls, GT_UPSTREAM);
    fake_answer(fake, FAKE_TOKEN, NULL);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    err = fails(&child[1], GT_TIMEOUT, "GT0614"); /* told so at once, and for how long */
    ck_assert_int_gt(err->retry_after, 0);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    bench_run(bench, "UPDATE user_tokens SET lease_until = lease_until - 40");
    gt_failures_forget(child[1].vault->failures, &toms, INT64_MAX, pool);
    gives(&child[1], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 2);
}
END_TEST

START_TEST(three_refusals_deactivate)
{
    fake_reply_t no = {400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50105]}"};

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &no);
    for (int i = 0; i < 3; i++)
        fails(&child[0], GT_REFUSED, "GT0525");
    ck_assert_int_eq(row()->status, GT_INACTIVE);
    fails(&child[0], GT_SIGN_IN, "GT0602");
}
END_TEST

START_TEST(a_losers_verdict_changes_nothing)
{
    fake_reply_t dead = {400, NULL, "{\"error\":\"invalid_grant\"}"};
    asker_t asker;

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &dead);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    sign_in_row(&tom, 3600); /* a new sign-in while the old token is being refused */
    fake_release(fake);
    ck_assert_str_eq(answer_of(&asker), "at-0");
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_int_eq(row()->error_count, 0);
}
END_TEST

/* ---- the answer is not what it should be ---- */

START_TEST(an_odd_answer_is_stored)
{
    fake_reply_t odd = {200, NULL,
                        "\xef\xbb\xbf{\"foci\":\"1\",\"foci\":\"\\u0000\",\"x\":1e999,"
                        "\"access_token\":\"at-odd\",\"refresh_token\":\"rt-odd\"}"};

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &odd);
    gives(&child[0], "at-odd");
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-odd");
}
END_TEST

START_TEST(a_refresh_token_that_came_alone_is_stored)
{
    fake_reply_t alone = {200, NULL,
                          "{\"token_type\":\"DPoP\",\"access_token\":\"x\","
                          "\"refresh_token\":\"rt-alone\"}"};
    gt_err_t *err;

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &alone);
    err = fails(&child[0], GT_UPSTREAM, "GT0511");
    ck_assert_int_gt(err->retry_after, 0);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-alone");
    ck_assert_str_eq(gt_secret_text(row()->access), "at-0");
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_ptr_null(row()->lease_owner);
    ck_assert(!is_cached("x"));
    fails(&child[0], GT_UPSTREAM, "GT0511"); /* and is not asked for again at once */
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    fake_answer(fake, FAKE_TOKEN, NULL);
    gt_failures_forget(child[0].vault->failures, &toms, INT64_MAX, pool);
    gives(&child[0], "at-1");
    ck_assert_ptr_nonnull(strstr(fake_form(fake, pool), "refresh_token=rt-alone"));
}
END_TEST

START_TEST(what_is_valid_is_served_beside_a_refresh_token_that_came_alone)
{
    fake_reply_t alone = {200, NULL, "{\"refresh_token\":\"rt-alone\"}"};
    apr_time_t until;

    sign_in_row(&tom, 200);
    until = row()->expires_at;
    fake_answer(fake, FAKE_TOKEN, &alone);
    gives(&child[0], "at-0");
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-alone");
    ck_assert_int_eq(row()->expires_at, until);
    gives(&child[1], "at-0");
}
END_TEST

/* ---- the database is away ---- */

START_TEST(a_cached_token_is_served_while_the_database_is_away)
{
    gt_token_t near = {gt_secret_from("at-c", pool), gt_now() + SECONDS(60), 1, "", SECONDS(300)};

    gt_cache_put(cache, &toms, &near);
    atomic_store(&child[0].away, 1000);
    gives(&child[0], "at-c");
    gt_cache_forget(cache, &toms);
    ck_assert_int_eq(error_of(&child[0])->cls, GT_STORE_AWAY);
}
END_TEST

START_TEST(a_rotated_token_waits_for_the_database)
{
    asker_t asker;

    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    atomic_store(&child[0].away, 2);
    fake_release(fake);
    ck_assert_str_eq(answer_of(&asker), "at-1");
    ck_assert_int_eq(atomic_load(&child[0].away), 0);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *suite_refresh(void)
{
    Suite *suite = suite_create("refresh");
    TCase *failures = children_case(suite, "failures", GT_SQLITE);

    tcase_add_loop_test(failures, a_failure_has_its_effect_and_no_other, 0, ROWS(effects));
    tcase_add_loop_test(failures, a_valid_token_is_served_whatever_the_refresh_said, 0,
                        ROWS(effects));
    tcase_add_test(failures, what_failed_a_moment_ago_is_not_tried_again_at_once);
    tcase_add_test(failures, a_throttle_is_for_all_users);
    tcase_add_loop_test(failures, a_trouble_is_theirs_whose_it_is, 0, ROWS(held_cases));
    tcase_add_test(failures, a_post_that_may_have_arrived_is_repeated_only_after_the_lease);
    tcase_add_test(failures, three_refusals_deactivate);
    tcase_add_test(failures, a_losers_verdict_changes_nothing);
    tcase_add_test(failures, an_odd_answer_is_stored);
    tcase_add_test(failures, a_refresh_token_that_came_alone_is_stored);
    tcase_add_test(failures, what_is_valid_is_served_beside_a_refresh_token_that_came_alone);
    tcase_add_test(failures, a_cached_token_is_served_while_the_database_is_away);
    tcase_add_test(failures, a_rotated_token_waits_for_the_database);
    return suite;
}
