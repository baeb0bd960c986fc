/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file waiters.c
 * Refreshes that wait for another process's. A winner in another child of this server sends a
 * broadcast after it has put the token into the shared cache, and all waiters look there. A winner
 * on another node shows in the row: one thread of the child reads it at growing intervals, eight
 * grants a statement. A ring says only "look again"; the refresh judges for itself.
 *
 * The thread starts with the first waiter, and sleeps while there is none.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "vault/holder.h"
#include "vault/vault_struct.h"
#include "vault/waiters.h"

#define LOOK_FIRST apr_time_from_msec(50)
#define LOOK_LAST apr_time_from_msec(250)
#define NAP apr_time_from_msec(50)

struct gt_waiters_t {
    gt_vault_t *vault;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;  /* a job waits, or the thread is to stop */
    gt_waiter_t *first;
    gt_threads_t threads; /* one, or none yet */
};

static apr_status_t stop_with_pool(void *baton)
{
    gt_waiters_t *waiters = baton;

    gt_waiters_stop(waiters);
    pthread_cond_destroy(&waiters->work);
    pthread_mutex_destroy(&waiters->lock);
    return APR_SUCCESS;
}

/** Wake the thread, and ring for all jobs: no thread will look for them any more. */
static void wake_all(void *baton)
{
    gt_waiters_t *waiters = baton;

    for (gt_waiter_t *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
        gt_bell_ring(&waiter->bell);
    pthread_cond_broadcast(&waiters->work);
}

gt_waiters_t *gt_waiters_make(gt_vault_t *vault, apr_pool_t *p)
{
    gt_waiters_t *waiters = apr_pcalloc(p, sizeof(*waiters));
    const gt_waker_t wake = {wake_all, waiters};

    waiters->vault = vault;
    pthread_mutex_init(&waiters->lock, NULL);
    gt_threads_init(&waiters->threads, &waiters->lock, &wake);
    if (gt_cond_init(&waiters->work) != APR_SUCCESS)
        abort();
    apr_pool_pre_cleanup_register(p, waiters, stop_with_pool);
    return waiters;
}

/* ---- the thread ---- */

/** Ring for the jobs that the shared cache has a newer token for; call with the lock held. */
static void look_into_cache(gt_waiters_t *waiters, apr_pool_t *scratch)
{
    gt_cache_t *cache = waiters->vault->parts.cache;
    gt_token_t cached;

    for (gt_waiter_t *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
        if (!gt_bell_has_rung(&waiter->bell) &&
            gt_cache_get(&cached, cache, &waiter->key, scratch) &&
            cached.generation > waiter->generation)
            gt_bell_ring(&waiter->bell);
}

/** The name of a store that a look is due in; NULL: there is none. Call with the lock held. */
static const char *due_store(const gt_waiters_t *waiters)
{
    for (gt_waiter_t *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
        if (waiter->look_at <= gt_mono())
            return waiter->key.grant.store;
    return NULL;
}

/** Up to GT_AWAITED_MAX of a store whose look is due, copied; call with the lock held. */
static int take_due(gt_awaited_t *due, gt_waiters_t *waiters, const char *store, apr_pool_t *p)
{
    gt_waiter_t *waiter;
    int n = 0;

    for (waiter = waiters->first; waiter != NULL && n < GT_AWAITED_MAX; waiter = waiter->next) {
        if (strcmp(waiter->key.grant.store, store) != 0 || waiter->look_at > gt_mono())
            continue;
        due[n].owner = gt_owner_dup(&waiter->key.grant.owner, p);
        due[n].generation = waiter->generation;
        n++;
        waiter->look_at = gt_mono() + gt_backoff(waiter->looks++, LOOK_FIRST, LOOK_LAST);
    }
    return n;
}

/** Ring for those that were read and still wait; call with the lock held. */
static void tell_change(gt_waiters_t *waiters, const char *store, const gt_awaited_t *due, int n)
{
    for (int i = 0; i < n; i++) {
        const gt_grant_key_t key = {store, due[i].owner};

        for (gt_waiter_t *waiter = waiters->first; due[i].has_changed && waiter != NULL;
             waiter = waiter->next)
            if (waiter->generation == due[i].generation &&
                gt_grant_key_is(&key, &waiter->key.grant))
                gt_bell_ring(&waiter->bell);
    }
}

/** One statement for some of those whose look is due. Call with the lock held; it is let go of
 * while the database is asked. */
static void look_at_rows(gt_waiters_t *waiters, const char *name, apr_pool_t *scratch)
{
    gt_store_t *store = gt_vault_store(waiters->vault, name);
    const char *kept = gt_store_name(store); /* the waiter's may go */
    gt_awaited_t due[GT_AWAITED_MAX];
    int n = take_due(due, waiters, kept, scratch);
    gt_err_t *err;

    pthread_mutex_unlock(&waiters->lock);
    err = gt_lease_look(due, n, store, scratch);
    for (int i = 0; err == GT_OK && i < n; i++)
        if (!due[i].has_changed && due[i].intent_owner != NULL)
            due[i].has_changed =
                gt_holder_is_dead(due[i].intent_owner, waiters->vault->parts.holder, scratch);
    if (err != GT_OK)
        gt_log(GT_LOG_DEBUG, NULL, "waiting for a refresh elsewhere: %s", err->detail);
    pthread_mutex_lock(&waiters->lock);
    if (err == GT_OK)
        tell_change(waiters, kept, due, n);
}

/** Until something may have happened. Call with the lock held; it is let go of meanwhile. */
static void nap(gt_waiters_t *waiters, apr_uint32_t heard)
{
    gt_signal_t *signal = waiters->vault->parts.signal;

    if (signal == NULL) {
        gt_cond_wait(&waiters->work, &waiters->lock, gt_mono() + NAP);
        return;
    }
    pthread_mutex_unlock(&waiters->lock);
    gt_signal_wait(signal, heard, NAP);
    pthread_mutex_lock(&waiters->lock);
}

static void run(void *baton)
{
    gt_waiters_t *waiters = baton;
    gt_signal_t *signal = waiters->vault->parts.signal;
    apr_pool_t *scratch;

    if (apr_pool_create_unmanaged_ex(&scratch, NULL, NULL) != APR_SUCCESS)
        abort();
    pthread_mutex_lock(&waiters->lock);
    while (!gt_threads_must_end(&waiters->threads)) {
        apr_uint32_t heard = signal != NULL ? gt_signal_count(signal) : 0;
        const char *store;

        if (waiters->first == NULL) {
            gt_cond_wait(&waiters->work, &waiters->lock, APR_INT64_MAX);
            continue;
        }
        look_into_cache(waiters, scratch);
        while (!gt_threads_must_end(&waiters->threads) && (store = due_store(waiters)) != NULL)
            look_at_rows(waiters, store, scratch);
        apr_pool_clear(scratch);
        if (!gt_threads_must_end(&waiters->threads))
            nap(waiters, heard);
    }
    pthread_mutex_unlock(&waiters->lock);
    apr_pool_destroy(scratch);
}

/* ---- the waiters ---- */

void gt_waiters_join(gt_waiters_t *waiters, gt_waiter_t *waiter)
{
    gt_bell_init(&waiter->bell);
    pthread_mutex_lock(&waiters->lock);
    waiter->looks = 0;
    waiter->look_at = gt_mono() + LOOK_FIRST;
    waiter->next = waiters->first;
    waiters->first = waiter;
    if (gt_threads_must_end(&waiters->threads))
        gt_bell_ring(&waiter->bell);
    /* Without a thread the job looks when its own patience ends, and the next waiter tries
     * again. */
    if (gt_threads_count(&waiters->threads) == 0)
        (void)!gt_threads_start(&waiters->threads, "gt-waiters", run, waiters);
    pthread_cond_signal(&waiters->work);
    pthread_mutex_unlock(&waiters->lock);
}

void gt_waiters_leave(gt_waiters_t *waiters, gt_waiter_t *waiter)
{
    pthread_mutex_lock(&waiters->lock);
    for (gt_waiter_t **link = &waiters->first; *link != NULL; link = &(*link)->next)
        if (*link == waiter) {
            *link = waiter->next;
            break;
        }
    pthread_mutex_unlock(&waiters->lock);
    gt_bell_destroy(&waiter->bell);
}

void gt_waiters_stop(gt_waiters_t *waiters)
{
    gt_threads_stop(&waiters->threads);
}
