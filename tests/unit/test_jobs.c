/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Background work on both engines: what is picked and what is left alone, by one worker or two;
 * what a tick does with it. Rows are made old rather than clocks turned: the database has its
 * own. */

#include "children.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "admin/batch.h"
#include "jobs/cleanup.h"
#include "jobs/job_kind.h"
#include "admin/job_kinds.h"
#include "jobs/jobs_struct.h"
#include "jobs/pace.h"
#include "store/due.h"

Suite *suite_jobs(void);

#define DAYS(n) SECONDS((apr_int64_t)86400 * (n))

static void ck_ok(gt_err_t *err)
{
    bench_ok(err);
}

/* Seconds from now for a column of the table, in the words of the engine. */
static const char *in(int seconds)
{
    return bench->engine == GT_SQLITE
               ? apr_psprintf(pool, "datetime('now', '%d seconds') || '.000000'", seconds)
               : apr_psprintf(pool, "now() + interval '%d seconds'", seconds);
}

/* A grant whose token was issued an hour ago, ends in `ends` s and was used `used` s ago. */
static void make_grant(const char *user, int ends, int used)
{
    const gt_owner_t owner = {user, "microsoft"};

    sign_in_row(&owner, ends);
    bench_run(bench, apr_psprintf(pool,
                                  "UPDATE user_tokens SET updated_at = %s, last_used_at = %ld "
                                  "WHERE user_id = '%s'",
                                  in(-3600), (long)(apr_time_sec(gt_now()) - used), user));
}

/* What a pick over all parts finds, in the order of names; each is claimed. */
static const char *picked(apr_interval_time_t lead, apr_interval_time_t hold, int most)
{
    const char *names = "";

    for (int part = 0; part < GT_PARTS; part++) {
        const gt_due_params_t params = {part, SECONDS(3600), lead, DAYS(1), hold, most};
        apr_array_header_t *found;

        ck_ok(gt_due_pick(&found, child[0].store, &params, pool));
        for (int i = 0; i < found->nelts; i++)
            names = apr_pstrcat(pool, names, names[0] ? " " : "",
                                APR_ARRAY_IDX(found, i, gt_picked_t).owner.user, NULL);
    }
    return names;
}

START_TEST(what_ends_soon_and_was_used_lately_is_due)
{
    make_grant("tom", 400, 60);
    make_grant("late", 4000, 60);
    make_grant("unused", 400, 2 * 86400);
    make_grant("long-ended", -7200, 60);
    make_grant("inactive", 400, 60);
    make_grant("leased", 400, 60);
    make_grant("bare", 400, 60);
    bench_run(bench, "UPDATE user_tokens SET status = 0 WHERE user_id = 'inactive'");
    bench_run(bench, apr_psprintf(pool,
                                  "UPDATE user_tokens SET lease_until = %ld WHERE "
                                  "user_id = 'leased'",
                                  (long)apr_time_sec(gt_now()) + 30));
    bench_run(bench, "UPDATE user_tokens SET encrypted_refresh_token = '' WHERE user_id = 'bare'");
    ck_assert_str_eq(picked(SECONDS(300), SECONDS(60), 10), "");
    ck_assert_str_eq(picked(SECONDS(500), SECONDS(60), 10), "tom");
    /* Claimed: not again before its time. */
    ck_assert_str_eq(picked(SECONDS(500), SECONDS(60), 10), "");
    bench_run(bench, "UPDATE user_tokens SET due_after = due_after - 61");
    ck_assert_str_eq(picked(SECONDS(500), SECONDS(60), 10), "tom");
}
END_TEST

/* A sign-in is a use. A row that was taken over counts from its last change until then, however we
 * change later; so a dormant one is not kept alive for ever. */
