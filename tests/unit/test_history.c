/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What a vault's work leaves in the history of a grant (vault/remember). */

#include "children.h"

#include <string.h>

#include <apr_strings.h>

#include "store/grant_history.h"
#include "vault/publish.h"
#include "vault/history.h"

Suite *suite_history(void);

/* tom's history in a line: "refresh failed GT0520 …, sign_in succeeded", the newest first. */
static const char *told(void)
{
    apr_array_header_t *entries;
    const char *line = "";

    bench_ok(gt_history_list(&entries, child[0].store, &tom, pool));
    for (int i = 0; i < entries->nelts; i++) {
        const gt_history_t *entry = &APR_ARRAY_IDX(entries, i, gt_history_t);

        line = apr_pstrcat(pool, line, i > 0 ? ", " : "", entry->event, " ", entry->outcome,
                           entry->tag != NULL ? " " : "", entry->tag != NULL ? entry->tag : "",
                           entry->detail != NULL ? " " : "",
                           entry->detail != NULL ? entry->detail : "", NULL);
    }
    return line;
}

static const struct {
    fake_reply_t reply;
    const char *line;
} failures[] = {
    {{400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50173]}"},
     "refresh failed GT0520 sign-in-required AADSTS50173"},
    {{400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50076],\"claims\":\"{}\"}"},
     "refresh failed GT0521 interaction-required AADSTS50076"},
    {{400, NULL, "{\"error\":\"invalid_grant\",\"error_codes\":[50057]}"},
     "refresh failed GT0525 refused AADSTS50057"},
    {{401, NULL, "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}"}, ""},
    {{429, "Retry-After: 7\r\n", ""}, ""},
    {{500, NULL, "oops"}, ""},
};

/* A refusal of the grant is an entry; what may pass, or is ours to mend, is none. */
START_TEST(a_refusal_is_remembered)
{
    sign_in_row(&tom, 0);
    fake_answer(fake, FAKE_TOKEN, &failures[_i].reply);
    (void)error_of(&child[0]);
    ck_assert_str_eq(told(), failures[_i].line);
}
END_TEST

static atomic_int statements;

static void count_statement(void)
{
    atomic_fetch_add(&statements, 1);
}

static int cost_of_refresh(void)
{
    gt_token_for_t what = ask_of(&child[0]);
    int before = atomic_load(&statements);

    bench_run(bench, "UPDATE user_tokens SET expires_at = '2020-01-01 00:00:00'");
    gt_vault_forget(child[0].vault, &toms.grant, GT_ALL_GENERATIONS, pool);
    bench_ok(ask(&what, &child[0]));
    return atomic_load(&statements) - before;
}

/* An ordinary refresh leaves no entry and costs no statement for it; one that ends a row of
 * refusals is an entry. */
START_TEST(a_recovery_is_remembered)
{
    int ordinary, more;

    sign_in_row(&tom, 0);
    gt_crew_stop(child[1].crew, 0);
    child[0].acquires = count_statement;
    (void)cost_of_refresh(); /* the first one reads what is kept, too */
    ordinary = cost_of_refresh();
    for (int i = 0; i < 20 && (more = cost_of_refresh()) < ordinary; i++)
        ordinary = more; /* periodic work counts along now and then */
    ck_assert_int_le(ordinary, 4);
    ck_assert_str_eq(told(), "");
    bench_run(bench, "UPDATE user_tokens SET error_count = 1");
    (void)cost_of_refresh();
    ck_assert_str_eq(told(), "refresh succeeded refresh token rotated");
    child[0].acquires = NULL;
}
END_TEST

START_TEST(an_administrator_is_remembered)
{
    const gt_asker_t ada = {.address = "192.0.2.7", .administrator = "ada"};
    const gt_asker_t bob = {.address = "192.0.2.8"};
    const gt_notice_t by_ada = {
        .kind = GT_NOTICE_DEACTIVATE, .provider = tom.provider, .user = tom.user, .asker = &ada};
    const gt_notice_t by_bob = {
        .kind = GT_NOTICE_SIGN_IN, .provider = tom.provider, .user = tom.user, .asker = &bob};
    apr_array_header_t *entries;
    const gt_history_t *entry;

    sign_in_row(&tom, 3600);
    gt_history_note(child[0].store, &by_ada, pool);
    gt_history_note(child[0].store, &by_bob, pool);
    bench_ok(gt_history_list(&entries, child[0].store, &tom, pool));
    ck_assert_int_eq(entries->nelts, 2);
    entry = &APR_ARRAY_IDX(entries, 1, gt_history_t);
    ck_assert_str_eq(entry->administrator, "ada");
    ck_assert_str_eq(entry->address, "192.0.2.7");
    entry = &APR_ARRAY_IDX(entries, 0, gt_history_t);
    ck_assert_ptr_null(entry->administrator);
    ck_assert_ptr_null(entry->address);
}
END_TEST

Suite *suite_history(void)
{
    Suite *suite = suite_create("history");
    TCase *tcase = children_case(suite, "sqlite", GT_SQLITE);

    tcase_add_loop_test(tcase, a_refusal_is_remembered, 0,
                        (int)(sizeof(failures) / sizeof(failures[0])));
    tcase_add_test(tcase, a_recovery_is_remembered);
    tcase_add_test(tcase, an_administrator_is_remembered);
    return suite;
}
