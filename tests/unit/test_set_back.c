/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Clocks that are wrong: the database's was set back (all stamps in its rows lie an hour ahead), or
 * ours differs from it by hours. */

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "desk.h"
#include "store/due.h"

Suite *suite_set_back(void);

#define SECONDS(n) apr_time_from_sec(n)

static apr_interval_time_t ahead; /* of our clock, before the real one */

static apr_time_t wrong_now(void)
{
    return apr_time_now() + ahead;
}

static void ours_is_ahead(apr_interval_time_t span)
{
    ahead = span;
    gt_clock_set(wrong_now, NULL);
}

static const char *epoch(const bench_t *bench, const char *column)
{
    return apr_psprintf(bench->pool,
                        bench->engine == GT_SQLITE
                            ? "unixepoch(%s)"
                            : "CAST(floor(extract(epoch FROM %s)) AS BIGINT)",
                        column);
}

/* How many seconds of the token's life the row says are left, by the database's clock. */
static int life_left(desk_t *desk)
{
    const char *now = desk->bench->engine == GT_SQLITE ? "'now'" : "now()";

    return atoi(bench_ask(desk->bench,
                          apr_psprintf(desk->pool, "SELECT %s - %s FROM user_tokens",
                                       epoch(desk->bench, "expires_at"), epoch(desk->bench, now))));
}

/* Moves a column of seconds. */
static void move(desk_t *desk, const char *table, const char *column, int seconds)
{
    bench_run(desk->bench, apr_psprintf(desk->pool, "UPDATE %s SET %s = %s + %d", table, column,
                                        column, seconds));
}

/* ---- stamps further ahead than can be ---- */

static int take(desk_t *desk, const gt_grant_t *grant, const char *holder)
{
    const gt_lease_params_t params = {holder, SECONDS(30), NULL};
    int ours;

    bench_ok(gt_lease_take(&ours, desk->store, grant, &params, desk->pool));
    return ours;
}

START_TEST(a_lease_of_before_is_over)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_awaited_t watched = {.owner = desk_tom, .generation = grant->generation};

    ck_assert_int_eq(take(&desk, grant, "dead"), 1);
    bench_ok(gt_lease_look(&watched, 1, desk.store, desk.pool));
    ck_assert_int_eq(watched.has_changed, 0);
    move(&desk, "user_tokens", "lease_until", 3600);
    bench_ok(gt_lease_look(&watched, 1, desk.store, desk.pool));
    ck_assert_int_eq(watched.has_changed, 1);
    ck_assert_int_eq(take(&desk, grant, "two"), 0); /* in doubt first, as ever */
    bench_ok(gt_lease_doubt(desk.store, grant, SECONDS(30), desk.pool));
    ck_assert_int_eq(take(&desk, grant, "two"), 0);
    move(&desk, "user_tokens", "intent_until", 3600);
    ck_assert_int_eq(take(&desk, grant, "two"), 1);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_job_of_before_is_due)
{
    desk_t desk = desk_open(_i);
    apr_array_header_t *due_jobs;
    int part, due = 0;

    bench_ok(gt_due_make_parts(desk.store, "refresh", GT_PARTS, desk.pool));
    do
        bench_ok(gt_due_claim(&part, desk.store, "refresh", SECONDS(60), "dead", desk.pool));
    while (part >= 0);
    bench_run(desk.bench, "UPDATE user_tokens_jobs SET due_at = due_at + 3600 "
                          "WHERE name = 'refresh' AND part = 7");
    bench_ok(gt_due_jobs(&due_jobs, desk.store, desk.pool));
    for (int i = 0; i < due_jobs->nelts; i++) {
        const gt_due_job_t *due_job = &APR_ARRAY_IDX(due_jobs, i, gt_due_job_t);

        due += strcmp(due_job->name, "refresh") == 0 && gt_due_job_is_due(due_job, SECONDS(60));
    }
    ck_assert_int_eq(due, 1);
    bench_ok(gt_due_claim(&part, desk.store, "refresh", SECONDS(60), "two", desk.pool));
    ck_assert_int_eq(part, 7);
    bench_ok(gt_due_claim(&part, desk.store, "refresh", SECONDS(60), "two", desk.pool));
    ck_assert_int_eq(part, -1);
    bench_close(desk.bench);
}
END_TEST

static int picked_due(desk_t *desk)
{
    apr_array_header_t *picked;
    int n = 0;

    for (int part = 0; part < GT_PARTS; part++) {
        const gt_due_params_t params = {part,          SECONDS(3600), SECONDS(3600),
                                        SECONDS(3600), SECONDS(60),   1};

        bench_ok(gt_due_pick(&picked, desk->store, &params, desk->pool));
        n += picked->nelts;
    }
    return n;
}

