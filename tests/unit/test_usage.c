/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Use counts (vault/use_counts): counted in memory, written by few statements; no call waits for
 * them. */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "children.h"
#include "store/store_ladder.h"
#include "desk.h"

Suite *suite_usage(void);

START_TEST(uses_are_written_in_batches)
{
    gt_grant_key_t nobody = {"main", {"nobody", "microsoft"}};
    gt_grant_t *before;

    sign_in_row(&tom, 3600);
    before = row();
    for (int i = 0; i < 3; i++)
        gt_vault_used(child[0].vault, &toms.grant);
    gt_vault_used(child[0].vault, &nobody);
    ck_assert_int_eq(row()->use_count, 0);
    gt_vault_flush(child[0].vault, pool);
    ck_assert_int_eq(row()->use_count, 3);
    ck_assert_int_ge(row()->last_used_at, before->last_used_at);
    ck_assert_int_eq(row()->generation, before->generation);
    gt_vault_flush(child[0].vault, pool);
    ck_assert_int_eq(row()->use_count, 3);
}
END_TEST

START_TEST(uses_wait_for_the_database)
{
    apr_time_t until = gt_ticks() + LIMIT;

    sign_in_row(&tom, 3600);
    gt_vault_used(child[1].vault, &toms.grant);
    atomic_store(&child[1].away, 1);
    gt_vault_flush(child[1].vault, pool);
    ck_assert_int_eq(row()->use_count, 0);
    gt_vault_used(child[1].vault, &toms.grant);
    while (row()->use_count == 0 && gt_ticks() < until) /* the breaker's pause */
        gt_vault_flush(child[1].vault, pool);
    ck_assert_int_eq(row()->use_count, 2);
}
END_TEST

/* ---- one statement ---- */

START_TEST(test_T7_uses_are_counted_and_time_goes_forward)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_uses_t uses[] = {{desk_tom, 3, apr_time_from_sec(60), -1, 0}, {desk_ann, 1, 0, -1, 0}};
    const apr_time_t signed_in = grant->last_used_at;

    bench_run(desk.bench, "UPDATE user_tokens SET last_used_at = last_used_at - 1000");
    bench_ok(gt_grants_used(uses, 2, desk.store, desk.pool));
    ck_assert_int_eq(uses[0].is_written, 1);
    ck_assert_int_eq(uses[1].is_written, 0);
    grant = desk_found(&desk, &desk_tom);
    ck_assert_int_eq(grant->use_count, 3);
    ck_assert_int_ge(grant->last_used_at, signed_in - apr_time_from_sec(60));
    ck_assert_int_lt(grant->last_used_at, signed_in);
    uses[0].times = 2;
    uses[0].ago = apr_time_from_sec(5000);
    bench_ok(gt_grants_used(uses, 1, desk.store, desk.pool));
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->use_count, 5);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->last_used_at, grant->last_used_at);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->generation, grant->generation);
    bench_close(desk.bench);
}
END_TEST

#define ERRORS "SELECT status || ' ' || error_count || ' ' || error_message FROM user_tokens"

/* Errors count one after the other: a token that works ends the series, but not one that had worked
 * before. */
START_TEST(test_T7_errors_before_a_success_are_forgotten)
{
    desk_t desk = desk_open(_i);
    gt_uses_t use = {desk_tom, 1, 0, -1, 0};

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_run(desk.bench, "UPDATE user_tokens SET error_count = 2, error_message = 'x', "
                          "updated_at = '2026-01-01 00:00:00'");
    bench_ok(gt_grants_used(&use, 1, desk.store, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, ERRORS), "1 2 x");
    use.worked_ago = apr_time_from_sec(200LL * 365 * 86400);
    bench_ok(gt_grants_used(&use, 1, desk.store, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, ERRORS), "1 2 x");
    bench_run(desk.bench, "UPDATE user_tokens SET status = 0");
    use = (gt_uses_t){desk_tom, 0, 0, 0, 0};
    bench_ok(gt_grants_used(&use, 1, desk.store, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, ERRORS), "0 2 x");
    bench_run(desk.bench, "UPDATE user_tokens SET status = 1");
    bench_ok(gt_grants_used(&use, 1, desk.store, desk.pool));
    ck_assert_str_eq(bench_ask(desk.bench, ERRORS), "1 0 x");
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->use_count, 2);
    ck_assert_int_eq(desk_found(&desk, &desk_tom)->access_since, 0);
    bench_close(desk.bench);
}
END_TEST

