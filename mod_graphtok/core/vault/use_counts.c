/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file use_counts.c
 * Uses of tokens, counted in memory and written to the rows by statements of up to 500
 * grants: each ten seconds, and as soon as there are enough for a whole statement. A batch is taken
 * out whole and written without the lock; counts that could not be written go back. Counts never
 * touch a row's generation. A killed child loses the counts that it had not written yet: those of
 * ten seconds at most.
 */

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/account.h"
#include "vault/use_counts.h"
#include "vault/vault_struct.h"

#define ENTRIES_MAX 10000 /* about 3 MB */
#define WRITE_EVERY apr_time_from_sec(10)
#define TRIES 3

typedef struct used_t {
    gt_grant_key_t key;
    apr_int64_t times;
    apr_time_t last;   /* ticks; 0: not used */
    apr_time_t worked; /* ticks: the API took the token; 0: not known to have */
    int tries;         /* statements that left it out */
} used_t;

struct gt_use_counts_t {
    const gt_vault_t *vault;
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_pool_t *pool;         /* of `entries` */
    apr_hash_t *entries;      /* of used_t by gt_grant_key_text */
    apr_int64_t lost;         /* uses of grants that found no room */
    apr_time_t write_at;      /* ticks: the counts are written then, however few they are */
};

static void new_batch(gt_use_counts_t *counts)
{
    /* Not below another pool: any thread may come by here, and would change the parent. */
    apr_pool_create(&counts->pool, NULL);
    counts->entries = apr_hash_make(counts->pool);
}

static apr_status_t drop_batch(void *baton)
{
    gt_use_counts_t *counts = baton;

    apr_pool_destroy(counts->pool);
    return APR_SUCCESS;
}

gt_use_counts_t *gt_use_counts_make(const gt_vault_t *vault, apr_pool_t *p)
{
    gt_use_counts_t *counts = apr_pcalloc(p, sizeof(*counts));

    if (apr_thread_mutex_create(&counts->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS)
        abort();
    counts->vault = vault;
    new_batch(counts);
    apr_pool_cleanup_register(p, counts, drop_batch, apr_pool_cleanup_null);
    return counts;
}

static used_t *add_entry(gt_use_counts_t *counts, const char *key, const used_t *used)
{
    used_t *entry;

    if (apr_hash_count(counts->entries) >= ENTRIES_MAX)
        return NULL;
    entry = apr_pcalloc(counts->pool, sizeof(*entry));
    entry->key.store = gt_store_name(gt_vault_store(counts->vault, used->key.store));
    entry->key.owner = gt_owner_dup(&used->key.owner, counts->pool);
    entry->tries = used->tries;
    apr_hash_set(counts->entries, apr_pstrdup(counts->pool, key), APR_HASH_KEY_STRING, entry);
    return entry;
}

static void note(gt_use_counts_t *counts, const used_t *used)
{
    const char *key;
    used_t *entry;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    key = gt_grant_key_text(&used->key, p);
    apr_thread_mutex_lock(counts->lock);
    entry = apr_hash_get(counts->entries, key, APR_HASH_KEY_STRING);
    if (entry == NULL)
        entry = add_entry(counts, key, used);
    if (entry == NULL)
        counts->lost += used->times;
    else {
        entry->times += used->times;
        entry->last = used->last > entry->last ? used->last : entry->last;
        entry->worked = used->worked > entry->worked ? used->worked : entry->worked;
    }
    apr_thread_mutex_unlock(counts->lock);
    apr_pool_destroy(p);
}

/* Rows that another transaction held, or that are gone: the latter are forgotten in the end. */
static void note_left(gt_use_counts_t *counts, used_t *used, const gt_uses_t *uses, int n)
{
    for (int i = 0; i < n; i++)
        if (!uses[i].is_written && ++used[i].tries < TRIES)
            note(counts, &used[i]);
}

/** Write `n` grants of one store. @param is_away  out; 1: the database cannot take them now */
static void write_some(int *is_away, gt_use_counts_t *counts, used_t *used, int n, apr_pool_t *p)
{
    gt_uses_t *uses = apr_pcalloc(p, sizeof(*uses) * (apr_size_t)n);
    const apr_time_t now = gt_ticks();
    gt_err_t *err;

    for (int i = 0; i < n; i++)
        uses[i] = (gt_uses_t){.owner = used[i].key.owner,
                              .times = used[i].times,
                              .ago = now - used[i].last,
                              .worked_ago = used[i].worked != 0 ? now - used[i].worked : -1};
    err = gt_grants_used(uses, n, gt_vault_store(counts->vault, used->key.store), p);
    *is_away = err != GT_OK && gt_class_row(err->cls)->may_retry;
    if (err == GT_OK)
        note_left(counts, used, uses, n);
    else if (*is_away)
        for (int i = 0; i < n; i++)
            note(counts, &used[i]);
    else
        gt_log_err(err, "writing how often tokens were used");
}

static int by_store(const void *a, const void *b)
{
    return strcmp(((const used_t *)a)->key.store, ((const used_t *)b)->key.store);
}

/** A batch as an array, stores one after the other. */
static apr_array_header_t *list_of(apr_hash_t *entries, apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, (int)apr_hash_count(entries), sizeof(used_t));

    for (apr_hash_index_t *i = apr_hash_first(p, entries); i != NULL; i = apr_hash_next(i))
        APR_ARRAY_PUSH(list, used_t) = *(const used_t *)apr_hash_this_val(i);
    qsort(list->elts, (size_t)list->nelts, sizeof(used_t), by_store);
    return list;
}

