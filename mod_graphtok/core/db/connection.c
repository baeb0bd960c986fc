/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Statements on one connection. Each is prepared once per connection and store and bound through
 * apr_dbd's pbquery and pbselect, which give SQLite numbers as numbers. The prepared statement
 * has no label, so that the server keeps nothing that a restart, a failover or a pooler between
 * us could lose.
 *
 * These are repeated: on SQLite a statement that a schema change made stale (it was not carried
 * out); on PostgreSQL a SELECT whose connection was lost, and a statement that a server refused
 * because it is read-only (behind an address that moved, a new connection finds the primary). Any
 * other write is never repeated; a connection that lay idle is asked first whether it lives, so
 * that a restarted server costs no write.
 */

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/pool.h"
#include "db/connection_struct.h"
#include "db/verdict.h"

#define IDLE_MAY_BE_DEAD apr_time_from_sec(1)
#define BUSY_SPAN apr_time_from_msec(200)
#define BUSY_NAP apr_time_from_msec(10)
#define SESSION_KEY "graphtok.session"

typedef struct prepared_t {
    apr_dbd_prepared_t *handle;
    int params;
    char kind[GT_SQL_PARAMS]; /* 's' text, 'd' number */
} prepared_t;

/* One run of a statement: what it asks and where its answer goes. */
typedef struct run_t {
    gt_session_t *session;
    const gt_statement_t *statement;
    apr_array_header_t **rows; /* NULL: a change is wanted */
    int *changed;
    apr_pool_t *scratch;
    apr_pool_t *pool; /* of the rows */
} run_t;

static const gt_outcome_t done = {GT_SAID_DONE, ""};
static const gt_outcome_t lost = {GT_SAID_LOST, ""};
static const gt_outcome_t cut = {GT_SAID_CUT, ""};
static const gt_outcome_t late = {GT_SAID_LATE, ""};

static int engine_of(gt_engine_t *engine, const apr_dbd_driver_t *driver)
{
    const char *name = apr_dbd_name(driver);

    if (strcmp(name, "pgsql") == 0)
        *engine = GT_PGSQL;
    else if (strcmp(name, "sqlite3") == 0)
        *engine = GT_SQLITE;
    else
        return 0;
    return 1;
}

gt_session_t *gt_session_of(const gt_db_conn_t *conn)
{
    gt_session_t *session;
    gt_engine_t engine;
    void *kept = NULL;

    (void)apr_pool_userdata_get(&kept, SESSION_KEY, conn->pool);
    if (kept != NULL) {
        session = kept;
        session->conn = *conn;
        return session;
    }
    if (!engine_of(&engine, conn->driver))
        return NULL;
    session = apr_pcalloc(conn->pool, sizeof *session);
    session->conn = *conn;
    session->engine = engine;
    session->codes = gt_codes_find(engine, conn->pool);
    session->prepared = apr_hash_make(conn->pool);
    apr_pool_userdata_setn(session, SESSION_KEY, NULL, conn->pool);
    return session;
}

gt_engine_t gt_session_engine(const gt_session_t *session)
{
    return session->engine;
}

void gt_session_limit(gt_session_t *session, gt_deadlines_t *deadlines, apr_interval_time_t limit)
{
    session->deadlines = deadlines;
    session->limit = limit;
    session->is_late = 0;
}

/* The server is waited for, from here to gt_session_end_wait. */
void gt_session_begin_wait(gt_deadline_t *deadline, const gt_session_t *s)
{
    if (s->deadlines != NULL)
        gt_deadline_begin(deadline, s->deadlines, gt_codes_socket(&s->codes, &s->conn), s->limit);
}

void gt_session_end_wait(gt_deadline_t *deadline, gt_session_t *s)
{
    if (s->deadlines != NULL && gt_deadline_end(deadline, s->deadlines))
        s->is_late = 1;
}

/* The connection's next user finds it dead and opens it anew. */
static void shut(gt_session_t *s)
{
    (void)shutdown(gt_codes_socket(&s->codes, &s->conn), SHUT_RDWR);
}

