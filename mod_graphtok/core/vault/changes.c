/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file changes.c
 * Twice a second one child of the server reads, for each store and for all children, the changes
 * that other nodes made. Its claim stands in shared memory and ends by itself when that child dies.
 * The cache forgets grants whose rows changed or were deleted. A transaction may commit later than
 * the time it wrote says, and a reader may put a token into the cache just after we emptied it; so
 * each round looks back further than the last one, and forgetting twice costs nothing. The time of
 * the last round is kept beside the cache, which outlives the children: a new child misses nothing.
 */

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "vault/changes.h"
#include "vault/publish.h"
#include "vault/vault_struct.h"

#define CLAIM apr_time_from_msec(450)
#define PURGE_CLAIM apr_time_from_sec(60)
#define LOOK_BACK apr_time_from_sec(4)

/** 1 when it is this process's turn to do something for a store. */
static int claim(gt_cache_t *cache, const char *what, const gt_store_t *store,
                 apr_interval_time_t span, apr_pool_t *p)
{
    return gt_cache_once(cache, apr_pstrcat(p, what, " ", gt_store_name(store), NULL), span);
}

static gt_err_t *read_changes(gt_vault_t *vault, gt_store_t *store, apr_interval_time_t span,
                              apr_pool_t *p)
{
    const char *name = gt_store_name(store);
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
        const gt_change_t *change = &APR_ARRAY_IDX(changes, i, gt_change_t);
        const gt_grant_key_t key = gt_grant_key(store, &change->owner);

        apr_pool_clear(round);
        gt_vault_forget(vault, &key, change->stale, round);
    }
    apr_pool_destroy(round);
    return GT_OK;
}

/** How far to look back: to the last round of any child. Where that is not known any more, no token
 * that was cached then is left. */
static apr_interval_time_t look_back(gt_vault_t *vault, const char *mark, apr_pool_t *p)
{
    apr_interval_time_t span = vault->parts.config->cache_time;
    const char *text = gt_cache_text(vault->parts.cache, mark, p);
    apr_int64_t last;

    if (text != NULL && gt_number(&last, text, 0, gt_ticks()) && gt_ticks() - last < span)
        span = gt_ticks() - last;
    return span + LOOK_BACK;
}

static gt_err_t *tell_cache(gt_vault_t *vault, gt_store_t *store, apr_pool_t *p)
{
    const char *mark = apr_pstrcat(p, "news read ", gt_store_name(store), NULL);
    const char *begun = apr_psprintf(p, "%" APR_TIME_T_FMT, gt_ticks());

    GT_TRY(read_changes(vault, store, look_back(vault, mark, p), p));
    /* Not kept means only that the next round looks back further. */
    (void)gt_cache_keep_text(vault->parts.cache, mark, begun, vault->parts.config->cache_time);
    return GT_OK;
}

/* ---- the round ---- */

static void read_store(gt_vault_t *vault, gt_periodic_t *periodic, apr_pool_t *p)
{
    gt_cache_t *cache = vault->parts.cache;

    if (!gt_backoff_lasts(&periodic->changes) && claim(cache, "news", periodic->store, CLAIM, p))
        gt_periodic_note(vault, periodic->store, &periodic->changes, "looking for what changed",
                         tell_cache(vault, periodic->store, p));
    if (!gt_backoff_lasts(&periodic->purge) &&
        (periodic->purge_goes_on || claim(cache, "purge", periodic->store, PURGE_CLAIM, p))) {
        periodic->purge_goes_on = 0;
        gt_periodic_note(vault, periodic->store, &periodic->purge,
                         "dropping what is kept no longer",
                         gt_grant_purge(&periodic->purge_goes_on, periodic->store, p));
    }
}

/** Each process finds out for itself, before a request comes, that a database is back: otherwise
 * the first requests would be refused while one of them finds out. */
static void look_for_database(gt_vault_t *vault, apr_pool_t *p)
{
    gt_err_t *err;

    if (gt_db_is_up(vault->parts.db))
        return;
    err = gt_store_ping(gt_vault_store(vault, "main"), p);
    if (err != GT_OK)
        gt_log(GT_LOG_DEBUG, NULL, "looking for the database: %s", err->detail);
}

void gt_changes_read(void *baton, apr_pool_t *scratch)
{
    gt_vault_t *vault = baton;

    look_for_database(vault, scratch);
    if (vault->parts.cache == NULL || !gt_db_is_up(vault->parts.db))
        return;
    for (apr_hash_index_t *i = apr_hash_first(scratch, vault->periodics); i != NULL;
         i = apr_hash_next(i))
        read_store(vault, apr_hash_this_val(i), scratch);
}
