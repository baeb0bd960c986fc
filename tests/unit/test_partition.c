/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* A store's table that is partitioned by a hash of the user: its key is (user, provider), and
 * nothing that requests or background work do needs the ids of rows. */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "desk.h"
#include "store/due.h"
#include "store/rekey.h"

Suite *suite_partition(void);

#define USERS 12

static gt_owner_t owner_of(int i, apr_pool_t *p)
{
    return (gt_owner_t){apr_psprintf(p, "user%d", i), "microsoft"};
}

/* Users in all partitions; the ids of their rows are alike, as none of ours would be. */
static desk_t partitioned(void)
{
    desk_t desk = desk_open(1);

    bench_partition(desk.bench);
    for (int i = 0; i < USERS; i++) {
        const gt_owner_t owner = owner_of(i, desk.pool);

        desk_signed_in(&desk, &owner, "a1");
    }
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(DISTINCT tableoid) FROM user_tokens"),
                     "4");
    bench_run(desk.bench, "UPDATE user_tokens SET expires_at = now() + interval '5 minutes', "
                          "updated_at = now() - interval '1 hour'");
    return desk;
}

/* Names of those that are no rules of the table. */
#define INDEXES                                                                                    \
    "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_index JOIN pg_class "                \
    "ON pg_class.oid = indexrelid WHERE indrelid = 'user_tokens'::regclass AND NOT indisunique "   \
    "AND indisvalid"