static int answers(gt_session_t *s, apr_pool_t *scratch)
{
    apr_dbd_results_t *answer = NULL;
    gt_deadline_t deadline;
    int rc;

    gt_session_begin_wait(&deadline, s);
    rc = apr_dbd_select(s->conn.driver, scratch, s->conn.handle, &answer, "SELECT 1", 1);
    gt_session_end_wait(&deadline, s);
    return rc == 0;
}

/* Whether the server still answers; a dead connection is made anew once. A server that was waited
 * for in vain is not waited for again. */
int gt_session_lives(gt_session_t *s, apr_pool_t *scratch)
{
    if (s->engine == GT_SQLITE || answers(s, scratch))
        return 1;
    if (s->is_late || apr_dbd_check_conn(s->conn.driver, scratch, s->conn.handle) != APR_SUCCESS)
        return 0;
    return answers(s, scratch);
}

/* A failure without code is the connection's, unless the connection still answers. */
gt_outcome_t gt_session_judge(gt_session_t *s, gt_outcome_t said, apr_pool_t *scratch)
{
    if (s->engine == GT_SQLITE || said.said != GT_SAID_WRONG || said.code[0] != '\0')
        return said;
    if (s->is_late)
        return late;
    return answers(s, scratch) ? said : lost;
}

static void read_kinds(prepared_t *prepared, const char *text)
{
    const char *c;

    for (c = strchr(text, '%'); c != NULL; c = strchr(c + 1, '%')) {
        assert(prepared->params < GT_SQL_PARAMS);
        assert(c[1] == 's' || strncmp(c + 1, "lld", 3) == 0);
        prepared->kind[prepared->params++] = c[1] == 's' ? 's' : 'd';
    }
}

static const char *statement_key(const gt_statement_t *statement, apr_pool_t *p)
{
    return apr_psprintf(p, "%pp %s %s", (const void *)statement->sql, statement->names->table,
                        statement->names->key);
}

/* PostgreSQL's driver only notes the text; SQLite compiles it and may find it wrong. */
static gt_outcome_t prepare(prepared_t **prepared, const run_t *run, const char *key)
{
    gt_session_t *s = run->session;
    const char *text =
        gt_sql_text(run->statement->sql, s->engine, run->statement->names, run->scratch);
    prepared_t *fresh = apr_pcalloc(s->conn.pool, sizeof *fresh);
    int rc;

    read_kinds(fresh, text);
    rc = apr_dbd_prepare(s->conn.driver, s->conn.pool, s->conn.handle, text, NULL, &fresh->handle);
    if (rc != 0)
        return gt_verdict(s->engine, &s->codes, &s->conn, rc);
    apr_hash_set(s->prepared, apr_pstrdup(s->conn.pool, key), APR_HASH_KEY_STRING, fresh);
    *prepared = fresh;
    return done;
}

/* The driver trusts its array: a text where it reads a number would be a wild pointer. */
static void fill_slots(const void **slots, const prepared_t *prepared, const gt_db_value_t *args)
{
    int i;

    for (i = 0; i < prepared->params; i++) {
        assert(args[i].kind == GT_DB_NULL ||
               args[i].kind == (prepared->kind[i] == 's' ? GT_DB_TEXT : GT_DB_NUMBER));
        if (args[i].kind == GT_DB_NULL)
            slots[i] = NULL;
        else if (args[i].kind == GT_DB_TEXT)
            slots[i] = args[i].text;
        else
            slots[i] = &args[i].number;
    }
}

/* Rows are copied at once: reading PostgreSQL's last row frees the result, and all rows with it. */
static void copy_rows(apr_array_header_t *rows, const run_t *run, apr_dbd_results_t *answer)
{
    const apr_dbd_driver_t *driver = run->session->conn.driver;
    int columns = apr_dbd_num_cols(driver, answer);
    apr_dbd_row_t *row = NULL;

    while (apr_dbd_get_row(driver, run->scratch, answer, &row, -1) == 0) {
        gt_db_row_t *copy = apr_array_push(rows);
        int i;

        copy->columns = columns;
        copy->column = apr_pcalloc(run->pool, sizeof(char *) * (apr_size_t)columns);
        for (i = 0; i < columns; i++) {
            const char *text = NULL;

            if (apr_dbd_datum_get(driver, row, i, APR_DBD_TYPE_STRING, &text) == APR_SUCCESS)
                copy->column[i] = apr_pstrdup(run->pool, text);
        }
    }
}

