/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Access tokens of other resources: beside the grants, with one refresh token, gone with the
 * grant. */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "desk.h"
#include "store/due.h"
#include "store/grant_access.h"
#include "store/rekey.h"

Suite *suite_access(void);

#define OUTLOOK "outlook"
#define COUNT "SELECT count(*) FROM user_tokens_access"

static gt_tokens_t tokens(const char *access, const char *refresh, apr_pool_t *p)
{
    gt_tokens_t fresh = desk_tokens(access, refresh, p);

    fresh.received = gt_now();
    fresh.expires_at = gt_now() + apr_time_from_sec(3600);
    return fresh;
}

static gt_grant_t *found_for(desk_t *desk, const char *resource)
{
    gt_grant_t *grant;

    bench_ok(gt_grant_find_for(&grant, desk->store, &desk_tom, resource, desk->pool));
    return grant;
}

/* A refresh for a resource that goes well. */
static void refreshed(desk_t *desk, const char *resource, const char *access, const char *refresh)
{
    const gt_tokens_t fresh = tokens(access, refresh, desk->pool);
    int stored;

    bench_ok(gt_grant_commit(&stored, desk->store, found_for(desk, resource), &fresh, desk->pool));
    ck_assert_int_eq(stored, 1);
}

/* Tom with a token of each of three resources. */
static desk_t three_resources(int loop)
{
    desk_t desk = desk_open(loop);

    desk_signed_in(&desk, &desk_tom, "a1");
    refreshed(&desk, OUTLOOK, "o1", "r2");
    refreshed(&desk, "api://x", "x1", NULL);
    return desk;
}

START_TEST(one_refresh_token_serves_all_resources)
{
    desk_t desk = desk_open(_i);
    const gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const char *const ends = "SELECT expires_at FROM user_tokens";
    const char *before = bench_ask(desk.bench, ends);
    const gt_grant_t *other;

    other = found_for(&desk, OUTLOOK);
    ck_assert_ptr_null(other->access);
    ck_assert(desk_holds(other->refresh, "a1-refresh", desk.pool));
    refreshed(&desk, OUTLOOK, "o1", "r2");
    other = found_for(&desk, OUTLOOK);
    ck_assert(desk_holds(other->access, "o1", desk.pool));
    ck_assert(desk_holds(other->refresh, "r2", desk.pool));
    ck_assert_int_eq(other->generation, grant->generation + 1);
    ck_assert_int_eq(other->access_generation, grant->generation + 1);
    ck_assert_int_gt(other->expires_at, gt_now() + apr_time_from_sec(3590));
    ck_assert_int_gt(other->access_since, gt_now() - apr_time_from_sec(10));
    grant = desk_found(&desk, &desk_tom);
    ck_assert(desk_holds(grant->access, "a1", desk.pool));
    ck_assert(desk_holds(grant->refresh, "r2", desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, ends), before);
    bench_close(desk.bench);
}
END_TEST

/* Written before its grant, the token is not served until the grant has that generation. */
START_TEST(a_token_counts_with_its_grants_generation)
{
    desk_t desk = desk_open(_i);
    gt_tokens_t fresh = tokens("o1", "r2", desk.pool);
    gt_sealed_t sealed;
    gt_grant_t *grant;
    int stored;

    desk_signed_in(&desk, &desk_tom, "a1");
    grant = found_for(&desk, OUTLOOK);
    bench_ok(gt_row_seal(&sealed, desk.store, &desk_tom, OUTLOOK, &fresh, desk.pool));
    bench_ok(gt_access_keep(desk.store, grant, &sealed, &fresh, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "1");
    ck_assert_ptr_null(found_for(&desk, OUTLOOK)->access);
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &fresh, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o1", desk.pool));
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_result_that_comes_too_late_writes_no_token)
{
    desk_t desk = desk_open(_i);
    const gt_tokens_t late = tokens("late", "late-refresh", desk.pool);
    gt_grant_t *stale;
    int stored;

    desk_signed_in(&desk, &desk_tom, "a1");
    stale = found_for(&desk, OUTLOOK);
    refreshed(&desk, OUTLOOK, "o1", "r2");
    bench_ok(gt_grant_commit(&stored, desk.store, stale, &late, desk.pool));
    ck_assert_int_eq(stored, 0);
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o1", desk.pool));
    bench_ok(gt_grant_delete(&stored, desk.store, &desk_tom, desk.pool));
    bench_ok(gt_grant_commit(&stored, desk.store, stale, &late, desk.pool));
    ck_assert_int_eq(stored, 0);
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "0");
    bench_close(desk.bench);
}
END_TEST

