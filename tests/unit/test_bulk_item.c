/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* An item of a bulk job (admin/bulk_work.h): which grant its act is done to. */

#include "children.h"

#include <poll.h>

#include "admin/bulk_work.h"
#include "base/clock.h"
#include "jobs/jobs.h"
#include "store/bulk_rows.h"

Suite *suite_bulk_item(void);

#define JOB "j"

static const gt_job_kind_t *const bulk_alone[] = {&gt_job_bulk, NULL};

static void make_job(const char *act)
{
    const gt_bulk_job_t job = {.id = JOB, .act = act};
    const char *id = bench_ask(bench, "SELECT id FROM user_tokens");
    const gt_bulk_named_t one = {id, gt_grant_plain_id(id, pool)};
    apr_array_header_t *named = apr_array_make(pool, 1, sizeof(one));

    APR_ARRAY_PUSH(named, gt_bulk_named_t) = one;
    bench_ok(gt_bulk_make(child[0].store, &job, pool));
    bench_ok(gt_bulk_add(child[0].store, JOB, 0, named, pool));
    bench_ok(gt_bulk_filled(child[0].store, JOB, NULL, pool));
}

/* The only item of the job, when it has its result. */
static gt_bulk_item_t *do_job(void)
{
    const gt_bulk_rows_t page = {JOB, -1, -1, 2};
    const apr_time_t until = gt_ticks() + LIMIT;
    gt_jobs_t *jobs = gt_jobs_make(child[0].vault, bulk_alone, pool);
    apr_array_header_t *items;

    do {
        gt_jobs_tick(jobs, pool);
        poll(NULL, 0, 20);
        bench_ok(gt_bulk_items(&items, child[0].store, &page, pool));
        ck_assert_int_eq(items->nelts, 1);
        ck_assert_int_lt(gt_ticks(), until);
    } while (APR_ARRAY_IDX(items, 0, gt_bulk_item_t).outcome == GT_BULK_WAITS);
    gt_jobs_end(jobs);
    return &APR_ARRAY_IDX(items, 0, gt_bulk_item_t);
}

static const char *const acts[] = {"revoke", "deactivate", "refresh"};
#define ACTS ((int)(sizeof acts / sizeof acts[0]))

/* The job was stopped, or its process was killed, and the user signed in anew before it went on. */
START_TEST(a_grant_that_came_later_is_left_as_it_is)
{
    const gt_bulk_item_t *item;

    sign_in_row(&tom, 3600);
    make_job(acts[_i]);
    bench_run(bench, "DELETE FROM user_tokens");
    sign_in_row(&tom, 3600);
    item = do_job();
    ck_assert_int_eq(item->outcome, GT_BULK_FAILED);
    ck_assert_str_eq(item->tag, "GT0994");
    ck_assert_ptr_nonnull(row());
    ck_assert_int_eq(row()->status, GT_ACTIVE);
    ck_assert_int_eq(fake_calls(fake, FAKE_TOKEN), 0);
}
END_TEST

static void add_tests(Suite *suite, const char *name, gt_engine_t engine, int acts_done)
{
    TCase *tcase = children_case(suite, name, engine);

    tcase_add_loop_test(tcase, a_grant_that_came_later_is_left_as_it_is, 0, acts_done);
}

Suite *suite_bulk_item(void)
{
    Suite *suite = suite_create("bulk_item");

    add_tests(suite, "bulk item on SQLite", GT_SQLITE, ACTS);
    if (bench_engines() > 1)
        add_tests(suite, "bulk item on PostgreSQL", GT_PGSQL, 1);
    return suite;
}