START_TEST(a_grant_that_was_not_used_yet_is_due)
{
    gt_tokens_t fresh = {.access = gt_secret_from("at-1", pool), .scope = "x"};
    const apr_time_t an_hour_ago = gt_now() - SECONDS(3600);
    int stored;

    sign_in_row(&tom, 400);
    bench_run(bench, apr_psprintf(pool, "UPDATE user_tokens SET updated_at = %s", in(-3600)));
    ck_assert_str_eq(picked(SECONDS(500), 0, 10), "tom");
    bench_run(bench, "UPDATE user_tokens SET last_used_at = 0");
    ck_assert_str_eq(picked(SECONDS(500), 0, 10), "tom");
    fresh.expires_at = gt_now() + SECONDS(400);
    ck_ok(gt_grant_commit(&stored, child[0].store, row(), &fresh, pool));
    ck_assert_int_eq(stored, 1);
    ck_assert_int_ge(row()->last_used_at, an_hour_ago - SECONDS(20));
    ck_assert_int_le(row()->last_used_at, an_hour_ago + SECONDS(20));
    bench_run(bench, apr_psprintf(pool, "UPDATE user_tokens SET last_used_at = 0, updated_at = %s",
                                  in(-2 * 86400)));
    ck_assert_str_eq(picked(SECONDS(500), 0, 10), "");
}
END_TEST

START_TEST(a_short_token_is_not_refreshed_over_and_over)
{
    make_grant("tom", 200, 60);
    bench_run(bench, apr_psprintf(pool, "UPDATE user_tokens SET updated_at = %s", in(-100)));
    ck_assert_str_eq(picked(SECONDS(500), SECONDS(0), 10), "");
    bench_run(bench, apr_psprintf(pool, "UPDATE user_tokens SET updated_at = %s", in(-300)));
    ck_assert_str_eq(picked(SECONDS(500), SECONDS(60), 10), "tom");
}
END_TEST

START_TEST(soonest_end_first_and_no_more_than_asked_for)
{
    const char *first = NULL, *second = NULL;
    int of[GT_PARTS] = {0};

    /* Some two of a few dozen users are in one part. */
    for (int i = 0; i < 40; i++)
        make_grant(apr_psprintf(pool, "user%d", i), 450 - 5 * i, 60);
    for (int part = 0; part < GT_PARTS; part++) {
        const gt_due_params_t params = {part, SECONDS(3600), SECONDS(500), DAYS(1), SECONDS(60), 1};
        apr_array_header_t *found;

        for (;;) {
            ck_ok(gt_due_pick(&found, child[0].store, &params, pool));
            ck_assert_int_le(found->nelts, 1);
            if (found->nelts == 0)
                break;
            second = APR_ARRAY_IDX(found, 0, gt_picked_t).owner.user + strlen("user");
            if (of[part]++ > 0)
                ck_assert_int_lt(atoi(second), atoi(first));
            first = second;
        }
    }
    for (int part = 1; part < GT_PARTS; part++)
        of[0] += of[part];
    ck_assert_int_eq(of[0], 40);
}
END_TEST

/* The hash spreads names that differ in their last letters, as ids do. */
START_TEST(users_are_spread_over_all_parts)
{
    int parts;

    for (int i = 0; i < 160; i++)
        make_grant(apr_psprintf(pool, "%d", 1000 + i), 400, 60);
    parts = atoi(
        bench_ask(bench, bench->engine == GT_SQLITE
                             ? "SELECT count(DISTINCT (coalesce(unicode(substr(user_id, -1)), 0) + "
                               "3 * coalesce(unicode(substr(user_id, -2)), 0) + "
                               "7 * coalesce(unicode(substr(user_id, -3)), 0) + "
                               "5 * coalesce(unicode(user_id), 0)) & 15) FROM user_tokens"
                             : "SELECT count(DISTINCT hashtext(user_id) & 15) FROM user_tokens"));
    ck_assert_int_eq(parts, GT_PARTS);
}
END_TEST

/* How often a result came. */
static int count_of(gt_jobs_t *jobs, const char *name)
{
    const apr_array_header_t *counts = gt_jobs_counts(jobs, pool);

    for (int i = 0; i < counts->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(counts, i, gt_jobs_count_t).name, name) == 0)
            return (int)APR_ARRAY_IDX(counts, i, gt_jobs_count_t).count;
    ck_abort_msg("no kind counts %s", name);
}

