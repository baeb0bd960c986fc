/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A token by cache, row or refresh: what is served, and that it is refreshed once. */

#include "children.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "vault/challenge.h"

Suite *suite_vault(void);

#define ASKERS 50

static void ck_ok(gt_err_t *err)
{
    bench_ok(err);
}

static void ck_fails(gt_err_t *err, gt_class_t cls, const char *tag)
{
    bench_tag(err, tag);
    ck_assert_int_eq(err->cls, cls);
}

/* ---- served ---- */

START_TEST(a_valid_row_is_served_and_cached)
{
    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    ck_assert(is_cached("at-0"));
    bench_run(bench, "DELETE FROM user_tokens"); /* the cache alone */
    gives(&child[1], "at-0");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
}
END_TEST

START_TEST(what_is_said_about_a_token)
{
    gt_token_for_t what = ask_of(&child[0]);

    sign_in_row(&tom, 3600);
    ck_ok(ask(&what, &child[0]));
    ck_assert_int_eq(what.token.generation, row()->generation);
    ck_assert_int_eq(what.token.expires_at, row()->expires_at);
    ck_assert_str_eq(what.token.scope, "User.Read");
}
END_TEST

/* seconds to the end: inside the margin of 5 minutes, and past it */
static const int ends[] = {290, 60, 5, 0, -1000};

