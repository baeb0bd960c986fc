/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Bulk jobs (store/bulk_rows.h, admin/bulk.h, admin/bulk_work.h): who does an item, how often, and
 * what is left of it. */

#include "children.h"

#include <poll.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/bulk.h"
#include "admin/bulk_work.h"
#include "base/clock.h"
#include "jobs/cleanup.h"

Suite *suite_bulk(void);

#define NO_GRANT "00000000-0000-0000-0000-000000000007"

static const gt_job_kind_t *const bulk_alone[] = {&gt_job_bulk, NULL};
static const gt_asker_t ada = {.administrator = "ada", .route = "bulk"};

/* ---- words ---- */

static const char *id_of(const char *user)
{
    return bench_ask(bench,
                     apr_psprintf(pool, "SELECT id FROM user_tokens WHERE user_id = '%s'", user));
}

/* Grants of u1 to un, which are not used for refreshes. */
static void make_grants(int n)
{
    bench_run(bench,
              apr_psprintf(
                  pool,
                  "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                  "encrypted_refresh_token, expires_at, status, error_count) WITH RECURSIVE s(n) "
                  "AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT 'u' || n, '', "
                  "'', '2036-11-21', CASE WHEN n %% 10 = 0 THEN 2 ELSE 1 END, n %% 2 FROM s",
                  n));
}

static gt_err_t *begin_job(const char **id, const gt_operation_t *operation, const gt_pick_t *pick,
                           const apr_array_header_t *ids)
{
    gt_bulk_begin_t begin = {.store = child[0].store,
                             .parts = gt_vault_parts(child[0].vault),
                             .operation = operation,
                             .pick = pick,
                             .ids = ids,
                             .asker = &ada};
    gt_err_t *err = gt_wait_run(&gt_bulk_begin, &begin, child[0].loop, LIMIT, pool);

    *id = begin.id;
    return err;
}

/* A job of the named grants. @param first  ids, NULL last */
static const char *job_of(const gt_operation_t *operation, const char *const *first)
{
    apr_array_header_t *ids = apr_array_make(pool, 4, sizeof(const char *));
    const char *id;

    for (; *first != NULL; first++)
        APR_ARRAY_PUSH(ids, const char *) = *first;
    bench_ok(begin_job(&id, operation, NULL, ids));
    return id;
}

static const char *job_of_tom(const gt_operation_t *operation)
{
    const char *const named[] = {id_of("tom"), NULL};

    return job_of(operation, named);
}

static gt_bulk_job_t *find(const char *id)
{
    gt_bulk_job_t *job;

    bench_ok(gt_bulk_find(&job, child[0].store, id, pool));
    return job;
}

static const char *state_of(const char *id)
{
    return gt_bulk_state(find(id));
}

static apr_array_header_t *items_of(const char *id)
{
    const gt_bulk_rows_t page = {id, -1, -1, 5000};
    apr_array_header_t *items;

    bench_ok(gt_bulk_items(&items, child[0].store, &page, pool));
    return items;
}

static gt_bulk_item_t *item_of(const char *id, int i)
{
    apr_array_header_t *items = items_of(id);

    ck_assert_int_lt(i, items->nelts);
    return &APR_ARRAY_IDX(items, i, gt_bulk_item_t);
}

static void call(void)
{
    bench_run(bench, "UPDATE user_tokens_jobs SET due_at = 0 WHERE name = 'bulk'");
}

/* Ticks until a job is so. */
static void work_until(gt_jobs_t *jobs, const char *id, const char *state)
{
    const apr_time_t until = gt_ticks() + LIMIT;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    while (strcmp(state_of(id), state) != 0) {
        gt_jobs_tick(jobs, scratch);
        apr_pool_clear(scratch);
        poll(NULL, 0, 20);
        ck_assert_int_lt(gt_ticks(), until);
    }
    apr_pool_destroy(scratch);
}

static void work(const char *id)
{
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, bulk_alone, pool);

    work_until(jobs, id, "done");
    gt_jobs_end(jobs);
}

static apr_array_header_t *claim(const char *id, const char *name, apr_interval_time_t span)
{
    const gt_bulk_claim_t wanted = {id, name, span, 64};
    apr_array_header_t *items;

    bench_ok(gt_bulk_claim(&items, child[0].store, &wanted, pool));
    return items;
}

/* ---- what is done ---- */

