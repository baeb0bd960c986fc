/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Jobs of the crew: joined, left, ended, refused, dropped. */

#include <sched.h>
#include <stdatomic.h>

#include "gt_test.h"
#include "latch.h"
#include "net/loop.h"
#include "task/crew.h"
#include "task/wait.h"

Suite *suite_crew(void);

static gt_loop_t *loop;
static gt_crew_t *crew;

/* A gate that jobs wait at, polling as a task polls a lease. */
static atomic_int gate_open;
static atomic_int joined, begun, finished, made;

typedef struct errand_t {
    const char *word; /* in the job's pool */
    int fails;
    int waits; /* until the gate opens */
    int result;
} errand_t;

static void begin(void)
{
    const gt_loop_limits_t limits = {10, 10, 0};

    make_pool();
    gate_open = joined = begun = finished = made = 0;
    ck_ok(gt_loop_start(&loop, &limits, pool));
    ck_ok(gt_crew_start(&crew, "gt-crew", 3, loop, pool));
}

static void *copy(const void *params, apr_pool_t *p)
{
    errand_t *errand = apr_pmemdup(p, params, sizeof(*errand));

    errand->word = apr_pstrdup(p, errand->word);
    made++;
    return errand;
}

static gt_err_t *pass_gate(gt_task_t *task, void *state)
{
    errand_t *errand = state;

    if (errand->result++ == 0)
        begun++;
    if (errand->waits && !gate_open)
        gt_again_at(task, gt_ticks() + 1000);
    return GT_OK;
}

static gt_err_t *do_it(gt_task_t *task, void *state)
{
    errand_t *errand = state;

    errand->result = (int)strlen(errand->word);
    return errand->fails ? gt_err(gt_task_pool(task), GT_REFUSED, "GT9999", "%s", errand->word)
                         : GT_OK;
}

static void count_end(gt_task_t *task, void *state, const gt_err_t *err)
{
    (void)task, (void)state, (void)err;
    finished++;
}

static gt_step_fn *const errand_steps[] = {pass_gate, do_it, NULL};
static const gt_work_t errand_work = {"errand", errand_steps, count_end};

typedef struct asker_t {
    const char *key;
    errand_t params;
    gt_flight_t *job;
    int result;
} asker_t;

static gt_err_t *join(gt_task_t *task, void *state)
{
    asker_t *asker = state;

    gt_err_t *err =
        gt_crew_join(&asker->job, task, crew,
                     &(gt_flight_params_t){asker->key, &errand_work, copy, &asker->params});

    joined++;
    return err;
}

static gt_err_t *look(gt_task_t *task, void *state)
{
    asker_t *asker = state;
    const errand_t *errand = gt_flight_state(asker->job);

    ck_assert_int_eq(gt_flight_has_ended(asker->job), 1);
    asker->result = errand->result;
    return gt_err_dup(gt_flight_error(asker->job), gt_task_pool(task));
}

static gt_step_fn *const asker_steps[] = {join, look, NULL};
static const gt_work_t asking = {"asker", asker_steps, NULL};

static gt_err_t *ask_for(asker_t *asker, apr_pool_t *p)
{
    return gt_wait_run(&asking, asker, loop, PATIENCE, p);
}

/* What counts up elsewhere is looked at until it is there. */
static void await_count(atomic_int *what, int n)
{
    apr_time_t until = gt_mono() + PATIENCE;

    while (*what < n && gt_mono() < until)
        sched_yield();
    ck_assert_int_ge(*what, n);
}

START_TEST(test_a_job_and_its_asker)
{
    asker_t asker = {.key = "k", .params = {.word = "hello"}};

    ck_ok(ask_for(&asker, pool));
    ck_assert_int_eq(asker.result, 5);
    ck_assert_int_eq(finished, 1);
    ck_assert_int_eq(gt_crew_busy(crew), 0);
    ck_ok(ask_for(&asker, pool));
    ck_assert_int_eq(finished, 2);
}
END_TEST

START_TEST(test_a_job_that_fails)
{
    asker_t asker = {.key = "k", .params = {.word = "no", .fails = 1}};
    gt_err_t *err = ask_for(&asker, pool);

    ck_fails(err, GT_REFUSED, "GT9999");
    ck_assert_str_eq(err->detail, "no");
    ck_assert_ptr_eq(err->pool, pool);
}
END_TEST

