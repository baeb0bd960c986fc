/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A bell that wakes one task. The waker is called with the bell's lock held: so gt_bell_leave,
 * which takes that lock, comes either before the call or after its end.
 */

#include "task/bell.h"

void gt_bell_init(gt_bell_t *bell)
{
    pthread_mutex_init(&bell->lock, NULL);
    bell->has_rung = 0;
    bell->has_waker = 0;
}

void gt_bell_destroy(gt_bell_t *bell)
{
    pthread_mutex_destroy(&bell->lock);
}

static void wake_if_rung(gt_bell_t *bell)
{
    if (!bell->has_rung || !bell->has_waker)
        return;
    bell->has_waker = 0;
    bell->waker.wake(bell->waker.baton);
}

void gt_bell_ring(gt_bell_t *bell)
{
    pthread_mutex_lock(&bell->lock);
    bell->has_rung = 1;
    wake_if_rung(bell);
    pthread_mutex_unlock(&bell->lock);
}

int gt_bell_has_rung(gt_bell_t *bell)
{
    int has_rung;

    pthread_mutex_lock(&bell->lock);
    has_rung = bell->has_rung;
    pthread_mutex_unlock(&bell->lock);
    return has_rung;
}

void gt_bell_wait(gt_bell_t *bell, const gt_waker_t *waker)
{
    pthread_mutex_lock(&bell->lock);
    bell->waker = *waker;
    bell->has_waker = 1;
    wake_if_rung(bell);
    pthread_mutex_unlock(&bell->lock);
}

void gt_bell_leave(gt_bell_t *bell)
{
    pthread_mutex_lock(&bell->lock);
    bell->has_waker = 0;
    pthread_mutex_unlock(&bell->lock);
}
