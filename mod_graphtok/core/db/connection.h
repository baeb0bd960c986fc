/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CONNECTION_H
#define GT_CONNECTION_H

/**
 * @file connection.h
 * The session that we keep on a connection while mod_dbd pools it: its prepared statements, and the
 * functions that give its engine's error codes. It lies in the connection's own pool and goes with
 * it. Used by one thread at a time, as the connection is. For db/db only.
 */

#include "db/db.h"
#include "db/deadline.h"

typedef struct gt_session_t gt_session_t;

/** The database's answer to a statement, as a class. */
typedef enum gt_said_t {
    GT_SAID_DONE,
    GT_SAID_LOST,      /* no answer: the connection or the server is gone */
    GT_SAID_CUT,       /* the connection broke under a write; the server is there */
    GT_SAID_LATE,      /* no answer within our limit: the connection was shut down */
    GT_SAID_BUSY,      /* a lock or time limit: the same may pass at once or soon */
    GT_SAID_NO_WRITES, /* it answers but takes no writes: disk full */
    GT_SAID_READ_ONLY, /* this server is no primary; its connection was shut down */
    GT_SAID_TAKEN,     /* a unique rule was broken */
    GT_SAID_NO_USER,   /* the application's user table has no such user */
    GT_SAID_BAD_VALUE, /* a value does not fit its column */
    GT_SAID_NO_TABLE,  /* a table or column is missing */
    GT_SAID_DENIED,    /* our role may not do this */
    GT_SAID_WRONG,     /* anything else */
    GT_SAYINGS
} gt_said_t;

/** With the engine's own code (SQLSTATE, SQLite's extended code), "" when there is none. */
typedef struct gt_outcome_t {
    gt_said_t said;
    char code[12];
} gt_outcome_t;

/** A statement with its names and parameters. */
typedef struct gt_statement_t {
    const gt_sql_t *sql;
    const gt_sql_names_t *names;
    const gt_db_value_t *args;
} gt_statement_t;

/** The session of a connection, made when it has none. NULL: we do not speak its engine. */
gt_session_t *gt_session_of(const gt_db_conn_t *conn);

/** Which engine it speaks. */
gt_engine_t gt_session_engine(const gt_session_t *session);

/** How long each wait of the session's statements may take from now on. Literal texts have no
 * limit: an index takes as long as it takes. @param deadlines NULL: no limit */
void gt_session_limit(gt_session_t *session, gt_deadlines_t *deadlines, apr_interval_time_t limit);

/** Rows of a statement, copied into `p`. A SELECT is repeated once on a new connection. */
gt_outcome_t gt_session_rows(apr_array_header_t **rows, gt_session_t *session,
                             const gt_statement_t *statement, apr_pool_t *p);

/** Number of rows a statement changed. Never repeated when it may have been carried out. */
gt_outcome_t gt_session_change(int *changed, gt_session_t *session, const gt_statement_t *statement,
                               apr_pool_t *p);

/** Statements in one transaction, never repeated. @param is_done  as in gt_db_together */
gt_outcome_t gt_session_together(int *is_done, gt_session_t *session, const gt_sql_names_t *names,
                                 const gt_db_acts_t *acts, apr_pool_t *p);

/** Rows of a literal text. */
gt_outcome_t gt_session_literal(apr_array_header_t **rows, gt_session_t *session, const char *text,
                                apr_pool_t *p);

/** The same outside any transaction and however long it takes: no time limit of the server's holds,
 * and the session has its own again afterwards. */
gt_outcome_t gt_session_unlimited(apr_array_header_t **rows, gt_session_t *session,
                                  const char *text, apr_pool_t *p);

/** Literal texts in one transaction, for which no statement has a time limit; one for locks stays.
 * @param failed number of the failing text from 1; one more than there are: the COMMIT */
gt_outcome_t gt_session_script(int *failed, gt_session_t *session, const apr_array_header_t *texts,
                               apr_pool_t *p);

#endif