START_TEST(named_grants_are_acted_on)
{
    const gt_bulk_job_t *job;
    const char *id;

    make_grants(3);
    const char *const named[] = {id_of("u3"), NO_GRANT, id_of("u1"), id_of("u3"), "x' --", NULL};

    id = job_of(&gt_operation_deactivate, named);
    ck_assert_str_eq(state_of(id), "waiting");
    ck_assert_int_eq(find(id)->failed, 2);
    work(id);
    job = find(id);
    ck_assert_int_eq(job->total, 4);
    ck_assert_int_eq(job->succeeded, 2);
    ck_assert_int_eq(job->failed, 2);
    ck_assert_str_eq(job->administrator, "ada");
    ck_assert_str_eq(item_of(id, 0)->owner.user, "u3");
    ck_assert_str_eq(item_of(id, 0)->detail, "until the user signs in");
    ck_assert_str_eq(item_of(id, 1)->tag, "GT0493");
    ck_assert_str_eq(
        bench_ask(bench, "SELECT count(*) FROM user_tokens WHERE status = 0 AND user_id <> 'u2'"),
        "2");
}
END_TEST

/* The process refreshed the token, and was killed before it wrote the result. */
START_TEST(what_was_done_before_a_kill_is_not_done_again)
{
    gt_target_t target = {.store = child[0].store, .asker = &ada};
    apr_array_header_t *items;
    const char *id;

    sign_in_row(&tom, 3600);
    id = job_of_tom(&gt_operation_refresh);
    items = claim(id, "dead", SECONDS(60));
    ck_assert_int_eq(items->nelts, 1);
    target.grant.owner = APR_ARRAY_IDX(items, 0, gt_bulk_item_t).owner;
    target.grant.generation = APR_ARRAY_IDX(items, 0, gt_bulk_item_t).generation;
    bench_ok(gt_wait_run(gt_operation_refresh.work,
                         gt_operation_refresh.make(child[0].vault, &target, pool), child[0].loop,
                         LIMIT, pool));
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    bench_run(bench, "UPDATE user_tokens_bulk_items SET claimed_until = 0");
    work(id);
    ck_assert_int_eq(find(id)->succeeded, 1);
    ck_assert_int_eq(item_of(id, 0)->tries, 2);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
    ck_assert_int_eq(row()->generation, target.grant.generation + 1);
}
END_TEST

START_TEST(only_the_claim_that_holds_an_item_writes)
{
    const char *id;

    sign_in_row(&tom, 3600);
    id = job_of_tom(&gt_operation_refresh);
    ck_assert_int_eq(claim(id, "first", 0)->nelts, 1);
    ck_assert_int_eq(claim(id, "second", SECONDS(60))->nelts, 1);
    ck_assert_int_eq(claim(id, "third", SECONDS(60))->nelts, 0);

    const gt_bulk_hold_t first = {id, "first", 0}, second = {id, "second", 0};
    const gt_bulk_item_t failed = {.outcome = GT_BULK_FAILED, .detail = "no", .tag = "GT9999"};
    const gt_bulk_item_t done = {.outcome = GT_BULK_SUCCEEDED, .detail = "yes"};

    bench_ok(gt_bulk_note(child[0].store, &first, &failed, pool));
    bench_ok(gt_bulk_give_back(child[0].store, &first, 0, 1, pool));
    ck_assert_int_eq(item_of(id, 0)->outcome, GT_BULK_WAITS);
    ck_assert_int_eq(claim(id, "third", SECONDS(60))->nelts, 0);
    bench_ok(gt_bulk_note(child[0].store, &second, &done, pool));
    bench_ok(gt_bulk_note(child[0].store, &second, &failed, pool));
    ck_assert_str_eq(state_of(id), "done");
    ck_assert_int_eq(find(id)->succeeded, 1);
    ck_assert_int_eq(find(id)->failed, 0);
    ck_assert_str_eq(item_of(id, 0)->detail, "yes");
}
END_TEST

/* A result whose sum was not written, since the process died between the two. */
START_TEST(sums_are_right_at_the_end)
{
    const char *id;

    make_grants(2);
    const char *const named[] = {id_of("u1"), id_of("u2"), NULL};

    id = job_of(&gt_operation_deactivate, named);
    bench_run(bench, "UPDATE user_tokens_bulk_items SET outcome = 1 WHERE n = 0");
    work(id);
    ck_assert_int_eq(find(id)->succeeded, 2);
}
END_TEST

static const char *ending;
static int acquired;

/* Another process ends the job between a result and its sum. */
static void end_in_between(void)
{
    if (++acquired == 2)
        bench_ok(gt_bulk_end(child[1].store, ending, pool));
}

