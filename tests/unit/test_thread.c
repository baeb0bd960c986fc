/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The frame that gt_thread_start puts around each thread of ours. */

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "gt_test.h"
#include "latch.h"

Suite *suite_thread(void);

typedef struct trace_t {
    char steps[4];
    int count;
    pthread_t at[3];
} trace_t;

static void step(trace_t *trace, char name)
{
    trace->at[trace->count] = pthread_self();
    trace->steps[trace->count++] = name;
}

static void begin(void *baton)
{
    step(baton, 'b');
}

static void end(void *baton)
{
    step(baton, 'e');
}

static void *run(void *baton)
{
    step(baton, 'r');
    return baton;
}

START_TEST(test_a_frame_is_round_the_thread_and_on_it)
{
    trace_t trace = {0};
    const gt_thread_frame_t frame = {&trace, begin, end};
    pthread_t thread;
    void *result;

    gt_thread_set_frame(&frame);
    ck_assert_int_eq(gt_thread_start(&thread, "framed", run, &trace), APR_SUCCESS);
    gt_thread_set_frame(NULL);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &trace);
    ck_assert_str_eq(trace.steps, "bre");
    for (int i = 0; i < 3; i++)
        ck_assert(pthread_equal(trace.at[i], thread));
}
END_TEST

static void *wake_latch(void *baton)
{
    latch_wake(baton);
    return NULL;
}

/* The frame's baton may be gone when such a thread begins or ends. */
START_TEST(test_a_detached_thread_has_no_frame)
{
    trace_t trace = {0};
    const gt_thread_frame_t frame = {&trace, begin, end};
    latch_t latch;

    latch_init(&latch);
    gt_thread_set_frame(&frame);
    ck_assert_int_eq(gt_thread_detach("detached", wake_latch, &latch), APR_SUCCESS);
    gt_thread_set_frame(NULL);
    latch_await(&latch, 1);
    ck_assert_str_eq(trace.steps, "");
}
END_TEST

START_TEST(test_without_a_frame)
{
    trace_t trace = {0};
    pthread_t thread;

    gt_thread_set_frame(NULL);
    ck_assert_int_eq(gt_thread_start(&thread, "bare", run, &trace), APR_SUCCESS);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(trace.steps, "r");
}
END_TEST

static void *fail_here(void *baton)
{
    (void)baton;
    ck_abort_msg("so that the process ends");
}

/* Else libcheck takes this thread onto the test's stack, and both go on there. */
START_TEST(test_an_assertion_beside_the_tests_thread_ends_the_process)
{
    const pid_t pid = fork();
    pthread_t thread;
    int status;

    if (pid == 0) {
        fclose(stderr);
        if (pthread_create(&thread, NULL, fail_here, NULL) == 0)
            pthread_join(thread, NULL);
        _exit(0);
    }
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

Suite *suite_thread(void)
{
    Suite *suite = suite_create("thread");
    TCase *tc = tcase_create("thread"), *ends = tcase_create("ends");

    tcase_add_test(tc, test_a_frame_is_round_the_thread_and_on_it);
    tcase_add_test(tc, test_a_detached_thread_has_no_frame);
    tcase_add_test(tc, test_without_a_frame);
    suite_add_tcase(suite, tc);
    tcase_set_tags(ends, "ends");
    tcase_add_test(ends, test_an_assertion_beside_the_tests_thread_ends_the_process);
    suite_add_tcase(suite, ends);
    return suite;
}
