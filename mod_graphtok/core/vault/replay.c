/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file replay.c
 * The journal's entries are stored in the database: twice a second, by one process of the server
 * for all of them, oldest first. An entry whose grant has another generation by now is dropped. A
 * failure of one store stops the entries of that store for a moment, and no others. An entry that
 * cannot be read stops none. A round that runs out of time goes on where it ended.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "crypt/seal.h"
#include "vault/journal_text.h"
#include "vault/publish.h"
#include "vault/replay.h"
#include "vault/vault_struct.h"

#define CLAIM apr_time_from_msec(450)
#define SPAN apr_time_from_msec(90) /* a timed function of the crew has 100 ms */
#define SAID_EVERY apr_time_from_sec(3600)

/** 1 when the answer may still be stored: the row has the generation that the refresh began from,
 * or the next one, which may be our own write. An earlier generation that has not changed since the
 * answer came is of a database that lost commits, as a standby that lagged. */
static int is_worth_storing(const gt_grant_t *grant, const gt_entry_t *entry)
{
    if (grant == NULL)
        return 0;
    if (grant->generation < entry->generation)
        return grant->updated_at < entry->tokens.received;
    return grant->generation <= entry->generation + 1;
}

/** Store an entry's tokens. @param stored 0: worth nothing any more */
static gt_err_t *store_entry(int *stored, gt_vault_t *vault, gt_store_t *store,
                             const gt_entry_t *entry, apr_pool_t *p)
{
    /* The format without ids knew one resource. */
    const char *resource = entry->key.resource[0] != '\0' ? entry->key.resource : GT_RESOURCE_GRAPH;
    gt_grant_t *grant;
    gt_token_key_t key;
    gt_token_t token;

    *stored = 0;
    GT_TRY(gt_grant_find_for(&grant, store, &entry->key.grant.owner, resource, p));
    if (!is_worth_storing(grant, entry))
        return GT_OK;
    if (grant->generation > entry->generation)
        grant->generation = entry->generation;
    GT_TRY(gt_grant_commit(stored, store, grant, &entry->tokens, p));
    if (!*stored)
        return GT_OK;
    key = (gt_token_key_t){gt_grant_key(store, &entry->key.grant.owner), resource};
    token = gt_token_of_answer(vault, &entry->tokens, grant->generation + 1, grant->scope);
    gt_vault_publish(vault, &key, &token, p);
    return GT_OK;
}

/** Store or drop an entry, and remove its file. */
static gt_err_t *replay(gt_vault_t *vault, gt_store_t *store, const gt_entry_t *entry,
                        apr_pool_t *p)
{
    int stored;

    GT_TRY(store_entry(&stored, vault, store, entry, p));
    (void)gt_fail("replay.stored");
    gt_journal_remove(vault->parts.journal, entry->name, p);
    gt_log(GT_LOG_NOTICE, NULL, "journal: a refresh of user %s at %s is %s",
           entry->key.grant.owner.user, entry->key.grant.owner.provider,
           stored ? "stored now"
                  : "dropped: the grant was revoked, refreshed or signed in anew since");
    return GT_OK;
}

static gt_err_t *open_and_replay(gt_vault_t *vault, gt_store_t *store, gt_entry_t *entry,
                                 apr_pool_t *p)
{
    GT_TRY(gt_store_has_keys(store, p));
    GT_TRY(gt_entry_open(entry, gt_store_ring(store), p));
    return replay(vault, store, entry, p);
}

/** 1 when no other process did it within `span`; without shared memory there is no other. */
static int claim(gt_vault_t *vault, const char *what, apr_interval_time_t span)
{
    return vault->parts.cache == NULL || gt_cache_once(vault->parts.cache, what, span);
}

/** Log an entry that cannot be read or stored, once an hour for all children. */
static void tell_damaged(gt_vault_t *vault, gt_err_t *err, const char *name)
{
    if (claim(vault, name, SAID_EVERY))
        gt_log_err(gt_err_in(err, "journal: entry %s is left where it is", name), "replay");
}

/** 1 when a failure is the store's, and not this one entry's. */
static int is_of_store(const gt_err_t *err)
{
    return gt_class_row(err->cls)->may_retry || err->cls == GT_INTERNAL;
}

/** The store of an entry; NULL: it is not configured here, or has told no id yet. */
static gt_periodic_t *store_of(gt_vault_t *vault, const gt_entry_t *entry, apr_pool_t *p)
{
    for (apr_hash_index_t *i = apr_hash_first(p, vault->periodics); i != NULL;
         i = apr_hash_next(i)) {
        gt_periodic_t *periodic = apr_hash_this_val(i);
        gt_ids_t ids;

        gt_store_ids_known(&ids, periodic->store);
        if (gt_journal_is_of(vault->parts.journal, entry, gt_store_name(periodic->store), &ids))
            return periodic;
    }
    return NULL;
}

/** An entry finds its store by the ids of now. A store whose ids cannot be read is left alone
 * for a moment; entries of the other stores do not wait for it. */
static void read_ids(gt_vault_t *vault, apr_pool_t *p)
{
    for (apr_hash_index_t *i = apr_hash_first(p, vault->periodics); i != NULL;
         i = apr_hash_next(i)) {
        gt_periodic_t *periodic = apr_hash_this_val(i);
        gt_ids_t ids = {.is_read = 0};
        gt_err_t *err;
        int is_new;

        if (gt_backoff_lasts(&periodic->replay) || !gt_db_is_up(vault->parts.db))
            continue;
        err = gt_store_ids_now(&is_new, &ids, periodic->store, p);
        if (err != GT_OK)
            gt_periodic_note(vault, periodic->store, &periodic->replay,
                             "storing what the journal holds", err);
    }
}