START_TEST(a_result_is_counted_once)
{
    const gt_bulk_item_t done = {.outcome = GT_BULK_SUCCEEDED, .detail = "yes"};
    gt_bulk_hold_t hold = {NULL, "mine", 0};

    sign_in_row(&tom, 3600);
    hold.job = ending = job_of_tom(&gt_operation_refresh);
    ck_assert_int_eq(claim(ending, "mine", SECONDS(60))->nelts, 1);
    acquired = 0;
    atomic_store(&child[0].acquires, end_in_between);
    bench_ok(gt_bulk_note(child[0].store, &hold, &done, pool));
    atomic_store(&child[0].acquires, NULL);
    ck_assert_int_ge(acquired, 2);
    ck_assert_str_eq(state_of(ending), "done");
    ck_assert_int_eq(find(ending)->succeeded, 1);
}
END_TEST

START_TEST(a_stopped_job_gives_no_items)
{
    const gt_bulk_hold_t hold = {NULL, "mine", 0};
    gt_bulk_hold_t mine = hold;
    const char *id;

    sign_in_row(&tom, 3600);
    mine.job = id = job_of_tom(&gt_operation_refresh);
    ck_assert_int_eq(claim(id, "mine", SECONDS(60))->nelts, 1);
    ck_assert_str_eq(state_of(id), "running");
    bench_ok(gt_bulk_stop(child[0].store, id, 1, pool));
    ck_assert_str_eq(state_of(id), "stopping");
    bench_ok(gt_bulk_give_back(child[0].store, &mine, 0, 0, pool));
    ck_assert_str_eq(state_of(id), "stopped");
    ck_assert_int_eq(item_of(id, 0)->tries, 0);
    ck_assert_int_eq(claim(id, "mine", SECONDS(60))->nelts, 0);
    bench_ok(gt_bulk_stop(child[0].store, id, 0, pool));
    ck_assert_str_eq(state_of(id), "running");
    work(id);
    bench_ok(gt_bulk_stop(child[0].store, id, 1, pool));
    ck_assert_str_eq(state_of(id), "done");
}
END_TEST

/* ---- what does not go well ---- */

START_TEST(a_provider_that_asks_to_wait_is_waited_for)
{
    static const fake_reply_t busy = {429, "Retry-After: 1\r\n", "{\"error\": \"busy\"}"};
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, bulk_alone, pool);
    const apr_time_t until = gt_ticks() + LIMIT;
    const char *id;

    sign_in_row(&tom, 3600);
    id = job_of_tom(&gt_operation_refresh);
    fake_answer(fake, FAKE_TOKEN, &busy);
    while (item_of(id, 0)->tries < 1 || find(id)->is_busy) {
        gt_jobs_tick(jobs, pool);
        poll(NULL, 0, 20);
        ck_assert_int_lt(gt_ticks(), until);
    }
    ck_assert_int_eq(item_of(id, 0)->outcome, GT_BULK_WAITS);
    ck_assert_str_eq(state_of(id), "running");
    fake_answer(fake, FAKE_TOKEN, NULL);
    work_until(jobs, id, "done");
    gt_jobs_end(jobs);
    ck_assert_int_eq(find(id)->succeeded, 1);
    ck_assert_int_ge(item_of(id, 0)->tries, 2);
}
END_TEST

START_TEST(no_item_is_tried_without_end)
{
    static const fake_reply_t busy = {429, "Retry-After: 9\r\n", "{\"error\": \"busy\"}"};
    const char *id;

    sign_in_row(&tom, 3600);
    fake_answer(fake, FAKE_TOKEN, &busy);
    id = job_of_tom(&gt_operation_refresh);
    bench_run(bench, "UPDATE user_tokens_bulk_items SET tries = 5");
    work(id);
    ck_assert_int_eq(item_of(id, 0)->outcome, GT_BULK_FAILED);
    ck_assert_ptr_nonnull(item_of(id, 0)->tag);
    id = job_of_tom(&gt_operation_deactivate);
    bench_run(bench, "UPDATE user_tokens_bulk_items SET tries = 10 WHERE outcome = 0");
    work(id);
    ck_assert_str_eq(item_of(id, 0)->tag, "GT0988");
    ck_assert_int_eq(row()->status, GT_ACTIVE);
}
END_TEST