/* Rows as ticks make them. */
static void make_parts(void)
{
    static const char *const names[] = {"refresh", "validate", "count"};

    for (int i = 0; i < 3; i++)
        ck_ok(gt_due_make_parts(child[i & 1].store, names[i], GT_PARTS, pool));
    ck_ok(gt_due_make_parts(child[0].store, "cleanup", 1, pool));
}

START_TEST(a_part_of_a_job_has_one_worker)
{
    apr_array_header_t *due_jobs;
    int seen[GT_PARTS] = {0};
    int part, due = 0;

    make_parts();
    for (int i = 0; i < GT_PARTS; i++) {
        ck_ok(gt_due_claim(&part, child[i & 1].store, "refresh", SECONDS(60), i & 1 ? "two" : "one",
                           pool));
        ck_assert_int_ge(part, 0);
        ck_assert_int_eq(seen[part]++, 0);
    }
    ck_ok(gt_due_claim(&part, child[0].store, "refresh", SECONDS(60), "one", pool));
    ck_assert_int_eq(part, -1);
    ck_ok(gt_due_jobs(&due_jobs, child[0].store, pool));
    for (int i = 0; i < due_jobs->nelts; i++)
        due += gt_due_job_is_due(&APR_ARRAY_IDX(due_jobs, i, gt_due_job_t), SECONDS(60));
    /* Those without a claim: cleanup, count, validate. */
    ck_assert_int_eq(due, 3);
    /* Only its worker may say that it is due sooner. */
    bench_run(bench, "UPDATE user_tokens_jobs SET worker = 'one' WHERE part = 3");
    ck_ok(gt_due_again(child[0].store, "refresh", 3, 0, "two", pool));
    ck_ok(gt_due_claim(&part, child[0].store, "refresh", SECONDS(60), "one", pool));
    ck_assert_int_eq(part, -1);
    ck_ok(gt_due_again(child[0].store, "refresh", 3, 0, "one", pool));
    ck_ok(gt_due_claim(&part, child[0].store, "refresh", SECONDS(60), "one", pool));
    ck_assert_int_eq(part, 3);
}
END_TEST

/* Ticks until nothing is due and nothing under way, as `graphtokctl work --once` does. */
static void work(gt_jobs_t *jobs)
{
    apr_time_t until = gt_ticks() + LIMIT;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    do {
        gt_jobs_tick(jobs, scratch);
        apr_pool_clear(scratch);
        poll(NULL, 0, 20); /* until the next tick */
        ck_assert_int_lt(gt_ticks(), until);
    } while (!gt_jobs_are_idle(jobs));
    apr_pool_destroy(scratch);
}

