/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Two lists under one lock: connection slots with work, and idle ones in the order in which their
 * idle time ends. A finisher that is awake takes one after the other, so a second is woken only
 * when work piles up. The supervisor sleeps until the first idle time ends, or looks every few
 * milliseconds while all are at work.
 */

#include "task/finisher.h"

#include <pthread.h>

#include "base/thread.h"

#define FINISHERS_MAX 8
#define PILE 2
#define STUCK apr_time_from_msec(20)

/* Where a slot is. A worker has it when it is made. */
enum { HELD, LIES, QUEUED, WORKED, IDLE };

typedef struct list_t {
    gt_conn_slot_t *first, *last;
    int count;
} list_t;

struct gt_finishers_t {
    int finishers;        /* how many */
    gt_loop_t *loop;      /* the end of its round hands on the slots that it woke; NULL: none */
    pthread_mutex_t lock; /* guards the members below; a leaf */
    pthread_cond_t work, done, watch;
    list_t queue, idle;
    int sleepers;     /* finishers without work */
    int signalled;    /* of these, about to wake */
    int takers;       /* workers that wait for a finisher to let go */
    int is_watching;  /* the supervisor looks after the queue */
    int is_put_off;   /* the loop's round goes on */
    apr_time_t rises; /* when the supervisor looks next */
    apr_time_t moved; /* when a finisher last ended something */
    int is_closed;
    gt_threads_t threads;
};

/* ---- lists; all under the lock ---- */

static void insert_after(list_t *list, gt_conn_slot_t *before, gt_conn_slot_t *slot)
{
    slot->previous = before;
    slot->next = before != NULL ? before->next : list->first;
    *(slot->next != NULL ? &slot->next->previous : &list->last) = slot;
    *(before != NULL ? &before->next : &list->first) = slot;
    list->count++;
}

static void take_out(list_t *list, gt_conn_slot_t *slot)
{
    *(slot->next != NULL ? &slot->next->previous : &list->last) = slot->previous;
    *(slot->previous != NULL ? &slot->previous->next : &list->first) = slot->next;
    slot->next = slot->previous = NULL;
    list->count--;
}

static void call_worker(list_t *list, gt_conn_slot_t *slot)
{
    take_out(list, slot);
    slot->at = LIES;
    slot->ops->call(slot->baton);
}

/* ---- slots; under the lock ---- */

/* The supervisor is woken only for a time before its next look. */
static void tell_supervisor(gt_finishers_t *f, apr_time_t when)
{
    if (when >= f->rises)
        return;
    f->rises = when;
    pthread_cond_signal(&f->watch);
}

static int wake_finisher(gt_finishers_t *f)
{
    if (f->sleepers == f->signalled)
        return 0;
    f->signalled++;
    pthread_cond_signal(&f->work);
    return 1;
}

/* A finisher that is awake takes all; others help when work piles up. */
static void hand_on(gt_finishers_t *f)
{
    int awake = f->finishers - f->sleepers + f->signalled;
    int needs_help = awake == 0 || f->queue.count >= PILE || f->moved + STUCK <= gt_mono();

    f->is_put_off = 0;
    if (!f->queue.first || (needs_help && wake_finisher(f)))
        return;
    f->is_watching = 1;
    tell_supervisor(f, f->queue.first->when + STUCK);
}

static void enqueue(gt_finishers_t *f, gt_conn_slot_t *slot)
{
    slot->at = QUEUED;
    slot->when = gt_mono();
    insert_after(&f->queue, f->queue.last, slot);
    if (f->loop && gt_loop_is_here(f->loop))
        f->is_put_off = 1;
    else
        hand_on(f);
}

/* Nearly all have the same idle time, so the place is searched from the end of the list. */
static void lie_idle(gt_finishers_t *f, gt_conn_slot_t *slot, apr_time_t until)
{
    gt_conn_slot_t *before = f->idle.last;

    slot->at = IDLE;
    slot->when = f->is_closed ? 0 : until;
    while (before != NULL && before->when > slot->when)
        before = before->previous;
    insert_after(&f->idle, before, slot);
    tell_supervisor(f, slot->when);
}

static void settle(gt_finishers_t *f, gt_conn_slot_t *slot, apr_time_t idle_until)
{
    slot->at = LIES;
    if (f->takers > 0)
        pthread_cond_broadcast(&f->done);
    if (slot->is_woken)
        enqueue(f, slot);
    else if (idle_until > 0)
        lie_idle(f, slot, idle_until);
}

void gt_conn_slot_take(gt_conn_slot_t *slot)
{
    gt_finishers_t *f = slot->finishers;

    pthread_mutex_lock(&f->lock);
    while (slot->at == WORKED) {
        f->takers++;
        pthread_cond_wait(&f->done, &f->lock);
        f->takers--;
    }
    if (slot->at == QUEUED)
        take_out(&f->queue, slot);
    else if (slot->at == IDLE)
        take_out(&f->idle, slot);
    if (slot->at != HELD)
        slot->is_woken = 0;
    slot->at = HELD;
    pthread_mutex_unlock(&f->lock);
}

void gt_conn_slot_release(gt_conn_slot_t *slot)
{
    gt_finishers_t *f = slot->finishers;

    pthread_mutex_lock(&f->lock);
    slot->is_late = 0;
    settle(f, slot, 0);
    pthread_mutex_unlock(&f->lock);
}