/* The answer to a write may be lost. */
START_TEST(what_was_written_is_known_again)
{
    desk_t desk = desk_open(_i);
    const gt_tokens_t fresh = tokens("o1", "r2", desk.pool);
    gt_grant_t *grant;
    int stored;

    desk_signed_in(&desk, &desk_tom, "a1");
    grant = found_for(&desk, OUTLOOK);
    for (int i = 0; i < 2; i++) {
        bench_ok(gt_grant_commit(&stored, desk.store, grant, &fresh, desk.pool));
        ck_assert_int_eq(stored, 1);
    }
    bench_close(desk.bench);
}
END_TEST

START_TEST(tokens_go_with_their_grant)
{
    static const char *const ends[] = {
        NULL,                                            /* revoke */
        "DELETE FROM user_tokens WHERE user_id = 'tom'", /* S0's program */
    };

    for (apr_size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        desk_t desk = three_resources(_i);
        int deleted;

        ck_assert_str_eq(bench_ask(desk.bench, COUNT), "2");
        if (ends[i] == NULL)
            bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
        else
            bench_run(desk.bench, ends[i]);
        ck_assert_str_eq(bench_ask(desk.bench, COUNT), "0");
        bench_close(desk.bench);
    }
}
END_TEST

START_TEST(a_cleanup_takes_them_along)
{
    desk_t desk = three_resources(_i);
    apr_array_header_t *gone;

    bench_run(desk.bench, "UPDATE user_tokens SET status = 0, updated_at = '2001-01-01 00:00:00'");
    bench_ok(gt_due_remove(&gone, desk.store, apr_time_from_sec(3600), 10, desk.pool));
    ck_assert_int_eq(gone->nelts, 1);
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "0");
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_grant_that_is_refused_keeps_none)
{
    desk_t desk = three_resources(_i);
    gt_err_t *dead = gt_err(desk.pool, GT_SIGN_IN, "GT0501", "x");
    gt_err_t *wants = gt_err(desk.pool, GT_INTERACTION, "GT0501", "x");
    int noted;

    bench_ok(gt_grant_failed(&noted, desk.store, desk_found(&desk, &desk_tom), wants,
                             GT_EFFECT_INTERACT, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "2");
    bench_ok(gt_grant_failed(&noted, desk.store, desk_found(&desk, &desk_tom), dead,
                             GT_EFFECT_DEACTIVATE, desk.pool));
    ck_assert_int_eq(noted, 1);
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "0");
    bench_close(desk.bench);
}
END_TEST

/* The administrator's verdict: no refresh is there that would notice. */
START_TEST(a_grant_that_is_deactivated_keeps_none)
{
    desk_t desk = three_resources(_i);
    int deactivated;

    bench_ok(gt_grant_deactivate(&deactivated, desk.store, &desk_tom, desk.pool));
    ck_assert_int_eq(deactivated, 1);
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "0");
    bench_close(desk.bench);
}
END_TEST

