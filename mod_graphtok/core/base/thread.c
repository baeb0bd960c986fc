/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Threads and waits on POSIX directly: APR 1.7 can neither block signals before a thread begins nor
 * wait on the monotonic clock.
 */

#include "base/thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* Handed to a new thread, which frees it. */
typedef struct start_t {
    const gt_thread_frame_t *frame;
    void *(*run)(void *baton);
    void *baton;
} start_t;

static const gt_thread_frame_t *frame;

void gt_thread_set_frame(const gt_thread_frame_t *new_frame)
{
    frame = new_frame;
}

static void *run_framed(void *given)
{
    start_t start = *(start_t *)given;
    void *result;

    free(given);
    if (start.frame != NULL)
        start.frame->begin(start.frame->baton);
    result = start.run(start.baton);
    if (start.frame != NULL)
        start.frame->end(start.frame->baton);
    return result;
}

static apr_status_t start_in(const gt_thread_frame_t *round, pthread_t *thread, const char *name,
                             void *(*run)(void *baton), void *baton)
{
    start_t *start = malloc(sizeof(*start));
    sigset_t all, before;
    int status;

    if (start == NULL)
        return ENOMEM;
    *start = (start_t){round, run, baton};

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

apr_status_t gt_thread_start(pthread_t *thread, const char *name, void *(*run)(void *baton),
                             void *baton)
{
    return start_in(frame, thread, name, run, baton);
}

/* A process may unmap the module at its end, when the thread still runs in it. */
static void stay_mapped(void)
{
    Dl_info here;

    /* Found or not, there is nothing else to do: a program of its own is never unmapped. */
    if (dladdr((const void *)&gt_thread_detach, &here) != 0)
        (void)!dlopen(here.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

apr_status_t gt_thread_detach(const char *name, void *(*run)(void *baton), void *baton)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_t thread;
    apr_status_t status;

    pthread_once(&once, stay_mapped);
    status = start_in(NULL, &thread, name, run, baton);
    if (status == APR_SUCCESS)
        pthread_detach(thread);
    return status;
}

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