START_TEST(what_is_due_is_refreshed_once_by_two_workers)
{
    gt_jobs_t *one = gt_jobs_make(child[0].vault, gt_job_kinds, pool);
    gt_jobs_t *two = gt_jobs_make(child[1].vault, gt_job_kinds, pool);

    make_grant("tom", 400, 60);
    make_grant("unused", 400, 2 * 86400);
    work(one);
    work(two);
    ck_assert_int_eq(count_of(one, "refreshed") + count_of(two, "refreshed"), 1);
    ck_assert_int_eq(count_of(one, "not_refreshed") + count_of(two, "not_refreshed"), 0);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_int_gt(row()->expires_at, gt_now() + SECONDS(600));
    ck_assert_ptr_null(row()->lease_owner);
    gives(&child[1], "at-1");
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* ---- turns ---- */

/* Take turns, ten a second; how long until the first, seen from `begun`. */
static apr_interval_time_t take(child_t *c, int n, apr_time_t begun)
{
    apr_interval_time_t wait;

    ck_ok(gt_due_time_slots(&wait, c->store, n, 10, pool));
    return gt_ticks() - begun + wait;
}

START_TEST(turns_follow_each_other_whoever_takes_them)
{
    apr_time_t begun = gt_ticks();
    apr_interval_time_t slack;

    /* Ours begins now, within the time of a statement; so do those after it, each in its place. */
    take(&child[0], 30, begun);
    slack = gt_ticks() - begun + apr_time_from_msec(20);
    ck_assert_int_ge(take(&child[1], 10, begun), SECONDS(3) - apr_time_from_msec(20));
    ck_assert_int_ge(take(&child[0], 1, begun), SECONDS(4) - apr_time_from_msec(20));
    ck_assert_int_le(take(&child[1], 1, begun), SECONDS(4) + apr_time_from_msec(100) + 5 * slack);
}
END_TEST

/* The entries that were not taken are gone, and a clock that was set back stops no task. */
START_TEST(turns_of_another_time_do_not_count)
{
    static const char *const set[] = {"due_at - 3600000", "due_at + 3600000"};
    apr_interval_time_t wait;

    for (int i = 0; i < 2; i++) {
        ck_ok(gt_due_time_slots(&wait, child[0].store, 30, 10, pool));
        bench_run(bench, apr_psprintf(pool,
                                      "UPDATE user_tokens_jobs SET due_at = %s "
                                      "WHERE name = 'turns'",
                                      set[i]));
        ck_ok(gt_due_time_slots(&wait, child[0].store, 1, 10, pool));
        ck_assert_int_eq(wait, 0);
    }
}
END_TEST

static apr_int64_t turns_taken_until(void)
{
    const char *ms = bench_ask(bench, "SELECT due_at FROM user_tokens_jobs WHERE name = 'turns'");

    return ms != NULL ? apr_atoi64(ms) : 0;
}

START_TEST(a_refresh_has_a_turn_and_waits_for_it)
{
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, gt_job_kinds, pool);
    apr_time_t begun = gt_ticks();

    config->refresh_rate = 10;
    make_grant("tom", 400, 60);
    take(&child[1], 20, begun); /* another worker's */
    work(jobs);
    ck_assert_int_ge(gt_ticks() - begun, SECONDS(2) - apr_time_from_msec(20));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_int_ge(take(&child[1], 1, begun), apr_time_from_msec(2100 - 20));
}
END_TEST

static atomic_int is_open, begun_to_stand;

/* What a machine without time for us does to a thread of the crew. */
static gt_err_t *stand_still(gt_task_t *task, void *state)
{
    (void)task;
    (void)state;
    atomic_fetch_add(&begun_to_stand, 1);
    while (!atomic_load(&is_open))
        poll(NULL, 0, 5);
    return GT_OK;
}

static void *no_state(const void *params, apr_pool_t *p)
{
    (void)params;
    (void)p;
    return NULL;
}

START_TEST(a_turn_that_was_missed_is_taken_anew)
{
    static gt_step_fn *const steps[] = {stand_still, NULL};
    static const gt_work_t standing = {"standing", steps, NULL};
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, gt_job_kinds, pool);
    apr_int64_t first;

    config->refresh_rate = 10;
    make_grant("tom", 400, 60);
    is_open = begun_to_stand = 0;
    for (int i = 0; i < 2; i++) {
        const gt_flight_params_t job = {i == 0 ? "one" : "two", &standing, no_state, NULL};

        ck_ok(gt_crew_launch(child[0].crew, &job, pool));
    }
    while (begun_to_stand < 2)
        poll(NULL, 0, 5);
    while (turns_taken_until() == 0)
        gt_jobs_tick(jobs, pool);
    first = turns_taken_until();
    poll(NULL, 0, 500); /* its turn, and its 200 ms of grace, pass */
    ck_assert_int_eq(turns_taken_until(), first);
    is_open = 1;
    work(jobs);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_int_ge(turns_taken_until(), first + 100);
}
END_TEST

START_TEST(what_fails_is_left_for_a_while_and_others_are_done)
{
    static const fake_reply_t away = {500, NULL, "oops"};
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, gt_job_kinds, pool);

    make_grant("tom", 400, 60);
    fake_answer(fake, FAKE_TOKEN, &away);
    work(jobs);
    ck_assert_int_eq(count_of(jobs, "not_refreshed"), 1);
    fake_answer(fake, FAKE_TOKEN, NULL);
    bench_run(bench, "UPDATE user_tokens_jobs SET due_at = 0");
    work(jobs);
    ck_assert_int_eq(count_of(jobs, "refreshed"), 0);
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_int_eq(row()->error_count, 0);
}
END_TEST