static gt_outcome_t execute(const run_t *run, const prepared_t *prepared)
{
    gt_session_t *s = run->session;
    const void *slots[GT_SQL_PARAMS] = {NULL};
    apr_dbd_results_t *answer = NULL;
    gt_deadline_t deadline;
    int before, rc, n = 0;

    if (prepared->params > 0)
        fill_slots(slots, prepared, run->statement->args);
    before = gt_codes_before(&s->codes, &s->conn);
    gt_session_begin_wait(&deadline, s);
    if (run->rows != NULL)
        rc = apr_dbd_pbselect(s->conn.driver, run->scratch, s->conn.handle, &answer,
                              prepared->handle, 1, slots);
    else
        rc = apr_dbd_pbquery(s->conn.driver, run->scratch, s->conn.handle, &n, prepared->handle,
                             slots);
    gt_session_end_wait(&deadline, s);
    gt_codes_after(&s->codes, &s->conn, before);
    if (rc != 0)
        return gt_verdict(s->engine, &s->codes, &s->conn, rc);
    if (run->rows != NULL) {
        *run->rows = apr_array_make(run->pool, 1, sizeof(gt_db_row_t));
        copy_rows(*run->rows, run, answer);
    }
    else if (run->changed != NULL) {
        *run->changed = n;
    }
    return done;
}

/* SQLite's driver compiles statements in the old way: after a change of the schema by another
 * connection a prepared one fails for ever, with the code "schema" the first time and none
 * later. The schema may change right behind a statement's compilation, too, as each step of a
 * migration changes it. */
#define COMPILED_MOST 5
static int is_stale(const gt_session_t *s, const gt_outcome_t *outcome, int was_kept)
{
    int has_no_code = outcome->code[0] == '\0' || strncmp(outcome->code, "0/", 2) == 0;

    return s->engine == GT_SQLITE && outcome->said == GT_SAID_WRONG &&
           (strncmp(outcome->code, "17/", 3) == 0 || (was_kept && has_no_code));
}

static gt_outcome_t run_once(const run_t *run)
{
    gt_session_t *s = run->session;
    const char *key = statement_key(run->statement, run->scratch);
    prepared_t *prepared = apr_hash_get(s->prepared, key, APR_HASH_KEY_STRING);
    int was_kept = prepared != NULL;
    gt_outcome_t outcome = done;

    if (!was_kept)
        outcome = prepare(&prepared, run, key);
    if (outcome.said != GT_SAID_DONE)
        return outcome;
    outcome = execute(run, prepared);
    for (int n = 0; n < COMPILED_MOST && is_stale(s, &outcome, was_kept); n++, was_kept = 0) {
        outcome = prepare(&prepared, run, key);
        if (outcome.said == GT_SAID_DONE)
            outcome = execute(run, prepared);
    }
    return outcome;
}

/* The first process to open a SQLite file after it was closed holds a lock for a moment, and the
 * busy timeout of the others does not wait for that one. */
static int may_pass(const run_t *run, const gt_outcome_t *outcome)
{
    return run->session->engine == GT_SQLITE && outcome->said == GT_SAID_BUSY &&
           gt_sql_is_read(run->statement->sql);
}

static gt_outcome_t run_judged(const run_t *run)
{
    return gt_session_judge(run->session, run_once(run), run->scratch);
}

/* Nothing was done; the address may be another server's by now. */
static gt_outcome_t run_elsewhere(const run_t *run)
{
    gt_session_t *s = run->session;
    gt_outcome_t outcome = lost;

    shut(s);
    if (gt_session_lives(s, run->scratch))
        outcome = run_judged(run);
    if (outcome.said == GT_SAID_READ_ONLY)
        shut(s);
    return outcome;
}

