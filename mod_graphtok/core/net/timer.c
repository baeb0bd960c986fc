/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Timers, by the time at which they wake. They live in their owners' pools and are taken out before
 * these go.
 */

#include "net/timer.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"

struct gt_timer_t {
    gt_alarm_t alarm;
    gt_loop_t *loop;
    gt_waker_t waker;
};

void gt_timers_init(gt_timers_t *timers)
{
    memset(timers, 0, sizeof(*timers));
    pthread_mutex_init(&timers->lock, NULL);
    timers->is_live = 1;
}

void gt_timers_free(gt_timers_t *timers)
{
    pthread_mutex_lock(&timers->lock);
    timers->is_live = 0;
    gt_alarms_free(&timers->alarms);
    pthread_mutex_unlock(&timers->lock);
}

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
    gt_timers_t *timers = gt_loop_timers(timer->loop);
    int is_first = 0;

    pthread_mutex_lock(&timers->lock);
    if (timers->is_live) {
        gt_alarm_clear(&timers->alarms, &timer->alarm);
        gt_alarm_set(&timers->alarms, &timer->alarm, ticks);
        is_first = gt_alarm_first(&timers->alarms) == &timer->alarm;
    }
    pthread_mutex_unlock(&timers->lock);
    if (is_first)
        gt_loop_nudge(timer->loop);
}

void gt_timer_cancel(gt_timer_t *timer)
{
    gt_timers_t *timers = gt_loop_timers(timer->loop);

    pthread_mutex_lock(&timers->lock);
    if (timers->is_live)
        gt_alarm_clear(&timers->alarms, &timer->alarm);
    pthread_mutex_unlock(&timers->lock);
}

apr_interval_time_t gt_timers_next(gt_timers_t *timers)
{
    apr_interval_time_t wait = -1;
    const gt_alarm_t *first;

    pthread_mutex_lock(&timers->lock);
    first = gt_alarm_first(&timers->alarms);
    if (first != NULL) {
        wait = first->at - gt_ticks();
        wait = wait < 0 ? 0 : wait;
    }
    pthread_mutex_unlock(&timers->lock);
    return wait;
}

void gt_timers_fire_on_loop(gt_timers_t *timers)
{
    gt_alarm_t *first;

    pthread_mutex_lock(&timers->lock);
    while ((first = gt_alarm_first(&timers->alarms)) != NULL && first->at <= gt_ticks()) {
        gt_timer_t *timer = (gt_timer_t *)((char *)first - offsetof(gt_timer_t, alarm));

        gt_alarm_clear(&timers->alarms, first);
        timer->waker.wake(timer->waker.baton);
    }
    pthread_mutex_unlock(&timers->lock);
}