START_TEST(a_store_that_is_not_migrated_stops_no_other)
{
    gt_jobs_t *jobs = gt_jobs_make(vault_with_beta(child[0].crew), gt_job_kinds, pool);

    make_grant("tom", 400, 60);
    do {
        gt_jobs_tick(jobs, pool);
        poll(NULL, 0, 5);
    } while (count_of(jobs, "refreshed") == 0);
    bench_tag(gt_jobs_trouble(jobs, pool), "GT1103");
}
END_TEST

START_TEST(who_has_stopped_begins_nothing)
{
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, gt_job_kinds, pool);

    make_grant("tom", 400, 60);
    gt_jobs_stop(jobs);
    gt_jobs_tick(jobs, pool);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
    ck_assert_ptr_null(bench_ask(bench, "SELECT worker FROM user_tokens_jobs "
                                        "WHERE worker IS NOT NULL"));
}
END_TEST

/* The tick was at work when the child began to end. */
START_TEST(what_was_picked_and_cannot_begin_is_given_up)
{
    gt_jobs_t *one = gt_jobs_make(child[0].vault, gt_job_kinds, pool);
    gt_jobs_t *two = gt_jobs_make(child[1].vault, gt_job_kinds, pool);

    make_grant("tom", 400, 60);
    gt_crew_stop(child[0].crew, 0);
    while (turns_taken_until() == 0) /* that is: until it was picked */
        gt_jobs_tick(one, pool);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
    ck_assert_int_eq(atomic_load(&gt_jobs_state(one, &gt_job_refresh)->under_way), 0);
    ck_assert_str_eq(bench_ask(bench, "SELECT due_after FROM user_tokens"), "0");
    bench_run(bench, "UPDATE user_tokens_jobs SET due_at = 0"); /* the part's pause */
    work(two);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* What no one asked about is the first that the next worker asks about. */
START_TEST(a_check_that_cannot_begin_is_given_up)
{
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, gt_job_kinds, pool);
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    make_grant("tom", 3000, 60);
    config->validate_every = SECONDS(3600);
    gt_crew_stop(child[0].crew, 0);
    do {
        apr_pool_clear(scratch);
        gt_jobs_tick(jobs, scratch);
    } while (strcmp(bench_ask(bench, "SELECT count(*) FROM user_tokens_jobs "
                                     "WHERE name = 'validate' AND worker IS NOT NULL"),
                    "16") != 0);
    ck_assert_str_eq(bench_ask(bench, "SELECT checked_at FROM user_tokens"), "0");
}
END_TEST

/* Away: said once, then quiet for a while. */
START_TEST(a_database_that_is_away_stops_a_tick)
{
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, gt_job_kinds, pool);

    atomic_store(&child[0].away, 1);
    gt_jobs_tick(jobs, pool);
    gt_jobs_tick(jobs, pool);
    ck_assert_int_eq(atomic_load(&child[0].away), 0);
    ck_assert_ptr_null(bench_ask(bench, "SELECT worker FROM user_tokens_jobs "
                                        "WHERE worker IS NOT NULL"));
}
END_TEST

/* One kind's table is locked; the database answers all else. */
static gt_err_t *is_locked(gt_slice_t *slice)
{
    return gt_err(slice->pool, GT_STORE_AWAY, "GT0432", "no answer in time");
}

static apr_interval_time_t each_second(const gt_config_t *conf)
{
    (void)conf;
    return SECONDS(1);
}

