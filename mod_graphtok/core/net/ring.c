/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Timers and watches. Both live in their owners' pools and are taken out before these go. A watch is
 * found by descriptor and generation: the event of one that was cancelled a moment ago, and whose
 * descriptor already belongs to another client, must not end the other one's request.
 */

#include "net/ring.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"

#define GENERATIONS 0x0FFFFFFFU

struct gt_timer_t {
    gt_alarm_t alarm;
    gt_loop_t *loop;
    gt_waker_t waker;
};

struct gt_watch_t {
    gt_loop_t *loop;
    int fd;
    apr_uint32_t generation;
    gt_waker_t waker;
};

void gt_ring_init(gt_ring_t *ring, int epoll_fd, apr_uint64_t mark)
{
    memset(ring, 0, sizeof(*ring));
    pthread_mutex_init(&ring->lock, NULL);
    ring->epoll_fd = epoll_fd;
    ring->mark = mark;
}

void gt_ring_free(gt_ring_t *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->epoll_fd = -1;
    gt_alarms_free(&ring->timers);
    free(ring->watches);
    ring->watches = NULL;
    ring->room = 0;
    pthread_mutex_unlock(&ring->lock);
}

/* ---- timers ---- */

gt_timer_t *gt_timer_start(gt_loop_t *loop, apr_time_t ticks, const gt_waker_t *waker,
                           apr_pool_t *p)
{
    gt_timer_t *timer = apr_pcalloc(p, sizeof(*timer));

    timer->loop = loop;
    timer->waker = *waker;
    gt_timer_again(timer, ticks);
    return timer;
}

void gt_timer_again(gt_timer_t *timer, apr_time_t ticks)
{
    gt_ring_t *ring = gt_loop_ring(timer->loop);
    int is_first = 0;

    pthread_mutex_lock(&ring->lock);
    if (ring->epoll_fd >= 0) {
        gt_alarm_clear(&ring->timers, &timer->alarm);
        gt_alarm_set(&ring->timers, &timer->alarm, ticks);
        is_first = gt_alarm_first(&ring->timers) == &timer->alarm;
    }
    pthread_mutex_unlock(&ring->lock);
    if (is_first)
        gt_loop_nudge(timer->loop);
}

void gt_timer_cancel(gt_timer_t *timer)
{
    gt_ring_t *ring = gt_loop_ring(timer->loop);

    pthread_mutex_lock(&ring->lock);
    if (ring->epoll_fd >= 0)
        gt_alarm_clear(&ring->timers, &timer->alarm);
    pthread_mutex_unlock(&ring->lock);
}

apr_interval_time_t gt_ring_next(gt_ring_t *ring)
{
    apr_interval_time_t wait = -1;
    const gt_alarm_t *first;

    pthread_mutex_lock(&ring->lock);
    first = gt_alarm_first(&ring->timers);
    if (first != NULL) {
        wait = first->at - gt_ticks();
        wait = wait < 0 ? 0 : wait;
    }
    pthread_mutex_unlock(&ring->lock);
    return wait;
}

void gt_ring_timers_on_loop(gt_ring_t *ring)
{
    gt_alarm_t *first;

    pthread_mutex_lock(&ring->lock);
    while ((first = gt_alarm_first(&ring->timers)) != NULL && first->at <= gt_ticks()) {
        gt_timer_t *timer = (gt_timer_t *)((char *)first - offsetof(gt_timer_t, alarm));

        gt_alarm_clear(&ring->timers, first);
        timer->waker.wake(timer->waker.baton);
    }
    pthread_mutex_unlock(&ring->lock);
}

/* ---- watches ---- */

static void make_room(gt_ring_t *ring, int fd)
{
    int room = ring->room == 0 ? 64 : ring->room;

    if (fd < ring->room)
        return;
    while (room <= fd)
        room *= 2;
    ring->watches = realloc(ring->watches, (size_t)room * sizeof(*ring->watches));
    if (ring->watches == NULL)
        abort();
    memset(ring->watches + ring->room, 0, (size_t)(room - ring->room) * sizeof(*ring->watches));
    ring->room = room;
}

static void enter(gt_ring_t *ring, gt_watch_t *watch)
{
    struct epoll_event event;

    make_room(ring, watch->fd);
    watch->generation = ring->generation++ & GENERATIONS;
    event.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLONESHOT;
    event.data.u64 = ring->mark | (apr_uint64_t)watch->generation << 32 | (apr_uint32_t)watch->fd;
    /* A descriptor that epoll does not take is not watched: its end is seen by whoever reads it. */
    if (epoll_ctl(ring->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0)
        ring->watches[watch->fd] = watch;
}

gt_watch_t *gt_watch_start(gt_loop_t *loop, int fd, const gt_waker_t *waker, apr_pool_t *p)
{
    gt_ring_t *ring = gt_loop_ring(loop);
    gt_watch_t *watch = apr_pcalloc(p, sizeof(*watch));

    watch->loop = loop;
    watch->fd = fd;
    watch->waker = *waker;
    pthread_mutex_lock(&ring->lock);
    if (ring->epoll_fd >= 0 && fd >= 0)
        enter(ring, watch);
    pthread_mutex_unlock(&ring->lock);
    return watch;
}

void gt_watch_cancel(gt_watch_t *watch)
{
    gt_ring_t *ring = gt_loop_ring(watch->loop);

    pthread_mutex_lock(&ring->lock);
    if (watch->fd >= 0 && watch->fd < ring->room && ring->watches[watch->fd] == watch) {
        epoll_ctl(ring->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
        ring->watches[watch->fd] = NULL;
    }
    pthread_mutex_unlock(&ring->lock);
}

void gt_ring_watch_on_loop(gt_ring_t *ring, apr_uint64_t datum)
{
    int fd = (int)(datum & 0x7FFFFFFF);
    apr_uint32_t generation = (apr_uint32_t)(datum >> 32) & GENERATIONS;
    gt_watch_t *watch;

    pthread_mutex_lock(&ring->lock);
    watch = fd < ring->room ? ring->watches[fd] : NULL;
    if (watch != NULL && watch->generation == generation)
        watch->waker.wake(watch->waker.baton);
    pthread_mutex_unlock(&ring->lock);
}
