/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The order of steps and finishes, for each of their verdicts; here without a loop, times by a
 * clock that the test moves. */

#include "gt_test.h"
#include "latch.h"
#include "net/loop.h"
#include "task/task.h"

Suite *suite_task(void);

/* What ran, in order: steps as letters, finishes as capitals. */
static char trace[4096];

static void note(const char *what)
{
    ck_assert_uint_lt(strlen(trace) + strlen(what), sizeof(trace));
    strcat(trace, what);
}

static latch_t latch;
static gt_loop_t *loop;

static void begin(void)
{
    make_pool();
    trace[0] = '\0';
}

static gt_task_t *task_of(const gt_work_t *work, void *state)
{
    gt_waker_t waker = latch_init(&latch);

    return gt_task_make(work, state, loop, &waker, pool);
}

static gt_err_t *failure(void)
{
    return gt_err(pool, GT_REFUSED, "GT9999", "as the test wants");
}

static gt_err_t *step_a(gt_task_t *task, void *state)
{
    (void)task, (void)state;
    note("a");
    return GT_OK;
}

static gt_err_t *step_b(gt_task_t *task, void *state)
{
    (void)task, (void)state;
    note("b");
    return GT_OK;
}

static gt_err_t *step_fail(gt_task_t *task, void *state)
{
    (void)task, (void)state;
    note("!");
    return failure();
}

static void finish_x(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task, (void)state;
    note(err == GT_OK ? "X" : err->cls == GT_CANCELLED ? "X0" : "X-");
}

static void finish_y(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task, (void)state;
    note(err == GT_OK ? "Y" : err->cls == GT_CANCELLED ? "Y0" : "Y-");
}

static gt_step_fn *const good_steps[] = {step_a, step_b, NULL};
static const gt_work_t good = {"good", good_steps, finish_x};
static gt_step_fn *const bad_steps[] = {step_a, step_fail, step_b, NULL};
static const gt_work_t bad = {"bad", bad_steps, finish_x};

START_TEST(test_steps_in_order)
{
    gt_task_t *task = task_of(&good, NULL);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_str_eq(trace, "abX");
    ck_ok(gt_task_error(task));
    ck_assert_int_eq(gt_task_ready(task), 1);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    gt_task_drop(task);
    ck_assert_str_eq(trace, "abX");
    ck_assert_ptr_eq(gt_task_pool(task), pool);
    ck_assert_ptr_null(gt_task_loop(task));
}
END_TEST

START_TEST(test_a_failure_ends_the_work)
{
    gt_task_t *task = task_of(&bad, NULL);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_str_eq(trace, "a!X-");
    ck_fails(gt_task_error(task), GT_REFUSED, "GT9999");
    gt_task_drop(task);
    ck_fails(gt_task_error(task), GT_REFUSED, "GT9999");
}
END_TEST

static gt_err_t *step_done(gt_task_t *task, void *state)
{
    (void)state;
    note("d");
    gt_done(task);
    return GT_OK;
}

static gt_err_t *step_done_fail(gt_task_t *task, void *state)
{
    (void)step_done(task, state);
    return failure();
}

static gt_err_t *step_instead(gt_task_t *task, void *state)
{
    note("i");
    gt_instead(task, state, NULL);
    return GT_OK;
}

static gt_err_t *step_try_it(gt_task_t *task, void *state)
{
    static gt_err_t *caught;

    gt_then_try(task, state, NULL, &caught);
    return GT_OK;
}

static gt_step_fn *const short_steps[] = {step_a, step_done, step_b, step_b, NULL};
static const gt_work_t short_work = {"short", short_steps, finish_x};
static gt_step_fn *const round_steps[] = {step_try_it, step_b, NULL};
static const gt_work_t round_work = {"outer", round_steps, finish_y};
static gt_step_fn *const short_bad_steps[] = {step_done_fail, step_b, NULL};
static const gt_work_t short_bad = {"short and bad", short_bad_steps, finish_x};
static gt_step_fn *const instead_steps[] = {step_instead, step_b, NULL};
static const gt_work_t instead = {"instead", instead_steps, finish_y};