START_TEST(a_token_near_its_end_is_refreshed_and_stored)
{
    gt_grant_t *before;

    sign_in_row(&tom, ends[_i]);
    before = row();
    gives(&child[0], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_str_eq(gt_secret_text(row()->access), "at-1");
    ck_assert_int_eq(row()->generation, before->generation + 1);
    ck_assert_ptr_null(row()->lease_owner);
    ck_assert(is_cached("at-1"));
    gives(&child[1], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* Seconds of life, seconds left, errors since it came (then that is not known); the margin in
 * force, in seconds. */
static const struct {
    int life, left, errors, margin;
} margins[] = {
    {3600, 3600, 0, 300}, {600, 10, 0, 300}, {599, 10, 0, 299}, {60, 60, 0, 30},
    {60, 5, 0, 30},       {60, 50, 1, 300},  {0, 0, 0, 300},    {-5, 60, 0, 300},
    {19, 19, 0, 10},      {1, 1, 0, 10}, /* no caller gets one that ends within 10 s */
};

START_TEST(a_token_is_used_for_half_its_life_at_least)
{
    const apr_time_t end = gt_now() + SECONDS(margins[_i].left);
    const gt_grant_t grant = {.expires_at = end,
                              .access_since =
                                  margins[_i].errors == 0 ? end - SECONDS(margins[_i].life) : 0};
    const gt_tokens_t undated = {.expires_at = end};

    ck_assert_int_eq(apr_time_sec(gt_token_of_grant(child[0].vault, &grant).margin),
                     margins[_i].margin);
    ck_assert_int_eq(gt_token_of_answer(child[0].vault, &undated, 1, NULL).margin, SECONDS(300));
}
END_TEST

START_TEST(a_provider_of_short_tokens_is_not_asked_at_every_use)
{
    fake_reply_t reply = {200, NULL, "{\"access_token\":\"at-x\",\"expires_in\":60}"};

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &reply);
    for (int i = 0; i < 5; i++)
        gives(&child[i % 2], "at-x");
    gt_cache_forget(cache, &toms); /* the row says the same */
    for (int i = 0; i < 5; i++)
        gives(&child[i % 2], "at-x");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(the_form_is_entras)
{
    const char *form, *head;

    sign_in_row(&tom, 0);
    gives(&child[0], "at-1");
    form = fake_form(fake, pool);
    head = fake_head(fake, pool);
    ck_assert_ptr_nonnull(strstr(form, "grant_type=refresh_token"));
    ck_assert_ptr_nonnull(strstr(form, "refresh_token=rt-0"));
    ck_assert_ptr_nonnull(strstr(form, "client_id=" FAKE_CLIENT));
    ck_assert_ptr_nonnull(strstr(form, "client_secret=s3cret%26%3D"));
    ck_assert_ptr_nonnull(strstr(form, "scope=openid%20offline_access%20User.Read"));
    ck_assert_int_eq(strncmp(head, "POST /" FAKE_TENANT "/token ", 5), 0);
    ck_assert_ptr_nonnull(strstr(head, "application/x-www-form-urlencoded"));
    ck_assert_ptr_null(strstr(head, "Authorization"));
    ck_assert_ptr_null(strstr(head, "Origin"));
}
END_TEST

START_TEST(an_answer_without_a_refresh_token_keeps_the_old_one)
{
    fake_reply_t reply = {200, NULL, "{\"access_token\":\"at-x\",\"expires_in\":\"3600\"}"};

    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &reply);
    gives(&child[0], "at-x");
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-0");
    ck_assert_str_eq(row()->scope, "User.Read");
}
END_TEST

/* ---- once ---- */

START_TEST(fifty_askers_of_two_children_make_one_call)
{
    asker_t askers[ASKERS];

    sign_in_row(&tom, -60);
    fake_hold(fake);
    for (int i = 0; i < ASKERS; i++)
        start_asker(&askers[i], &child[i % 2]);
    fake_wait(fake, FAKE_TOKEN, 1);
    fake_release(fake);
    for (int i = 0; i < ASKERS; i++)
        ck_assert_str_eq(answer_of(&askers[i]), "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert(!fake_was_reused(fake));
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
}
END_TEST

START_TEST(what_is_valid_is_served_while_the_provider_thinks)
{
    apr_time_t start, until = gt_ticks() + LIMIT;

    sign_in_row(&tom, 60);
    fake_hold(fake);
    start = gt_ticks();
    gives(&child[0], "at-0"); /* it has waited a little for the refresh it began */
    ck_assert_int_lt(gt_ticks() - start, SECONDS(4));
    fake_wait(fake, FAKE_TOKEN, 1);
    gives(&child[1], "at-0"); /* which is another child's here: no wait at all */
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    fake_release(fake);
    while (strcmp(gt_secret_text(row()->refresh), "rt-1") != 0)
        ck_assert_int_lt(gt_ticks(), until);
    gives(&child[0], "at-1");
    gives(&child[1], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

static void wake_nobody(void *baton)
{
    (void)baton;
}

START_TEST(a_refresh_goes_on_without_its_asker)
{
    const gt_waker_t waker = {wake_nobody, NULL};
    gt_token_for_t what = ask_of(&child[0]);
    gt_task_t *task = gt_task_make(&gt_token_for, &what, child[0].loop, &waker, pool);

    sign_in_row(&tom, -60);
    fake_hold(fake);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    fake_wait(fake, FAKE_TOKEN, 1);
    gt_task_drop(task);
    fake_release(fake);
    gives(&child[1], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
}
END_TEST

START_TEST(a_deactivated_grant_is_not_brought_back_by_a_refresh_under_way)
{
    gt_revoke_t verdict = {.vault = child[1].vault, .key = toms.grant};
    gt_grant_t *before;
    asker_t asker;

    sign_in_row(&tom, -60);
    before = row();
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    ck_ok(gt_wait_run(&gt_deactivate, &verdict, child[1].loop, LIMIT, pool));
    ck_assert_int_eq(verdict.had_grant, 1);
    fake_release(fake);
    ck_assert_str_eq(answer_of(&asker), "GT0602");
    ck_assert_int_eq(row()->status, GT_INACTIVE);
    ck_assert_int_eq(row()->generation, before->generation + 1);
    ck_assert_str_eq(gt_secret_text(row()->refresh), gt_secret_text(before->refresh));
}
END_TEST

/* ---- the API refused the token ---- */

START_TEST(a_token_that_was_refused_is_refreshed_though_it_looks_valid)
{
    gt_token_for_t what = ask_of(&child[0]);

    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    what.refresh_now = 1;
    what.refused = row()->generation;
    ck_ok(ask(&what, &child[0]));
    ck_assert_str_eq(gt_secret_text(what.token.access), "at-1");
    ck_assert_int_eq(what.token.generation, what.refused + 1);
    gives(&child[1], "at-1");

    what = ask_of(&child[0]); /* a late one that was refused with the old token */
    what.refresh_now = 1;
    what.refused = row()->generation - 1;
    ck_ok(ask(&what, &child[0]));
    ck_assert_str_eq(gt_secret_text(what.token.access), "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(a_refused_token_is_not_served_when_the_refresh_fails)
{
    fake_reply_t down = {503, NULL, ""};
    gt_token_for_t what = ask_of(&child[0]);

    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    fake_answer(fake, FAKE_TOKEN, &down);
    what.refresh_now = 1;
    what.refused = row()->generation;
    ck_fails(ask(&what, &child[0]), GT_UPSTREAM, "GT0524");
    ck_assert_ptr_null(what.token.access);
    ck_assert(!is_cached("at-0"));
}
END_TEST

/* ---- what a row says ---- */

static gt_remedy_t remedy_for(apr_int64_t refused, int refreshes)
{
    gt_err_t *refusal = gt_err(pool, GT_INTERACTION, "GT0703", "challenged");
    const gt_challenge_t challenge = {&toms, refused, refusal, refreshes, NULL};
    gt_remedy_t remedy;

    refusal->claims = "{\"access_token\":{\"nbf\":1}}";
    ck_ok(gt_vault_challenged(&remedy, child[0].vault, &challenge, pool));
    return remedy;
}

START_TEST(a_challenge_is_met_by_what_helps)
{
    gt_token_for_t what = ask_of(&child[1]);
    apr_int64_t first;
    gt_err_t *err;

    sign_in_row(&tom, 100800);
    gives(&child[0], "at-0");
    first = row()->generation;
    ck_assert_int_eq(remedy_for(first - 1, 0), GT_REMEDY_NEWER);
    ck_assert_ptr_null(row()->claims);
    gives(&child[1], "at-0");
    ck_assert_int_eq(remedy_for(first, 0), GT_REMEDY_REFRESH);
    ck_assert(!is_cached("at-0"));
    /* Another call's challenge; and a token that came by a refresh that began before. */
    ck_assert_int_eq(remedy_for(first, 0), GT_REMEDY_REFRESH);
    ck_assert_int_eq(remedy_for(first, 1), GT_REMEDY_REFRESH);
    gives(&child[1], "at-1");
    ck_assert_ptr_nonnull(
        strstr(fake_form(fake, pool), "claims=%7B%22access_token%22%3A%7B%22nbf"));
    ck_assert_ptr_null(row()->claims);
    ck_assert_int_eq(remedy_for(first, 1), GT_REMEDY_NEWER);
    ck_assert_int_eq(remedy_for(first + 1, 1), GT_REMEDY_SIGN_IN);
    ck_assert_int_eq(row()->status, GT_NEEDS_USER);
    err = ask(&what, &child[1]);
    ck_fails(err, GT_INTERACTION, "GT0603");
    ck_assert_str_eq(err->claims, "{\"access_token\":{\"nbf\":1}}");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(no_grant_is_never_remembered)
{
    fails(&child[0], GT_SIGN_IN, "GT0601");
    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
}
END_TEST

START_TEST(an_inactive_grant_is_not_served)
{
    sign_in_row(&tom, 100);
    gives(&child[0], "at-1");
    bench_run(bench, "UPDATE user_tokens SET status = 0");
    gt_cache_forget(cache, &toms);
    fails(&child[0], GT_SIGN_IN, "GT0602");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(a_grant_that_needs_the_user_serves_what_is_valid)
{
    sign_in_row(&tom, 100);
    bench_run(bench, "UPDATE user_tokens SET status = 2");
    gives(&child[0], "at-0");
    sign_in_row(&tom, -1);
    bench_run(bench, "UPDATE user_tokens SET status = 2");
    gt_cache_forget(cache, &toms);
    fails(&child[0], GT_INTERACTION, "GT0603");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
}
END_TEST

START_TEST(without_a_refresh_token_it_ends)
{
    gt_identity_t identity = {"https://i", FAKE_TENANT, ADA, NULL, NULL, NULL};
    gt_tokens_t tokens = {.access = gt_secret_from("at-0", pool),
                          .expires_at = gt_now() + SECONDS(100)};
    gt_grant_t *grant;

    ck_ok(gt_grant_sign_in(&grant, child[0].store, &tom, &identity, &tokens, pool));
    gives(&child[0], "at-0");
    tokens.expires_at = gt_now();
    ck_ok(gt_grant_sign_in(&grant, child[0].store, &tom, &identity, &tokens, pool));
    gt_cache_forget(cache, &toms);
    fails(&child[0], GT_SIGN_IN, "GT0604");
}
END_TEST

START_TEST(a_damaged_row_says_so)
{
    sign_in_row(&tom, 3600);
    bench_run(bench, "UPDATE user_tokens SET encrypted_access_token = 'gt1.new.AAAA', "
                     "encrypted_refresh_token = 'gt1.new.AAAA'");
    ck_assert_int_eq(error_of(&child[0])->cls, GT_DAMAGED);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
}
END_TEST

START_TEST(a_provider_that_is_gone_says_so)
{
    gt_token_for_t what = ask_of(&child[0]);

    what.key.grant.owner.provider = "gone";
    ck_fails(ask(&what, &child[0]), GT_INTERNAL, "GT0613");
}
END_TEST

START_TEST(a_resource_that_is_not_configured)
{
    gt_token_for_t what = ask_of(&child[0]);

    sign_in_row(&tom, 3600);
    what.key.resource = "mail";
    bench_tag(ask(&what, &child[0]), "GT0626");
    ck_assert_ptr_null(what.token.access);
    what.key.resource = NULL; /* the default */
    bench_ok(ask(&what, &child[0]));
    ck_assert_str_eq(what.key.resource, "graph");
}
END_TEST

START_TEST(a_user_id_is_bounded)
{
    gt_token_for_t what = ask_of(&child[0]);

    what.key.grant.owner.user = "";
    ck_fails(ask(&what, &child[0]), GT_INVALID, "GT0420");
}
END_TEST

START_TEST(keys_of_grants_differ)
{
    gt_grant_key_t a = {"main", {"a1:b", "c"}}, b = {"main", {"a", "1:bc"}};

    ck_assert_str_ne(gt_grant_key_text(&a, pool), gt_grant_key_text(&b, pool));
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_once(Suite *suite, gt_engine_t engine)
{
    TCase *once = children_case(suite, engine == GT_SQLITE ? "once" : "once on PostgreSQL", engine);

    tcase_add_test(once, fifty_askers_of_two_children_make_one_call);
    tcase_add_test(once, what_is_valid_is_served_while_the_provider_thinks);
    tcase_add_test(once, a_refresh_goes_on_without_its_asker);
    tcase_add_test(once, a_deactivated_grant_is_not_brought_back_by_a_refresh_under_way);
    tcase_add_test(once, a_token_that_was_refused_is_refreshed_though_it_looks_valid);
    tcase_add_test(once, a_refused_token_is_not_served_when_the_refresh_fails);
}

Suite *suite_vault(void)
{
    Suite *suite = suite_create("vault");
    TCase *served = children_case(suite, "served", GT_SQLITE);

    tcase_add_test(served, a_valid_row_is_served_and_cached);
    tcase_add_test(served, what_is_said_about_a_token);
    tcase_add_loop_test(served, a_token_near_its_end_is_refreshed_and_stored, 0, ROWS(ends));
    tcase_add_loop_test(served, a_token_is_used_for_half_its_life_at_least, 0, ROWS(margins));
    tcase_add_test(served, a_provider_of_short_tokens_is_not_asked_at_every_use);
    tcase_add_test(served, the_form_is_entras);
    tcase_add_test(served, an_answer_without_a_refresh_token_keeps_the_old_one);
    tcase_add_test(served, a_challenge_is_met_by_what_helps);
    tcase_add_test(served, no_grant_is_never_remembered);
    tcase_add_test(served, an_inactive_grant_is_not_served);
    tcase_add_test(served, a_grant_that_needs_the_user_serves_what_is_valid);
    tcase_add_test(served, without_a_refresh_token_it_ends);
    tcase_add_test(served, a_damaged_row_says_so);
    tcase_add_test(served, a_provider_that_is_gone_says_so);
    tcase_add_test(served, a_resource_that_is_not_configured);
    tcase_add_test(served, a_user_id_is_bounded);
    tcase_add_test(served, keys_of_grants_differ);
    add_once(suite, GT_SQLITE);
    if (bench_engines() > 1)
        add_once(suite, GT_PGSQL);
    return suite;
}
