/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IDS_H
#define GT_IDS_H

/**
 * @file ids.h
 * The ids that `graphtokctl migrate` (step 6) gave to the database and to each store's table.
 * Sealed values and journal entries name them, since the spelling of a table and DBDParams change.
 * A store without an id, because its database is not migrated so far, is served as before and
 * written in the forms that older versions of this module read: old and new nodes work side by side
 * until then.
 *
 * Ids are read from the database and kept; they are read again after a minute, sooner while there
 * are none, so that running servers follow a migration.
 */

#include "store/grant.h"

#define GT_ID_BYTES 64 /* with its end; ids are 32 hex digits */

/** An addition of a step of a store's ladder, or of its mail's, which a database lacks that is not
 * migrated so far. The order is that of the columns which look for them in ids.c. */
typedef enum gt_addition_t {
    GT_ADDS_ACCESS,   /* the table of access tokens of other resources */
    GT_ADDS_SESSIONS, /* the table of sessions */
    GT_ADDS_ACCOUNTS, /* the columns for refused passwords of accounts */
    GT_ADDS_BULK,     /* the tables of bulk jobs */
    GT_ADDS_HISTORY,  /* the table of histories */
    GT_ADDS_HOURS,    /* the table of figures by hours; ends by days are kept then */
    GT_ADDS_MAIL,     /* the tables of mail, up to the newest step of their own ladder */
    GT_ADDS_HOOKS,    /* the tables of change notifications, likewise */
    GT_ADDITIONS
} gt_addition_t;

/** The advice where an addition is missing. On PostgreSQL one that httpd's role may not use is
 * taken as missing, too. */
#define GT_ADDITION_ADVICE                                                                         \
    "run graphtokctl migrate; where it was run, httpd's role lacks rights on them (GRANT)"

/** A store's ids as a process knows them. All "" while it knows none. */
typedef struct gt_ids_t {
    char database[GT_ID_BYTES];
    char store[GT_ID_BYTES];
    char other_table[2 * GT_ID_BYTES]; /* the table's name with its schema, or without it */
    int has[GT_ADDITIONS];             /* 1: the addition is there */
    int is_read; /* 1: from the database; 0: it has not answered yet, so there may be ids */
} gt_ids_t;

/**
 * The ids of a store. When a new reading is due it is done first, which may block for two short
 * statements. A database that does not answer changes nothing. Thread-safe, as the others.
 */
void gt_store_ids(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p);

/** 1 when a store has an addition, as far as the process knows; one that is missing is looked for
 * as often as ids are. */
int gt_store_has(gt_store_t *store, gt_addition_t addition, apr_pool_t *p);

/**
 * The ids of a store, where an addition is needed: one that seems to be missing may have been made
 * a moment ago, and is looked for at once.
 * @return the database's error; GT_OK with ids->has[addition] 0: it is missing
 */
GT_MUST gt_err_t *gt_store_ids_with(gt_ids_t *ids, gt_addition_t addition, gt_store_t *store,
                                    apr_pool_t *p);

/**
 * The ids of a store, where a conclusion needs them: ids that the database never told are read now.
 * @return an error of the database when they are not known and cannot be read now
 */
GT_MUST gt_err_t *gt_store_ids_sure(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p);

/** The ids that are known, without asking the database. */
void gt_store_ids_known(gt_ids_t *ids, const gt_store_t *store);

/**
 * Read the ids now, because a value or an entry does not fit those that are known.
 * @param is_new  out: 1 when they differ from those in `ids` before the call
 * @param ids     in: the ids that did not fit; out: those of the database, unchanged on failure
 */
GT_MUST gt_err_t *gt_store_ids_now(int *is_new, gt_ids_t *ids, gt_store_t *store, apr_pool_t *p);

#endif
