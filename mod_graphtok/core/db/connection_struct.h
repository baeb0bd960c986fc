/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CONNECTION_STRUCT_H
#define GT_CONNECTION_STRUCT_H

/** @file connection_struct.h The inside of a session: for connection.c and transaction.c alone. */

#include <apr_hash.h>

#include "db/connection.h"
#include "db/verdict.h"

struct gt_session_t {
    gt_db_conn_t conn;
    gt_engine_t engine;
    gt_codes_t codes;
    apr_hash_t *prepared;      /* statement and store → prepared_t */
    apr_time_t used;           /* gt_ticks of the last answer; 0: none yet */
    gt_deadlines_t *deadlines; /* NULL: no limit */
    apr_interval_time_t limit; /* of one wait for the server */
    int is_late;               /* 1: the last statement's connection was shut down */
};

/** The server is waited for, from here to gt_session_end_wait. */
void gt_session_begin_wait(gt_deadline_t *deadline, const gt_session_t *s);
void gt_session_end_wait(gt_deadline_t *deadline, gt_session_t *s);

/** 1 when it was used so long ago that its connection may be dead. */
int gt_session_is_idle(const gt_session_t *s);

/** Whether the server still answers; a dead connection is made anew once. A server that was waited
 * for in vain is not waited for again. */
int gt_session_lives(gt_session_t *s, apr_pool_t *scratch);

/** A failure without code is the connection's, unless the connection still answers. */
gt_outcome_t gt_session_judge(gt_session_t *s, gt_outcome_t said, apr_pool_t *scratch);

/** Run a statement that changes rows, on the connection as it is. */
gt_outcome_t gt_session_once(int *changed, gt_session_t *session, const gt_statement_t *statement,
                             apr_pool_t *scratch);

/** Settings, on PostgreSQL alone. @param texts  NULL last */
void gt_session_say_all(const gt_session_t *s, const char *const *texts);

#endif
