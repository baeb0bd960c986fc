/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* What the table of kinds promises to a kind, with kinds of this test's own: rows, budget,
 * back-off, threads, payload. */

#include "children.h"

#include <poll.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "jobs/job_item.h"

Suite *suite_job_kinds(void);

static atomic_int begun, ended, slices, is_open, let_go_of, failures;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static char seen[64]; /* payloads of items that ended; under seen_lock */
static const char *const *payloads;

static apr_interval_time_t every_minute(const gt_config_t *conf)
{
    (void)conf;
    return SECONDS(60);
}

static apr_interval_time_t never(const gt_config_t *conf)
{
    (void)conf;
    return 0;
}

/* What an item does: it stands on its thread until the test says so. */
static gt_err_t *stand(gt_task_t *task, void *state)
{
    (void)task, (void)state;
    atomic_fetch_add(&begun, 1);
    while (!atomic_load(&is_open))
        poll(NULL, 0, 2);
    return GT_OK;
}

static gt_step_fn *const stand_steps[] = {stand, NULL};
static const gt_work_t standing = {"stand", stand_steps, NULL};

/* One that waits without a thread. */
static gt_err_t *wait_open(gt_task_t *task, void *state)
{
    (void)state;
    if (!atomic_load(&is_open))
        gt_again_at(task, gt_ticks() + 2000);
    return GT_OK;
}

/* One that fails, once the test says so, as its payload says. */
static gt_err_t *wait_and_fail(gt_task_t *task, void *state)
{
    char *how = state;

    if (how[1] != '\0')
        atomic_fetch_add(&begun, 1);
    how[1] = '\0';
    if (!atomic_load(&is_open)) {
        gt_again_at(task, gt_ticks() + 2000);
        return GT_OK;
    }
    return gt_err(gt_task_pool(task),
                  *how == 'c'   ? GT_CANCELLED
                  : *how == 'b' ? GT_BUSY
                                : GT_UPSTREAM,
                  "GT9999", "as the test wants");
}

static gt_step_fn *const wait_and_fail_steps[] = {wait_and_fail, NULL};
static const gt_work_t breaking = {"wait and fail", wait_and_fail_steps, NULL};

static gt_step_fn *const wait_steps[] = {wait_open, NULL};
static const gt_work_t waiting = {"wait", wait_steps, NULL};

static const void *copy_text(const void *payload, apr_pool_t *p)
{
    return apr_pstrdup(p, payload);
}

static void *no_state(const gt_job_item_t *item, apr_pool_t *p)
{
    (void)item, (void)p;
    return NULL;
}

static void *payload_as_state(const gt_job_item_t *item, apr_pool_t *p)
{
    return apr_pstrdup(p, item->payload);
}

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    (void)item, (void)p;
    atomic_fetch_add(&let_go_of, 1);
    return GT_OK;
}

static void note(const gt_job_item_t *item, const gt_err_t *failure)
{
    if (failure == GT_OK)
        gt_jobs_count(item->jobs, item->kind, 0, 1);
    pthread_mutex_lock(&seen_lock);
    ck_assert_uint_lt(strlen(seen) + strlen(item->payload), sizeof(seen));
    strcat(seen, item->payload);
    pthread_mutex_unlock(&seen_lock);
    atomic_fetch_add(&ended, 1);
}

/* A slice that finds the test's payloads, once. */
static gt_err_t *find_all(gt_slice_t *slice)
{
    apr_array_header_t *found = apr_array_make(slice->pool, 4, sizeof(gt_job_found_t));

    atomic_fetch_add(&slices, 1);
    for (int i = 0; payloads[i] != NULL; i++) {
        char *text = apr_pstrdup(slice->pool, payloads[i]);

        APR_ARRAY_PUSH(found, gt_job_found_t) =
            (gt_job_found_t){text, apr_psprintf(slice->pool, "%d %s", slice->part, text)};
    }
    gt_job_items_start(slice, found, gt_ticks(), 0, 0);
    return GT_OK;
}

static gt_err_t *fail_slice(gt_slice_t *slice)
{
    atomic_fetch_add(&failures, 1);
    return gt_err(slice->pool, GT_INTERNAL, "GT9999", "as the test wants");
}