static int picked_to_check(desk_t *desk)
{
    apr_array_header_t *picked;
    int n = 0;

    for (int part = 0; part < GT_PARTS; part++) {
        const gt_check_params_t params = {part, SECONDS(86400), SECONDS(3600), 1};

        bench_ok(gt_check_pick(&picked, desk->store, &params, desk->pool));
        n += picked->nelts;
    }
    return n;
}

START_TEST(a_grant_picked_before_is_due)
{
    desk_t desk = desk_open(_i);

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_run(desk.bench,
              desk.bench->engine == GT_SQLITE
                  ? "UPDATE user_tokens SET last_used_at = unixepoch('now'), expires_at = "
                    "datetime('now', '60 seconds'), updated_at = datetime('now', '-1 hour')"
                  : "UPDATE user_tokens SET last_used_at = extract(epoch FROM now()), expires_at = "
                    "now() + interval '60 seconds', updated_at = now() - interval '1 hour'");
    ck_assert_int_eq(picked_due(&desk), 1);
    ck_assert_int_eq(picked_due(&desk), 0);
    move(&desk, "user_tokens", "due_after", 3600);
    ck_assert_int_eq(picked_due(&desk), 1);
    ck_assert_int_eq(picked_to_check(&desk), 1);
    ck_assert_int_eq(picked_to_check(&desk), 0);
    move(&desk, "user_tokens", "checked_at", 3600);
    ck_assert_int_eq(picked_to_check(&desk), 1);
    bench_close(desk.bench);
}
END_TEST

/* ---- the life of a token ---- */

static gt_tokens_t an_hour(desk_t *desk, const char *access)
{
    gt_tokens_t tokens = desk_tokens(access, "r", desk->pool);

    tokens.received = gt_now();
    tokens.expires_at = tokens.received + SECONDS(3600);
    return tokens;
}

static void has_an_hour(desk_t *desk)
{
    apr_interval_time_t left = desk_found(desk, &desk_tom)->expires_at - gt_now();

    ck_assert_int_le(abs(life_left(desk) - 3600), 30);
    ck_assert_int_le(llabs(left - SECONDS(3600)), SECONDS(30));
}

START_TEST(a_life_is_counted_by_the_databases_clock)
{
    static const int hours[] = {-3, 0, 3};
    desk_t desk = desk_open(_i);
    gt_grant_t *grant;
    gt_tokens_t tokens;
    int stored;

    for (int i = 0; i < 3; i++) {
        ours_is_ahead(SECONDS(3600 * hours[i]));
        tokens = an_hour(&desk, "a1");
        bench_ok(gt_grant_sign_in(&grant, desk.store, &desk_tom, &desk_person, &tokens, desk.pool));
        has_an_hour(&desk);
        tokens = an_hour(&desk, "a2");
        bench_ok(gt_grant_commit(&stored, desk.store, grant, &tokens, desk.pool));
        ck_assert_int_eq(stored, 1);
        has_an_hour(&desk);
    }
    /* Another node, whose clock is right, reads what the last one wrote. */
    ours_is_ahead(0);
    has_an_hour(&desk);
    gt_clock_set(NULL, NULL);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_late_commit_stores_what_is_left)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_tokens_t tokens = an_hour(&desk, "a2");
    int stored;

    ours_is_ahead(SECONDS(600)); /* ten minutes later, out of the journal */
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &tokens, desk.pool));
    ck_assert_int_le(abs(life_left(&desk) - 3000), 30);
    grant = desk_found(&desk, &desk_tom);
    ours_is_ahead(SECONDS(-600)); /* our clock was set back meanwhile, which no process sees */
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &tokens, desk.pool));
    ck_assert_int_le(abs(life_left(&desk)), 30);
    gt_clock_set(NULL, NULL);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_row_younger_than_now_has_no_life_left)
{
    desk_t desk = desk_open(_i);

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_run(desk.bench, desk.bench->engine == GT_SQLITE
                              ? "UPDATE user_tokens SET expires_at = datetime('now', '2 hours'), "
                                "updated_at = datetime('now', '1 hour')"
                              : "UPDATE user_tokens SET expires_at = now() + interval '2 hours', "
                                "updated_at = now() + interval '1 hour'");
    ck_assert_int_le(desk_found(&desk, &desk_tom)->expires_at, gt_now());
    bench_run(desk.bench, desk.bench->engine == GT_SQLITE
                              ? "UPDATE user_tokens SET updated_at = datetime('now')"
                              : "UPDATE user_tokens SET updated_at = now()");
    ck_assert_int_gt(desk_found(&desk, &desk_tom)->expires_at, gt_now() + SECONDS(7000));
    bench_close(desk.bench);
}
END_TEST