/* An answer without scopes grants what the one before did (RFC 6749, section 5.1). */
START_TEST(each_token_has_scopes_of_its_own)
{
    desk_t desk = desk_open(_i);

    desk_signed_in(&desk, &desk_tom, "a1");
    for (int i = 0; i < 3; i++) {
        static const char *const said[] = {"IMAP", NULL, "SMTP"};
        static const char *const known[] = {"IMAP", "IMAP", "SMTP"};
        gt_tokens_t fresh = tokens("o1", NULL, desk.pool);
        int stored;

        fresh.scope = said[i];
        bench_ok(
            gt_grant_commit(&stored, desk.store, found_for(&desk, OUTLOOK), &fresh, desk.pool));
        ck_assert_int_eq(stored, 1);
        ck_assert_str_eq(found_for(&desk, OUTLOOK)->scope, known[i]);
        ck_assert_str_eq(desk_found(&desk, &desk_tom)->scope, "User.Read");
    }
    ck_assert_ptr_null(found_for(&desk, "api://x")->scope);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_sign_in_begins_with_none)
{
    desk_t desk = three_resources(_i);

    desk_signed_in(&desk, &desk_tom, "a2");
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "0");
    ck_assert_ptr_null(found_for(&desk, OUTLOOK)->access);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_token_that_ended_is_purged_after_an_hour)
{
    desk_t desk = three_resources(_i);
    int more;

    bench_ok(gt_grant_purge(&more, desk.store, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "2");
    bench_run(desk.bench, "UPDATE user_tokens_access SET expires_at = expires_at - 7300 "
                          "WHERE resource = '" OUTLOOK "'");
    bench_ok(gt_grant_purge(&more, desk.store, desk.pool));
    ck_assert_int_eq(more, 0);
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT resource FROM user_tokens_access"), "api://x");
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T2_a_token_moved_to_another_resource_does_not_open)
{
    desk_t desk = three_resources(_i);
    gt_grant_t *grant;

    bench_run(desk.bench, "DELETE FROM user_tokens_access WHERE resource = 'api://x'");
    bench_run(desk.bench, "UPDATE user_tokens_access SET resource = 'api://x'");
    bench_tag(gt_grant_find_for(&grant, desk.store, &desk_tom, "api://x", desk.pool), "GT0209");
    bench_run(desk.bench, "UPDATE user_tokens SET encrypted_access_token = "
                          "(SELECT encrypted_access_token FROM user_tokens_access)");
    bench_tag(gt_grant_find(&grant, desk.store, &desk_tom, desk.pool), "GT0209");
    bench_close(desk.bench);
}
END_TEST

/* What is damaged of one resource is no matter of the others. */
START_TEST(a_damaged_token_harms_no_other_resource)
{
    desk_t desk = three_resources(_i);
    gt_grant_t *grant;

    bench_run(desk.bench, "UPDATE user_tokens SET encrypted_access_token = 'gt2.new.AAAA'");
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o1", desk.pool));
    bench_run(desk.bench, "UPDATE user_tokens_access SET expires_at = -1 "
                          "WHERE resource = '" OUTLOOK "'");
    bench_tag(gt_grant_find_for(&grant, desk.store, &desk_tom, OUTLOOK, desk.pool), "GT0422");
    ck_assert(desk_holds(found_for(&desk, "api://x")->access, "x1", desk.pool));
    bench_close(desk.bench);
}
END_TEST

static apr_int64_t on_key(desk_t *desk, const char *id)
{
    apr_array_header_t *rows = apr_array_make(desk->pool, 2, sizeof(gt_key_rows_t));
    const gt_range_t range = bench_range(desk->store, desk->pool);

    bench_ok(gt_rekey_rows(rows, &range, desk->pool));
    for (int i = 0; i < rows->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(rows, i, gt_key_rows_t).id, id) == 0)
            return APR_ARRAY_IDX(rows, i, gt_key_rows_t).rows;
    return 0;
}

static apr_int64_t left(desk_t *desk)
{
    const gt_range_t range = bench_range(desk->store, desk->pool);
    apr_int64_t rows = 0;

    bench_ok(gt_rekey_left(&rows, &range, desk->pool));
    return rows;
}

static gt_rekey_t pass_over(desk_t *desk)
{
    gt_rekey_t pass;
    int rounds = 0;

    gt_rekey_begin(&pass, desk->store);
    while (!pass.ended && rounds++ < 20)
        bench_ok(gt_rekey_some(&pass, 1, desk->pool));
    ck_assert(pass.ended);
    return pass;
}