START_TEST(test_a_step_that_is_done_skips_the_rest)
{
    ck_assert_int_eq(gt_task_run(task_of(&short_work, NULL)), GT_TASK_DONE);
    ck_assert_str_eq(trace, "adX");
    trace[0] = '\0';
    /* The work around it goes on. */
    ck_assert_int_eq(gt_task_run(task_of(&round_work, (void *)(size_t)&short_work)), GT_TASK_DONE);
    ck_assert_str_eq(trace, "adXbY");
}
END_TEST

START_TEST(test_a_failure_counts_more_than_done)
{
    gt_task_t *task = task_of(&short_bad, NULL);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_str_eq(trace, "dX-");
    ck_fails(gt_task_error(task), GT_REFUSED, "GT9999");
}
END_TEST

START_TEST(test_work_in_place_of_the_steps_that_are_left)
{
    gt_task_t *task;

    ck_assert_int_eq(gt_task_run(task_of(&instead, (void *)(size_t)&good)), GT_TASK_DONE);
    ck_assert_str_eq(trace, "iabXY");
    trace[0] = '\0';
    task = task_of(&instead, (void *)(size_t)&bad);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_str_eq(trace, "ia!X-Y-");
    ck_fails(gt_task_error(task), GT_REFUSED, "GT9999");
}
END_TEST

static gt_err_t *step_then(gt_task_t *task, void *state)
{
    note("(");
    gt_then(task, state, NULL);
    return GT_OK;
}

static gt_err_t *step_then_fail(gt_task_t *task, void *state)
{
    note("(");
    gt_then(task, state, NULL);
    return failure();
}

static gt_err_t *caught;

static gt_err_t *step_try(gt_task_t *task, void *state)
{
    note("[");
    caught = failure();
    gt_then_try(task, state, NULL, &caught);
    return GT_OK;
}

static gt_err_t *step_look(gt_task_t *task, void *state)
{
    (void)task, (void)state;
    note(caught == GT_OK ? "+" : "-");
    return GT_OK;
}

static gt_step_fn *const outer_steps[] = {step_then, step_b, NULL};
static const gt_work_t outer = {"outer", outer_steps, finish_y};
static gt_step_fn *const trying_steps[] = {step_try, step_look, NULL};
static const gt_work_t trying = {"trying", trying_steps, finish_y};
static gt_step_fn *const torn_steps[] = {step_then_fail, step_b, NULL};
static const gt_work_t torn = {"torn", torn_steps, finish_y};

static const struct {
    const gt_work_t *work;
    const gt_work_t *inner;
    const char *trace;
    int fails;
} nests[] = {
    {&outer, &good, "(abXbY", 0},  {&outer, &bad, "(a!X-Y-", 1}, {&trying, &good, "[abX+Y", 0},
    {&trying, &bad, "[a!X--Y", 0}, {&torn, &good, "(Y-", 1},
};

START_TEST(test_work_within_work)
{
    gt_task_t *task = task_of(nests[_i].work, (void *)(size_t)nests[_i].inner);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_str_eq(trace, nests[_i].trace);
    ck_assert_int_eq(gt_task_error(task) != GT_OK, nests[_i].fails);
}
END_TEST

/* ---- depth and turns ---- */

extern const gt_work_t deeper;

static gt_err_t *step_deeper(gt_task_t *task, void *state)
{
    int *left = state;

    if ((*left)-- > 0)
        gt_then(task, &deeper, left);
    return GT_OK;
}

static gt_step_fn *const deeper_steps[] = {step_deeper, NULL};
const gt_work_t deeper = {"deeper", deeper_steps, finish_x};

