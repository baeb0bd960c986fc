/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The driver that waits: run, sleep until woken, run again. The condition lies on the waiting
 * thread's stack, which is safe because a task that has ended or was dropped wakes no thread.
 */

#include "task/wait.h"

#include "base/thread.h"

#define LOOK_EVERY apr_time_from_msec(200)

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

static void sleep_until(sleeper_t *sleeper, apr_time_t until)
{
    pthread_mutex_lock(&sleeper->lock);
    while (!sleeper->is_woken && gt_mono() < until)
        gt_cond_wait(&sleeper->woken, &sleeper->lock, until);
    sleeper->is_woken = 0;
    pthread_mutex_unlock(&sleeper->lock);
}

/* @return 0: it was given up */
static int wait_for(sleeper_t *sleeper, gt_task_t *task, const gt_end_t *end)
{
    apr_time_t until = gt_mono() + gt_task_time_left(task);
    apr_time_t look = end != NULL ? gt_mono() + LOOK_EVERY : APR_INT64_MAX;

    sleep_until(sleeper, until < look ? until : look);
    return end == NULL || !end->has_come(end->baton);
}

gt_err_t *gt_wait_run_until(const gt_end_t *end, const gt_work_t *work, void *state,
                            gt_loop_t *loop, apr_interval_time_t limit, apr_pool_t *p)
{
    sleeper_t sleeper = {.is_woken = 0};
    gt_waker_t waker = {wake, &sleeper};
    gt_task_t *task;
    gt_progress_t progress;

    if (gt_cond_init(&sleeper.woken) != APR_SUCCESS)
        return gt_err(p, GT_INTERNAL, "GT0323", "the system gives no condition to wait on");
    pthread_mutex_init(&sleeper.lock, NULL);
    task = gt_task_make(work, state, loop, &waker, p);
    gt_task_limit(task, limit);
    /* Output: the client has taken it already, since this thread waited for that while it wrote. */
    while ((progress = gt_task_run(task)) != GT_TASK_DONE)
        if (progress == GT_TASK_WAITS && !wait_for(&sleeper, task, end))
            gt_task_drop(task);
    pthread_cond_destroy(&sleeper.woken);
    pthread_mutex_destroy(&sleeper.lock);
    return gt_task_error(task);
}

gt_err_t *gt_wait_run(const gt_work_t *work, void *state, gt_loop_t *loop,
                      apr_interval_time_t limit, apr_pool_t *p)
{
    return gt_wait_run_until(NULL, work, state, loop, limit, p);
}
