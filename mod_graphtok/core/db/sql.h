/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SQL_H
#define GT_SQL_H

/**
 * @file sql.h
 * Every statement of the project, by name; db/sql.c is the only file with SQL besides db/migrate.c.
 * Texts hold {table}, {user}, {gone}, {jobs} and other names of a store, filled in by gt_sql_text,
 * and {now}, the database's clock in Unix seconds. Names are checked identifiers from the
 * configuration.
 */

#include "gt.h"

typedef enum gt_engine_t { GT_PGSQL, GT_SQLITE, GT_ENGINES } gt_engine_t;

/** A store's own names. */
typedef struct gt_sql_names_t {
    const char *table;       /* e.g. user_tokens or app.user_tokens */
    const char *user_column; /* e.g. user_id */
    const char *user_type;   /* text | integer | uuid */
    const char *references;  /* "table(column)" of the application's users, or NULL; migrate only */
} gt_sql_names_t;

/** Statements. The comments in sql.c say parameters and columns. */
typedef enum gt_sql_t {
    GT_SQL_GRANT_FIND,    /* the row of (user, provider) */
    GT_SQL_GRANT_INSERT,  /* first sign-in */
    GT_SQL_GRANT_SIGN_IN, /* sign in again: same row, next generation */
    GT_SQL_GRANT_COMMIT,  /* result of a refresh, when the generation is the one it began from */
    GT_SQL_GRANT_ERROR,   /* count an error, for the generation that was judged */
    GT_SQL_GRANT_STATUS,  /* set the status, for the generation that was judged */
    GT_SQL_GRANT_BURY,    /* note for the other nodes that it goes */
    GT_SQL_GRANT_GONE,    /* how long ago that was */
    GT_SQL_GRANT_DELETE,  /* revoke */
    GT_SQL_GRANT_USED,    /* add to use counts, move last_used_at on */
    GT_SQL_COUNT_PART,    /* count the grants of a part */
    GT_SQL_COUNTS,        /* add the parts up */
    GT_SQL_GRANT_LIST,    /* page of rows for the command line */
    GT_SQL_GRANT_CHANGES, /* what changed or went lately, for caches */
    GT_SQL_GRANT_PURGE,   /* kept refresh tokens whose time is over */
    GT_SQL_GONE_PURGE,    /* notes of what went, when everybody has read them */
    GT_SQL_LEASE_TAKE,    /* take the right to refresh when nobody holds it, with the intent */
    GT_SQL_LEASE_GIVE_BACK,
    GT_SQL_LEASE_REST, /* keep it until it ends, but no intent: nobody holds an answer */
    GT_SQL_LEASE_RENEW,
    GT_SQL_LEASE_DOUBT,   /* an intent without a lease: its owner may hold an answer */
    GT_SQL_LEASE_LOOK,    /* which of eight grants are worth another look */
    GT_SQL_JOB_DUE,       /* when the jobs have something to do */
    GT_SQL_JOB_CLAIM,     /* a part of a job that is due: ours until it is due again */
    GT_SQL_JOB_AGAIN,     /* when it is due again */
    GT_SQL_JOB_TURNS,     /* take turns in a row that all of a database's workers stand in */
    GT_SQL_DUE_PICK,      /* claim grants to be refreshed before anybody asks */
    GT_SQL_DUE_LET_GO,    /* give up such a claim */
    GT_SQL_CHECK_PICK,    /* claim grants whose token is to be tried */
    GT_SQL_EXPIRE,        /* deactivate what nobody can refresh any more */
    GT_SQL_REMOVE,        /* delete what has long been inactive */
    GT_SQL_CLEANUP_COUNT, /* how many both would be of a range */
    GT_SQL_GRANT_BY_ID,
    GT_SQL_GRANT_OF_USER,
    GT_SQL_GRANT_OF_ADDRESS, /* of an e-mail address, in any case */
    GT_SQL_RANGE,            /* where a range of ids ends that holds so many rows */
    GT_SQL_KEY_ROWS,         /* how many rows of a range are on which key */
    GT_SQL_REKEY_LEFT,       /* how many rows of a range are not on the writing keys */
    GT_SQL_REKEY_LIST,       /* page of those */
    GT_SQL_REKEY,            /* seal rows anew whose seals are still those that were read */
    GT_SQL_IDS_ARE_THERE,    /* whether database and stores have ids; the table's schema */
    GT_SQL_IDS,              /* those of the database and of the store */
    GT_SQL_PING,
    GT_SQL_COUNT
} gt_sql_t;

/** The text of a statement for an engine with a store's names filled in, ready for
 * apr_dbd_prepare; made once per store and engine, in `p`. */
const char *gt_sql_text(gt_sql_t sql, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p);

/** How many parameters it has; at most GT_SQL_PARAMS. */
int gt_sql_params(gt_sql_t sql);
#define GT_SQL_PARAMS 16

/** 1 when it changes nothing: it may be repeated. */
int gt_sql_is_read(gt_sql_t sql);

/**
 * Fill a text's {words} as gt_sql_text does. For db/migrate, whose texts use the same words and
 * {bare}, {name}, {schema}, {index}, {on}, {user_kind}, {references} besides.
 */
const char *gt_sql_fill(const char *text, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p);

/** 1 for an identifier we accept: [A-Za-z_][A-Za-z0-9_]{0,62}; when `dotted`, a schema and a dot
 * may stand before it. */
int gt_sql_is_name(const char *name, int dotted);

/** 1 for "table(column)" with names that gt_sql_is_name accepts; the table may be dotted. */
int gt_sql_is_reference(const char *reference);

#endif