int gt_session_is_idle(const gt_session_t *s)
{
    return s->used + IDLE_MAY_BE_DEAD < gt_ticks();
}

static gt_outcome_t run_well(const run_t *run)
{
    gt_session_t *s = run->session;
    apr_time_t begun = gt_ticks();
    gt_outcome_t outcome;

    if (gt_session_is_idle(s) && !gt_session_lives(s, run->scratch))
        return lost;
    outcome = run_judged(run);
    while (may_pass(run, &outcome) && gt_ticks() - begun < BUSY_SPAN) {
        apr_sleep(BUSY_NAP);
        outcome = run_judged(run);
    }
    if (outcome.said == GT_SAID_READ_ONLY)
        outcome = run_elsewhere(run);
    if (outcome.said == GT_SAID_LOST && gt_session_lives(s, run->scratch))
        outcome = gt_sql_is_read(run->statement->sql) ? run_judged(run) : cut;
    /* A connection that is shut down is asked whether it lives before it is used again. */
    s->used = outcome.said == GT_SAID_LOST || outcome.said == GT_SAID_READ_ONLY || s->is_late
                  ? 0
                  : gt_ticks();
    return outcome;
}

gt_outcome_t gt_session_rows(apr_array_header_t **rows, gt_session_t *session,
                             const gt_statement_t *statement, apr_pool_t *p)
{
    run_t run = {session, statement, rows, NULL, NULL, p};
    gt_outcome_t outcome;

    run.scratch = gt_pool_make(p, "gt_statement");
    outcome = run_well(&run);
    apr_pool_destroy(run.scratch);
    return outcome;
}

gt_outcome_t gt_session_change(int *changed, gt_session_t *session, const gt_statement_t *statement,
                               apr_pool_t *p)
{
    run_t run = {session, statement, NULL, changed, NULL, p};
    gt_outcome_t outcome;

    run.scratch = gt_pool_make(p, "gt_statement");
    outcome = run_well(&run);
    apr_pool_destroy(run.scratch);
    return outcome;
}

gt_outcome_t gt_session_once(int *changed, gt_session_t *session, const gt_statement_t *statement,
                             apr_pool_t *scratch)
{
    const run_t run = {session, statement, NULL, changed, scratch, scratch};

    return run_once(&run);
}

gt_outcome_t gt_session_literal(apr_array_header_t **rows, gt_session_t *session, const char *text,
                                apr_pool_t *p)
{
    const gt_db_conn_t *conn = &session->conn;
    run_t run = {session, NULL, rows, NULL, NULL, p};
    apr_dbd_results_t *answer = NULL;
    gt_outcome_t outcome = done;
    int before, rc;

    run.scratch = gt_pool_make(p, "gt_statement");
    before = gt_codes_before(&session->codes, conn);
    rc = apr_dbd_select(conn->driver, run.scratch, conn->handle, &answer, text, 1);
    gt_codes_after(&session->codes, conn, before);
    if (rc != 0)
        outcome = gt_session_judge(session, gt_verdict(session->engine, &session->codes, conn, rc),
                                   run.scratch);
    *rows = apr_array_make(p, 4, sizeof(gt_db_row_t));
    if (rc == 0)
        copy_rows(*rows, &run, answer);
    apr_pool_destroy(run.scratch);
    return outcome;
}

void gt_session_say_all(const gt_session_t *s, const char *const *texts)
{
    int n;

    for (; s->engine == GT_PGSQL && *texts != NULL; texts++)
        (void)apr_dbd_query(s->conn.driver, s->conn.handle, &n, *texts);
}

gt_outcome_t gt_session_unlimited(apr_array_header_t **rows, gt_session_t *session,
                                  const char *text, apr_pool_t *p)
{
    static const char *const off[] = {"SET statement_timeout = 0", "SET lock_timeout = 0", NULL};
    static const char *const on[] = {"RESET statement_timeout", "RESET lock_timeout", NULL};
    gt_outcome_t outcome;

    gt_session_say_all(session, off);
    outcome = gt_session_literal(rows, session, text, p);
    gt_session_say_all(session, on);
    return outcome;
}
