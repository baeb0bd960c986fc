/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_VERDICT_H
#define GT_VERDICT_H

/**
 * @file verdict.h
 * From an engine's error code to its meaning. apr_dbd gives texts only, in the server's
 * language, with values in them; so libpq is asked for the SQLSTATE alone and SQLite for its
 * extended code, through functions of the driver's own library, which we do not link. For
 * db/connection and db/db only. Used by the thread that has the connection.
 */

#include "db/connection.h"

/** How an engine's library is asked; members are NULL where it has no such function. */
typedef struct gt_codes_t {
    int (*pg_verbosity)(void *connection, int verbosity); /* PQsetErrorVerbosity */
    int (*pg_socket)(const void *connection);             /* PQsocket */
    int (*sqlite_code)(void *connection);                 /* sqlite3_extended_errcode */
} gt_codes_t;

/** Find an engine's function in what is loaded. Once per connection. */
gt_codes_t gt_codes_find(gt_engine_t engine, apr_pool_t *p);

/** Before a statement: have errors told as codes. @return the verbosity before, for
 * gt_codes_after */
int gt_codes_before(const gt_codes_t *codes, const gt_db_conn_t *conn);

/** After it: give the connection its former verbosity back, for other modules that share it. */
void gt_codes_after(const gt_codes_t *codes, const gt_db_conn_t *conn, int before);

/** The socket of a connection; -1 when it has none (SQLite, a broken connection). */
int gt_codes_socket(const gt_codes_t *codes, const gt_db_conn_t *conn);

/** The outcome of a failed statement; `rc` is apr_dbd's. Call it at once, before anything else is
 * done with the connection. An outcome without code is GT_SAID_WRONG: ask whether the connection
 * lives. */
gt_outcome_t gt_verdict(gt_engine_t engine, const gt_codes_t *codes, const gt_db_conn_t *conn,
                        int rc);

/**
 * Why PostgreSQL gave no connection. It is asked once more, for its code, for at most 5 s.
 * @param params  the conninfo
 * @param words   libpq's; shown only when it could read the conninfo
 * @param user    the name of the system's user that asks, which counts for peer authentication
 * @return GT_STORE_AWAY: it does not answer; GT_FORBIDDEN: it refuses the role; GT_NOT_FOUND: it
 *         has no such database; GT_INVALID: libpq cannot read the conninfo
 */
GT_MUST GT_NEVER_NULL gt_err_t *gt_verdict_unconnected(const char *params, const char *words,
                                                       const char *user, apr_pool_t *p);

/** An outcome as our error; GT_OK for GT_SAID_DONE. */
GT_MUST gt_err_t *gt_verdict_err(const gt_outcome_t *outcome, apr_pool_t *p);

#endif