#define KEY_NEXT "next any ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\n"
#define KEY_NEW "new any MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"

static void use(desk_t *desk, const char *text)
{
    bench_ok(gt_keyring_renew(desk->bench->ring, gt_secret_from(text, desk->pool), desk->pool));
}

START_TEST(reencryption_covers_them)
{
    desk_t desk = three_resources(_i);
    gt_rekey_t pass;

    ck_assert_int_eq(on_key(&desk, "new"), 3);
    use(&desk, KEY_NEXT KEY_NEW);
    ck_assert_int_eq(left(&desk), 3);
    pass = pass_over(&desk);
    ck_assert_int_eq(pass.looked, 3);
    ck_assert_int_eq(pass.moved, 3);
    ck_assert_int_eq(pass.changed + pass.stuck, 0);
    ck_assert_int_eq(left(&desk), 0);
    ck_assert_int_eq(on_key(&desk, "next"), 3);
    use(&desk, KEY_NEXT);
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o1", desk.pool));
    ck_assert(desk_holds(found_for(&desk, "api://x")->access, "x1", desk.pool));
    ck_assert_int_eq(pass_over(&desk).looked, 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(one_that_does_not_open_holds_back_no_other)
{
    desk_t desk = three_resources(_i);
    gt_rekey_t pass;

    bench_run(desk.bench, "UPDATE user_tokens_access SET encrypted_access_token = 'gt2.new.AAAA' "
                          "WHERE resource = 'api://x'");
    use(&desk, KEY_NEXT KEY_NEW);
    pass = pass_over(&desk);
    ck_assert_int_eq(pass.moved, 2);
    ck_assert_int_eq(pass.stuck, 1);
    ck_assert_ptr_nonnull(strstr(pass.why_stuck->detail, "user tom"));
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o1", desk.pool));
    bench_close(desk.bench);
}
END_TEST

/* While a key is asked for that is nowhere, another process writes a token that was read
 * already. */
static desk_t *other_hand;

static void refresh_elsewhere(void *baton)
{
    desk_t *other = other_hand;

    (void)baton;
    other_hand = NULL;
    if (other != NULL)
        refreshed(other, OUTLOOK, "o2", NULL);
}

START_TEST(one_that_changes_meanwhile_stays_as_it_is)
{
    desk_t desk = three_resources(_i);
    desk_t other = desk;
    gt_keyring_t *ring;
    gt_rekey_t pass;

    bench_ok(gt_keyring_parse(&ring, gt_secret_from(KEY_NEXT KEY_NEW, desk.pool), desk.pool));
    other.store = gt_store_make(desk.bench->conf, bench_db(desk.bench, ""), ring, desk.pool);
    bench_run(desk.bench, "UPDATE user_tokens_access SET encrypted_access_token = 'gt1.lost.AAAA' "
                          "WHERE resource = 'api://x'");
    use(&desk, KEY_NEXT KEY_NEW);
    other_hand = &other;
    gt_keyring_on_miss(desk.bench->ring, refresh_elsewhere, NULL);
    pass = pass_over(&desk);
    ck_assert_int_eq(pass.changed, 1);
    ck_assert_int_eq(pass.stuck, 1);
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o2", desk.pool));
    bench_close(desk.bench);
}
END_TEST

#define MANY 40 /* for two users more than a page holds, which so ends among the second one's */

START_TEST(a_page_that_ends_among_the_tokens_of_a_grant_leaves_none)
{
    desk_t desk = desk_open(_i);

    desk_signed_in(&desk, &desk_tom, "a1");
    desk_signed_in(&desk, &desk_ann, "b1");
    refreshed(&desk, OUTLOOK, "o1", NULL);
    bench_run(desk.bench,
              "INSERT INTO user_tokens_access (user_id, provider, resource, "
              "encrypted_access_token, expires_at, generation, obtained_at) "
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
              "WHERE i < " APR_STRINGIFY(
                  MANY) ") "
                        "SELECT u.user_id, a.provider, 'r' || i, a.encrypted_access_token, "
                        "a.expires_at, 1, a.obtained_at FROM user_tokens u, "
                        "user_tokens_access a, n");
    use(&desk, KEY_NEXT KEY_NEW);
    ck_assert_int_eq(left(&desk), 2 + 2 * MANY + 1);
    ck_assert_int_eq(pass_over(&desk).looked, 2 + 2 * MANY + 1);
    bench_close(desk.bench);
}
END_TEST

START_TEST(fernet_has_a_place_for_them)
{
    desk_t desk = desk_open(_i);
    const char *key;
    gt_range_t range;
    apr_int64_t rows = 0;

    desk.bench->conf->cipher = GT_FERNET;
    use(&desk, "s0 any " BENCH_FERNET_KEY "\n");
    desk_signed_in(&desk, &desk_tom, "a1");
    refreshed(&desk, OUTLOOK, "o1", "r2");
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o1", desk.pool));
    key = bench_ask(desk.bench, "SELECT substr(encrypted_access_token, 1, 6) "
                                "FROM user_tokens_access");
    ck_assert_str_eq(key, "gAAAAA");
    range = bench_range(desk.store, desk.pool);
    bench_ok(gt_rekey_fernet_rows(&rows, &range, "s0", desk.pool));
    ck_assert_int_eq(rows, 2);
    bench_close(desk.bench);
}
END_TEST

#define WITHOUT_TABLE 9

/* Nodes are upgraded before the database: until then the default resource is served as ever. */
START_TEST(a_store_without_the_table_serves_the_default_one)
{
    desk_t desk;
    gt_grant_t *grant;
    int more;

    desk.bench = bench_open(_i);
    desk.pool = desk.bench->pool;
    desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
    bench_migrate(desk.bench, WITHOUT_TABLE);
    desk_signed_in(&desk, &desk_tom, "a1");
    refreshed(&desk, GT_RESOURCE_GRAPH, "a2", "r2");
    desk_signed_in(&desk, &desk_tom, "a3");
    bench_ok(gt_grant_purge(&more, desk.store, desk.pool));
    ck_assert_int_eq(left(&desk), 0);
    ck_assert_int_eq(pass_over(&desk).looked, 0);
    ck_assert_int_eq(on_key(&desk, "new"), 1);
    bench_tag(gt_grant_find_for(&grant, desk.store, &desk_tom, OUTLOOK, desk.pool), "GT0429");
    bench_migrate(desk.bench, gt_store_newest());
    refreshed(&desk, OUTLOOK, "o1", NULL);
    ck_assert(desk_holds(found_for(&desk, OUTLOOK)->access, "o1", desk.pool));
    bench_close(desk.bench);
}
END_TEST

START_TEST(going_down_says_that_they_are_dropped)
{
    desk_t desk = three_resources(_i);
    apr_array_header_t *plan;
    int says = 0;

    bench_ok(
        gt_ladder_plan(&plan, bench_ladder(desk.bench), desk.bench->db, WITHOUT_TABLE, desk.pool));
    for (int i = 0; i < plan->nelts; i++)
        says += strstr(APR_ARRAY_IDX(plan, i, gt_migration_t).title,
                       "access tokens of other resources are dropped") != NULL;
    ck_assert_int_eq(says, 1);
    bench_migrate(desk.bench, WITHOUT_TABLE);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a1", desk.pool));
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->refresh, "r2", desk.pool));
    bench_migrate(desk.bench, gt_store_newest());
    ck_assert_str_eq(bench_ask(desk.bench, COUNT), "0");
    ck_assert_ptr_null(found_for(&desk, OUTLOOK)->access);
    bench_close(desk.bench);
}
END_TEST