/* The statement compares user ids as what the column is. */
START_TEST(uses_of_users_with_other_ids_are_counted)
{
    static const struct {
        const char *type, *given, *written;
    } ids[] = {
        {"text", "tom", "tom"},
        {"integer", "17", "17"},
        {"uuid", "0B6A3F6C-0C4E-4B5F-8F2F-7B1C9D3E5A71", "0b6a3f6c-0c4e-4b5f-8f2f-7b1c9d3e5a71"}};

    for (apr_size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        desk_t desk = desk_open(_i);
        gt_uses_t use = {{ids[i].given, "microsoft"}, 3, 0, -1, 0};

        bench_migrate(desk.bench, 0);
        desk.bench->conf->user_type = ids[i].type;
        bench_migrate(desk.bench, gt_store_newest());
        desk.store = gt_store_make(desk.bench->conf, desk.bench->db, desk.bench->ring, desk.pool);
        desk_signed_in(&desk, &use.owner, "a1");
        bench_ok(gt_grants_used(&use, 1, desk.store, desk.pool));
        ck_assert_int_eq(use.is_written, 1);
        ck_assert_str_eq(bench_ask(desk.bench, "SELECT user_id FROM user_tokens WHERE use_count = "
                                               "3"),
                         ids[i].written);
        bench_close(desk.bench);
    }
}
END_TEST

/* Two nodes that write the uses of the same grants neither wait for each other nor for a
 * refresh. */
START_TEST(uses_wait_for_no_lock)
{
    desk_t desk = desk_open(1);
    gt_db_t *other = bench_db(desk.bench, "");
    gt_uses_t uses[] = {{desk_tom, 3, 0, -1, 0}, {desk_ann, 1, 0, -1, 0}};
    apr_array_header_t *none;

    desk_signed_in(&desk, &desk_tom, "a1");
    desk_signed_in(&desk, &desk_ann, "a2");
    bench_ok(gt_db_literal_rows(&none, other, "BEGIN", desk.pool));
    bench_ok(gt_db_literal_rows(
        &none, other, "SELECT 1 FROM user_tokens WHERE user_id = 'tom' FOR UPDATE", desk.pool));
    bench_ok(gt_grants_used(uses, 2, desk.store, desk.pool));
    ck_assert_int_eq(uses[0].is_written, 0);
    ck_assert_int_eq(uses[1].is_written, 1);
    bench_ok(gt_db_literal_rows(&none, other, "ROLLBACK", desk.pool));
    bench_ok(gt_grants_used(uses, 1, desk.store, desk.pool));
    ck_assert_int_eq(uses[0].is_written, 1);
    bench_close(desk.bench);
}
END_TEST

/* ---- a backlog ---- */

#define MANY 2000

static atomic_int statements;

static void count_statement(void)
{
    atomic_fetch_add(&statements, 1);
}

static void use_many(int from, int to)
{
    for (int i = from; i < to; i++) {
        const gt_grant_key_t key = {"main", {apr_psprintf(pool, "u%d", i), "microsoft"}};

        gt_vault_used(child[0].vault, &key);
    }
}

static void make_many(void)
{
    bench_run(bench, apr_psprintf(pool,
                                  "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                                  "encrypted_refresh_token, expires_at) WITH RECURSIVE s(n) AS ("
                                  "SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < %d) "
                                  "SELECT 'u' || n, 'a', 'r', '2026-11-21' FROM s",
                                  MANY - 1));
}

