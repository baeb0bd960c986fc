/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOURNAL_H
#define GT_JOURNAL_H

/**
 * @file journal.h
 * Answers of token endpoints that could not be stored, the database being away: one file an entry
 * in a folder of this machine, sealed with AES-256-GCM and bound to store, owner and generation. An
 * entry is on the disk when gt_journal_put returns. Names sort by time. All processes of a server
 * share the folder; nothing here is locked, since an entry that is replayed twice changes nothing
 * the second time. Thread-safe.
 *
 * There are two formats, and both are read. One names the store by its id, so that it finds it
 * wherever its database is now. The other, for stores without an id (store/ids.h), names it by
 * DBDParams and the store's name in the configuration.
 */

#include "crypt/keyring.h"
#include "oauth/token.h"
#include "store/ids.h"

typedef struct gt_journal_t gt_journal_t;

/** An answer that could not be stored. */
typedef struct gt_entry_t {
    const char *name; /* of the file; out */
    const char
        *database; /* its id; NULL or "": the store has no ids. Out: or a hash of DBDParams */
    const char *store_id;   /* the store's id, as above; out: "" in the format without ids */
    gt_token_key_t key;     /* out, in the format without ids: resource "" */
    apr_int64_t generation; /* from which the refresh began */
    gt_tokens_t tokens;
    const char *sealed; /* out: the tokens, still closed */
} gt_entry_t;

/** More entries than this are not written. */
#define GT_JOURNAL_MAX 10000

/**
 * Use a folder that is there, mode 0700, ours.
 * @param database  gt_config_database, which tells our database from others where there are no ids
 */
gt_journal_t *gt_journal_make(const char *folder, const char *database, apr_pool_t *p);

/** Have a keyring tell which files of killed writers are whole. Once for each that a store has,
 * before threads use the journal. */
void gt_journal_judge_by(gt_journal_t *journal, const gt_keyring_t *ring);

/** An entry as it is put: the store by the ids that are known. The database is away, and is not
 * asked. */
gt_entry_t gt_journal_entry(const gt_store_t *store, const gt_token_key_t *key,
                            apr_int64_t generation, const gt_tokens_t *tokens, apr_pool_t *p);

/** Write an entry, sealed by its store's keyring; one without tokens is worth nothing, and is not
 * written. @return GT_STORE_AWAY
 * when it cannot be written: full, or the folder is wrong */
GT_MUST gt_err_t *gt_journal_put(gt_journal_t *journal, const gt_entry_t *entry,
                                 const gt_keyring_t *ring, apr_pool_t *p);

/**
 * Names of entries, oldest first: array of const char *. A file that a killed writer left is taken
 * in when it is whole (its seal proves that), and removed after a minute when it is not.
 * @param key  only those of this grant, of any store and database; NULL: all
 */
apr_array_header_t *gt_journal_names(gt_journal_t *journal, const gt_grant_key_t *key,
                                     apr_pool_t *p);

/**
 * Read an entry; its tokens stay closed.
 * @param entry  NULL when it is gone
 * @return GT_DAMAGED when it is no entry
 */
GT_MUST gt_err_t *gt_journal_read(gt_entry_t **entry, gt_journal_t *journal, const char *name,
                                  apr_pool_t *p);

/** 1 when an entry belongs to the store of this name in the configuration, with these ids. */
int gt_journal_is_of(const gt_journal_t *journal, const gt_entry_t *entry, const char *store,
                     const gt_ids_t *ids);

/** Remove an entry: it is stored, or worth nothing any more. */
void gt_journal_remove(gt_journal_t *journal, const char *name, apr_pool_t *p);

/** How many entries there are. */
int gt_journal_length(gt_journal_t *journal, apr_pool_t *p);

#endif
