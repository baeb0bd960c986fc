/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Tokens of two resources by one refresh token: each asked for with its own scopes, all under one
 * lease. */

#include "children.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "crypt/seal.h"
#include "oauth/resource.h"

Suite *suite_resources(void);

#define IMAP "https://outlook.office.com/IMAP.AccessAsUser.All"
#define OUTLOOK "outlook"
#define COUNT "SELECT count(*) FROM user_tokens_access"

static const gt_token_key_t toms_outlook = {{"main", {"tom", "microsoft"}}, OUTLOOK};

/* The provider of both children has a scope of Outlook's from now on. */
static void add_outlook(void)
{
    gt_provider_conf_t *conf = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *);

    conf->scope = "offline_access User.Read " IMAP;
    for (int i = 0; i < 2; i++)
        apr_hash_set(child[i].vault->resources, "microsoft", APR_HASH_KEY_STRING,
                     gt_provider_resources(conf, pool));
}

static gt_err_t *ask_for(const char **token, child_t *c, const char *resource, apr_pool_t *p)
{
    gt_token_for_t what = ask_of(c);
    gt_err_t *err;

    what.key.resource = resource;
    err = gt_wait_run(&gt_token_for, &what, c->loop, LIMIT, p);
    *token = err == GT_OK ? gt_secret_text(what.token.access) : err->tag;
    return err;
}

static void gives_for(child_t *c, const char *resource, const char *wanted)
{
    const char *token;

    bench_ok(ask_for(&token, c, resource, pool));
    ck_assert_str_eq(token, wanted);
}

/* One that asks for a resource on a thread of its own. */
typedef struct other_t {
    aside_t aside;
    child_t *child;
    const char *resource;
    char token[16];
} other_t;

static void ask_aside(void *baton)
{
    other_t *other = baton;
    const char *token;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    (void)!ask_for(&token, other->child, other->resource, p);
    apr_cpystrn(other->token, token, sizeof(other->token));
    apr_pool_destroy(p);
}

static void start_other(other_t *other, child_t *c, const char *resource)
{
    other->child = c;
    other->resource = resource;
    aside_start(&other->aside, ask_aside, other);
}

static const char *token_of(other_t *other)
{
    aside_join(&other->aside);
    return other->token;
}

