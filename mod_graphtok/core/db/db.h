/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DB_H
#define GT_DB_H

/**
 * @file db.h
 * Statements on a database whose connections mod_dbd pools. A connection is taken for one
 * statement or one short transaction and given back before anything is waited for. Parameters are
 * always bound; statements have no server-side name (they would die with restarts, failovers and
 * poolers). In front stand a gate (bounded number of users, bounded wait, one at a time that
 * connects) and a breaker (while the database is away one caller probes, the others fail at once).
 * A statement that waits for its answer beyond a limit is ended. May block; never call it on the
 * loop's thread. Thread-safe.
 */

#include <apr_dbd.h>

#include "db/sql.h"
#include "gt.h"

/** A connection as its source hands it out. */
typedef struct gt_db_conn_t {
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    apr_pool_t *pool; /* lives as long as the connection: prepared statements hang on it */
    void *lease;      /* the source's own */
    gt_err_t *why;    /* when there is none: the reason, in the asker's pool; NULL: not known */
} gt_db_conn_t;

/** Where connections come from: mod_dbd in httpd, an own handle in the command line. */
typedef struct gt_db_source_t {
    void *baton;
    /** APR_SUCCESS, or anything else when there is none now. */
    apr_status_t (*acquire)(gt_db_conn_t *conn, void *baton, apr_pool_t *p);
    void (*release)(gt_db_conn_t *conn, void *baton);
} gt_db_source_t;

typedef struct gt_db_limits_t {
    int users;                  /* connections in use at once by this process */
    apr_interval_time_t wait;   /* longest wait for one, µs */
    apr_interval_time_t answer; /* longest wait for a statement's answer, µs; 0: no limit. SQLite
                                 * has its own: a busy file fails after seconds */
} gt_db_limits_t;

/**
 * Bound how long libpq tries to connect, where neither DBDParams (connect_timeout) nor the
 * environment (PGCONNECT_TIMEOUT) does: connecting has no descriptor that could be shut down.
 * Once a process, while it has one thread.
 */
void gt_db_bound_connecting(void);

/** Make the access. @param source copied */
gt_db_t *gt_db_make(const gt_db_source_t *source, const gt_db_limits_t *limits, apr_pool_t *p);

/** A bound value. */
typedef struct gt_db_value_t {
    enum { GT_DB_NULL, GT_DB_TEXT, GT_DB_NUMBER } kind;
    const char *text;
    apr_int64_t number;
} gt_db_value_t;

/** A text, or SQL NULL for NULL; a function, so that the argument is evaluated once. */
static inline gt_db_value_t gt_db_text(const char *text)
{
    return (gt_db_value_t){text != NULL ? GT_DB_TEXT : GT_DB_NULL, text, 0};
}

/** Short names for lists of values. */
#define GT_TEXT(t) gt_db_text(t)
#define GT_NUM(n) ((gt_db_value_t){GT_DB_NUMBER, NULL, (n)})

/** One row: columns in the statement's order, NULL for SQL NULL. */
typedef struct gt_db_row_t {
    const char **column;
    int columns;
} gt_db_row_t;

/**
 * Run a statement that answers rows (SELECT, … RETURNING).
 * @param rows   array of gt_db_row_t, in `p`
 * @param names  what the statement's {words} stand for
 * @param args   as many values as the statement has parameters; read during the call only
 * @return GT_STORE_AWAY when the database is away or the gate is full; GT_CONFLICT when a unique
 *         rule was broken; GT_INTERNAL for a missing table (the detail says: graphtokctl migrate)
 */
GT_MUST gt_err_t *gt_db_rows(apr_array_header_t **rows, gt_db_t *db, const gt_sql_t *sql,
                             const gt_sql_names_t *names, const gt_db_value_t *args, apr_pool_t *p);

/** Run a statement that changes rows. @param changed number of rows, or NULL */
GT_MUST gt_err_t *gt_db_change(int *changed, gt_db_t *db, const gt_sql_t *sql,
                               const gt_sql_names_t *names, const gt_db_value_t *args,
                               apr_pool_t *p);

/** A statement of a transaction. */
typedef struct gt_db_act_t {
    const gt_sql_t *sql;
    const gt_db_value_t *args;
    int must_change; /* 1: where it changes no row, nothing of the transaction takes effect */
    int changed;     /* out: number of rows */
} gt_db_act_t;

/** All statements of a transaction. */
typedef struct gt_db_acts_t {
    gt_db_act_t *first;
    int count;
} gt_db_acts_t;

/**
 * Run statements that change rows in one short transaction: all of them take effect, or none.
 * @param is_done  out: 0, without an error: a statement that must change rows changed none
 */
GT_MUST gt_err_t *gt_db_together(int *is_done, gt_db_t *db, const gt_sql_names_t *names,
                                 const gt_db_acts_t *acts, apr_pool_t *p);

/** Run literal texts (schema) in one transaction; none takes effect when one fails. The failing
 * text is named in the error by its number. For db/ladder, and questions to a catalogue. */
GT_MUST gt_err_t *gt_db_script(gt_db_t *db, const apr_array_header_t *texts, apr_pool_t *p);

/** Rows of a literal text (none, when it is no query) outside any transaction, however long it
 * takes: an index that is built beside running servers. For db/ladder, and questions to a
 * catalogue. */
GT_MUST gt_err_t *gt_db_unlimited(apr_array_header_t **rows, gt_db_t *db, const char *text,
                                  apr_pool_t *p);

/** Rows of a literal text without parameters. For db/ladder, and questions to a catalogue. */
GT_MUST gt_err_t *gt_db_literal_rows(apr_array_header_t **rows, gt_db_t *db, const char *text,
                                     apr_pool_t *p);

/** Ask the database whether it is there. */
GT_MUST gt_err_t *gt_db_ping(gt_db_t *db, apr_pool_t *p);

/** "pgsql" or "sqlite3": asks for a connection when it is not known yet. */
GT_MUST gt_err_t *gt_db_engine(gt_engine_t *engine, gt_db_t *db, apr_pool_t *p);

/** 1 when the last thing heard from the database was an answer. */
int gt_db_is_up(const gt_db_t *db);

/** 1 when a statement would fail or wait now: the breaker is open, or no thread has got a place at
 * the gate for a while. */
int gt_db_is_stuck(const gt_db_t *db);

#endif