static const gt_job_kind_t blocking = {.name = "blocking",
                                       .results = {"stood"},
                                       .parts = 1,
                                       .budget = 3,
                                       .blocks = 1,
                                       .back_off = SECONDS(10),
                                       .back_off_most = SECONDS(20),
                                       .every = every_minute,
                                       .slice = find_all,
                                       .work = &standing,
                                       .copy = copy_text,
                                       .make = no_state,
                                       .let_go = let_go,
                                       .note = note};
static const gt_job_kind_t frugal = {.name = "frugal",
                                     .results = {"waited"},
                                     .parts = GT_PARTS,
                                     .budget = 3,
                                     .back_off = SECONDS(10),
                                     .back_off_most = SECONDS(20),
                                     .every = every_minute,
                                     .slice = find_all,
                                     .work = &waiting,
                                     .copy = copy_text,
                                     .make = no_state,
                                     .note = note};
static const gt_job_kind_t broken = {.name = "broken",
                                     .parts = 1,
                                     .budget = 9,
                                     .back_off = SECONDS(10),
                                     .back_off_most = SECONDS(20),
                                     .every = every_minute,
                                     .slice = find_all,
                                     .work = &breaking,
                                     .copy = copy_text,
                                     .make = payload_as_state,
                                     .let_go = let_go,
                                     .note = note};
static const gt_job_kind_t failing = {.name = "failing",
                                      .parts = 2,
                                      .budget = 1,
                                      .back_off = SECONDS(100),
                                      .back_off_most = SECONDS(200),
                                      .every = every_minute,
                                      .slice = fail_slice};
static const gt_job_kind_t off = {.name = "off",
                                  .parts = 1,
                                  .budget = 1,
                                  .back_off = SECONDS(10),
                                  .back_off_most = SECONDS(20),
                                  .every = never,
                                  .slice = fail_slice};

static void setup_kinds(void)
{
    static const char *const none[] = {NULL};

    payloads = none;
    begun = ended = slices = is_open = let_go_of = failures = 0;
    seen[0] = '\0';
}

static gt_jobs_t *jobs_of(child_t *c, const gt_job_kind_t *const *kinds)
{
    setup_kinds();
    return gt_jobs_make(c->vault, kinds, pool);
}

static void await(atomic_int *count, int wanted)
{
    const apr_time_t until = gt_ticks() + LIMIT;

    while (atomic_load(count) < wanted) {
        poll(NULL, 0, 2);
        ck_assert_int_lt(gt_ticks(), until);
    }
}

/* Ticks, more often than one a pause of the tick, until that many were counted. */
static void tick_until(gt_jobs_t *jobs, atomic_int *count, int wanted)
{
    const apr_time_t until = gt_ticks() + LIMIT;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    while (atomic_load(count) < wanted) {
        gt_jobs_tick(jobs, scratch);
        apr_pool_clear(scratch);
        poll(NULL, 0, 2);
        ck_assert_int_lt(gt_ticks(), until);
    }
    apr_pool_destroy(scratch);
}

static const char *rows_of(const char *name)
{
    return bench_ask(
        bench, apr_psprintf(pool, "SELECT count(*) FROM user_tokens_jobs WHERE name = '%s'", name));
}

/* ---- rows ---- */

START_TEST(a_store_that_is_new_gets_its_rows)
{
    static const gt_job_kind_t *const kinds[] = {&off, &frugal, &blocking, NULL};
    gt_jobs_t *jobs = jobs_of(&child[0], kinds);

    ck_assert_str_eq(rows_of("frugal"), "0");
    gt_jobs_tick(jobs, pool);
    ck_assert_str_eq(rows_of("frugal"), "16");
    ck_assert_str_eq(rows_of("blocking"), "1");
    ck_assert_str_eq(rows_of("off"), "0");
    ck_assert_str_eq(
        bench_ask(bench,
                  "SELECT min(part) + max(part) FROM user_tokens_jobs WHERE name = 'frugal'"),
        "15");
}
END_TEST

