/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Threads and waits on POSIX directly: APR 1.7 can neither block signals before a thread begins nor
 * wait on the monotonic clock.
 */

#include "base/thread.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define ENDS_MAX 4

/* Handed to a new thread, which frees it. */
typedef struct start_t {
    const gt_thread_frame_t *frame;
    const gt_threads_t *set; /* NULL: detached */
    void (*run)(void *baton);
    void *baton;
} start_t;

static const gt_thread_frame_t *frame;

static _Thread_local int is_ours;
static _Thread_local const gt_threads_t *own_set;
static _Thread_local void (*ends[ENDS_MAX])(void);
static _Thread_local int end_count;

void gt_thread_set_frame(const gt_thread_frame_t *new_frame)
{
    frame = new_frame;
}

void gt_thread_at_end(void (*end)(void))
{
    for (int i = 0; i < end_count; i++)
        if (ends[i] == end)
            return;
    if (!is_ours)
        return;
    assert(end_count < ENDS_MAX);
    ends[end_count++] = end;
}

static void *run_framed(void *given)
{
    start_t start = *(start_t *)given;

    free(given);
    is_ours = 1;
    own_set = start.set;
    if (start.frame != NULL)
        start.frame->begin(start.frame->baton);
    start.run(start.baton);
    while (end_count > 0)
        ends[--end_count]();
    if (start.frame != NULL)
        start.frame->end(start.frame->baton);
    return NULL;
}

static apr_status_t start_thread(pthread_t *thread, const char *name, const start_t *given)
{
    start_t *start = malloc(sizeof(*start));
    sigset_t all, before;
    int status;

    if (start == NULL)
        return ENOMEM;
    *start = *given;

    /* Blocked here, inherited there: a signal between start and a block of its own would be
     * lost. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(thread, NULL, run_framed, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == 0)
        pthread_setname_np(*thread, name);
    else
        free(start);
    return status;
}

/* ---- sets ---- */

void gt_threads_init(gt_threads_t *set, pthread_mutex_t *lock, const gt_waker_t *waker)
{
    set->lock = lock;
    set->waker = *waker;
    set->count = set->is_ending = 0;
}

int gt_threads_start(gt_threads_t *set, const char *name, void (*run)(void *baton), void *baton)
{
    const start_t start = {frame, set, run, baton};

    assert(set->count < GT_THREADS_MAX);
    if (set->is_ending || start_thread(&set->threads[set->count], name, &start) != APR_SUCCESS)
        return 0;
    set->count++;
    return 1;
}

int gt_threads_count(const gt_threads_t *set)
{
    return set->count;
}

int gt_threads_must_end(const gt_threads_t *set)
{
    return set->is_ending;
}

void gt_threads_stop(gt_threads_t *set)
{
    int count;

    pthread_mutex_lock(set->lock);
    set->is_ending = 1;
    set->waker.wake(set->waker.baton);
    count = set->count;
    pthread_mutex_unlock(set->lock);
    /* Nothing starts any more, so nothing else changes the list. */
    for (int i = 0; i < count; i++)
        pthread_join(set->threads[i], NULL);
    pthread_mutex_lock(set->lock);
    set->count = 0;
    pthread_mutex_unlock(set->lock);
}

int gt_threads_have_this(const gt_threads_t *set)
{
    return own_set == set;
}

/* ---- detached ---- */

/* A process may unmap the module at its end, when the thread still runs in it. */
static void stay_mapped(void)
{
    Dl_info here;

    /* Found or not, there is nothing else to do: a program of its own is never unmapped. */
    if (dladdr((const void *)&gt_thread_detach, &here) != 0)
        (void)!dlopen(here.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

apr_status_t gt_thread_detach(const char *name, void (*run)(void *baton), void *baton)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const start_t start = {NULL, NULL, run, baton};
    pthread_t thread;
    apr_status_t status;

    pthread_once(&once, stay_mapped);
    status = start_thread(&thread, name, &start);
    if (status == APR_SUCCESS)
        pthread_detach(thread);
    return status;
}

/* ---- waits ---- */

apr_status_t gt_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int status = pthread_condattr_init(&attr);

    if (status != 0)
        return status;
    status = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (status == 0)
        status = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return status;
}

apr_time_t gt_mono(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

void gt_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, apr_time_t until)
{
    struct timespec ts;

    if (until == APR_INT64_MAX) {
        pthread_cond_wait(cond, mutex);
        return;
    }
    ts.tv_sec = (time_t)apr_time_sec(until);
    ts.tv_nsec = (long)apr_time_usec(until) * 1000;
    pthread_cond_timedwait(cond, mutex, &ts);
}