START_TEST(a_process_that_ends_gives_back_what_it_had_not_begun)
{
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, bulk_alone, pool);
    apr_interval_time_t wait;
    const char *id;

    sign_in_row(&tom, 3600);
    bench_ok(gt_due_time_slots(&wait, child[0].store, 60, 1, pool)); /* a minute */
    id = job_of_tom(&gt_operation_refresh);
    work_until(jobs, id, "running");
    while (!find(id)->is_busy)
        gt_jobs_tick(jobs, pool);
    gt_jobs_stop(jobs);
    while (find(id)->is_busy)
        poll(NULL, 0, 20);
    gt_jobs_end(jobs);
    ck_assert_int_eq(item_of(id, 0)->tries, 0);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
    bench_run(bench, "DELETE FROM user_tokens_jobs WHERE name = 'turns'");
    call();
    work(id);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 1);
}
END_TEST

/* ---- filters ---- */

START_TEST(the_grants_of_a_filter_are_found)
{
    gt_pick_t pick = gt_pick_all();
    gt_grant_filter_t filter;
    gt_bulk_job_t *job;
    const char *id;
    gt_range_t range;
    int found, filled;

    make_grants(2500);
    pick.status = GT_NEEDS_USER;
    bench_ok(begin_job(&id, &gt_operation_activate, &pick, NULL));
    ck_assert_int_eq(find(id)->is_filled, 0);
    ck_assert_str_eq(state_of(id), "waiting");
    /* Two processes find the same piece: the grants stand there once. */
    bench_ok(gt_bulk_filter_read(&filter, find(id)->filter, pool));
    for (int i = 0; i < 2; i++) {
        gt_range_begin(&range, child[i].store);
        job = find(id);
        job->pages = 0;
        bench_ok(gt_range_next(&found, &range, pool));
        bench_ok(gt_bulk_fill(&filled, job, &range, &filter, pool));
        ck_assert_int_eq(filled, i == 0);
    }
    work(id);
    ck_assert_int_eq(find(id)->total, 250);
    ck_assert_int_eq(find(id)->succeeded, 250);
    ck_assert_int_eq(items_of(id)->nelts, 250);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM user_tokens WHERE status = 2"), "0");
}
END_TEST

START_TEST(a_filter_that_finds_nothing_ends_at_once)
{
    gt_pick_t pick = gt_pick_all();
    const char *id;

    pick.is_failing = 1;
    bench_ok(begin_job(&id, &gt_operation_validate, &pick, NULL));
    work(id);
    ck_assert_int_eq(find(id)->total, 0);
    bench_run(bench, "UPDATE user_tokens_bulk SET filter = '{\"status\": \"x', is_filled = 0, "
                     "ended_at = 0");
    call();
    work(id);
    ck_assert_str_eq(find(id)->detail, "its filter cannot be read");
}
END_TEST

/* ---- rows ---- */

START_TEST(rows_go_when_their_time_is_over)
{
    const char *old, *later, *never;
    gt_due_counts_t counts = {0, 0};
    gt_bulk_job_t made = {.id = "abandoned", .act = "refresh"};
    int more = 1;

    make_grants(1200);
    const char *const named[] = {id_of("u1"), NULL};
    gt_pick_t pick = gt_pick_all();

    bench_ok(begin_job(&old, &gt_operation_validate, &pick, NULL));
    work(old);
    later = job_of(&gt_operation_deactivate, named);
    bench_run(bench, apr_psprintf(pool,
                                  "UPDATE user_tokens_bulk SET updated_at = updated_at - "
                                  "2592000000 WHERE id = '%s'",
                                  old));
    for (int i = 0; more; i++) {
        bench_ok(gt_cleanup(&counts, &more, child[0].store, config, pool));
        ck_assert_int_lt(i, 10);
    }
    ck_assert_ptr_null(find(old));
    ck_assert_ptr_nonnull(find(later));
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM user_tokens_bulk_items"), "1");
    /* A request that made a job died before it had named the grants. */
    bench_ok(gt_bulk_make(child[0].store, &made, pool));
    ck_assert_ptr_null(find("abandoned"));
    bench_run(bench, "UPDATE user_tokens_bulk SET updated_at = updated_at - 601000 "
                     "WHERE id = 'abandoned'");
    never = job_of(&gt_operation_activate, named);
    work(never);
    ck_assert_str_eq(bench_ask(bench, "SELECT count(*) FROM user_tokens_bulk "
                                      "WHERE id = 'abandoned'"),
                     "0");
}
END_TEST

