/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Tokens of the application itself: asked for once by all children, kept, renewed, refused. */

#include "children.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "vault/app_token.h"

Suite *suite_app_token(void);

#define GRAPH "https://graph.example"

static void ck_ok(gt_err_t *err)
{
    bench_ok(err);
}

static gt_app_token_t app(child_t *c, const char *resource)
{
    return (gt_app_token_t){.vault = c->vault, .provider = "microsoft", .resource = resource};
}

static gt_err_t *ask_app(gt_app_token_t *work, child_t *c, const char *resource)
{
    *work = app(c, resource);
    return gt_wait_run(&gt_app_token_for, work, c->loop, LIMIT, pool);
}

static void gives_app(child_t *c, const char *resource, const char *wanted)
{
    gt_app_token_t work;

    ck_ok(ask_app(&work, c, resource));
    ck_assert_str_eq(gt_secret_text(work.token.access), wanted);
}

static void fails_app(child_t *c, gt_class_t cls, const char *tag)
{
    gt_app_token_t work;
    gt_err_t *err = ask_app(&work, c, GRAPH);

    bench_tag(err, tag);
    ck_assert_int_eq(err->cls, cls);
    ck_assert_ptr_null(work.token.access);
}

static gt_provider_conf_t *conf(void)
{
    return APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *);
}