START_TEST(a_locked_table_stops_no_other_kind)
{
    static const gt_job_kind_t locked = {.name = "locked",
                                         .parts = 1,
                                         .budget = 1,
                                         .back_off = SECONDS(2),
                                         .back_off_most = SECONDS(2),
                                         .every = each_second,
                                         .slice = is_locked};
    static const gt_job_kind_t *const kinds[] = {&locked, &gt_job_refresh, NULL};
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, kinds, pool);

    make_grant("tom", 400, 60);
    bench_run(bench, "INSERT INTO user_tokens_jobs (name, part, due_at) VALUES ('locked', 0, 0)");
    work(jobs);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_int_eq(atomic_load(&jobs->failing), 1);
}
END_TEST

static int ticks_begun;

/* The first tick's time is over before another kind has its turn. */
static apr_interval_time_t off_after_a_while(const gt_config_t *conf)
{
    (void)conf;
    if (ticks_begun++ == 0)
        apr_sleep(apr_time_from_msec(150));
    return 0;
}

START_TEST(a_tick_that_was_too_slow_is_not_idle)
{
    static const gt_job_kind_t slow = {
        .name = "slow", .parts = 1, .budget = 1, .every = off_after_a_while};
    static const gt_job_kind_t *const kinds[] = {&slow, &gt_job_refresh, NULL};
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, kinds, pool);

    ticks_begun = 0;
    make_grant("tom", 400, 60);
    gt_jobs_tick(jobs, pool);
    ck_assert(!gt_jobs_are_idle(jobs));
    work(jobs);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

static void set_old(const char *user, const char *column, int days)
{
    bench_run(bench, apr_psprintf(pool, "UPDATE user_tokens SET %s = %s WHERE user_id = '%s'",
                                  column, in(-days * 86400), user));
}

START_TEST(cleanup_deactivates_what_is_expired_and_removes_what_is_old)
{
    gt_due_counts_t counts = {0, 0}, would = {0, 0};
    gt_range_t range;
    int more;

    make_grant("tom", 400, 60);
    make_grant("ended", -7200, 60);
    make_grant("bare", -60, 60);
    make_grant("bare-valid", 400, 60);
    make_grant("old", 0, 91 * 86400);
    make_grant("old-leased", 0, 91 * 86400);
    make_grant("inactive", 400, 60);
    make_grant("gone", 400, 60);
    set_old("old", "expires_at", 91);
    set_old("old-leased", "expires_at", 91);
    bench_run(bench,
              "UPDATE user_tokens SET encrypted_refresh_token = '' WHERE user_id LIKE 'bare%'");
    bench_run(bench, apr_psprintf(pool,
                                  "UPDATE user_tokens SET lease_until = %ld WHERE "
                                  "user_id = 'old-leased'",
                                  (long)apr_time_sec(gt_now()) + 30));
    bench_run(bench, "UPDATE user_tokens SET status = 0 WHERE user_id IN ('inactive', 'gone')");
    set_old("inactive", "updated_at", 29);
    set_old("gone", "updated_at", 31);
    range = bench_range(child[0].store, pool);
    ck_ok(gt_due_count(&would, &range, DAYS(90), DAYS(30), pool));
    ck_assert_int_eq(would.expired, 2);
    ck_assert_int_eq(would.removable, 1);
    ck_ok(gt_cleanup(&counts, &more, child[0].store, config, pool));
    ck_assert_int_eq(counts.expired, 2);
    ck_assert_int_eq(counts.removable, 1);
    ck_assert_int_eq(more, 0);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM user_tokens WHERE status = 0 AND "
                                      "user_id IN ('bare', 'old', 'inactive')"),
                     "3");
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM user_tokens WHERE status = 1"), "4");
    /* What was just deactivated has its 30 days. */
    ck_ok(gt_cleanup(&counts, &more, child[0].store, config, pool));
    ck_assert_int_eq(counts.expired + counts.removable, 3);
}
END_TEST