START_TEST(test_depth_is_bounded)
{
    int left = 15;

    ck_assert_int_eq(gt_task_run(task_of(&deeper, &left)), GT_TASK_DONE);
    ck_assert_str_eq(trace, "XXXXXXXXXXXXXXXX");
    trace[0] = '\0';
    left = 16;
    {
        gt_task_t *task = task_of(&deeper, &left);

        ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
        ck_fails(gt_task_error(task), GT_INTERNAL, "GT0320");
    }
    ck_assert_str_eq(trace, "X-X-X-X-X-X-X-X-X-X-X-X-X-X-X-X-");
}
END_TEST

static gt_bell_t bell;

static gt_err_t *step_count(gt_task_t *task, void *state)
{
    int *left = state;

    if ((*left)-- > 0)
        gt_again_on_bell(task, &bell, gt_ticks());
    return GT_OK;
}

static gt_err_t *step_piece(gt_task_t *task, void *state)
{
    int *left = state;

    if ((*left)-- > 0)
        gt_again_at(task, gt_ticks());
    return GT_OK;
}

static gt_step_fn *const count_steps[] = {step_count, NULL};
static const gt_work_t counting = {"counting", count_steps, finish_x};
static gt_step_fn *const piece_steps[] = {step_piece, NULL};
static const gt_work_t pieces = {"work in pieces", piece_steps, finish_x};

static int turns_of(const gt_work_t *work, int left)
{
    gt_task_t *task = task_of(work, &left);
    int turns = 1;

    while (gt_task_run(task) == GT_TASK_WAITS) {
        ck_assert_int_eq(latch_wakes(&latch), turns);
        ck_assert_int_eq(gt_task_ready(task), 1);
        turns++;
    }
    return turns;
}

START_TEST(test_a_long_task_gives_others_their_turn)
{
    const gt_loop_limits_t limits = {1, 1, 0};

    ck_ok(gt_loop_start(&loop, &limits, pool));
    gt_bell_init(&bell);
    gt_bell_ring(&bell);
    ck_assert_int_eq(turns_of(&counting, 2500), 3);
    ck_assert_str_eq(trace, "X");
    /* A piece of work may take long: each is a turn. */
    ck_assert_int_eq(turns_of(&pieces, 3), 4);
    ck_assert_str_eq(trace, "XX");
    gt_bell_destroy(&bell);
}
END_TEST

/* ---- waiting ---- */

static gt_err_t *step_later(gt_task_t *task, void *state)
{
    apr_time_t *at = state;

    note("t");
    if (gt_ticks() < *at)
        gt_again_at(task, *at);
    return GT_OK;
}

static gt_step_fn *const later_steps[] = {step_later, step_b, NULL};
static const gt_work_t later = {"later", later_steps, finish_x};

START_TEST(test_a_wait_for_a_time)
{
    const gt_loop_limits_t limits = {1, 1, 0};
    apr_time_t at;
    gt_task_t *task;

    ck_ok(gt_loop_start(&loop, &limits, pool));
    at = gt_ticks() + 20000;
    task = task_of(&later, &at);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    ck_assert_str_eq(trace, "t");
    /* Run too early: it waits on. */
    if (!gt_task_ready(task))
        ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    latch_await(&latch, 1);
    ck_assert_int_eq(gt_task_ready(task), 1);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_str_eq(trace, "ttbX");
    latch_die(&latch);
}
END_TEST

static gt_err_t *step_await_time(gt_task_t *task, void *state)
{
    apr_time_t *at = state;

    note("t");
    gt_await_time(task, *at);
    return GT_OK;
}

static gt_step_fn *const after_steps[] = {step_await_time, step_b, NULL};
static const gt_work_t after = {"after", after_steps, finish_x};

