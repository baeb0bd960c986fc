/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Rows to other keys, on both engines: all of them, each once, none that another transaction
 * holds. */

#include <string.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "store/store_ladder.h"
#include "desk.h"
#include "store/rekey.h"

Suite *suite_rekey(void);

#define KEY_NEW "new any MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
#define KEY_NEXT "next any __79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA=\n"
#define KEY_S0 "s0 any " BENCH_FERNET_KEY "\n"
#define GOOD_TEXT "SELECT count(*) FROM user_tokens WHERE encrypted_access_token LIKE 'gt2.next.%' "

static void use(desk_t *desk, const char *text)
{
    bench_ok(gt_keyring_renew(desk->bench->ring, gt_secret_from(text, desk->pool), desk->pool));
}

/* Tom, with an id token and a refresh token from before; ann without. */
static desk_t two_rows(int loop)
{
    desk_t desk = desk_open(loop);
    gt_tokens_t fresh = desk_tokens("a1", "r1", desk.pool);
    gt_grant_t *grant;
    int stored;

    fresh.id_token = gt_secret_from("id-token", desk.pool);
    bench_ok(gt_grant_sign_in(&grant, desk.store, &desk_tom, &desk_person, &fresh, desk.pool));
    fresh = desk_tokens("a2", "r2", desk.pool);
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &fresh, desk.pool));
    ck_assert_int_eq(stored, 1);
    desk_signed_in(&desk, &desk_ann, "b");
    bench_run(desk.bench, "UPDATE user_tokens SET id = '00000000000000000000000000000001' "
                          "WHERE user_id = 'tom'");
    return desk;
}

static gt_rekey_t pass_over(desk_t *desk, int most)
{
    gt_rekey_t pass;
    int rounds = 0;

    gt_rekey_begin(&pass, desk->store);
    while (!pass.ended && rounds++ < 20)
        bench_ok(gt_rekey_some(&pass, most, desk->pool));
    ck_assert(pass.ended);
    return pass;
}

static apr_int64_t left(desk_t *desk)
{
    const gt_range_t range = bench_range(desk->store, desk->pool);
    apr_int64_t rows = 0;

    bench_ok(gt_rekey_left(&rows, &range, desk->pool));
    return rows;
}

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

static apr_int64_t fernet_rows(desk_t *desk, const char *id)
{
    const gt_range_t range = bench_range(desk->store, desk->pool);
    apr_int64_t rows = 0;

    bench_ok(gt_rekey_fernet_rows(&rows, &range, id, desk->pool));
    return rows;
}