static void *ask_in_thread(void *key)
{
    asker_t asker = {.key = key, .params = {.word = "hello", .waits = 1}};
    apr_pool_t *own;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    ck_ok(ask_for(&asker, own));
    ck_assert_int_eq(asker.result, 5);
    /* The job's state is there as long as this pool, also when all others have gone. */
    ck_assert_str_eq(((const errand_t *)gt_flight_state(asker.job))->word, "hello");
    apr_pool_destroy(own);
    return NULL;
}

START_TEST(test_one_job_a_key)
{
    pthread_t threads[10];
    static char keys[][2] = {"a", "b"};
    int i;

    for (i = 0; i < 10; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_in_thread, keys[i % 2]), 0);
    await_count(&joined, 10);
    await_count(&begun, 2);
    ck_assert_int_eq(gt_crew_busy(crew), 2);
    gate_open = 1;
    for (i = 0; i < 10; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(finished, 2);
    ck_assert_int_eq(gt_crew_busy(crew), 0);
}
END_TEST

START_TEST(test_an_asker_that_goes_leaves_the_job)
{
    asker_t asker = {.key = "k", .params = {.word = "hello", .waits = 1}};
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    apr_pool_t *own;
    gt_task_t *task;

    apr_pool_create(&own, pool);
    task = gt_task_make(&asking, &asker, loop, &waker, own);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    await_count(&begun, 1);
    gt_task_drop(task);
    latch_die(&latch);
    apr_pool_destroy(own);
    ck_assert_int_eq(gt_crew_busy(crew), 1);
    gate_open = 1;
    await_count(&finished, 1);
}
END_TEST

START_TEST(test_a_job_that_nobody_waits_for)
{
    errand_t params = {.word = "hello", .waits = 1};
    gt_flight_params_t order = {"k", &errand_work, copy, &params};

    ck_ok(gt_crew_launch(crew, &order, pool));
    await_count(&begun, 1);
    ck_ok(gt_crew_launch(crew, &order, pool));
    ck_assert_int_eq(made, 1);
    ck_assert_int_eq(gt_crew_busy(crew), 1);
    gate_open = 1;
    await_count(&finished, 1);
    ck_assert_int_eq(finished, 1);
}
END_TEST

START_TEST(test_keys_have_a_length)
{
    errand_t params = {.word = "hello"};
    char key[514];
    gt_flight_params_t order = {key, &errand_work, copy, &params};

    memset(key, 'k', sizeof(key));
    key[512] = '\0';
    ck_ok(gt_crew_launch(crew, &order, pool));
    key[512] = 'k';
    key[513] = '\0';
    ck_fails(gt_crew_launch(crew, &order, pool), GT_INTERNAL, "GT0328");
    key[0] = '\0';
    ck_fails(gt_crew_launch(crew, &order, pool), GT_INTERNAL, "GT0328");
}
END_TEST

/* ---- jobs that join jobs ---- */

static gt_err_t *join_inner(gt_task_t *task, void *state)
{
    asker_t *asker = state;

    return gt_crew_join(&asker->job, task, crew,
                        &(gt_flight_params_t){"inner", &errand_work, copy, &asker->params});
}

static gt_step_fn *const middle_steps[] = {join_inner, look, NULL};
static const gt_work_t middle = {"middle", middle_steps, count_end};

static void *copy_asker(const void *params, apr_pool_t *p)
{
    return apr_pmemdup(p, params, sizeof(asker_t));
}

START_TEST(test_a_job_joins_a_job)
{
    asker_t params = {.params = {.word = "hello", .waits = 1}};

    ck_ok(gt_crew_launch(crew, &(gt_flight_params_t){"outer", &middle, copy_asker, &params}, pool));
    await_count(&begun, 1);
    ck_assert_int_eq(gt_crew_busy(crew), 2);
    gate_open = 1;
    await_count(&finished, 2);
}
END_TEST

/* ---- many ---- */

