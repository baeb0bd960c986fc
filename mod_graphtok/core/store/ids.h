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

/** A store's ids as a process knows them. All "" while it knows none. */
typedef struct gt_ids_t {
    char database[GT_ID_BYTES];
    char store[GT_ID_BYTES];
    char other_table[2 * GT_ID_BYTES]; /* the table's name with its schema, or without it */
    int has_access;   /* 1: the table of access tokens of other resources is there */
    int has_sessions; /* 1: the table of sessions is there */
    int has_accounts; /* 1: the columns for refused passwords of accounts are there */
    int has_bulk;     /* 1: the tables of bulk jobs are there */
    int has_history;  /* 1: the table of histories is there */
    int has_hours;    /* 1: the table of figures by hours is there, and ends by days are kept */
    int is_read;      /* 1: from the database; 0: it has not answered yet, so there may be ids */
} gt_ids_t;

/**
 * The ids of a store. When a new reading is due it is done first, which may block for two short
 * statements. A database that does not answer changes nothing. Thread-safe, as the others.
 */
void gt_store_ids(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p);

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