/* ---- what other nodes hear ---- */

/* The generation up to which a cached token of tom's is stale; -1: nothing is said of it. */
static apr_int64_t stale_of_tom(desk_t *desk)
{
    apr_array_header_t *changes;
    apr_int64_t stale = -1;

    bench_ok(gt_grant_changes(&changes, desk->store, SECONDS(4), desk->pool));
    ck_assert_int_lt(changes->nelts, GT_CHANGES_MAX);
    for (int i = 0; i < changes->nelts; i++) {
        const gt_change_t *change = &APR_ARRAY_IDX(changes, i, gt_change_t);

        if (strcmp(change->owner.user, "tom") == 0 && change->stale > stale)
            stale = change->stale;
    }
    return stale;
}

/* More grants than one look tells of changed within the hour before. */
static const char *const many[GT_ENGINES] = {
    "INSERT INTO user_tokens (user_id, encrypted_access_token, encrypted_refresh_token, "
    "expires_at, "
    "revision) SELECT 'u' || n, '', '', now(), extract(epoch FROM now()) * 1000 + 3600000 "
    "FROM generate_series(1, 21000) AS n",
    "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 21000) "
    "INSERT INTO user_tokens (user_id, encrypted_access_token, encrypted_refresh_token, "
    "expires_at, "
    "revision) SELECT 'u' || n, '', '', datetime('now'), unixepoch('now') * 1000 + 3600000 FROM "
    "many"};

START_TEST(what_changed_before_hides_no_revocation)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    int deleted;

    bench_run(desk.bench, many[desk.bench->engine]);
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    ck_assert_int_ge(stale_of_tom(&desk), grant->generation);
    bench_close(desk.bench);
}
END_TEST

START_TEST(a_grant_that_began_before_and_is_revoked_is_told_of)
{
    desk_t desk = desk_open(_i);
    apr_int64_t generation;
    int deleted;

    desk_signed_in(&desk, &desk_tom, "a1");
    bench_run(desk.bench, "UPDATE user_tokens SET generation = generation + 3600000");
    generation = desk_found(&desk, &desk_tom)->generation;
    bench_ok(gt_grant_delete(&deleted, desk.store, &desk_tom, desk.pool));
    ck_assert_int_ge(stale_of_tom(&desk), generation);
    bench_close(desk.bench);
}
END_TEST

START_TEST(what_changes_has_the_time_of_the_clock_as_it_is)
{
    desk_t desk = desk_open(_i);
    gt_grant_t *grant = desk_signed_in(&desk, &desk_tom, "a1");
    gt_tokens_t tokens = desk_tokens("a2", "r2", desk.pool);
    apr_int64_t before = atoll(bench_ask(desk.bench, "SELECT revision FROM user_tokens"));
    int stored;

    bench_run(desk.bench, "UPDATE user_tokens SET revision = revision + 3600000");
    bench_ok(gt_grant_commit(&stored, desk.store, grant, &tokens, desk.pool));
    ck_assert_int_eq(stored, 1);
    ck_assert_int_lt(atoll(bench_ask(desk.bench, "SELECT revision FROM user_tokens")),
                     before + 3600000);
    bench_close(desk.bench);
}
END_TEST

Suite *suite_set_back(void)
{
    Suite *suite = suite_create("set_back");
    TCase *tcase = tcase_create("both engines");
    const int n = bench_engines();

    tcase_add_loop_test(tcase, a_lease_of_before_is_over, 0, n);
    tcase_add_loop_test(tcase, a_job_of_before_is_due, 0, n);
    tcase_add_loop_test(tcase, a_grant_picked_before_is_due, 0, n);
    tcase_add_loop_test(tcase, a_life_is_counted_by_the_databases_clock, 0, n);
    tcase_add_loop_test(tcase, a_late_commit_stores_what_is_left, 0, n);
    tcase_add_loop_test(tcase, a_row_younger_than_now_has_no_life_left, 0, n);
    tcase_add_loop_test(tcase, what_changed_before_hides_no_revocation, 0, n);
    tcase_add_loop_test(tcase, a_grant_that_began_before_and_is_revoked_is_told_of, 0, n);
    tcase_add_loop_test(tcase, what_changes_has_the_time_of_the_clock_as_it_is, 0, n);
    suite_add_tcase(suite, tcase);
    return suite;
}
