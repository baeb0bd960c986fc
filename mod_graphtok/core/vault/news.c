/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file news.c
 * What happened elsewhere, twice a second, by one child of the server for all of them: a claim in
 * shared memory, which ends by itself when that child dies. First the caches: rows that changed, and
 * notes of rows that went. A transaction may commit later than the time it wrote says, and a reader
 * may put a token into the cache just after we emptied it; so each round looks back further than
 * the last one, and forgetting twice costs nothing. Then the journal, oldest entry first, each by
 * its generation: whatever moved on since makes it worthless.
 */

#include <apr_strings.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "store/store.h"
#include "vault/inner.h"

#define CLAIM apr_time_from_msec(450)
#define PURGE_CLAIM apr_time_from_sec(60)
#define LOOK_BACK apr_time_from_sec(4)
#define LOOK_BACK_MOST apr_time_from_sec(600)
#define REPLAY_SPAN apr_time_from_msec(300)

/* ---- caches ---- */

static void forget_stale(gt_vault_t *vault, const char *store, const gt_change_t *change,
                         apr_pool_t *p)
{
    gt_cached_t cached;

    if (gt_cache_get(&cached, vault->parts.cache, store, &change->owner, p) &&
        cached.generation <= change->stale)
        gt_cache_forget(vault->parts.cache, store, &change->owner);
}

static gt_err_t *read_changes(gt_vault_t *vault, gt_store_t *store, apr_interval_time_t span,
                              apr_pool_t *p)
{
    const char *name = gt_store_conf(store)->name;
    apr_array_header_t *changes;
    apr_pool_t *round;

    GT_TRY(gt_grant_changes(&changes, store, span, p));
    if (changes->nelts >= GT_CHANGES_MAX)
        gt_log(
            GT_LOG_WARNING, "GT0620",
            "store %s: more than %d grants changed within %d s; caches on this machine may serve "
            "tokens of revoked grants until GraphTokCacheTime is over",
            name, GT_CHANGES_MAX, (int)apr_time_sec(span));
    apr_pool_create(&round, p);
    for (int i = 0; i < changes->nelts; i++) {
        apr_pool_clear(round);
        forget_stale(vault, name, &APR_ARRAY_IDX(changes, i, gt_change_t), round);
    }
    apr_pool_destroy(round);
    return GT_OK;
}

static gt_err_t *tell_caches(gt_vault_t *vault, apr_pool_t *p)
{
    apr_time_t begin = gt_ticks();
    apr_interval_time_t span = begin - vault->changes_read + LOOK_BACK;

    if (span > LOOK_BACK_MOST)
        span = LOOK_BACK_MOST;
    for (apr_hash_index_t *i = apr_hash_first(p, vault->stores); i != NULL; i = apr_hash_next(i))
        GT_TRY(read_changes(vault, apr_hash_this_val(i), span, p));
    vault->changes_read = begin;
    return GT_OK;
}

/* ---- the journal ---- */

/** Store an entry's tokens when the row is as it was. @param stored 0: worth nothing any more */
static gt_err_t *store_entry(int *stored, gt_vault_t *vault, gt_store_t *store,
                             const gt_entry_t *entry, apr_pool_t *p)
{
    gt_grant_t *grant;
    gt_cached_t token;

    *stored = 0;
    GT_TRY(gt_grant_find(&grant, store, &entry->owner, p));
    if (grant == NULL || grant->generation > entry->generation + 1 ||
        grant->generation < entry->generation)
        return GT_OK;
    grant->generation = entry->generation; /* one further on it may be our own write */
    GT_TRY(gt_grant_commit(stored, store, grant, &entry->tokens, p));
    if (!*stored || vault->parts.cache == NULL || entry->tokens.access == NULL)
        return GT_OK;
    token = (gt_cached_t){entry->tokens.access, entry->tokens.expires_at, entry->generation + 1,
                          entry->tokens.scope != NULL ? entry->tokens.scope : grant->scope,
                          gt_vault_margin(vault, entry->tokens.expires_at, entry->tokens.received)};
    gt_cache_put(vault->parts.cache, entry->store, &entry->owner, &token);
    return GT_OK;
}