START_TEST(each_resource_is_asked_for_with_its_own_scopes)
{
    const char *form;

    add_outlook();
    sign_in_row(&tom, 3600);
    gives_for(&child[0], OUTLOOK, "at-1");
    form = fake_form(fake, pool);
    ck_assert_ptr_nonnull(strstr(form, "scope=openid%20offline_access%20https%3A%2F%2Foutlook"));
    ck_assert_ptr_null(strstr(form, "User.Read"));
    ck_assert_ptr_nonnull(strstr(form, "refresh_token=rt-0"));
    gives(&child[0], "at-0"); /* Graph's is as it was */
    gives_for(&child[0], OUTLOOK, "at-1");
    gives_for(&child[1], OUTLOOK, "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    gt_cache_forget(cache, &toms_outlook);
    gives_for(&child[1], OUTLOOK, "at-1"); /* from its row */
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_ptr_null(row()->lease_owner);
    bench_run(bench, "UPDATE user_tokens SET expires_at = '2001-01-01 00:00:00'");
    gt_cache_forget(cache, &toms);
    gives(&child[0], "at-2");
    form = fake_form(fake, pool);
    ck_assert_ptr_null(strstr(form, "outlook"));
    ck_assert_ptr_nonnull(strstr(form, "refresh_token=rt-1"));
    gives_for(&child[0], OUTLOOK, "at-1");
}
END_TEST

#define OTHERS 12

START_TEST(many_who_ask_for_a_resource_make_one_call)
{
    other_t others[OTHERS];

    add_outlook();
    sign_in_row(&tom, 3600);
    fake_hold(fake);
    for (int i = 0; i < OTHERS; i++)
        start_other(&others[i], &child[i % 2], OUTLOOK);
    fake_wait(fake, FAKE_TOKEN, 1);
    fake_release(fake);
    for (int i = 0; i < OTHERS; i++)
        ck_assert_str_eq(token_of(&others[i]), "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* The provider takes a refresh token that comes twice for theft. */
START_TEST(two_resources_never_spend_one_refresh_token_twice)
{
    other_t outlook, graph;
    const char *first, *second;

    add_outlook();
    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_other(&outlook, &child[0], OUTLOOK);
    fake_wait(fake, FAKE_TOKEN, 1);
    start_other(&graph, &child[1], GT_RESOURCE_GRAPH);
    fake_release(fake);
    first = token_of(&outlook);
    second = token_of(&graph);
    ck_assert_str_eq(first, "at-1");
    ck_assert_str_eq(second, "at-2");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 2);
    ck_assert_int_eq(fake_was_reused(fake), 0);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-2");
}
END_TEST

/* AADSTS70000 and 65001: a consent is missing; the refresh token serves the others. */
START_TEST(what_is_refused_for_one_resource_is_no_matter_of_the_others)
{
    static const fake_reply_t replies[] = {
        {400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[70000]}"},
        {400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[65001]}"},
    };
    const char *token;
    int calls;

    add_outlook();
    sign_in_row(&tom, 3600);
    fake_answer(fake, FAKE_TOKEN, &replies[_i]);
    ck_assert_ptr_nonnull(ask_for(&token, &child[0], OUTLOOK, pool));
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_int_eq(row()->error_count, 0);
    ck_assert_ptr_null(row()->lease_owner);
    calls = fake_calls(fake, FAKE_TOKEN);
    ck_assert_ptr_nonnull(ask_for(&token, &child[0], OUTLOOK, pool));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), calls); /* remembered for a while */
    gives(&child[0], "at-0");
    fake_answer(fake, FAKE_TOKEN, NULL);
    gives_for(&child[1], OUTLOOK, "at-1");
}
END_TEST

/* No row keeps a refusal for another resource, so the memory of it does, and with it the demands
 * that a sign-in must meet. */
