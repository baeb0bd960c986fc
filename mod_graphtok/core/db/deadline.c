/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The thread that ends statements whose time is over. There are at most as many deadlines as users
 * of the database's gate, so a list is enough. A statement does not wake the thread, which sleeps
 * until the earliest deadline that it has seen: all have the same limit, so a new deadline is never
 * the earliest. Only a thread that has seen none is woken.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "db/deadline.h"

struct gt_deadlines_t {
    pthread_mutex_t lock; /* guards the members below */
    pthread_cond_t work;  /* the first deadline came, or the thread stops */
    gt_deadline_t *first;
    int is_idle;          /* the thread waits for a first deadline */
    gt_threads_t threads; /* one, or none yet */
};

/* Shut down the connections whose time is over. Call with the lock held. @return when the next one
 * is over */
static apr_time_t end_late_ones(gt_deadlines_t *all)
{
    apr_time_t next = APR_INT64_MAX;

    for (gt_deadline_t *deadline = all->first; deadline != NULL; deadline = deadline->next) {
        if (deadline->is_over)
            continue;
        if (deadline->at <= gt_mono()) {
            deadline->is_over = 1;
            (void)shutdown(deadline->fd, SHUT_RDWR);
        }
        else if (deadline->at < next) {
            next = deadline->at;
        }
    }
    return next;
}

static void run(void *baton)
{
    gt_deadlines_t *all = baton;

    pthread_mutex_lock(&all->lock);
    while (!gt_threads_must_end(&all->threads)) {
        apr_time_t next = end_late_ones(all);

        all->is_idle = next == APR_INT64_MAX;
        gt_cond_wait(&all->work, &all->lock, next);
        all->is_idle = 0;
    }
    pthread_mutex_unlock(&all->lock);
}

static apr_status_t stop_with_pool(void *baton)
{
    gt_deadlines_t *all = baton;

    gt_threads_stop(&all->threads);
    pthread_cond_destroy(&all->work);
    pthread_mutex_destroy(&all->lock);
    return APR_SUCCESS;
}

static void wake(void *baton)
{
    gt_deadlines_t *all = baton;

    pthread_cond_broadcast(&all->work);
}

gt_deadlines_t *gt_deadlines_make(apr_pool_t *p)
{
    gt_deadlines_t *all = apr_pcalloc(p, sizeof *all);
    const gt_waker_t waker = {wake, all};

    pthread_mutex_init(&all->lock, NULL);
    gt_threads_init(&all->threads, &all->lock, &waker);
    if (gt_cond_init(&all->work) != APR_SUCCESS)
        abort();
    apr_pool_pre_cleanup_register(p, all, stop_with_pool);
    return all;
}

void gt_deadline_begin(gt_deadline_t *deadline, gt_deadlines_t *all, int fd,
                       apr_interval_time_t limit)
{
    *deadline = (gt_deadline_t){-1, 0, 0, NULL};
    if (fd < 0 || (deadline->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
        return;
    deadline->at = gt_mono() + limit;
    pthread_mutex_lock(&all->lock);
    deadline->next = all->first;
    all->first = deadline;
    /* Without a thread this statement has no limit, and the next one tries again. */
    if (gt_threads_count(&all->threads) == 0)
        (void)!gt_threads_start(&all->threads, "gt-deadlines", run, all);
    if (all->is_idle)
        pthread_cond_signal(&all->work);
    pthread_mutex_unlock(&all->lock);
}

int gt_deadline_end(gt_deadline_t *deadline, gt_deadlines_t *all)
{
    if (deadline->fd < 0)
        return 0;
    pthread_mutex_lock(&all->lock);
    for (gt_deadline_t **link = &all->first; *link != NULL; link = &(*link)->next)
        if (*link == deadline) {
            *link = deadline->next;
            break;
        }
    pthread_mutex_unlock(&all->lock);
    (void)close(deadline->fd);
    return deadline->is_over;
}