/** Write a batch, for `span` at most, and note again what was not written. */
static void write_batch(gt_use_counts_t *counts, apr_hash_t *entries, apr_interval_time_t span,
                        apr_pool_t *scratch)
{
    apr_array_header_t *list = list_of(entries, scratch);
    apr_time_t until = gt_ticks() + span;
    int is_away = 0, n, i;
    apr_pool_t *round;

    apr_pool_create(&round, scratch);
    for (i = 0; i < list->nelts && !is_away && gt_ticks() < until; i += n) {
        used_t *used = &APR_ARRAY_IDX(list, i, used_t);

        for (n = 1; n < GT_USES_MAX && i + n < list->nelts && by_store(&used[n], used) == 0;)
            n++;
        apr_pool_clear(round);
        write_some(&is_away, counts, used, n, round);
    }
    for (; i < list->nelts; i++)
        note(counts, &APR_ARRAY_IDX(list, i, used_t));
    apr_pool_destroy(round);
}

void gt_use_counts_write(gt_use_counts_t *counts, apr_interval_time_t span, apr_pool_t *scratch)
{
    apr_hash_t *entries;
    apr_pool_t *pool;
    apr_int64_t lost;
    int is_empty;

    apr_thread_mutex_lock(counts->lock);
    pool = counts->pool;
    entries = counts->entries;
    lost = counts->lost;
    counts->lost = 0;
    counts->write_at = gt_ticks() + WRITE_EVERY;
    is_empty = apr_hash_count(entries) == 0;
    if (!is_empty)
        new_batch(counts);
    apr_thread_mutex_unlock(counts->lock);

    if (lost > 0)
        gt_log(GT_LOG_WARNING, "GT0610",
               "%s not counted: those of %d other grants wait to be written, and there is room for "
               "no more",
               gt_counted(lost, "use of a token is", "uses of tokens are", scratch), ENTRIES_MAX);
    if (is_empty)
        return;
    write_batch(counts, entries, span, scratch);
    apr_pool_destroy(pool);
}

int gt_use_counts_is_due(gt_use_counts_t *counts)
{
    int is_due;

    apr_thread_mutex_lock(counts->lock);
    is_due = gt_ticks() >= counts->write_at || apr_hash_count(counts->entries) >= GT_USES_MAX;
    apr_thread_mutex_unlock(counts->lock);
    return is_due;
}

/** An account without a user has no row. */
static void note_row(gt_vault_t *vault, const used_t *used)
{
    const gt_account_conf_t *account = gt_account_of(vault->parts.config, &used->key);

    if (account == NULL || account->grant == GT_GRANT_PASSWORD)
        note(vault->counts, used);
}

void gt_vault_used(gt_vault_t *vault, const gt_grant_key_t *key)
{
    note_row(vault, &(used_t){.key = *key, .times = 1, .last = gt_ticks()});
}

void gt_vault_worked(gt_vault_t *vault, const gt_grant_key_t *key, int is_use)
{
    const apr_time_t now = gt_ticks();

    note_row(vault,
             &(used_t){.key = *key, .times = is_use, .last = is_use ? now : 0, .worked = now});
}

void gt_vault_flush(gt_vault_t *vault, apr_pool_t *scratch)
{
    gt_use_counts_write(vault->counts, apr_time_from_sec(5), scratch);
    gt_give_back(vault, scratch);
}