START_TEST(there_are_not_more_jobs_than_may_be)
{
    gt_bulk_job_t made = {.id = "one more", .act = "refresh"};

    for (int i = 0; i < GT_BULK_ACTIVE_MAX; i++) {
        made.id = apr_psprintf(pool, "job%d", i);
        bench_ok(gt_bulk_make(child[0].store, &made, pool));
    }
    made.id = "one more";
    bench_tag(gt_bulk_make(child[0].store, &made, pool), "GT0491");
    bench_ok(gt_bulk_stop(child[0].store, "job7", 1, pool));
    bench_ok(gt_bulk_make(child[0].store, &made, pool));
}
END_TEST

START_TEST(without_tables_there_are_no_jobs)
{
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, bulk_alone, pool);
    gt_pick_t pick = gt_pick_all();
    const char *id;
    gt_ids_t ids;
    int is_new;

    bench_run(bench, "DROP TABLE user_tokens_bulk_items");
    gt_store_ids_known(&ids, child[0].store);
    bench_ok(gt_store_ids_now(&is_new, &ids, child[0].store, pool));
    for (int i = 0; i < 3; i++)
        gt_jobs_tick(jobs, pool);
    bench_ok(gt_jobs_trouble(jobs, pool));
    bench_tag(begin_job(&id, &gt_operation_refresh, &pick, NULL), "GT0490");
    gt_jobs_end(jobs);
}
END_TEST

/* ---- watching ---- */

/* Of this thread: the threads of a crew that was stopped may still be at their last one. */
static _Thread_local int statements;

static void count_statement(void)
{
    statements++;
}

static apr_time_t standing;

static apr_time_t standing_ticks(void)
{
    return standing;
}

START_TEST(one_look_a_second_serves_all)
{
    int is_known, looks;
    const char *id;
    json_t *view;

    sign_in_row(&tom, 3600);
    id = job_of_tom(&gt_operation_refresh);
    for (int i = 0; i < 2; i++)
        gt_crew_stop(child[i].crew, 0); /* so that no thread reads the clock meanwhile */
    standing = gt_ticks();
    gt_clock_set(NULL, standing_ticks);
    statements = 0; /* without a fork the test before has left its own */
    for (int i = 0; i < 2; i++)
        atomic_store(&child[i].acquires, count_statement);
    for (looks = 1; looks <= 2; looks++) {
        for (int i = 0; i < 40; i++) {
            bench_ok(gt_bulk_look(&view, &is_known, gt_vault_parts(child[i % 2].vault),
                                  child[i % 2].store, id, pool));
            ck_assert_int_eq(is_known, 1);
            ck_assert_str_eq(gt_json_text(view, "state"), "waiting");
        }
        ck_assert_int_eq(statements, looks);
        standing += SECONDS(1);
    }
    gt_clock_set(NULL, NULL);
    bench_ok(gt_bulk_look(&view, &is_known, gt_vault_parts(child[0].vault), child[0].store,
                          "nothing", pool));
    ck_assert_int_eq(is_known, 1);
    ck_assert_ptr_null(view);
}
END_TEST

static void add_tests(Suite *suite, const char *name, gt_engine_t engine)
{
    TCase *tcase = children_case(suite, name, engine);
    TCase *large = children_case(suite, name, engine);

    tcase_set_tags(large, "size");
    tcase_add_test(large, the_grants_of_a_filter_are_found);
    tcase_add_test(large, rows_go_when_their_time_is_over);
    tcase_add_test(tcase, named_grants_are_acted_on);
    tcase_add_test(tcase, what_was_done_before_a_kill_is_not_done_again);
    tcase_add_test(tcase, only_the_claim_that_holds_an_item_writes);
    tcase_add_test(tcase, sums_are_right_at_the_end);
    tcase_add_test(tcase, a_result_is_counted_once);
    tcase_add_test(tcase, a_stopped_job_gives_no_items);
    tcase_add_test(tcase, a_provider_that_asks_to_wait_is_waited_for);
    tcase_add_test(tcase, no_item_is_tried_without_end);
    tcase_add_test(tcase, a_process_that_ends_gives_back_what_it_had_not_begun);
    tcase_add_test(tcase, a_filter_that_finds_nothing_ends_at_once);
    tcase_add_test(tcase, there_are_not_more_jobs_than_may_be);
    tcase_add_test(tcase, without_tables_there_are_no_jobs);
    tcase_add_test(tcase, one_look_a_second_serves_all);
}

Suite *suite_bulk(void)
{
    Suite *suite = suite_create("bulk");

    add_tests(suite, "bulk on SQLite", GT_SQLITE);
    if (bench_engines() > 1)
        add_tests(suite, "bulk on PostgreSQL", GT_PGSQL);
    return suite;
}