START_TEST(the_demands_of_a_refusal_for_one_resource_are_kept)
{
    static const fake_reply_t refusal = {
        400, NULL,
        "{\"error\":\"interaction_required\",\"error_codes\":[50076],"
        "\"claims\":\"{\\\"access_token\\\":{\\\"acrs\\\":1}}\"}"};
    const char *token;

    add_outlook();
    sign_in_row(&tom, 3600);
    fake_answer(fake, FAKE_TOKEN, &refusal);
    for (int i = 0; i < 2; i++) {
        gt_err_t *err = ask_for(&token, &child[0], OUTLOOK, pool);

        ck_assert_ptr_nonnull(err);
        ck_assert_int_eq(err->cls, GT_INTERACTION);
        ck_assert_str_eq(err->claims, "{\"access_token\":{\"acrs\":1}}");
    }
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(a_refused_token_is_not_newer_by_another_resources_refresh)
{
    gt_token_for_t what = ask_of(&child[0]);

    add_outlook();
    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    what.refresh_now = 1;
    what.refused = row()->generation;
    gives_for(&child[0], OUTLOOK, "at-1");
    bench_ok(ask(&what, &child[0]));
    ck_assert_str_eq(gt_secret_text(what.token.access), "at-2");
}
END_TEST

START_TEST(a_revoke_ends_all_of_them)
{
    const char *token;
    int had_grant;

    add_outlook();
    sign_in_row(&tom, 3600);
    gives_for(&child[0], OUTLOOK, "at-1");
    bench_ok(revoke_tom(&child[1], &had_grant));
    ck_assert_int_eq(had_grant, 1);
    ck_assert_ptr_nonnull(ask_for(&token, &child[0], OUTLOOK, pool));
    ck_assert_str_eq(token, "GT0601");
    ck_assert_str_eq(bench_ask(bench, COUNT), "0");
}
END_TEST

/* Revoked on another node: the next round of changes empties the cache. */
START_TEST(a_revoke_elsewhere_is_heard_of)
{
    gt_token_t cached;

    add_outlook();
    sign_in_row(&tom, 3600);
    gives_for(&child[0], OUTLOOK, "at-1");
    ck_assert_int_eq(gt_cache_get(&cached, cache, &toms_outlook, pool), 1);
    bench_run(bench, "INSERT INTO user_tokens_gone (user_id, provider, revision) SELECT user_id, "
                     "provider, revision + 1 FROM user_tokens");
    bench_run(bench, "DELETE FROM user_tokens");
    for (int i = 0; i < 100 && gt_cache_get(&cached, cache, &toms_outlook, pool); i++) {
        gt_changes_read(child[1].vault, pool);
        apr_sleep(apr_time_from_msec(50));
    }
    ck_assert_int_eq(gt_cache_get(&cached, cache, &toms_outlook, pool), 0);
}
END_TEST

START_TEST(an_answer_for_a_resource_waits_in_the_journal)
{
    gt_journal_t *journal = share_journal();
    const char *ends;
    gt_token_t cached;
    other_t outlook;

    add_outlook();
    sign_in_row(&tom, 3600);
    ends = bench_ask(bench, "SELECT expires_at FROM user_tokens");
    fake_hold(fake);
    start_other(&outlook, &child[0], OUTLOOK);
    fake_wait(fake, FAKE_TOKEN, 1);
    atomic_store(&child[0].away, 1000000);
    atomic_store(&child[1].away, 1000000);
    fake_release(fake);
    ck_assert_str_eq(token_of(&outlook), "at-1");
    ck_assert_int_eq(gt_journal_length(journal, pool), 1);
    ck_assert_str_eq(bench_ask(bench, COUNT), "0");
    gt_cache_forget(cache, &toms_outlook);
    atomic_store(&child[0].away, 0);
    atomic_store(&child[1].away, 0);
    for (int i = 0; i < 200 && gt_journal_length(journal, pool) > 0; i++) {
        gt_replay_all(child[1].vault, pool);
        apr_sleep(apr_time_from_msec(50));
    }
    ck_assert_int_eq(gt_journal_length(journal, pool), 0);
    ck_assert_int_eq(gt_cache_get(&cached, cache, &toms_outlook, pool), 1);
    ck_assert_str_eq(bench_ask(bench, COUNT), "1");
    ck_assert_str_eq(bench_ask(bench, "SELECT expires_at FROM user_tokens"), ends);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    gt_cache_forget(cache, &toms_outlook);
    gives_for(&child[1], OUTLOOK, "at-1");
    gives(&child[1], "at-0");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, each_resource_is_asked_for_with_its_own_scopes);
    tcase_add_test(tcase, many_who_ask_for_a_resource_make_one_call);
    tcase_add_test(tcase, two_resources_never_spend_one_refresh_token_twice);
    tcase_add_loop_test(tcase, what_is_refused_for_one_resource_is_no_matter_of_the_others, 0, 2);
    tcase_add_test(tcase, the_demands_of_a_refusal_for_one_resource_are_kept);
    tcase_add_test(tcase, a_refused_token_is_not_newer_by_another_resources_refresh);
    tcase_add_test(tcase, a_revoke_ends_all_of_them);
    tcase_add_test(tcase, a_revoke_elsewhere_is_heard_of);
    tcase_add_test(tcase, an_answer_for_a_resource_waits_in_the_journal);
}

Suite *suite_resources(void)
{
    Suite *suite = suite_create("resources");

    add_tests(children_case(suite, "two resources", GT_SQLITE));
    if (bench_engines() > 1)
        add_tests(children_case(suite, "two resources on pgsql", GT_PGSQL));
    return suite;
}
