/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file give_back.c
 * Leases whose end could not be written, because the database went away. Such a lease would run out
 * with its intent open, and other nodes would wait for one more lease for an answer that does not
 * exist. So its end is written when the database is back. The statement names the holder, which is
 * one refresh of one process, and the generation: a lease that another refresh took meanwhile is
 * not touched.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "vault/give_back.h"
#include "vault/vault_struct.h"

#define MOST 1000                   /* leases that are kept; others run out */
#define SPAN apr_time_from_msec(80) /* a timed function of the crew has 100 ms */

typedef struct unwritten_t {
    gt_store_t *store;
    gt_grant_t held; /* owner and generation */
    const char *holder;
    int is_resting;
    apr_pool_t *pool; /* this entry's own */
    struct unwritten_t *next;
} unwritten_t;

struct gt_give_backs_t {
    pthread_mutex_t lock; /* guards what follows */
    unwritten_t *first;
    int count;
};

static apr_status_t drop_with_pool(void *baton)
{
    gt_give_backs_t *all = baton;

    while (all->first != NULL) {
        unwritten_t *entry = all->first;

        all->first = entry->next;
        apr_pool_destroy(entry->pool);
    }
    pthread_mutex_destroy(&all->lock);
    return APR_SUCCESS;
}

gt_give_backs_t *gt_give_backs_make(apr_pool_t *p)
{
    gt_give_backs_t *all = apr_pcalloc(p, sizeof(*all));

    pthread_mutex_init(&all->lock, NULL);
    apr_pool_cleanup_register(p, all, drop_with_pool, apr_pool_cleanup_null);
    return all;
}

/** @return 0 when there is no room */
static int put(gt_give_backs_t *all, unwritten_t *entry)
{
    int has_room;

    pthread_mutex_lock(&all->lock);
    has_room = all->count < MOST;
    if (has_room) {
        entry->next = all->first;
        all->first = entry;
        all->count++;
    }
    pthread_mutex_unlock(&all->lock);
    return has_room;
}

static unwritten_t *take(gt_give_backs_t *all)
{
    unwritten_t *entry;

    pthread_mutex_lock(&all->lock);
    entry = all->first;
    if (entry != NULL) {
        all->first = entry->next;
        all->count--;
    }
    pthread_mutex_unlock(&all->lock);
    return entry;
}

int gt_give_back_later(const gt_refresh_t *refresh, int is_resting, const gt_err_t *err)
{
    unwritten_t *entry;
    apr_pool_t *pool;

    if (!gt_class_row(err->cls)->may_retry ||
        apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS)
        return 0;
    entry = apr_pcalloc(pool, sizeof(*entry));
    entry->store = refresh->store;
    entry->held.owner = gt_owner_dup(&refresh->held.owner, pool);
    entry->held.generation = refresh->held.generation;
    entry->holder = apr_pstrdup(pool, refresh->holder);
    entry->is_resting = is_resting;
    entry->pool = pool;
    if (put(refresh->params.vault->give_backs, entry))
        return 1;
    apr_pool_destroy(pool);
    return 0;
}

void gt_give_back(void *baton, apr_pool_t *scratch)
{
    gt_vault_t *vault = baton;
    apr_time_t until = gt_ticks() + SPAN;
    unwritten_t *entry;

    while (!gt_db_is_stuck(vault->parts.db) && gt_ticks() < until &&
           (entry = take(vault->give_backs)) != NULL) {
        gt_err_t *err =
            gt_lease_end(entry->store, &entry->held, entry->holder, entry->is_resting, scratch);

        if (err != GT_OK && gt_class_row(err->cls)->may_retry && put(vault->give_backs, entry))
            return;
        if (err != GT_OK)
            gt_log_err(err, "giving back a lease, which ends by itself");
        apr_pool_destroy(entry->pool);
    }
}