/* Where the API refused a token it must not be handed out again under a newer number. */
START_TEST(a_refresh_for_another_resource_makes_no_token_newer)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    const apr_int64_t first = grant->generation;

    bench_ok(gt_grant_date_access(grant, desk.store, desk.pool));
    ck_assert_int_eq(grant->access_generation, first);
    refreshed(&desk, OUTLOOK, "o1", "r2");
    grant = desk_found(&desk, &desk_tom);
    bench_ok(gt_grant_date_access(grant, desk.store, desk.pool));
    ck_assert_int_eq(grant->access_generation, 0);
    refreshed(&desk, GT_RESOURCE_GRAPH, "a2", "r3");
    grant = desk_found(&desk, &desk_tom);
    bench_ok(gt_grant_date_access(grant, desk.store, desk.pool));
    ck_assert_int_eq(grant->access_generation, first + 2);
    ck_assert_int_eq(found_for(&desk, OUTLOOK)->access_generation, first + 1);
    bench_close(desk.bench);
}
END_TEST

/* Who uses another resource alone has an old token of the default one. */
START_TEST(a_grant_in_use_does_not_expire)
{
    desk_t desk = three_resources(_i);
    apr_array_header_t *expired;

    bench_run(desk.bench, "UPDATE user_tokens SET expires_at = '2001-01-01 00:00:00'");
    bench_ok(gt_due_expire(&expired, desk.store, apr_time_from_sec(3600), 10, desk.pool));
    ck_assert_int_eq(expired->nelts, 0);
    bench_run(desk.bench, "UPDATE user_tokens SET last_used_at = last_used_at - 4000");
    bench_ok(gt_due_expire(&expired, desk.store, apr_time_from_sec(3600), 10, desk.pool));
    ck_assert_int_eq(expired->nelts, 1);
    bench_close(desk.bench);
}
END_TEST