START_TEST(rows_that_are_missing_are_made_and_others_stay)
{
    static const gt_job_kind_t *const kinds[] = {&frugal, NULL};
    gt_jobs_t *jobs = jobs_of(&child[0], kinds);

    bench_ok(gt_due_make_parts(child[0].store, "frugal", GT_PARTS, pool));
    bench_run(bench,
              "UPDATE user_tokens_jobs SET due_at = due_at + 7, worker = 'kept' WHERE part <> 5");
    bench_run(bench, "DELETE FROM user_tokens_jobs WHERE part = 5");
    bench_ok(gt_due_make_parts(child[1].store, "frugal", GT_PARTS, pool));
    ck_assert_str_eq(rows_of("frugal"), "16");
    ck_assert_str_eq(
        bench_ask(bench, "SELECT count(*) FROM user_tokens_jobs WHERE worker = 'kept'"), "15");
    bench_run(bench, "DELETE FROM user_tokens_jobs WHERE part = 5");
    gt_jobs_tick(jobs, pool);
    ck_assert_str_eq(rows_of("frugal"), "16");
}
END_TEST

static void make_parts_often(void *baton)
{
    const child_t *c = baton;
    apr_pool_t *own;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    for (int i = 0; i < 20; i++) {
        if (gt_due_make_parts(c->store, apr_psprintf(own, "kind%d", i), GT_PARTS, own) != GT_OK)
            atomic_fetch_add(&failures, 1);
    }
    apr_pool_destroy(own);
}

START_TEST(two_nodes_make_the_same_rows_at_once)
{
    aside_t asides[2];

    setup_kinds();
    for (int i = 0; i < 2; i++)
        aside_start(&asides[i], make_parts_often, &child[i]);
    for (int i = 0; i < 2; i++)
        aside_join(&asides[i]);
    ck_assert_int_eq(atomic_load(&failures), 0);
    ck_assert_str_eq(
        bench_ask(bench, "SELECT count(*) FROM user_tokens_jobs WHERE name LIKE 'kind%'"), "320");
}
END_TEST

/* ---- payload, budget ---- */

START_TEST(a_payload_is_the_kinds_own)
{
    static const gt_job_kind_t *const kinds[] = {&blocking, NULL};
    static const char *const mails[] = {"mail7", NULL};
    gt_jobs_t *jobs = jobs_of(&child[0], kinds);
    const gt_jobs_count_t *count;

    payloads = mails;
    is_open = 1;
    tick_until(jobs, &ended, 1);
    ck_assert_str_eq(seen, "mail7");
    ck_assert_int_eq(gt_jobs_counts(jobs, pool)->nelts, 1);
    count = &APR_ARRAY_IDX(gt_jobs_counts(jobs, pool), 0, gt_jobs_count_t);
    ck_assert_str_eq(count->name, "stood");
    ck_assert_int_eq(count->count, 1);
    gt_jobs_end(jobs);
}
END_TEST

START_TEST(a_kind_begins_no_slice_beyond_its_budget)
{
    static const gt_job_kind_t *const kinds[] = {&frugal, &blocking, NULL};
    static const char *const two[] = {"a", "b", NULL};
    gt_jobs_t *jobs = jobs_of(&child[0], kinds);

    payloads = two;
    /* Two slices of two items each fill a budget of three; another kind has a budget of its own. */
    tick_until(jobs, &slices, 3);
    await(&begun, 2);
    for (int i = 0; i < 3; i++)
        gt_jobs_tick(jobs, pool);
    ck_assert_int_eq(atomic_load(&slices), 3);
    ck_assert_int_eq(gt_jobs_are_idle(jobs), 0);
    is_open = 1;
    tick_until(jobs, &slices, GT_PARTS + 1);
    gt_jobs_end(jobs);
}
END_TEST

/* ---- threads ---- */

