/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* How each thread of ours starts and ends. */

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aside.h"
#include "base/thread.h"
#include "gt_test.h"
#include "latch.h"

Suite *suite_thread(void);

typedef struct trace_t {
    char steps[8];
    int count;
    pthread_t at[8];
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

static void run(void *baton)
{
    step(baton, 'r');
}

START_TEST(test_a_frame_is_round_the_thread_and_on_it)
{
    trace_t trace = {0};
    const gt_thread_frame_t frame = {&trace, begin, end};
    aside_t aside;

    gt_thread_set_frame(&frame);
    aside_start(&aside, run, &trace);
    gt_thread_set_frame(NULL);
    aside_join(&aside);
    ck_assert_str_eq(trace.steps, "bre");
    ck_assert(!pthread_equal(trace.at[0], pthread_self()));
    for (int i = 1; i < 3; i++)
        ck_assert(pthread_equal(trace.at[i], trace.at[0]));
}
END_TEST

static trace_t *ended;

static void end_first(void)
{
    step(ended, '1');
}

static void end_second(void)
{
    step(ended, '2');
}

static void run_with_ends(void *baton)
{
    run(baton);
    gt_thread_at_end(end_first);
    gt_thread_at_end(end_second);
    gt_thread_at_end(end_first);
}

START_TEST(test_what_a_thread_holds_is_freed_in_front_of_its_frames_end)
{
    trace_t trace = {0};
    const gt_thread_frame_t frame = {&trace, begin, end};
    aside_t aside;

    ended = &trace;
    gt_thread_set_frame(&frame);
    aside_start(&aside, run_with_ends, &trace);
    gt_thread_set_frame(NULL);
    aside_join(&aside);
    ck_assert_str_eq(trace.steps, "br21e");
    for (int i = 1; i < 5; i++)
        ck_assert(pthread_equal(trace.at[i], trace.at[0]));
}
END_TEST

static void *register_ends(void *baton)
{
    gt_thread_at_end(end_first);
    gt_thread_at_end(end_second);
    return baton;
}

/* The server's threads come and go by themselves: nothing of theirs is kept, nothing is called. */
START_TEST(test_a_thread_of_others_calls_nothing_at_its_end)
{
    trace_t trace = {0};
    pthread_t thread;

    ended = &trace;
    ck_assert_int_eq(pthread_create(&thread, NULL, register_ends, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(trace.steps, "");
}
END_TEST

/* Owner of some threads that wait until they are to end. */
typedef struct owner_t {
    pthread_mutex_t lock;
    pthread_cond_t work;
    gt_threads_t threads;
    int came, went, are_here;
} owner_t;

static void wake_owned(void *baton)
{
    owner_t *owner = baton;

    pthread_cond_broadcast(&owner->work);
}

static void wait_for_end(void *baton)
{
    owner_t *owner = baton;

    pthread_mutex_lock(&owner->lock);
    owner->came++;
    owner->are_here += gt_threads_have_this(&owner->threads);
    while (!gt_threads_must_end(&owner->threads))
        gt_cond_wait(&owner->work, &owner->lock, APR_INT64_MAX);
    owner->went++;
    pthread_mutex_unlock(&owner->lock);
}

static int start_owned(owner_t *owner, int n)
{
    int started = 0;

    pthread_mutex_lock(&owner->lock);
    while (n-- > 0)
        started += gt_threads_start(&owner->threads, "owned", wait_for_end, owner);
    pthread_mutex_unlock(&owner->lock);
    return started;
}

START_TEST(test_a_set_ends_all_its_threads_and_starts_no_more)
{
    owner_t owner = {.came = 0};
    const gt_waker_t waker = {wake_owned, &owner};

    pthread_mutex_init(&owner.lock, NULL);
    ck_assert_int_eq(gt_cond_init(&owner.work), APR_SUCCESS);
    gt_threads_init(&owner.threads, &owner.lock, &waker);
    ck_assert_int_eq(gt_threads_count(&owner.threads), 0);
    ck_assert_int_eq(start_owned(&owner, 3), 3);
    ck_assert_int_eq(start_owned(&owner, GT_THREADS_MAX - 3), GT_THREADS_MAX - 3);
    ck_assert_int_eq(gt_threads_count(&owner.threads), GT_THREADS_MAX);
    ck_assert_int_eq(gt_threads_have_this(&owner.threads), 0);
    gt_threads_stop(&owner.threads);
    ck_assert_int_eq(owner.came, GT_THREADS_MAX);
    ck_assert_int_eq(owner.went, GT_THREADS_MAX);
    ck_assert_int_eq(owner.are_here, GT_THREADS_MAX);
    ck_assert_int_eq(gt_threads_count(&owner.threads), 0);
    gt_threads_stop(&owner.threads);
    ck_assert_int_eq(start_owned(&owner, 1), 0);
    ck_assert_int_eq(owner.came, GT_THREADS_MAX);
}
END_TEST

static void wake_latch(void *baton)
{
    latch_wake(baton);
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
    aside_t aside;

    gt_thread_set_frame(NULL);
    aside_start(&aside, run, &trace);
    aside_join(&aside);
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
    tcase_add_test(tc, test_what_a_thread_holds_is_freed_in_front_of_its_frames_end);
    tcase_add_test(tc, test_a_thread_of_others_calls_nothing_at_its_end);
    tcase_add_test(tc, test_a_set_ends_all_its_threads_and_starts_no_more);
    tcase_add_test(tc, test_a_detached_thread_has_no_frame);
    tcase_add_test(tc, test_without_a_frame);
    suite_add_tcase(suite, tc);
    tcase_set_tags(ends, "ends");
    tcase_add_test(ends, test_an_assertion_beside_the_tests_thread_ends_the_process);
    suite_add_tcase(suite, ends);
    return suite;
}