/** 1 when each store has told its ids at least once: only then an entry of none of them is
 * strange. */
static int knows_all_ids(gt_vault_t *vault, apr_pool_t *p)
{
    for (apr_hash_index_t *i = apr_hash_first(p, vault->stores); i != NULL; i = apr_hash_next(i)) {
        gt_ids_t ids;

        gt_store_ids_known(&ids, apr_hash_this_val(i));
        if (!ids.is_read)
            return 0;
    }
    return 1;
}

/** Log an entry of a database that was given up, of a store that is not configured, or of another
 * server. Once an hour for each database. */
static void tell_strange(gt_vault_t *vault, const gt_entry_t *entry, apr_pool_t *p)
{
    const char *what = apr_pstrcat(p, "journal of ", entry->database, NULL);

    if (claim(vault, what, SAID_EVERY))
        gt_log(GT_LOG_WARNING, "GT0635",
               "journal: entry %s, and perhaps others, holds a refresh token of a store or "
               "database that is not configured here; it is left where it is",
               entry->name);
}

static void replay_file(gt_vault_t *vault, const char *name, apr_pool_t *p)
{
    gt_periodic_t *periodic;
    gt_entry_t *entry;
    gt_err_t *err = gt_journal_read(&entry, vault->parts.journal, name, p);

    if (err != GT_OK)
        tell_damaged(vault, err, name);
    if (err != GT_OK || entry == NULL)
        return;
    periodic = store_of(vault, entry, p);
    if (periodic == NULL && knows_all_ids(vault, p))
        tell_strange(vault, entry, p);
    if (periodic == NULL || gt_backoff_lasts(&periodic->replay))
        return;
    err = open_and_replay(vault, periodic->store, entry, p);
    if (err == GT_OK || is_of_store(err))
        gt_periodic_note(vault, periodic->store, &periodic->replay,
                         "storing what the journal holds", err);
    else
        tell_damaged(vault, err, name);
}

/** Index of the first name after `last`, where the last round ended; 0 when there is none. */
static int place_after(const apr_array_header_t *names, const char *last)
{
    for (int i = 0; i < names->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(names, i, const char *), last) > 0)
            return i;
    return 0;
}

void gt_replay_all(void *baton, apr_pool_t *scratch)
{
    gt_vault_t *vault = baton;
    apr_time_t until = gt_ticks() + SPAN;
    apr_array_header_t *names;
    apr_pool_t *round;
    int from;

    if (vault->parts.journal == NULL || !gt_db_is_up(vault->parts.db) ||
        !claim(vault, "replay", CLAIM))
        return;
    names = gt_journal_names(vault->parts.journal, NULL, scratch);
    if (names->nelts == 0)
        return;
    read_ids(vault, scratch);
    if (!gt_db_is_up(vault->parts.db))
        return;
    from = place_after(names, vault->replayed);
    apr_pool_create(&round, scratch);
    for (int i = 0; i < names->nelts && gt_ticks() < until; i++) {
        const char *name = APR_ARRAY_IDX(names, (from + i) % names->nelts, const char *);

        apr_pool_clear(round);
        replay_file(vault, name, round);
        apr_cpystrn(vault->replayed, name, sizeof(vault->replayed));
    }
    apr_pool_destroy(round);
}

/** Store an entry when it is of this store. An entry of another store does not concern this
 * owner. */
static gt_err_t *replay_of(int *count, gt_vault_t *vault, gt_store_t *store, const gt_ids_t *ids,
                           const char *name, apr_pool_t *p)
{
    gt_journal_t *journal = vault->parts.journal;
    gt_entry_t *entry;
    gt_err_t *err = gt_journal_read(&entry, journal, name, p);

    if (err == GT_OK &&
        (entry == NULL || !gt_journal_is_of(journal, entry, gt_store_name(store), ids)))
        return GT_OK;
    if (err == GT_OK) {
        err = open_and_replay(vault, store, entry, p);
        *count += err == GT_OK;
        if (err == GT_OK || is_of_store(err))
            return err;
    }
    tell_damaged(vault, err, name);
    return GT_OK;
}

gt_err_t *gt_replay_owner(int *count, gt_vault_t *vault, const gt_grant_key_t *key, apr_pool_t *p)
{
    gt_store_t *store = gt_vault_store(vault, key->store);
    gt_ids_t ids = {.is_read = 0};
    apr_array_header_t *names;
    int is_new;

    *count = 0;
    if (vault->parts.journal == NULL)
        return GT_OK;
    names = gt_journal_names(vault->parts.journal, key, p);
    if (names->nelts > 0)
        GT_TRY(gt_store_ids_now(&is_new, &ids, store, p));
    for (int i = 0; i < names->nelts; i++)
        GT_TRY(replay_of(count, vault, store, &ids, APR_ARRAY_IDX(names, i, const char *), p));
    return GT_OK;
}

int gt_vault_journal_length(const gt_vault_t *vault, apr_pool_t *p)
{
    return vault->parts.journal != NULL ? gt_journal_length(vault->parts.journal, p) : 0;
}
