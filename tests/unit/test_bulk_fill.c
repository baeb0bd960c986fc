/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The grants of a bulk job by a filter, when a process stops while it finds them. */

#include <apr_strings.h>
#include <check.h>

#include "desk.h"
#include "store/bulk_rows.h"

Suite *suite_bulk_fill(void);

#define JOB "j"

static const gt_grant_filter_t all = {.status = -1, .within = -1};

/* A job for all grants, of which there is one more than a range has. */
static desk_t open_desk(int loop)
{
    const gt_bulk_job_t job = {.id = JOB, .act = "validate", .filter = "{}"};
    desk_t desk = desk_open(loop);

    bench_run(desk.bench,
              apr_psprintf(desk.pool,
                           "INSERT INTO user_tokens (user_id, encrypted_access_token, "
                           "encrypted_refresh_token, expires_at) WITH RECURSIVE s(n) AS (SELECT 1 "
                           "UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT 'u' || n, '', '', "
                           "'2036-11-21' FROM s",
                           GT_RANGE_ROWS + 1));
    bench_ok(gt_bulk_make(desk.store, &job, desk.pool));
    return desk;
}

/* Add the next range as a process does that read the job now. */
static int fill_next(desk_t *desk, gt_range_t *range)
{
    int found, filled = 0;
    gt_bulk_job_t *job;

    bench_ok(gt_bulk_find(&job, desk->store, JOB, desk->pool));
    bench_ok(gt_range_next(&found, range, desk->pool));
    if (found)
        bench_ok(gt_bulk_fill(&filled, job, range, &all, desk->pool));
    return filled;
}

static const char *missing(desk_t *desk)
{
    return bench_ask(desk->bench,
                     "SELECT count(*) FROM user_tokens WHERE user_id NOT IN "
                     "(SELECT of_user FROM user_tokens_bulk_items WHERE job = '" JOB "')");
}

/* Its rows are there, and the job does not know it. Then the range is another one. */
START_TEST(a_range_that_was_half_done_loses_none)
{
    desk_t desk = open_desk(_i);
    gt_range_t range;

    gt_range_begin(&range, desk.store);
    ck_assert(fill_next(&desk, &range));
    bench_run(desk.bench, "UPDATE user_tokens_bulk SET pages = 0, filled_to = NULL, total = 0");
    bench_run(desk.bench, "DELETE FROM user_tokens WHERE CAST(id AS VARCHAR) = (SELECT "
                          "min(CAST(id AS VARCHAR)) FROM user_tokens)");
    gt_range_begin(&range, desk.store);
    while (fill_next(&desk, &range))
        continue;
    ck_assert_str_eq(missing(&desk), "0");
    bench_close(desk.bench);
}
END_TEST

/* A process that stood still for long comes to a job that others have filled, or done. */
START_TEST(a_filled_job_gets_no_more)
{
    desk_t desk = open_desk(_i);
    gt_range_t range;

    bench_ok(gt_bulk_filled(desk.store, JOB, NULL, desk.pool));
    gt_range_begin(&range, desk.store);
    (void)fill_next(&desk, &range);
    ck_assert_str_eq(bench_ask(desk.bench, "SELECT count(*) FROM user_tokens_bulk_items"), "0");
    bench_close(desk.bench);
}
END_TEST

Suite *suite_bulk_fill(void)
{
    Suite *suite = suite_create("bulk_fill");
    TCase *tcase = tcase_create("both engines");

    tcase_add_loop_test(tcase, a_range_that_was_half_done_loses_none, 0, bench_engines());
    tcase_add_loop_test(tcase, a_filled_job_gets_no_more, 0, bench_engines());
    suite_add_tcase(suite, tcase);
    return suite;
}
