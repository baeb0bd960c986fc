/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Grants begin and end: sign-in, and are revoked. */

#include "children.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "vault/flow/flows.h"

Suite *suite_sign_in(void);

static void ck_ok(gt_err_t *err)
{
    bench_ok(err);
}

static void ck_fails(gt_err_t *err, gt_class_t cls, const char *tag)
{
    bench_tag(err, tag);
    ck_assert_int_eq(err->cls, cls);
}

/* ---- sign-in ---- */

static char *id_token(const char *oid)
{
    json_int_t now = (json_int_t)apr_time_sec(gt_now());
    gt_provider_conf_t *conf = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *);
    const char *tail = conf->kind == GT_KIND_OPENID ? "" : "/" FAKE_TENANT "/v2.0";
    json_t *claims = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I}", "iss",
                               apr_pstrcat(pool, conf->authority, tail, NULL), "aud", FAKE_CLIENT,
                               "tid", FAKE_TENANT, "oid", oid, "sub", oid, "nonce", "n-1", "iat",
                               now, "exp", now + 3600);
    char *text = fake_sign("key-1", claims, pool);

    json_decref(claims);
    return text;
}

static gt_sign_in_t sign_in_of(const char *user)
{
    gt_flow_code_t *code = apr_pcalloc(pool, sizeof(*code));

    code->code = gt_secret_from("c0de", pool);
    code->verifier = gt_secret_from("verifier-of-43-characters", pool);
    code->redirect_uri = "https://app.example/auth/callback";
    return (gt_sign_in_t){
        .vault = child[0].vault,
        .key = {"main", {user, "microsoft"}},
        .flow = &gt_flow_authorization_code,
        .params = code,
        .nonce = "n-1",
    };
}

static gt_err_t *sign_in(gt_sign_in_t *work, const char *user)
{
    *work = sign_in_of(user);
    return gt_wait_run(&gt_sign_in, work, child[0].loop, LIMIT, pool);
}

START_TEST(a_code_becomes_a_grant)
{
    const char *form;
    gt_sign_in_t work;

    fake_give_id_token(fake, id_token(ADA));
    ck_ok(sign_in(&work, "tom"));
    form = fake_form(fake, pool);
    ck_assert_ptr_nonnull(strstr(form, "grant_type=authorization_code"));
    ck_assert_ptr_nonnull(strstr(form, "code=c0de"));
    ck_assert_ptr_nonnull(strstr(form, "code_verifier=verifier-of-43-characters"));
    ck_assert_ptr_nonnull(strstr(form, "redirect_uri=https%3A%2F%2Fapp.example%2Fauth%2Fcallback"));
    ck_assert_str_eq(work.identity.subject, ADA);
    ck_assert_str_eq(row()->account.subject, ADA);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert(is_cached("at-1"));
    gives(&child[1], "at-1");
}
END_TEST

START_TEST(a_session_user_is_named_by_the_identity)
{
    gt_sign_in_t work;

    fake_give_id_token(fake, id_token(ADA));
    ck_ok(sign_in(&work, ""));
    ck_assert_str_eq(work.grant->owner.user, ADA "@" FAKE_TENANT);
}
END_TEST

START_TEST(another_person_does_not_get_the_row)
{
    gt_sign_in_t work;
    gt_err_t *err;

    fake_give_id_token(fake, id_token(ADA));
    ck_ok(sign_in(&work, "tom"));
    fake_give_id_token(fake, id_token("00000000-0000-0000-0000-00000000eve0"));
    err = sign_in(&work, "tom");
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(err->cls, GT_CONFLICT);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    gives(&child[0], "at-1");
}
END_TEST

START_TEST(signing_in_again_heals_the_grant)
{
    fake_reply_t dead = {400, NULL, "{\"error\":\"invalid_grant\"}"};
    gt_sign_in_t work;
    const char *id;

    fake_give_id_token(fake, id_token(ADA));
    ck_ok(sign_in(&work, "tom"));
    id = row()->id;
    bench_run(bench, bench->engine == GT_SQLITE
                         ? "UPDATE user_tokens SET expires_at = datetime('now')"
                         : "UPDATE user_tokens SET expires_at = now()");
    gt_cache_forget(cache, &toms);
    fake_answer(fake, FAKE_TOKEN, &dead);
    fails(&child[0], GT_SIGN_IN, "GT0520");
    fails(&child[0], GT_SIGN_IN, "GT0602");
    fake_answer(fake, FAKE_TOKEN, NULL);
    ck_ok(sign_in(&work, "tom"));
    ck_assert_str_eq(row()->id, id);
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_int_eq(row()->error_count, 0);
    gives(&child[0], "at-2");
}
END_TEST

