/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file watch.c
 * Who waits for somebody else's refresh. A winner in another child of this server blows the horn
 * after it has put the token into the shared cache, and everybody looks there. Of a winner on
 * another node the row tells: it is read at growing intervals, eight grants a statement, by one
 * thread for the whole child. A ring says only "look again"; the job judges for itself.
 *
 * The thread starts with the first who waits, and sleeps while nobody does.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "crypt/aead.h"
#include "vault/holder.h"
#include "vault/inner.h"

#define LOOK_FIRST apr_time_from_msec(50)
#define LOOK_LAST apr_time_from_msec(250)
#define NAP apr_time_from_msec(50)

struct gt_watch_t {
    gt_vault_t *vault;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;  /* somebody waits, or it stops */
    gt_waiting_t *first;
    int has_thread;
    int is_stopping;
};

static apr_status_t stop_with_pool(void *baton)
{
    gt_watch_t *watch = baton;

    gt_watch_stop(watch);
    pthread_cond_destroy(&watch->work);
    pthread_mutex_destroy(&watch->lock);
    return APR_SUCCESS;
}

gt_watch_t *gt_watch_make(gt_vault_t *vault, apr_pool_t *p)
{
    gt_watch_t *watch = apr_pcalloc(p, sizeof(*watch));

    watch->vault = vault;
    pthread_mutex_init(&watch->lock, NULL);
    if (gt_cond_init(&watch->work) != APR_SUCCESS)
        abort();
    apr_pool_pre_cleanup_register(p, watch, stop_with_pool);
    return watch;
}

/* ---- what the thread does ---- */

/** Whom the shared cache has a newer token for; call with the lock held. */
static void look_into_cache(gt_watch_t *watch, apr_pool_t *scratch)
{
    gt_cache_t *cache = watch->vault->parts.cache;
    gt_cached_t cached;

    if (cache == NULL)
        return;
    for (gt_waiting_t *waiting = watch->first; waiting != NULL; waiting = waiting->next)
        if (!gt_bell_has_rung(&waiting->bell) &&
            gt_cache_get(&cached, cache, gt_store_conf(waiting->store)->name, &waiting->owner,
                         scratch) &&
            cached.generation > waiting->generation)
            gt_bell_ring(&waiting->bell);
}

/** The first store that somebody's look is due in; NULL: nobody's. Call with the lock held. */
static gt_store_t *due_store(const gt_watch_t *watch)
{
    for (gt_waiting_t *waiting = watch->first; waiting != NULL; waiting = waiting->next)
        if (waiting->look_at <= gt_mono())
            return waiting->store;
    return NULL;
}

/** Up to GT_WATCH_MAX of a store whose look is due, copied; call with the lock held. */
static int take_due(gt_watched_t *due, gt_watch_t *watch, const gt_store_t *store, apr_pool_t *p)
{
    gt_waiting_t *waiting;
    int n = 0;

    for (waiting = watch->first; waiting != NULL && n < GT_WATCH_MAX; waiting = waiting->next) {
        if (waiting->store != store || waiting->look_at > gt_mono())
            continue;
        due[n].owner.user = apr_pstrdup(p, waiting->owner.user);
        due[n].owner.provider = apr_pstrdup(p, waiting->owner.provider);
        due[n].generation = waiting->generation;
        n++;
        waiting->look_at = gt_mono() + gt_backoff(waiting->looks++, LOOK_FIRST, LOOK_LAST);
    }
    return n;
}

/** Those that were read and still wait, in the order of `due`; call with the lock held. */
static void tell_news(gt_watch_t *watch, const gt_store_t *store, const gt_watched_t *due, int n,
                      apr_pool_t *p)
{
    for (int i = 0; i < n; i++) {
        const char *key = gt_vault_key(store, &due[i].owner, p);

        for (gt_waiting_t *waiting = watch->first; due[i].is_news && waiting != NULL;
             waiting = waiting->next)
            if (waiting->store == store && waiting->generation == due[i].generation &&
                strcmp(key, gt_vault_key(store, &waiting->owner, p)) == 0)
                gt_bell_ring(&waiting->bell);
    }
}

/** One statement for some of those whose look is due. Call with the lock held; it is let go of while
 * the database is asked. */