START_TEST(a_token_is_asked_for_once_and_kept_for_all)
{
    const char *form;

    conf()->continuous_access = 1; /* of grants alone: no call of ours would meet a challenge */
    gives_app(&child[0], GRAPH, "app-1");
    form = fake_form(fake, pool);
    ck_assert_ptr_nonnull(strstr(form, "grant_type=client_credentials"));
    ck_assert_ptr_nonnull(strstr(form, "scope=https%3A%2F%2Fgraph.example%2F.default"));
    ck_assert_ptr_nonnull(strstr(form, "client_secret="));
    ck_assert_ptr_null(strstr(form, "claims="));
    gives_app(&child[0], GRAPH, "app-1");
    gives_app(&child[1], GRAPH, "app-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(each_resource_and_tenant_has_its_own)
{
    gives_app(&child[0], GRAPH, "app-1");
    gives_app(&child[0], "https://outlook.example", "app-2");
    conf()->tenant = "contoso.example";
    gives_app(&child[0], GRAPH, "app-3");
    gives_app(&child[1], "https://outlook.example", "app-4");
}
END_TEST

/** One that asks on a thread of its own. */
typedef struct app_asker_t {
    aside_t aside;
    child_t *child;
    char token[16];
} app_asker_t;

static void ask_aside(void *baton)
{
    app_asker_t *asker = baton;
    gt_app_token_t work = app(asker->child, GRAPH);
    apr_pool_t *p;
    gt_err_t *err;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    err = gt_wait_run(&gt_app_token_for, &work, asker->child->loop, LIMIT, p);
    apr_cpystrn(asker->token, err == GT_OK ? gt_secret_text(work.token.access) : err->tag,
                sizeof(asker->token));
    apr_pool_destroy(p);
}

static void start(app_asker_t *asker, child_t *c)
{
    asker->child = c;
    aside_start(&asker->aside, ask_aside, asker);
}

/* The others wait, some within the child that asks, some in another one. */
START_TEST(all_children_wait_for_one_call)
{
    app_asker_t askers[6];

    fake_hold(fake);
    start(&askers[0], &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    for (int i = 1; i < 6; i++)
        start(&askers[i], &child[i % 2]);
    while (gt_crew_busy(child[1].crew) == 0)
        sched_yield();
    fake_release(fake);
    for (int i = 0; i < 6; i++) {
        aside_join(&askers[i].aside);
        ck_assert_str_eq(askers[i].token, "app-1");
    }
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* As if the process that had it was killed. */
START_TEST(a_claim_of_the_dead_ends)
{
    const gt_token_key_t key = {{"", {FAKE_TENANT, "microsoft"}}, GRAPH};

    ck_assert(gt_cache_claim(cache, &key, apr_time_from_msec(200)));
    ck_assert(!gt_cache_claim(cache, &key, apr_time_from_msec(200)));
    gives_app(&child[0], GRAPH, "app-1");
}
END_TEST

START_TEST(who_waits_in_vain_is_told)
{
    const gt_token_key_t key = {{"", {FAKE_TENANT, "microsoft"}}, GRAPH};

    conf()->timeout = apr_time_from_msec(100);
    ck_assert(gt_cache_claim(cache, &key, SECONDS(60)));
    fails_app(&child[0], GT_TIMEOUT, "GT0628");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
}
END_TEST

START_TEST(a_token_near_its_end_serves_while_the_next_one_is_fetched)
{
    fake_reply_t brief = {200, NULL, "{\"access_token\":\"brief\",\"expires_in\":30}"};
    gt_app_token_t work;

    fake_answer(fake, FAKE_TOKEN, &brief);
    gives_app(&child[0], GRAPH, "brief");
    fake_answer(fake, FAKE_TOKEN, NULL);
    ck_ok(ask_app(&work, &child[0], GRAPH));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1); /* half its life is left */
    {
        const gt_token_key_t key = {{"", {FAKE_TENANT, "microsoft"}}, GRAPH};
        const gt_token_t old = {.access = gt_secret_from("old", pool),
                                .expires_at = gt_now() + SECONDS(20),
                                .scope = "",
                                .margin = SECONDS(25)};

        gt_cache_put(cache, &key, &old);
    }
    gives_app(&child[0], GRAPH, "old");
    fake_wait(fake, FAKE_TOKEN, 2);
    gt_crew_stop(child[0].crew, LIMIT);
    gives_app(&child[1], GRAPH, "app-2");
}
END_TEST

START_TEST(a_forgotten_token_is_asked_for_anew)
{
    gives_app(&child[0], GRAPH, "app-1");
    gt_app_token_forget(child[1].vault, "microsoft", NULL, GRAPH);
    gives_app(&child[0], GRAPH, "app-2");
}
END_TEST

/* No user could sign in to mend it, and nothing else is held back. */
START_TEST(a_refusal_is_the_applications)
{
    fake_reply_t refused = {400, NULL, "{\"error\":\"invalid_grant\"}"};

    fake_answer(fake, FAKE_TOKEN, &refused);
    fails_app(&child[0], GT_CLIENT_BROKEN, "GT0630");
    fails_app(&child[0], GT_CLIENT_BROKEN, "GT0630"); /* remembered */
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    fake_answer(fake, FAKE_TOKEN, NULL);
    gives_app(&child[0], "https://outlook.example", "app-2"); /* which is not concerned */
}
END_TEST

START_TEST(a_pause_is_kept_and_the_claim_given_back)
{
    const gt_token_key_t key = {{"", {FAKE_TENANT, "microsoft"}}, GRAPH};
    fake_reply_t throttled = {429, "Retry-After: 30\r\n", "{\"error\":\"rate_limit\"}"};
    gt_app_token_t work;

    fake_answer(fake, FAKE_TOKEN, &throttled);
    fails_app(&child[0], GT_THROTTLED, "GT0523");
    bench_tag(ask_app(&work, &child[0], "https://outlook.example"), "GT0619");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert(gt_cache_claim(cache, &key, SECONDS(1)));
}
END_TEST

START_TEST(an_answer_without_a_token_is_no_token)
{
    fake_reply_t empty = {200, NULL, "{\"refresh_token\":\"rt\"}"};

    fake_answer(fake, FAKE_TOKEN, &empty);
    fails_app(&child[0], GT_UPSTREAM, "GT0511");
}
END_TEST

START_TEST(a_provider_of_many_tenants_has_none)
{
    gt_app_token_t work = app(&child[0], GRAPH);

    conf()->tenant = "common";
    fails_app(&child[0], GT_INTERNAL, "GT0627");
    gt_app_token_forget(child[0].vault, "microsoft", NULL, GRAPH);
    work.provider = "nobody";
    bench_tag(gt_wait_run(&gt_app_token_for, &work, child[0].loop, LIMIT, pool), "GT0613");
    gt_app_token_forget(child[0].vault, "nobody", NULL, GRAPH);
}
END_TEST

Suite *suite_app_token(void)
{
    Suite *suite = suite_create("app_token");
    TCase *tcase = children_case(suite, "application", GT_SQLITE);

    tcase_add_test(tcase, a_token_is_asked_for_once_and_kept_for_all);
    tcase_add_test(tcase, each_resource_and_tenant_has_its_own);
    tcase_add_test(tcase, all_children_wait_for_one_call);
    tcase_add_test(tcase, a_claim_of_the_dead_ends);
    tcase_add_test(tcase, who_waits_in_vain_is_told);
    tcase_add_test(tcase, a_token_near_its_end_serves_while_the_next_one_is_fetched);
    tcase_add_test(tcase, a_forgotten_token_is_asked_for_anew);
    tcase_add_test(tcase, a_refusal_is_the_applications);
    tcase_add_test(tcase, a_pause_is_kept_and_the_claim_given_back);
    tcase_add_test(tcase, an_answer_without_a_token_is_no_token);
    tcase_add_test(tcase, a_provider_of_many_tenants_has_none);
    return suite;
}