static int written(void)
{
    return atoi(bench_ask(bench, "SELECT coalesce(sum(use_count), 0) FROM user_tokens"));
}

START_TEST(a_statement_writes_hundreds_of_grants)
{
    make_many();
    use_many(0, MANY);
    child[0].acquires = count_statement;
    atomic_store(&statements, 0);
    gt_vault_flush(child[0].vault, pool);
    child[0].acquires = NULL;
    ck_assert_int_eq(written(), MANY);
    /* The crew's own rounds may come in between. */
    ck_assert_int_le(atomic_load(&statements), MANY / GT_USES_MAX + 20);
}
END_TEST

/* Without any call: the crew's round goes on while there is enough for a statement. */
START_TEST(a_backlog_is_written_without_waiting)
{
    const apr_time_t until = gt_ticks() + LIMIT;

    make_many();
    for (int round = 0; round < 3; round++) {
        use_many(0, MANY);
        while (written() < (round + 1) * MANY && gt_ticks() < until)
            apr_sleep(apr_time_from_msec(20));
        ck_assert_int_eq(written(), (round + 1) * MANY);
    }
}
END_TEST

START_TEST(grants_that_are_gone_are_forgotten)
{
    use_many(0, 3);
    for (int i = 0; i < 3; i++)
        gt_vault_flush(child[0].vault, pool);
    make_many();
    gt_vault_flush(child[0].vault, pool);
    ck_assert_int_eq(written(), 0);
}
END_TEST

/* ---- no room ---- */

static char told[512];

static int wants(void *baton, int level)
{
    (void)baton;
    return level <= GT_LOG_WARNING;
}

static void print(void *baton, int level, const char *line)
{
    (void)baton;
    (void)level;
    if (strstr(line, "GT0610") != NULL)
        apr_cpystrn(told, line, sizeof(told));
}

START_TEST(what_found_no_room_is_told_of)
{
    static const gt_log_sink_t sink = {NULL, wants, print};

    atomic_store(&child[0].away, 1000000);
    use_many(0, 10007);
    gt_log_set(&sink);
    gt_vault_flush(child[0].vault, pool);
    gt_log_set(NULL);
    ck_assert_ptr_nonnull(
        strstr(told, " 7 uses of tokens are not counted: those of 10000 other grants "));
}
END_TEST

Suite *suite_usage(void)
{
    Suite *suite = suite_create("usage");
    TCase *sqlite = children_case(suite, "sqlite", GT_SQLITE);
    TCase *pgsql = children_case(suite, "pgsql", GT_PGSQL);
    TCase *statement = tcase_create("statement");
    const int n = bench_engines();

    suite_add_tcase(suite, statement);
    tcase_add_loop_test(statement, test_T7_uses_are_counted_and_time_goes_forward, 0, n);
    tcase_add_loop_test(statement, test_T7_errors_before_a_success_are_forgotten, 0, n);
    tcase_add_loop_test(statement, uses_of_users_with_other_ids_are_counted, 0, n);
    tcase_add_loop_test(statement, uses_wait_for_no_lock, 0, n - 1);
    tcase_add_test(sqlite, uses_are_written_in_batches);
    tcase_add_test(sqlite, uses_wait_for_the_database);
    tcase_add_test(sqlite, a_statement_writes_hundreds_of_grants);
    tcase_add_test(sqlite, grants_that_are_gone_are_forgotten);
    tcase_add_test(sqlite, what_found_no_room_is_told_of);
    tcase_add_loop_test(pgsql, a_statement_writes_hundreds_of_grants, 0, bench_engines() - 1);
    tcase_add_loop_test(pgsql, a_backlog_is_written_without_waiting, 0, bench_engines() - 1);
    return suite;
}