START_TEST(what_blocks_holds_up_no_refresh_and_no_tick)
{
    static const gt_job_kind_t *const kinds[] = {&blocking, &gt_job_refresh, NULL};
    static const char *const three[] = {"a", "b", "c", NULL};
    gt_jobs_t *jobs = jobs_of(&child[0], kinds);

    payloads = three;
    config->background = 1;
    bench_ok(gt_jobs_start(jobs));
    await(&begun, 3);
    /* The vault's crew has two threads, and the tick goes on beside three that stand still. */
    sign_in_row(&tom, 400);
    bench_run(bench,
              bench->engine == GT_SQLITE
                  ? "UPDATE user_tokens SET updated_at = datetime('now', '-1 hours') || '.000000'"
                  : "UPDATE user_tokens SET updated_at = now() - interval '1 hour'");
    bench_run(bench, "UPDATE user_tokens_jobs SET due_at = 0 WHERE name = 'refresh'");
    fake_wait(fake, FAKE_TOKEN, 1);
    ck_assert_int_eq(atomic_load(&ended), 0);
    is_open = 1;
    await(&ended, 3);
    gt_jobs_end(jobs);
}
END_TEST

START_TEST(what_has_not_begun_is_let_go_at_the_end)
{
    static const gt_job_kind_t *const kinds[] = {&blocking, NULL};
    static const char *const six[] = {"a", "b", "c", "d", "e", "f", NULL};
    gt_jobs_t *jobs = jobs_of(&child[0], kinds);

    payloads = six;
    tick_until(jobs, &begun, 4); /* as many as it has threads */
    gt_jobs_stop(jobs);
    is_open = 1;
    gt_jobs_end(jobs);
    ck_assert_int_eq(atomic_load(&ended), 4);
    ck_assert_int_eq(atomic_load(&let_go_of), 2);
}
END_TEST

/* A refresh that begins while its process ends is given up before it has asked; one that was asked
 * and failed is left for a while. */
START_TEST(what_is_given_up_at_the_end_is_let_go)
{
    static const gt_job_kind_t *const kinds[] = {&broken, NULL};
    static const char *const three[] = {"cancelled", "busy", "failed", NULL};
    gt_jobs_t *jobs = jobs_of(&child[_i], kinds);

    payloads = three;
    tick_until(jobs, &begun, 3);
    if (_i == 0)
        gt_jobs_stop(jobs);
    is_open = 1;
    gt_vault_stop(child[_i].vault, 1);
    gt_jobs_end(jobs);
    ck_assert_int_eq(atomic_load(&let_go_of), _i == 0 ? 2 : 0);
    ck_assert_int_eq(atomic_load(&ended), _i == 0 ? 1 : 3);
}
END_TEST

/* ---- back-off ---- */

START_TEST(a_kind_that_fails_rests_alone)
{
    static const gt_job_kind_t *const kinds[] = {&failing, &frugal, NULL};
    gt_jobs_t *jobs = jobs_of(&child[0], kinds);

    tick_until(jobs, &slices, GT_PARTS);
    ck_assert_int_eq(atomic_load(&failures), 1);
    bench_tag(gt_jobs_trouble(jobs, pool), "GT1103");
    bench_run(bench, "UPDATE user_tokens_jobs SET due_at = 0");
    tick_until(jobs, &slices, GT_PARTS + 1);
    ck_assert_int_eq(atomic_load(&failures), 1);
}
END_TEST

static void add_tests(Suite *suite, const char *name, gt_engine_t engine)
{
    TCase *tcase = children_case(suite, name, engine);

    tcase_add_test(tcase, a_store_that_is_new_gets_its_rows);
    tcase_add_test(tcase, rows_that_are_missing_are_made_and_others_stay);
    tcase_add_test(tcase, two_nodes_make_the_same_rows_at_once);
    tcase_add_test(tcase, a_payload_is_the_kinds_own);
    tcase_add_test(tcase, a_kind_begins_no_slice_beyond_its_budget);
    tcase_add_test(tcase, what_blocks_holds_up_no_refresh_and_no_tick);
    tcase_add_test(tcase, what_has_not_begun_is_let_go_at_the_end);
    tcase_add_loop_test(tcase, what_is_given_up_at_the_end_is_let_go, 0, 2);
    tcase_add_test(tcase, a_kind_that_fails_rests_alone);
}

Suite *suite_job_kinds(void)
{
    Suite *suite = suite_create("job_kinds");

    add_tests(suite, "kinds on SQLite", GT_SQLITE);
    if (bench_engines() > 1)
        add_tests(suite, "kinds on PostgreSQL", GT_PGSQL);
    return suite;
}