/** @param is_done  1: stored, or worth nothing; the entry is gone */
static gt_err_t *replay(int *is_done, gt_vault_t *vault, const char *name, apr_pool_t *p)
{
    gt_journal_t *journal = vault->parts.journal;
    gt_entry_t *entry;
    gt_store_t *store;
    int stored;

    *is_done = 0;
    GT_TRY(gt_journal_read(&entry, journal, name, p));
    store = entry != NULL ? gt_vault_store(vault, entry->store) : NULL;
    if (store == NULL)
        return GT_OK; /* another server's, or of a store that is not configured now */
    GT_TRY(store_entry(&stored, vault, store, entry, p));
    (void)gt_fail("replay.stored");
    gt_journal_remove(journal, name, p);
    *is_done = 1;
    if (vault->parts.horn != NULL)
        gt_horn_blow(vault->parts.horn);
    gt_log(GT_LOG_NOTICE, NULL, "journal: a refresh of user %s at %s is %s", entry->owner.user,
           entry->owner.provider,
           stored ? "stored now"
                  : "dropped: the grant was revoked, refreshed or signed in anew since");
    return GT_OK;
}

/** An entry that nobody can read must not stop those behind it, nor be told of twice a second. */
static void tell_damaged(gt_vault_t *vault, gt_err_t *err, const char *name)
{
    if (vault->parts.cache == NULL ||
        gt_cache_once(vault->parts.cache, name, apr_time_from_sec(3600)))
        gt_log_err(gt_err_in(err, "journal: entry %s is left where it is", name), "replay");
}

static gt_err_t *replay_all(gt_vault_t *vault, apr_pool_t *p)
{
    apr_array_header_t *names = gt_journal_names(vault->parts.journal, NULL, NULL, p);
    apr_time_t until = gt_ticks() + REPLAY_SPAN;
    gt_err_t *err = GT_OK;
    apr_pool_t *round;

    apr_pool_create(&round, p);
    for (int i = 0; i < names->nelts && err == GT_OK && gt_ticks() < until; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        int is_done;

        apr_pool_clear(round);
        err = gt_err_dup(replay(&is_done, vault, name, round), p);
        if (err == GT_OK || gt_class_row(err->cls)->may_retry)
            continue;
        tell_damaged(vault, err, name);
        err = GT_OK;
    }
    apr_pool_destroy(round);
    return err;
}

gt_err_t *gt_replay_owner(int *count, gt_vault_t *vault, gt_store_t *store, const gt_owner_t *owner,
                          apr_pool_t *p)
{
    apr_array_header_t *names;

    *count = 0;
    if (vault->parts.journal == NULL)
        return GT_OK;
    names = gt_journal_names(vault->parts.journal, gt_store_conf(store)->name, owner, p);
    for (int i = 0; i < names->nelts; i++) {
        int is_done;

        GT_TRY(replay(&is_done, vault, APR_ARRAY_IDX(names, i, const char *), p));
        *count += is_done;
    }
    return GT_OK;
}

int gt_vault_journal_length(const gt_vault_t *vault, apr_pool_t *p)
{
    return vault->parts.journal != NULL ? gt_journal_length(vault->parts.journal, p) : 0;
}

/* ---- the round ---- */

static void purge(gt_vault_t *vault, apr_pool_t *p)
{
    vault->purge_goes_on = 0;
    for (apr_hash_index_t *i = apr_hash_first(p, vault->stores); i != NULL; i = apr_hash_next(i)) {
        int more = 0;
        gt_err_t *err = gt_grant_purge(&more, apr_hash_this_val(i), p);

        vault->purge_goes_on |= more;
        if (err != GT_OK)
            gt_log(GT_LOG_DEBUG, NULL, "dropping what is kept no longer: %s", err->detail);
    }
}

/** Each process finds out for itself, before anybody asks, that a database is back: otherwise the
 * first requests would be refused while one of them finds out. */
static void look_for_database(gt_vault_t *vault, apr_pool_t *p)
{
    gt_err_t *err;

    if (gt_db_is_up(vault->parts.db))
        return;
    err = gt_store_ping(gt_vault_store(vault, "main"), p);
    if (err != GT_OK)
        gt_log(GT_LOG_DEBUG, NULL, "looking for the database: %s", err->detail);
}

void gt_news_read(void *baton, apr_pool_t *scratch)
{
    gt_vault_t *vault = baton;
    gt_cache_t *cache = vault->parts.cache;
    gt_err_t *err = GT_OK;

    look_for_database(vault, scratch);
    if (cache != NULL && !gt_cache_once(cache, "news", CLAIM))
        return;
    if (cache != NULL)
        err = tell_caches(vault, scratch);
    if (err == GT_OK && vault->parts.journal != NULL)
        err = replay_all(vault, scratch);
    if (err == GT_OK && cache != NULL &&
        (vault->purge_goes_on || gt_cache_once(cache, "purge", PURGE_CLAIM)))
        purge(vault, scratch);
    if (err != GT_OK)
        gt_log(GT_LOG_DEBUG, NULL, "looking for what changed elsewhere: %s", err->detail);
}