static void look_at_rows(gt_watch_t *watch, gt_store_t *store, apr_pool_t *scratch)
{
    gt_watched_t due[GT_WATCH_MAX];
    int n = take_due(due, watch, store, scratch);
    gt_err_t *err;

    pthread_mutex_unlock(&watch->lock);
    err = gt_lease_watch(due, n, store, scratch);
    for (int i = 0; err == GT_OK && i < n; i++)
        if (!due[i].is_news && due[i].intent_owner != NULL)
            due[i].is_news =
                gt_holder_is_dead(due[i].intent_owner, watch->vault->parts.holder, scratch);
    if (err != GT_OK)
        gt_log(GT_LOG_DEBUG, NULL, "waiting for a refresh elsewhere: %s", err->detail);
    pthread_mutex_lock(&watch->lock);
    if (err == GT_OK)
        tell_news(watch, store, due, n, scratch);
}

/** Until something may have happened. Call with the lock held; it is let go of meanwhile. */
static void nap(gt_watch_t *watch, apr_uint32_t heard)
{
    gt_horn_t *horn = watch->vault->parts.horn;

    if (horn == NULL) {
        gt_cond_wait(&watch->work, &watch->lock, gt_mono() + NAP);
        return;
    }
    pthread_mutex_unlock(&watch->lock);
    gt_horn_wait(horn, heard, NAP);
    pthread_mutex_lock(&watch->lock);
}

static void *run(void *baton)
{
    gt_watch_t *watch = baton;
    gt_horn_t *horn = watch->vault->parts.horn;
    apr_pool_t *scratch;

    if (apr_pool_create_unmanaged_ex(&scratch, NULL, NULL) != APR_SUCCESS)
        abort();
    pthread_mutex_lock(&watch->lock);
    while (!watch->is_stopping) {
        apr_uint32_t heard = horn != NULL ? gt_horn_heard(horn) : 0;
        gt_store_t *store;

        if (watch->first == NULL) {
            gt_cond_wait(&watch->work, &watch->lock, APR_INT64_MAX);
            continue;
        }
        look_into_cache(watch, scratch);
        while (!watch->is_stopping && (store = due_store(watch)) != NULL)
            look_at_rows(watch, store, scratch);
        apr_pool_clear(scratch);
        if (!watch->is_stopping)
            nap(watch, heard);
    }
    pthread_mutex_unlock(&watch->lock);
    apr_pool_destroy(scratch);
    gt_aead_thread_end();
    return NULL;
}

/* ---- who waits ---- */

void gt_watch_join(gt_watch_t *watch, gt_waiting_t *waiting)
{
    gt_bell_init(&waiting->bell);
    pthread_mutex_lock(&watch->lock);
    waiting->looks = 0;
    waiting->look_at = gt_mono() + LOOK_FIRST;
    waiting->next = watch->first;
    watch->first = waiting;
    if (watch->is_stopping)
        gt_bell_ring(&waiting->bell);
    if (!watch->has_thread && !watch->is_stopping)
        watch->has_thread = gt_thread_start(&watch->thread, "gt-watch", run, watch) == APR_SUCCESS;
    pthread_cond_signal(&watch->work);
    pthread_mutex_unlock(&watch->lock);
}

void gt_watch_leave(gt_watch_t *watch, gt_waiting_t *waiting)
{
    pthread_mutex_lock(&watch->lock);
    for (gt_waiting_t **link = &watch->first; *link != NULL; link = &(*link)->next)
        if (*link == waiting) {
            *link = waiting->next;
            break;
        }
    pthread_mutex_unlock(&watch->lock);
    gt_bell_destroy(&waiting->bell);
}

void gt_watch_stop(gt_watch_t *watch)
{
    int has_thread;

    pthread_mutex_lock(&watch->lock);
    watch->is_stopping = 1;
    has_thread = watch->has_thread;
    watch->has_thread = 0;
    for (gt_waiting_t *waiting = watch->first; waiting != NULL; waiting = waiting->next)
        gt_bell_ring(&waiting->bell);
    pthread_cond_broadcast(&watch->work);
    pthread_mutex_unlock(&watch->lock);
    if (has_thread)
        pthread_join(watch->thread, NULL);
}