START_TEST(a_whole_table_becomes_a_partitioned_one)
{
    desk_t desk = desk_open(1);
    const char *whole;

    desk_signed_in(&desk, &desk_tom, "a1");
    whole = bench_ask(desk.bench, INDEXES);
    bench_partition(desk.bench);
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a1", desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, INDEXES), whole);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_table_that_is_partitioned_is_taken_over)
{
    bench_t *bench = bench_open(1);
    desk_t desk = {bench, bench->pool, NULL};

    bench_run(bench, "CREATE TABLE user_tokens (id UUID NOT NULL DEFAULT gen_random_uuid(), "
                     "user_id VARCHAR NOT NULL, encrypted_access_token TEXT NOT NULL, "
                     "encrypted_refresh_token TEXT NOT NULL, "
                     "expires_at TIMESTAMP WITH TIME ZONE NOT NULL, "
                     "created_at TIMESTAMP WITH TIME ZONE DEFAULT now(), "
                     "updated_at TIMESTAMP WITH TIME ZONE DEFAULT now(), UNIQUE (user_id)) "
                     "PARTITION BY HASH (user_id)");
    bench_run(bench, "CREATE TABLE user_tokens_p0 PARTITION OF user_tokens "
                     "FOR VALUES WITH (MODULUS 2, REMAINDER 0)");
    bench_run(bench, "CREATE TABLE user_tokens_p1 PARTITION OF user_tokens "
                     "FOR VALUES WITH (MODULUS 2, REMAINDER 1)");
    bench_migrate(bench, gt_store_newest());
    desk.store = gt_store_make(bench->conf, bench->db, bench->ring, bench->pool);
    desk_signed_in(&desk, &desk_tom, "a1");
    ck_assert(desk_holds(desk_found(&desk, &desk_tom)->access, "a1", desk.pool));
    bench_run(bench, "DELETE FROM user_tokens");
    bench_migrate(bench, 1);
    bench_migrate(bench, gt_store_newest());
    bench_close(bench);
}
END_TEST

/* The rule of its key goes with the column of providers. */
START_TEST(a_table_that_was_made_partitioned_goes_down_and_up)
{
    desk_t desk = desk_open(1);

    desk.bench->conf->cipher = GT_FERNET;
    bench_partition(desk.bench);
    for (int i = 0; i < USERS; i++) {
        const gt_owner_t owner = owner_of(i, desk.pool);

        desk_signed_in(&desk, &owner, "a1");
    }
    bench_migrate(desk.bench, 1);
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens"), "12");
    bench_migrate(desk.bench, gt_store_newest());
    for (int i = 0; i < USERS; i++) {
        const gt_owner_t owner = owner_of(i, desk.pool);

        ck_assert(desk_holds(desk_found(&desk, &owner)->access, "a1", desk.pool));
    }
    bench_migrate(desk.bench, 0);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_refresh_of_any_resource_goes_its_way)
{
    desk_t desk = partitioned();
    const gt_lease_params_t params = {"me/1", apr_time_from_sec(60), NULL};
    const gt_owner_t owner = owner_of(3, desk.pool);
    gt_tokens_t fresh = desk_tokens("a2", "r2", desk.pool);
    gt_grant_t *grant;
    int ours, stored;

    bench_ok(gt_grant_find(&grant, desk.store, &owner, desk.pool));
    bench_ok(gt_lease_take(&ours, desk.store, grant, &params, desk.pool));
    ck_assert_int_eq(ours, 1);
    bench_ok(gt_lease_renew(&ours, desk.store, grant, &params, desk.pool));
    ck_assert_int_eq(ours, 1);
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &fresh, desk.pool));
    ck_assert_int_eq(stored, 1);
    bench_ok(gt_grant_find_for(&grant, desk.store, &owner, "outlook", desk.pool));
    fresh = desk_tokens("o1", NULL, desk.pool);
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &fresh, desk.pool));
    ck_assert_int_eq(stored, 1);
    bench_ok(gt_grant_find_for(&grant, desk.store, &owner, "outlook", desk.pool));
    ck_assert(desk_holds(grant->access, "o1", desk.pool));
    ck_assert(desk_holds(grant->refresh, "r2", desk.pool));
    bench_ok(gt_grant_delete(&stored, desk.store, &owner, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens_access"), "0");
    bench_close(desk.bench);
}
END_TEST

/* All parts together, each once. */
static int pick_all(desk_t *desk)
{
    int n = 0;

    for (int part = 0; part < GT_PARTS; part++) {
        const gt_due_params_t params = {.part = part,
                                        .past = apr_time_from_sec(3600),
                                        .lead = apr_time_from_sec(600),
                                        .used_within = apr_time_from_sec(86400),
                                        .hold = apr_time_from_sec(60),
                                        .most = 100};
        apr_array_header_t *picked;

        bench_ok(gt_due_pick(&picked, desk->store, &params, desk->pool));
        n += picked->nelts;
    }
    return n;
}

static int check_all(desk_t *desk)
{
    int n = 0;

    for (int part = 0; part < GT_PARTS; part++) {
        const gt_check_params_t params = {part, apr_time_from_sec(60), apr_time_from_sec(86400),
                                          100};
        apr_array_header_t *picked;

        bench_ok(gt_check_pick(&picked, desk->store, &params, desk->pool));
        n += picked->nelts;
    }
    return n;
}

/* Ids are no key of such a table: here all rows have one. */
START_TEST(background_work_needs_no_ids)
{
    desk_t desk = partitioned();
    apr_array_header_t *picked;
    gt_uses_t uses[USERS];

    bench_run(desk.bench, "UPDATE user_tokens SET id = '7f6a3f6c0c4e4b5f8f2f7b1c9d3e5a71'");
    ck_assert_int_eq(pick_all(&desk), USERS);
    ck_assert_int_eq(pick_all(&desk), 0);
    ck_assert_int_eq(check_all(&desk), USERS);
    for (int i = 0; i < USERS; i++)
        uses[i] = (gt_uses_t){.owner = owner_of(i, desk.pool), .times = i + 1};
    bench_ok(gt_grants_used(uses, USERS, desk.store, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT string_agg(use_count::text, ' ' ORDER BY "
                                           "use_count) FROM user_tokens"),
                     "1 2 3 4 5 6 7 8 9 10 11 12");
    bench_run(desk.bench, "UPDATE user_tokens SET expires_at = '2001-01-01', last_used_at = 5 "
                          "WHERE user_id IN ('user1', 'user2')");
    bench_ok(gt_due_expire(&picked, desk.store, apr_time_from_sec(3600), 1, desk.pool));
    ck_assert_int_eq(picked->nelts, 1);
    bench_ok(gt_due_expire(&picked, desk.store, apr_time_from_sec(3600), 10, desk.pool));
    ck_assert_int_eq(picked->nelts, 1);
    bench_run(desk.bench, "UPDATE user_tokens SET updated_at = '2001-01-01' WHERE status = 0");
    bench_ok(gt_due_remove(&picked, desk.store, apr_time_from_sec(3600), 1, desk.pool));
    ck_assert_int_eq(picked->nelts, 1);
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens"), "11");
    bench_close(desk.bench);
}
END_TEST

START_TEST(administration_and_caches_see_all_partitions)
{
    static const gt_grant_filter_t all = {.status = -1, .within = -1};
    desk_t desk = partitioned();
    apr_array_header_t *rows;
    gt_grant_stats_t stats;
    gt_rekey_t pass;

    bench_ok(gt_grant_list(&rows, desk.store, &all, NULL, 100, desk.pool));
    ck_assert_int_eq(rows->nelts, USERS);
    bench_ok(gt_grant_changes(&rows, desk.store, apr_time_from_sec(60), desk.pool));
    ck_assert_int_eq(rows->nelts, USERS);
    for (int part = 0; part < GT_COUNT_PARTS; part++)
        bench_ok(gt_grant_count(desk.store, part, apr_time_from_sec(60), desk.pool));
    bench_ok(gt_grant_stats(&stats, desk.store, desk.pool));
    ck_assert_int_eq(stats.total, USERS);
    desk.bench->conf->cipher = GT_FERNET;
    gt_rekey_begin(&pass, desk.store);
    for (int i = 0; i < 30 && !pass.ended; i++)
        bench_ok(gt_rekey_some(&pass, 5, desk.pool));
    ck_assert_int_eq(pass.moved, USERS);
    bench_close(desk.bench);
}
END_TEST

Suite *suite_partition(void)
{
    Suite *suite = suite_create("partition");
    TCase *tcase = tcase_create("by the user");

    if (bench_engines() > 1) {
        tcase_add_test(tcase, a_whole_table_becomes_a_partitioned_one);
        tcase_add_test(tcase, a_table_that_is_partitioned_is_taken_over);
        tcase_add_test(tcase, a_table_that_was_made_partitioned_goes_down_and_up);
        tcase_add_test(tcase, a_refresh_of_any_resource_goes_its_way);
        tcase_add_test(tcase, background_work_needs_no_ids);
        tcase_add_test(tcase, administration_and_caches_see_all_partitions);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}
