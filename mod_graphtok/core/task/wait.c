/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The driver that waits: run, sleep until woken, run again. The condition lies on the waiting
 * thread's stack, which is safe because a task that has ended or was dropped wakes nobody.
 */

#include "task/wait.h"

#include "base/thread.h"

typedef struct sleeper_t {
    pthread_mutex_t lock; /* guards is_woken */
    pthread_cond_t woken;
    int is_woken;
} sleeper_t;

static void wake(void *baton)
{
    sleeper_t *sleeper = baton;

    pthread_mutex_lock(&sleeper->lock);
    sleeper->is_woken = 1;
    pthread_cond_signal(&sleeper->woken);
    pthread_mutex_unlock(&sleeper->lock);
}

/* @return 0 when the time is over and nobody woke us */
static int sleep_until(sleeper_t *sleeper, apr_time_t until)
{
    int was_woken;

    pthread_mutex_lock(&sleeper->lock);
    while (!sleeper->is_woken && gt_mono() < until)
        gt_cond_wait(&sleeper->woken, &sleeper->lock, until);
    was_woken = sleeper->is_woken;
    sleeper->is_woken = 0;
    pthread_mutex_unlock(&sleeper->lock);
    return was_woken;
}

/* @return 0 when the time was over before the task's end */
static int run_until(gt_task_t *task, sleeper_t *sleeper, apr_time_t until)
{
    for (;;) {
        gt_progress_t progress = gt_task_run(task);

        if (progress == GT_TASK_DONE)
            return 1;
        if (gt_mono() >= until)
            return 0;
        /* Output: whoever writes on this thread has waited for the client already. */
        if (progress == GT_TASK_WAITS && !sleep_until(sleeper, until))
            return 0;
    }
}

gt_err_t *gt_wait_run(const gt_work_t *work, void *state, gt_loop_t *loop,
                      apr_interval_time_t limit, apr_pool_t *p)
{
    sleeper_t sleeper = {.is_woken = 0};
    gt_waker_t waker = {wake, &sleeper};
    gt_task_t *task;
    int has_ended;

    if (gt_cond_init(&sleeper.woken) != APR_SUCCESS)
        return gt_err(p, GT_INTERNAL, "GT0323", "the system gives no condition to wait on");
    pthread_mutex_init(&sleeper.lock, NULL);
    task = gt_task_make(work, state, loop, &waker, p);
    has_ended = run_until(task, &sleeper, gt_mono() + limit);
    gt_task_drop(task);
    pthread_cond_destroy(&sleeper.woken);
    pthread_mutex_destroy(&sleeper.lock);
    if (has_ended)
        return gt_task_error(task);
    return gt_err(p, GT_TIMEOUT, "GT0324", "%s took longer than %d s", work->name,
                  (int)apr_time_sec(limit));
}