START_TEST(grants_are_found_by_id_and_by_user)
{
    apr_array_header_t *grants;
    const char *id;

    make_grant("tom", 400, 60);
    id = row()->id;
    ck_ok(gt_grants_named(&grants, child[0].store, id, pool));
    ck_assert_int_eq(grants->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(grants, 0, gt_grant_t *)->owner.user, "tom");
    ck_ok(gt_grants_named(&grants, child[0].store, "tom", pool));
    ck_assert_int_eq(grants->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(grants, 0, gt_grant_t *)->id, id);
    ck_ok(gt_grants_named(&grants, child[0].store, "nobody", pool));
    ck_assert_int_eq(grants->nelts, 0);
    ck_ok(gt_grants_named(&grants, child[0].store, "0b6a3f6c-0c4e-4b5f-8f2f-7b1c9d3e5a01", pool));
    ck_assert_int_eq(grants->nelts, 0);
}
END_TEST

/* ---- one operation on many ---- */

static int ended_items;

static void count_item(void *baton, const gt_batch_item_t *item)
{
    (void)baton;
    bench_ok(item->failure);
    ended_items++;
}

static void count_nothing(void *baton, apr_interval_time_t span)
{
    (void)baton, (void)span;
}

static int never_stopped(void *baton)
{
    (void)baton;
    return 0;
}

/* Ids are no key where a table is partitioned, and an administrator may name a grant twice. */
START_TEST(a_grant_that_is_put_twice_ends_twice)
{
    const gt_batch_report_t report = {count_item, count_nothing, never_stopped, 0, NULL};
    gt_batch_t *batch = gt_batch_make(child[0].vault, &gt_operation_refresh, &report, pool);
    gt_grant_t *grant;

    ended_items = 0;
    make_grant("tom", 400, 60);
    grant = row();
    fake_hold(fake);
    for (int i = 0; i < 2; i++)
        bench_ok(gt_batch_put(batch, child[0].store, grant));
    fake_wait(fake, FAKE_TOKEN, 1);
    fake_release(fake);
    gt_batch_drain(batch);
    ck_assert_int_eq(ended_items, 2);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

static void add_tests(Suite *suite, const char *name, gt_engine_t engine)
{
    TCase *tcase = children_case(suite, name, engine);

    tcase_add_test(tcase, what_ends_soon_and_was_used_lately_is_due);
    tcase_add_test(tcase, a_grant_that_was_not_used_yet_is_due);
    tcase_add_test(tcase, a_short_token_is_not_refreshed_over_and_over);
    tcase_add_test(tcase, soonest_end_first_and_no_more_than_asked_for);
    tcase_add_test(tcase, users_are_spread_over_all_parts);
    tcase_add_test(tcase, a_part_of_a_job_has_one_worker);
    tcase_add_test(tcase, what_is_due_is_refreshed_once_by_two_workers);
    tcase_add_test(tcase, turns_follow_each_other_whoever_takes_them);
    tcase_add_test(tcase, turns_of_another_time_do_not_count);
    tcase_add_test(tcase, a_refresh_has_a_turn_and_waits_for_it);
    tcase_add_test(tcase, a_turn_that_was_missed_is_taken_anew);
    tcase_add_test(tcase, what_fails_is_left_for_a_while_and_others_are_done);
    tcase_add_test(tcase, a_store_that_is_not_migrated_stops_no_other);
    tcase_add_test(tcase, who_has_stopped_begins_nothing);
    tcase_add_test(tcase, what_was_picked_and_cannot_begin_is_given_up);
    tcase_add_test(tcase, a_check_that_cannot_begin_is_given_up);
    tcase_add_test(tcase, a_database_that_is_away_stops_a_tick);
    tcase_add_test(tcase, a_locked_table_stops_no_other_kind);
    tcase_add_test(tcase, a_tick_that_was_too_slow_is_not_idle);
    tcase_add_test(tcase, cleanup_deactivates_what_is_expired_and_removes_what_is_old);
    tcase_add_test(tcase, grants_are_found_by_id_and_by_user);
    tcase_add_test(tcase, a_grant_that_is_put_twice_ends_twice);
}

Suite *suite_jobs(void)
{
    Suite *suite = suite_create("jobs");

    add_tests(suite, "jobs on SQLite", GT_SQLITE);
    if (bench_engines() > 1)
        add_tests(suite, "jobs on PostgreSQL", GT_PGSQL);
    return suite;
}