START_TEST(test_the_next_step_waits_for_a_time)
{
    const gt_loop_limits_t limits = {1, 1, 0};
    apr_time_t at;
    gt_task_t *task;

    ck_ok(gt_loop_start(&loop, &limits, pool));
    at = gt_ticks() + 20000;
    task = task_of(&after, &at);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    ck_assert_str_eq(trace, "t");
    latch_await(&latch, 1);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_int_ge(gt_ticks(), at);
    ck_assert_str_eq(trace, "tbX");
    latch_die(&latch);
}
END_TEST

START_TEST(test_no_loop_to_wait_on)
{
    apr_time_t at = APR_INT64_MAX;
    gt_task_t *task;

    loop = NULL;
    task = task_of(&later, &at);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_fails(gt_task_error(task), GT_INTERNAL, "GT0321");
    ck_assert_str_eq(trace, "tX-");
}
END_TEST

static gt_err_t *step_output(gt_task_t *task, void *state)
{
    int *left = state;

    note("o");
    if ((*left)-- > 0)
        gt_again_on_output(task);
    return GT_OK;
}

static gt_step_fn *const output_steps[] = {step_output, step_b, NULL};
static const gt_work_t output = {"output", output_steps, finish_x};

START_TEST(test_a_wait_for_output)
{
    int left = 2;
    gt_task_t *task = task_of(&output, &left);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_OUTPUT);
    ck_assert_int_eq(gt_task_ready(task), 1);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_OUTPUT);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_assert_str_eq(trace, "ooobX");
}
END_TEST

static gt_step_fn *const around_steps[] = {step_try, step_b, NULL};
static const gt_work_t around = {"around", around_steps, finish_y};
static apr_time_t never = APR_INT64_MAX;

static gt_err_t *step_forever(gt_task_t *task, void *state)
{
    (void)state;
    note("w");
    gt_again_at(task, never);
    return GT_OK;
}

static gt_step_fn *const endless_steps[] = {step_forever, NULL};
static const gt_work_t endless = {"endless", endless_steps, finish_x};

START_TEST(test_a_task_that_is_dropped)
{
    const gt_loop_limits_t limits = {1, 1, 0};
    gt_task_t *task;

    ck_ok(gt_loop_start(&loop, &limits, pool));
    task = task_of(&around, (void *)(size_t)&endless);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    gt_task_drop(task);
    latch_die(&latch);
    ck_assert_str_eq(trace, "[wX0Y0");
    ck_fails(gt_task_error(task), GT_CANCELLED, "GT0322");
    ck_fails(caught, GT_CANCELLED, "GT0322");
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    gt_task_drop(task);
    ck_assert_str_eq(trace, "[wX0Y0");
}
END_TEST

START_TEST(test_a_task_dropped_before_it_ran)
{
    gt_task_t *task = task_of(&good, NULL);

    gt_task_drop(task);
    ck_assert_str_eq(trace, "X0");
}
END_TEST

Suite *suite_task(void)
{
    Suite *suite = suite_create("task");
    TCase *tcase = tcase_create("task");

    tcase_add_checked_fixture(tcase, begin, drop_pool);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_steps_in_order);
    tcase_add_test(tcase, test_a_failure_ends_the_work);
    tcase_add_test(tcase, test_a_step_that_is_done_skips_the_rest);
    tcase_add_test(tcase, test_a_failure_counts_more_than_done);
    tcase_add_test(tcase, test_work_in_place_of_the_steps_that_are_left);
    tcase_add_loop_test(tcase, test_work_within_work, 0, sizeof(nests) / sizeof(nests[0]));
    tcase_add_test(tcase, test_depth_is_bounded);
    tcase_add_test(tcase, test_a_long_task_gives_others_their_turn);
    tcase_add_test(tcase, test_a_wait_for_a_time);
    tcase_add_test(tcase, test_the_next_step_waits_for_a_time);
    tcase_add_test(tcase, test_no_loop_to_wait_on);
    tcase_add_test(tcase, test_a_wait_for_output);
    tcase_add_test(tcase, test_a_task_that_is_dropped);
    tcase_add_test(tcase, test_a_task_dropped_before_it_ran);
    return suite;
}
