/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JOURNAL_H
#define GT_JOURNAL_H

/**
 * @file journal.h
 * Answers of token endpoints that could not be stored, the database being away: one file an entry
 * in a folder of this machine, sealed with AES-256-GCM and bound to database, store, owner and
 * generation. An entry is on the disk when gt_journal_put returns. Names sort by time. All
 * processes of a server share the folder; nothing here is locked, since whoever replays an entry
 * twice changes nothing the second time. Thread-safe.
 */

#include "crypt/keyring.h"
#include "oauth/token.h"

typedef struct gt_journal_t gt_journal_t;

/** What could not be stored. */
typedef struct gt_entry_t {
    const char *name;  /* of the file; out */
    const char *store; /* its name in the configuration */
    gt_owner_t owner;
    apr_int64_t generation; /* from which the refresh began */
    gt_tokens_t tokens;
} gt_entry_t;

/** More entries than this are not written. */
#define GT_JOURNAL_MAX 10000

/**
 * Use a folder that is there, mode 0700, ours; files whose writer was killed a minute ago or more are
 * removed.
 * @param database  what tells our database from others: entries of others are left alone
 */
gt_journal_t *gt_journal_make(const char *folder, const char *database, const gt_keyring_t *ring,
                              apr_pool_t *p);

/** Write an entry. @return GT_STORE_AWAY when it cannot be written: full, or the folder is wrong */
GT_MUST gt_err_t *gt_journal_put(gt_journal_t *journal, const gt_entry_t *entry, apr_pool_t *p);

/** Names of entries, oldest first: array of const char *. @param owner only this one's; NULL: all */
apr_array_header_t *gt_journal_names(gt_journal_t *journal, const char *store,
                                     const gt_owner_t *owner, apr_pool_t *p);

/**
 * Read an entry.
 * @param entry  NULL when it is another database's, or gone
 * @return GT_DAMAGED when it cannot be opened
 */
GT_MUST gt_err_t *gt_journal_read(gt_entry_t **entry, gt_journal_t *journal, const char *name,
                                  apr_pool_t *p);

/** Remove an entry: it is stored, or worth nothing any more. */
void gt_journal_remove(gt_journal_t *journal, const char *name, apr_pool_t *p);

/** How many entries there are. */
int gt_journal_length(gt_journal_t *journal, apr_pool_t *p);

#endif