Suite *suite_access(void)
{
    Suite *suite = suite_create("access");
    TCase *tcase = tcase_create("other resources");
    const int engines = bench_engines();

    tcase_add_loop_test(tcase, one_refresh_token_serves_all_resources, 0, engines);
    tcase_add_loop_test(tcase, a_token_counts_with_its_grants_generation, 0, engines);
    tcase_add_loop_test(tcase, a_result_that_comes_too_late_writes_no_token, 0, engines);
    tcase_add_loop_test(tcase, what_was_written_is_known_again, 0, engines);
    tcase_add_loop_test(tcase, tokens_go_with_their_grant, 0, engines);
    tcase_add_loop_test(tcase, a_cleanup_takes_them_along, 0, engines);
    tcase_add_loop_test(tcase, a_grant_that_is_refused_keeps_none, 0, engines);
    tcase_add_loop_test(tcase, a_grant_that_is_deactivated_keeps_none, 0, engines);
    tcase_add_loop_test(tcase, each_token_has_scopes_of_its_own, 0, engines);
    tcase_add_loop_test(tcase, a_sign_in_begins_with_none, 0, engines);
    tcase_add_loop_test(tcase, a_token_that_ended_is_purged_after_an_hour, 0, engines);
    tcase_add_loop_test(tcase, test_T2_a_token_moved_to_another_resource_does_not_open, 0, engines);
    tcase_add_loop_test(tcase, a_damaged_token_harms_no_other_resource, 0, engines);
    tcase_add_loop_test(tcase, reencryption_covers_them, 0, engines);
    tcase_add_loop_test(tcase, one_that_does_not_open_holds_back_no_other, 0, engines);
    tcase_add_loop_test(tcase, one_that_changes_meanwhile_stays_as_it_is, 0, engines);
    tcase_add_loop_test(tcase, a_page_that_ends_among_the_tokens_of_a_grant_leaves_none, 0,
                        engines);
    tcase_add_loop_test(tcase, fernet_has_a_place_for_them, 0, engines);
    tcase_add_loop_test(tcase, a_store_without_the_table_serves_the_default_one, 0, engines);
    tcase_add_loop_test(tcase, going_down_says_that_they_are_dropped, 0, engines);
    tcase_add_loop_test(tcase, a_refresh_for_another_resource_makes_no_token_newer, 0, engines);
    tcase_add_loop_test(tcase, a_grant_in_use_does_not_expire, 0, engines);
    suite_add_tcase(suite, tcase);
    return suite;
}