void gt_conn_slot_wake(gt_conn_slot_t *slot)
{
    gt_finishers_t *f = slot->finishers;

    pthread_mutex_lock(&f->lock);
    slot->is_woken = 1;
    if (slot->at == LIES)
        enqueue(f, slot);
    pthread_mutex_unlock(&f->lock);
}

/* The loop has woken its tasks, and holds none of their locks any more. */
static void end_round(void *baton)
{
    gt_finishers_t *f = baton;

    pthread_mutex_lock(&f->lock);
    if (f->is_put_off)
        hand_on(f);
    pthread_mutex_unlock(&f->lock);
}

/* ---- threads ---- */

static void wait_for_work(gt_finishers_t *f)
{
    f->sleepers++;
    pthread_cond_wait(&f->work, &f->lock);
    f->sleepers--;
    if (f->signalled > 0)
        f->signalled--;
}

static void run_finisher(void *baton)
{
    gt_finishers_t *f = baton;
    gt_conn_slot_t *slot;
    apr_time_t idle_until;

    pthread_mutex_lock(&f->lock);
    while (!gt_threads_must_end(&f->threads)) {
        slot = f->queue.first;
        if (slot == NULL) {
            wait_for_work(f);
            continue;
        }
        take_out(&f->queue, slot);
        slot->at = WORKED;
        slot->is_woken = 0;
        pthread_mutex_unlock(&f->lock);
        idle_until = slot->ops->work(slot->baton);
        pthread_mutex_lock(&f->lock);
        f->moved = gt_mono();
        settle(f, slot, idle_until);
    }
    pthread_mutex_unlock(&f->lock);
}

static void end_idle(gt_finishers_t *f, apr_time_t now)
{
    gt_conn_slot_t *first;

    while ((first = f->idle.first) && (f->is_closed || first->when <= now)) {
        first->is_late = 1;
        call_worker(&f->idle, first);
    }
}

/* Give the queue to workers when no finisher ends anything. A long queue alone is no reason:
 * workers would have no more processors for it. */
static void relieve_queue(gt_finishers_t *f, apr_time_t now)
{
    if (f->queue.first == NULL)
        f->is_watching = 0;
    else if (!wake_finisher(f) && f->moved + STUCK <= now)
        while (f->queue.first != NULL && f->queue.first->when + STUCK <= now)
            call_worker(&f->queue, f->queue.first);
}

static void run_supervisor(void *baton)
{
    gt_finishers_t *f = baton;

    pthread_mutex_lock(&f->lock);
    while (!gt_threads_must_end(&f->threads)) {
        apr_time_t now = gt_mono();

        end_idle(f, now);
        relieve_queue(f, now);
        f->rises = f->idle.first != NULL ? f->idle.first->when : APR_INT64_MAX;
        if (f->is_watching && f->rises > now + STUCK)
            f->rises = now + STUCK;
        gt_cond_wait(&f->watch, &f->lock, f->rises);
    }
    pthread_mutex_unlock(&f->lock);
}

static int start_threads(gt_finishers_t *f, int threads)
{
    int all = threads < FINISHERS_MAX ? threads : FINISHERS_MAX;

    pthread_mutex_lock(&f->lock);
    if (gt_threads_start(&f->threads, "gt-supervisor", run_supervisor, f))
        while (f->finishers < all && gt_threads_start(&f->threads, "gt-finisher", run_finisher, f))
            f->finishers++;
    pthread_mutex_unlock(&f->lock);
    return f->finishers == all;
}

static void wake_all(void *baton)
{
    gt_finishers_t *f = baton;

    pthread_cond_broadcast(&f->work);
    pthread_cond_signal(&f->watch);
}

gt_err_t *gt_finishers_start(gt_finishers_t **finishers, int threads, gt_loop_t *loop,
                             apr_pool_t *p)
{
    gt_finishers_t *f = apr_pcalloc(p, sizeof(*f));
    const gt_waker_t round = {end_round, f}, wake = {wake_all, f};

    *finishers = NULL;
    f->loop = loop;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->work, NULL);
    pthread_cond_init(&f->done, NULL);
    gt_threads_init(&f->threads, &f->lock, &wake);
    if (gt_cond_init(&f->watch) != APR_SUCCESS)
        return gt_err(p, GT_INTERNAL, "GT0331", "the system gives no condition to end calls by");
    if (!start_threads(f, threads)) {
        gt_threads_stop(&f->threads);
        return gt_err(p, GT_INTERNAL, "GT0331", "the system gives no thread to end calls");
    }
    if (loop != NULL)
        gt_loop_after_round(loop, &round);
    *finishers = f;
    return GT_OK;
}

void gt_finishers_close(gt_finishers_t *finishers)
{
    pthread_mutex_lock(&finishers->lock);
    finishers->is_closed = 1;
    pthread_cond_signal(&finishers->watch);
    pthread_mutex_unlock(&finishers->lock);
}

void gt_finishers_stop(gt_finishers_t *finishers)
{
    if (finishers->loop != NULL)
        gt_loop_after_round(finishers->loop, NULL);
    gt_threads_stop(&finishers->threads);
}