static void *ask_often(void *baton)
{
    unsigned dice = (unsigned)(size_t)baton;
    apr_pool_t *own;
    int i;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    for (i = 0; i < 500; i++) {
        asker_t asker = {.params = {.word = "hello", .fails = i % 5 == 0}};
        latch_t latch;
        gt_waker_t waker = latch_init(&latch);
        gt_task_t *task;

        dice = dice * 1103515245 + 12345;
        asker.key = apr_psprintf(own, "%u", (dice >> 16) % 3);
        task = gt_task_make(&asking, &asker, loop, &waker, own);
        if (gt_task_run(task) == GT_TASK_WAITS && dice & 0x400000) {
            latch_await(&latch, 1);
            while (gt_task_run(task) != GT_TASK_DONE)
                sched_yield();
        }
        gt_task_drop(task);
        latch_die(&latch);
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    return NULL;
}

START_TEST(test_joining_and_leaving_at_random)
{
    pthread_t threads[4];
    size_t i;

    for (i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, (void *)(i + 1)), 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    gt_crew_stop(crew, PATIENCE);
    ck_assert_int_eq(gt_crew_busy(crew), 0);
    ck_assert_int_eq(begun, finished);
}
END_TEST

/* ---- periodic work ---- */

static void tick(void *baton, apr_pool_t *scratch)
{
    ck_assert_ptr_nonnull(apr_palloc(scratch, 100));
    ++*(atomic_int *)baton;
}

START_TEST(test_periodic_work)
{
    atomic_int often = 0;
    atomic_int seldom = 0;
    apr_time_t at = gt_mono();
    int before;

    gt_crew_every(crew, "seldom", apr_time_from_sec(3600), tick, &seldom);
    gt_crew_every(crew, "often", 2000, tick, &often);
    await_count(&often, 5);
    ck_assert(gt_mono() - at >= 10000);
    gt_crew_stop(crew, 0);
    before = often;
    ck_assert_int_eq(seldom, 0);
    ck_assert_int_eq(before, often);
}
END_TEST

/* ---- the end ---- */

START_TEST(test_stopping_is_patient)
{
    errand_t params = {.word = "hello", .waits = 1};
    asker_t asker = {.key = "late", .params = {.word = "hello"}};
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    gt_timer_t *timer;

    ck_ok(gt_crew_launch(crew, &(gt_flight_params_t){"k", &errand_work, copy, &params}, pool));
    await_count(&begun, 1);
    timer = gt_timer_start(loop, gt_ticks(), &waker, pool);
    gate_open = 1;
    gt_crew_stop(crew, PATIENCE);
    ck_assert_int_eq(finished, 1);
    ck_fails(ask_for(&asker, pool), GT_BUSY, "GT0326");
    gt_timer_cancel(timer);
    gt_crew_stop(crew, 0);
}
END_TEST

START_TEST(test_stopping_drops_what_does_not_end)
{
    asker_t asker = {.key = "k", .params = {.word = "hello", .waits = 1}};
    latch_t latch;
    gt_waker_t waker = latch_init(&latch);
    gt_task_t *task = gt_task_make(&asking, &asker, loop, &waker, pool);

    ck_assert_int_eq(gt_task_run(task), GT_TASK_WAITS);
    await_count(&begun, 1);
    gt_crew_stop(crew, 1000);
    ck_assert_int_eq(finished, 1);
    latch_await(&latch, 1);
    ck_assert_int_eq(gt_task_run(task), GT_TASK_DONE);
    ck_fails(gt_task_error(task), GT_CANCELLED, "GT0322");
}
END_TEST

Suite *suite_crew(void)
{
    Suite *suite = suite_create("crew");
    TCase *tcase = tcase_create("crew");

    tcase_add_checked_fixture(tcase, begin, drop_pool);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_a_job_and_its_asker);
    tcase_add_test(tcase, test_a_job_that_fails);
    tcase_add_test(tcase, test_one_job_a_key);
    tcase_add_test(tcase, test_an_asker_that_goes_leaves_the_job);
    tcase_add_test(tcase, test_a_job_that_nobody_waits_for);
    tcase_add_test(tcase, test_keys_have_a_length);
    tcase_add_test(tcase, test_a_job_joins_a_job);
    tcase_add_test(tcase, test_joining_and_leaving_at_random);
    tcase_add_test(tcase, test_periodic_work);
    tcase_add_test(tcase, test_stopping_is_patient);
    tcase_add_test(tcase, test_stopping_drops_what_does_not_end);
    return suite;
}
