/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file usage.c
 * Uses of tokens (mission T7), counted in memory and written to the rows in batches. A batch is
 * taken out whole and written without the lock; what could not be written goes back. Counts never
 * touch a row's generation. What a killed child had not written yet is lost: at most ten seconds of
 * counting.
 */

#include <stdlib.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/log.h"
#include "vault/inner.h"

#define ENTRIES_MAX 10000

typedef struct used_t {
    gt_store_t *store;
    gt_owner_t owner;
    apr_int64_t times;
    apr_time_t last; /* wall clock */
} used_t;

struct gt_usage_t {
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_pool_t *pool;         /* of `entries` */
    apr_hash_t *entries;      /* of used_t by gt_vault_key */
    apr_int64_t lost;         /* uses of grants that found no room */
};

static void new_batch(gt_usage_t *usage)
{
    /* Not below another pool: its parent would be changed by whichever thread comes by. */
    apr_pool_create(&usage->pool, NULL);
    usage->entries = apr_hash_make(usage->pool);
}

static apr_status_t drop_batch(void *baton)
{
    gt_usage_t *usage = baton;

    apr_pool_destroy(usage->pool);
    return APR_SUCCESS;
}

gt_usage_t *gt_usage_make(apr_pool_t *p)
{
    gt_usage_t *usage = apr_pcalloc(p, sizeof(*usage));

    if (apr_thread_mutex_create(&usage->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    new_batch(usage);
    apr_pool_cleanup_register(p, usage, drop_batch, apr_pool_cleanup_null);
    return usage;
}

static used_t *add_entry(gt_usage_t *usage, const char *key, const used_t *used)
{
    used_t *entry;

    if (apr_hash_count(usage->entries) >= ENTRIES_MAX)
        return NULL;
    entry = apr_pcalloc(usage->pool, sizeof(*entry));
    entry->store = used->store;
    entry->owner.user = apr_pstrdup(usage->pool, used->owner.user);
    entry->owner.provider = apr_pstrdup(usage->pool, used->owner.provider);
    apr_hash_set(usage->entries, apr_pstrdup(usage->pool, key), APR_HASH_KEY_STRING, entry);
    return entry;
}

static void note(gt_usage_t *usage, const char *key, const used_t *used)
{
    used_t *entry;

    apr_thread_mutex_lock(usage->lock);
    entry = apr_hash_get(usage->entries, key, APR_HASH_KEY_STRING);
    if (entry == NULL)
        entry = add_entry(usage, key, used);
    if (entry == NULL)
        usage->lost += used->times;
    else {
        entry->times += used->times;
        entry->last = used->last > entry->last ? used->last : entry->last;
    }
    apr_thread_mutex_unlock(usage->lock);
}

/** Write the entries of a batch, for `span` at most, and note again what was not written. */
static void write_batch(gt_usage_t *usage, apr_hash_t *entries, apr_interval_time_t span,
                        apr_pool_t *scratch)
{
    apr_time_t until = gt_ticks() + span;
    int is_away = 0;
    apr_pool_t *round;

    apr_pool_create(&round, scratch);
    for (apr_hash_index_t *i = apr_hash_first(scratch, entries); i != NULL; i = apr_hash_next(i)) {
        const used_t *used = apr_hash_this_val(i);
        gt_err_t *err;

        apr_pool_clear(round);
        if (is_away || gt_ticks() >= until) {
            note(usage, apr_hash_this_key(i), used);
            continue;
        }
        err = gt_grant_used(used->store, &used->owner, used->times, used->last, round);
        if (err == GT_OK)
            continue;
        is_away = gt_class_row(err->cls)->may_retry;
        if (is_away)
            note(usage, apr_hash_this_key(i), used);
        else
            gt_log_err(err, "writing how often a token was used");
    }
    apr_pool_destroy(round);
}

void gt_usage_write(gt_usage_t *usage, apr_interval_time_t span, apr_pool_t *scratch)
{
    apr_hash_t *entries;
    apr_pool_t *pool;
    apr_int64_t lost;
    int is_empty;

    apr_thread_mutex_lock(usage->lock);
    pool = usage->pool;
    entries = usage->entries;
    lost = usage->lost;
    usage->lost = 0;
    is_empty = apr_hash_count(entries) == 0;
    if (!is_empty)
        new_batch(usage);
    apr_thread_mutex_unlock(usage->lock);

    if (lost > 0)
        gt_log(GT_LOG_WARNING, "GT0610",
               "%ld uses of tokens are not counted: the database has been away for too long",
               (long)lost);
    if (is_empty)
        return;
    write_batch(usage, entries, span, scratch);
    apr_pool_destroy(pool);
}

void gt_vault_used(gt_vault_t *vault, gt_store_t *store, const gt_owner_t *owner)
{
    used_t used = {store, *owner, 1, gt_now()};
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    note(vault->usage, gt_vault_key(store, owner, p), &used);
    apr_pool_destroy(p);
}

void gt_vault_flush(gt_vault_t *vault, apr_pool_t *scratch)
{
    gt_usage_write(vault->usage, apr_time_from_sec(5), scratch);
    gt_give_back(vault, scratch);
}