START_TEST(all_rows_go_to_the_writing_key)
{
    desk_t desk = two_rows(_i);
    gt_rekey_t pass;
    gt_grant_t *tom;

    ck_assert_int_eq(left(&desk), 0);
    ck_assert_int_eq(on_key(&desk, "new"), 2);
    use(&desk, KEY_NEXT KEY_NEW);
    ck_assert_int_eq(left(&desk), 2);
    pass = pass_over(&desk, 1);
    ck_assert_int_eq(pass.moved, 2);
    ck_assert_int_eq(pass.changed + pass.stuck, 0);
    ck_assert_int_eq(left(&desk), 0);
    ck_assert_int_eq(on_key(&desk, "new"), 0);
    ck_assert_int_eq(on_key(&desk, "next"), 2);
    /* The old key is not needed any more, for any column. */
    use(&desk, KEY_NEXT);
    tom = desk_found(&desk, &desk_tom);
    ck_assert(desk_holds(tom->access, "a2", desk.pool));
    ck_assert(desk_holds(tom->refresh, "r2", desk.pool));
    ck_assert_str_eq(tom->key_id, "next");
    ck_assert_str_eq(bench_ask(desk.bench, GOOD_TEXT "AND encrypted_id_token LIKE 'gt2.next.%'"),
                     "1");
    ck_assert_int_eq(pass_over(&desk, 100).looked, 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(generation_and_revision_stay)
{
    desk_t desk = two_rows(_i);
    static const char params[] = "SELECT CAST(sum(generation) AS VARCHAR) || '/' || "
                                 "CAST(sum(revision) AS VARCHAR) FROM user_tokens";
    const char *before = bench_ask(desk.bench, params);

    use(&desk, KEY_NEXT KEY_NEW);
    ck_assert_int_eq(pass_over(&desk, 100).moved, 2);
    ck_assert_str_eq(bench_ask(desk.bench, params), before);
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T3_a_key_for_one_purpose_takes_its_column_alone)
{
    desk_t desk = two_rows(_i);

    use(&desk, "next access __79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA=\n" KEY_NEW);
    ck_assert_int_eq(pass_over(&desk, 100).moved, 2);
    ck_assert_str_eq(
        bench_ask(desk.bench, GOOD_TEXT "AND encrypted_refresh_token LIKE 'gt2.new.%'"), "2");
    ck_assert_int_eq(on_key(&desk, "new"), 2);
    ck_assert_int_eq(on_key(&desk, "next"), 2);
    ck_assert_str_eq(desk_found(&desk, &desk_tom)->key_id, "new");
    bench_close(desk.bench);
}
END_TEST

START_TEST(test_T1_S0_rows_go_from_fernet_to_gcm_and_back)
{
    desk_t desk = {.bench = bench_open(_i)};
    gt_rekey_t pass;

    desk.pool = desk.bench->pool;
    desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
    bench_s0_table(desk.bench);
    bench_migrate(desk.bench, gt_store_newest());
    ck_assert_int_eq(on_key(&desk, ""), 2);
    ck_assert_int_eq(fernet_rows(&desk, "s0"), 2);
    ck_assert_int_eq(fernet_rows(&desk, "new"), 0);
    ck_assert_int_eq(pass_over(&desk, 1).moved, 2);
    ck_assert_int_eq(on_key(&desk, "new"), 2);
    ck_assert_int_eq(on_key(&desk, ""), 0);
    ck_assert_ptr_nonnull(desk_found(&desk, &desk_tom)->access);

    desk.bench->conf->cipher = GT_FERNET;
    ck_assert_int_eq(left(&desk), 2);
    ck_assert_int_eq(pass_over(&desk, 100).moved, 2);
    ck_assert_int_eq(on_key(&desk, ""), 2);
    ck_assert_int_eq(fernet_rows(&desk, "new"), 2);
    pass = pass_over(&desk, 100);
    ck_assert_int_eq(pass.moved, 0);
    ck_assert_int_eq(pass.looked, 2);
    ck_assert_str_eq(desk_found(&desk, &desk_tom)->key_id, "");
    bench_close(desk.bench);
}
END_TEST

/* 2500 others are on the new key, in three ranges with tom and ann. */
static const char *const fill[GT_ENGINES] = {
    [GT_PGSQL] = "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                 "encrypted_refresh_token, expires_at) SELECT 'u' || n, 'gt2.next.a', "
                 "'gt2.next.r', now() FROM generate_series(1, 2500) AS n",
    [GT_SQLITE] = "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                  "encrypted_refresh_token, expires_at) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL "
                  "SELECT n + 1 FROM s WHERE n < 2500) SELECT 'u' || n, 'gt2.next.a', "
                  "'gt2.next.r', datetime('now') FROM s"};

START_TEST(a_store_of_several_ranges_is_walked_to_its_end)
{
    desk_t desk = two_rows(_i);
    apr_array_header_t *rows = apr_array_make(desk.pool, 2, sizeof(gt_key_rows_t));
    apr_int64_t of_key[2] = {0, 0}, old = 0;
    int ranges = -1, found = 1;
    gt_range_t range;
    gt_rekey_t pass;

    bench_run(desk.bench, fill[desk.bench->engine]);
    bench_run(desk.bench, "UPDATE user_tokens SET id = 'ffffffffffffffffffffffffffffffff' "
                          "WHERE user_id = 'ann'");
    use(&desk, KEY_NEXT KEY_NEW);
    for (gt_range_begin(&range, desk.store); found; ranges++) {
        bench_ok(gt_range_next(&found, &range, desk.pool));
        if (found) {
            bench_ok(gt_rekey_rows(rows, &range, desk.pool));
            bench_ok(gt_rekey_left(&old, &range, desk.pool));
        }
    }
    for (int i = 0; i < rows->nelts; i++) {
        const gt_key_rows_t *one = &APR_ARRAY_IDX(rows, i, gt_key_rows_t);

        of_key[strcmp(one->id, "next") == 0] += one->rows;
    }
    ck_assert_int_eq(ranges, 3);
    ck_assert_int_eq(range.seen, 2502);
    ck_assert_int_eq(rows->nelts, 2);
    ck_assert_int_eq(of_key[1], 2500);
    ck_assert_int_eq(of_key[0], 2);
    ck_assert_int_eq(old, 2);
    pass = pass_over(&desk, 1);
    ck_assert_int_eq(pass.looked, 2);
    ck_assert_int_eq(pass.moved, 2);
    bench_close(desk.bench);
}
END_TEST