START_TEST(a_sign_in_without_identity_leaves_nothing)
{
    gt_sign_in_t work;

    ck_fails(sign_in(&work, "tom"), GT_UPSTREAM, "GT0612");
    ck_assert_ptr_null(row());
    fake_give_id_token(fake, "no.id.token");
    ck_fails(sign_in(&work, "tom"), GT_REFUSED, "GT0530");
    ck_assert_ptr_null(row());
    ck_assert(!is_cached("at-1"));
}
END_TEST

static void wake_nobody(void *baton)
{
    (void)baton;
}

/* A sign-in whose code is at the provider, which holds its answer back. */
static gt_task_t *begin_sign_in(gt_sign_in_t *work, const char *user)
{
    const gt_waker_t waker = {wake_nobody, NULL};
    gt_task_t *task = gt_task_make(&gt_sign_in, work, child[0].loop, &waker, pool);
    int asked = fake_calls(fake, FAKE_TOKEN);

    fake_give_id_token(fake, id_token(ADA));
    fake_hold(fake);
    *work = sign_in_of(user);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    fake_wait(fake, FAKE_TOKEN, asked + 1);
    return task;
}

START_TEST(a_browser_that_hangs_up_loses_no_tokens)
{
    apr_time_t until = gt_ticks() + LIMIT;
    gt_sign_in_t work;
    gt_task_t *task = begin_sign_in(&work, "tom");

    gt_task_drop(task);
    ck_assert_ptr_null(row());
    fake_release(fake);
    while (row() == NULL)
        ck_assert_int_lt(gt_ticks(), until);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

START_TEST(a_childs_end_waits_for_a_sign_in)
{
    gt_sign_in_t work;
    gt_task_t *task = begin_sign_in(&work, "tom");

    gt_task_drop(task);
    fake_release(fake);
    gt_crew_stop(child[0].crew, LIMIT);
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
}
END_TEST

START_TEST(a_sign_in_without_an_access_token_keeps_the_refresh_token)
{
    fake_reply_t alone = {200, NULL, NULL};
    gt_sign_in_t work;

    alone.body =
        apr_psprintf(pool, "{\"refresh_token\":\"rt-alone\",\"id_token\":\"%s\"}", id_token(ADA));
    fake_answer(fake, FAKE_TOKEN, &alone);
    ck_ok(sign_in(&work, "tom"));
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-alone");
    ck_assert_ptr_null(row()->access);
    fake_answer(fake, FAKE_TOKEN, NULL);
    gives(&child[1], "at-1");
    fake_answer(fake, FAKE_TOKEN, &alone);
    ck_ok(sign_in(&work, "tom"));
    ck_assert_ptr_null(row()->access);
}
END_TEST

/* ---- sign-ins that fail ---- */

START_TEST(a_provider_that_asks_for_a_pause_is_left_alone)
{
    fake_reply_t throttled = {429, "Retry-After: 30\r\n", "{\"error\":\"rate_limit\"}"};
    gt_sign_in_t work;

    fake_answer(fake, FAKE_TOKEN, &throttled);
    ck_fails(sign_in(&work, "tom"), GT_THROTTLED, "GT0523");
    ck_fails(sign_in(&work, "eve"), GT_THROTTLED, "GT0619");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

static atomic_int good, bad; /* sign-ins that were announced */

static int hear(void *baton, const gt_notice_t *notice)
{
    int is_whole = strcmp(notice->store, "main") == 0 &&
                   strcmp(notice->provider, "microsoft") == 0 && strcmp(notice->user, "tom") == 0;

    (void)baton;
    atomic_fetch_add(notice->err == GT_OK ? &good : &bad, is_whole);
    return 1;
}

START_TEST(each_sign_in_is_announced_once)
{
    static const gt_notice_sink_t sink = {NULL, GT_NOTICES(GT_NOTICE_SIGN_IN), hear};
    fake_reply_t refused = {400, NULL, "{\"error\":\"invalid_grant\"}"};
    gt_sign_in_t work;

    good = bad = 0;
    gt_notice_to(&sink);
    fake_give_id_token(fake, id_token(ADA));
    ck_ok(sign_in(&work, "tom"));
    fake_answer(fake, FAKE_TOKEN, &refused);
    ck_fails(sign_in(&work, "tom"), GT_SIGN_IN, "GT0520");
    fake_answer(fake, FAKE_TOKEN, NULL);
    fake_give_id_token(fake, id_token("00000000-0000-0000-0000-00000000eve0"));
    ck_fails(sign_in(&work, "tom"), GT_CONFLICT, "GT0423");
    ck_assert_int_eq(good, 1);
    ck_assert_int_eq(bad, 2);
    gt_notice_to_none();
}
END_TEST

/* ---- another flow ---- */

static void add_name(gt_form_t *form, const void *params)
{
    gt_form_add(form, "username", params);
}

static const void *copy_name(const void *params, apr_pool_t *p)
{
    return apr_pstrdup(p, params);
}

/* Acquired otherwise, admitted the same. */
START_TEST(any_flow_leads_to_a_grant)
{
    static const gt_flow_t flow = {"password", "sign in", add_name, copy_name, NULL, NULL};
    fake_reply_t tokens = {200, NULL, NULL};
    gt_sign_in_t work = sign_in_of("");

    tokens.body = apr_psprintf(pool,
                               "{\"access_token\":\"at-other\",\"expires_in\":3600,"
                               "\"refresh_token\":\"rt-other\",\"id_token\":\"%s\"}",
                               id_token(ADA));
    fake_answer(fake, FAKE_TOKEN, &tokens);
    work.flow = &flow;
    work.params = "ada@sandbox.example";
    work.nonce = NULL;
    ck_ok(gt_wait_run(&gt_sign_in, &work, child[0].loop, LIMIT, pool));
    ck_assert_ptr_nonnull(strstr(fake_form(fake, pool), "grant_type=password"));
    ck_assert_ptr_nonnull(strstr(fake_form(fake, pool), "username=ada%40sandbox.example"));
    ck_assert_ptr_null(strstr(fake_form(fake, pool), "code"));
    ck_assert_str_eq(work.grant->owner.user, ADA "@" FAKE_TENANT);
    ck_assert_str_eq(work.grant->account.subject, ADA);
    ck_assert_str_eq(gt_secret_text(work.grant->refresh), "rt-other");
}
END_TEST

/* ---- tokens that this server must not keep ---- */

/* As Google does, and Entra does not. */
static void offer_revocation(void)
{
    gt_provider_conf_t *conf = APR_ARRAY_IDX(config->providers, 0, gt_provider_conf_t *);
    const char *base = conf->authority;
    fake_reply_t document = {200, NULL, NULL};

    conf->kind = GT_KIND_OPENID;
    document.body = apr_psprintf(pool,
                                 "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/authorize\","
                                 "\"token_endpoint\":\"%s/token\",\"jwks_uri\":\"%s/keys\","
                                 "\"revocation_endpoint\":\"%s/revoke\"}",
                                 base, base, base, base, base);
    fake_answer(fake, FAKE_DISCOVERY, &document);
}

/* The `n`-th revocation is of this token. */
static void ck_revoked(int n, const char *token)
{
    fake_wait(fake, FAKE_REVOKE, n);
    ck_assert_ptr_nonnull(strstr(fake_form(fake, pool), apr_pstrcat(pool, "token=", token, NULL)));
}

static gt_err_t *end_sign_in(gt_task_t *task)
{
    apr_time_t until = gt_ticks() + LIMIT;

    fake_release(fake);
    while (gt_task_run(task) != GT_TASK_DONE)
        ck_assert_int_lt(gt_ticks(), until);
    return gt_task_error(task);
}

START_TEST(a_grant_revoked_meanwhile_does_not_come_back)
{
    gt_sign_in_t work;
    gt_task_t *task;
    int had_grant;

    offer_revocation();
    sign_in_row(&tom, 3600);
    task = begin_sign_in(&work, "tom");
    ck_ok(revoke_tom(&child[1], &had_grant));
    ck_assert_int_eq(had_grant, 1);
    ck_fails(end_sign_in(task), GT_CONFLICT, "GT0475");
    ck_assert_ptr_null(row());
    ck_assert(!is_cached("at-1"));
    fake_wait(fake, FAKE_REVOKE, 2); /* what stood in the row, and what came */
    ck_ok(sign_in(&work, "tom"));    /* one that begins now is another matter */
    ck_assert_ptr_nonnull(row());
}
END_TEST

START_TEST(a_first_sign_in_is_stored_whoever_was_revoked_before)
{
    gt_sign_in_t work;
    int had_grant;

    sign_in_row(&tom, 3600);
    ck_ok(revoke_tom(&child[1], &had_grant));
    ck_ok(end_sign_in(begin_sign_in(&work, "tom")));
    ck_assert_str_eq(gt_secret_text(row()->refresh), "rt-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_REVOKE), 0);
}
END_TEST

START_TEST(another_persons_tokens_are_given_back)
{
    gt_sign_in_t work;

    offer_revocation();
    fake_give_id_token(fake, id_token(ADA));
    ck_ok(sign_in(&work, "tom"));
    fake_give_id_token(fake, id_token("00000000-0000-0000-0000-00000000eve0"));
    ck_fails(sign_in(&work, "tom"), GT_CONFLICT, "GT0423");
    ck_revoked(1, "rt-2");
    fake_give_id_token(fake, NULL); /* and those of an unknown person */
    ck_fails(sign_in(&work, "tom"), GT_UPSTREAM, "GT0612");
    ck_revoked(2, "rt-3");
}
END_TEST

START_TEST(a_refresh_that_a_revoke_overtook_is_given_back)
{
    asker_t asker;
    int had_grant;

    offer_revocation();
    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    ck_ok(revoke_tom(&child[1], &had_grant));
    fake_release(fake);
    ck_assert_str_eq(answer_of(&asker), "GT0601");
    fake_wait(fake, FAKE_REVOKE, 2);
    ck_assert_ptr_null(row());
}
END_TEST

START_TEST(a_provider_that_cannot_revoke_is_no_obstacle)
{
    fake_reply_t down = {500, NULL, ""};
    int had_grant;

    offer_revocation();
    fake_answer(fake, FAKE_REVOKE, &down);
    sign_in_row(&tom, 3600);
    ck_ok(revoke_tom(&child[0], &had_grant));
    ck_assert_int_eq(had_grant, 1);
    ck_revoked(1, "rt-0");
    ck_assert_ptr_null(row());
}
END_TEST

/* ---- revoke ---- */

START_TEST(a_revoked_grant_is_gone_everywhere)
{
    int had_grant;

    sign_in_row(&tom, 3600);
    gives(&child[0], "at-0");
    ck_ok(revoke_tom(&child[1], &had_grant));
    ck_assert_int_eq(had_grant, 1);
    ck_assert(!is_cached("at-0"));
    ck_assert_ptr_null(row());
    fails(&child[0], GT_SIGN_IN, "GT0601");
    ck_ok(revoke_tom(&child[1], &had_grant));
    ck_assert_int_eq(had_grant, 0);
}
END_TEST

START_TEST(a_token_put_back_by_a_slow_reader_is_forgotten_too)
{
    const gt_waker_t waker = {wake_nobody, NULL};
    gt_revoke_t work = {.vault = child[0].vault, .key = toms.grant};
    gt_task_t *task = gt_task_make(&gt_revoke, &work, child[0].loop, &waker, pool);
    gt_token_t read_before = {gt_secret_from("at-0", pool), gt_now() + SECONDS(3600), 1, "",
                              SECONDS(300)};
    apr_time_t until = gt_ticks() + LIMIT;

    sign_in_row(&tom, 3600);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    ck_assert_ptr_null(row());
    gt_cache_put(cache, &toms, &read_before);
    while (gt_task_run(task) != GT_TASK_DONE)
        ck_assert_int_lt(gt_ticks(), until);
    ck_ok(gt_task_error(task));
    ck_assert(!is_cached("at-0"));
}
END_TEST

START_TEST(a_result_after_a_revoke_is_not_stored)
{
    asker_t asker;
    int had_grant;

    sign_in_row(&tom, 0);
    fake_hold(fake);
    start_asker(&asker, &child[0]);
    fake_wait(fake, FAKE_TOKEN, 1);
    ck_ok(revoke_tom(&child[1], &had_grant));
    fake_release(fake);
    ck_assert_str_eq(answer_of(&asker), "GT0601");
    ck_assert_ptr_null(row());
    ck_assert(!is_cached("at-1"));
}
END_TEST

Suite *suite_sign_in(void)
{
    Suite *suite = suite_create("sign_in");
    TCase *grants = children_case(suite, "grants", GT_SQLITE);

    tcase_add_test(grants, a_code_becomes_a_grant);
    tcase_add_test(grants, a_session_user_is_named_by_the_identity);
    tcase_add_test(grants, another_person_does_not_get_the_row);
    tcase_add_test(grants, signing_in_again_heals_the_grant);
    tcase_add_test(grants, a_sign_in_without_identity_leaves_nothing);
    tcase_add_test(grants, a_browser_that_hangs_up_loses_no_tokens);
    tcase_add_test(grants, a_childs_end_waits_for_a_sign_in);
    tcase_add_test(grants, a_sign_in_without_an_access_token_keeps_the_refresh_token);
    tcase_add_test(grants, a_provider_that_asks_for_a_pause_is_left_alone);
    tcase_add_test(grants, each_sign_in_is_announced_once);
    tcase_add_test(grants, any_flow_leads_to_a_grant);
    tcase_add_test(grants, a_grant_revoked_meanwhile_does_not_come_back);
    tcase_add_test(grants, a_first_sign_in_is_stored_whoever_was_revoked_before);
    tcase_add_test(grants, another_persons_tokens_are_given_back);
    tcase_add_test(grants, a_refresh_that_a_revoke_overtook_is_given_back);
    tcase_add_test(grants, a_provider_that_cannot_revoke_is_no_obstacle);
    tcase_add_test(grants, a_revoked_grant_is_gone_everywhere);
    tcase_add_test(grants, a_token_put_back_by_a_slow_reader_is_forgotten_too);
    tcase_add_test(grants, a_result_after_a_revoke_is_not_stored);
    return suite;
}