/* Tom's column names a key that is nowhere. While it is asked for, ann, whose row was read already,
 * signs in again. */
static desk_t *other_hand;

static void sign_ann_in(void *baton)
{
    (void)baton;
    if (other_hand != NULL)
        desk_signed_in(other_hand, &desk_ann, "changed");
    other_hand = NULL;
}

START_TEST(a_row_that_changes_meanwhile_stays_and_is_met_again)
{
    desk_t desk = two_rows(_i);
    desk_t other = desk;
    gt_keyring_t *old;
    gt_rekey_t pass;

    bench_ok(gt_keyring_parse(&old, gt_secret_from(KEY_NEW, desk.pool), desk.pool));
    other.store = gt_store_make(desk.bench->conf, bench_db(desk.bench, ""), old, desk.pool);
    other_hand = &other;
    bench_run(desk.bench, "UPDATE user_tokens SET encrypted_id_token = 'gt1.lost.AAAA' "
                          "WHERE user_id = 'tom'");
    use(&desk, KEY_NEXT KEY_NEW);
    gt_keyring_on_miss(desk.bench->ring, sign_ann_in, NULL);
    pass = pass_over(&desk, 100);
    ck_assert_int_eq(pass.looked, 2);
    ck_assert_int_eq(pass.moved, 1);
    ck_assert_int_eq(pass.changed, 1);
    ck_assert_int_eq(pass.stuck, 1);
    ck_assert_ptr_nonnull(strstr(pass.why_stuck->detail, "user tom"));
    ck_assert_ptr_nonnull(strstr(pass.why_stuck->detail, "lost"));
    ck_assert(desk_holds(desk_found(&desk, &desk_ann)->access, "changed", desk.pool));
    /* What opens in tom's row was moved all the same. */
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a2", desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, GOOD_TEXT "AND user_id = 'tom'"), "1");
    pass = pass_over(&desk, 100);
    ck_assert_int_eq(pass.moved, 1);
    ck_assert_int_eq(pass.stuck, 1);
    ck_assert_int_eq(on_key(&desk, "new"), 0);
    ck_assert_int_eq(on_key(&desk, "lost"), 1);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_value_of_another_row_is_not_made_good)
{
    desk_t desk = two_rows(_i);
    gt_rekey_t pass;

    bench_run(desk.bench, "UPDATE user_tokens SET encrypted_refresh_token = (SELECT "
                          "encrypted_refresh_token FROM user_tokens WHERE user_id = 'ann') "
                          "WHERE user_id = 'tom'");
    use(&desk, KEY_NEXT KEY_NEW);
    pass = pass_over(&desk, 100);
    ck_assert_int_eq(pass.stuck, 1);
    ck_assert_str_eq(pass.why_stuck->tag, "GT0209");
    ck_assert_int_eq(left(&desk), 1);
    bench_close(desk.bench);
}
END_TEST

Suite *suite_rekey(void)
{
    Suite *suite = suite_create("rekey");
    TCase *tcase = tcase_create("rows");
    const int engines = bench_engines();

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, all_rows_go_to_the_writing_key, 0, engines);
    tcase_add_loop_test(tcase, generation_and_revision_stay, 0, engines);
    tcase_add_loop_test(tcase, test_T3_a_key_for_one_purpose_takes_its_column_alone, 0, engines);
    tcase_add_loop_test(tcase, a_store_of_several_ranges_is_walked_to_its_end, 0, engines);
    tcase_add_loop_test(tcase, test_T1_S0_rows_go_from_fernet_to_gcm_and_back, 0, engines);
    tcase_add_loop_test(tcase, a_row_that_changes_meanwhile_stays_and_is_met_again, 0, engines);
    tcase_add_loop_test(tcase, a_value_of_another_row_is_not_made_good, 0, engines);
    suite_add_tcase(suite, tcase);
    return suite;
}
