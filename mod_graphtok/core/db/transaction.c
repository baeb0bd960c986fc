/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Transactions. Their beginning and their end are said as texts: APR's driver for PostgreSQL
 * crashes where a connection that has died is to begin one (apr_dbd_transaction_start, APR-util
 * 1.6), and the pool's cleanup of its transactions would commit.
 */

#include "base/clock.h"
#include "base/pool.h"
#include "db/connection_struct.h"

static const gt_outcome_t done = {GT_SAID_DONE, ""};

static gt_outcome_t say(const char *text, gt_session_t *s)
{
    int n, rc = apr_dbd_query(s->conn.driver, s->conn.handle, &n, text);

    return rc == 0 ? done : gt_verdict(s->engine, &s->codes, &s->conn, rc);
}

/* The same, whose answer is waited for as long as the session says. */
static gt_outcome_t say_in_time(const char *text, gt_session_t *s)
{
    gt_deadline_t deadline;
    gt_outcome_t outcome;

    gt_session_begin_wait(&deadline, s);
    outcome = say(text, s);
    gt_session_end_wait(&deadline, s);
    return outcome;
}

/* SQLite has one writer, and a transaction that became one late could not wait for its turn.
 * PostgreSQL ends a transaction whose process stands still, or whose host is gone: the rows that it
 * holds would be locked for others until TCP found the loss, which takes hours. Between two of our
 * statements are milliseconds. */
static gt_outcome_t begin(gt_session_t *s)
{
    static const char pgsql[] = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'";

    return say_in_time(s->engine == GT_SQLITE ? "BEGIN IMMEDIATE" : pgsql, s);
}

static void roll_back(gt_session_t *s)
{
    (void)say_in_time("ROLLBACK", s);
}

static gt_outcome_t commit(gt_session_t *s)
{
    gt_outcome_t outcome = say_in_time("COMMIT", s);

    if (outcome.said != GT_SAID_DONE)
        roll_back(s);
    return outcome;
}

/* ---- literal texts ---- */

static gt_outcome_t transact(int *failed, gt_session_t *s, const apr_array_header_t *texts)
{
    static const char *const no_limit[] = {"SET LOCAL statement_timeout = 0", NULL};
    gt_outcome_t outcome = begin(s);

    *failed = 0;
    if (outcome.said != GT_SAID_DONE)
        return outcome;
    gt_session_say_all(s, no_limit);
    for (int i = 0; i < texts->nelts && outcome.said == GT_SAID_DONE; i++) {
        *failed = i + 1;
        outcome = say(APR_ARRAY_IDX(texts, i, const char *), s);
    }
    if (outcome.said != GT_SAID_DONE) {
        roll_back(s);
        return outcome;
    }
    *failed = texts->nelts + 1;
    return commit(s);
}

gt_outcome_t gt_session_script(int *failed, gt_session_t *session, const apr_array_header_t *texts,
                               apr_pool_t *p)
{
    gt_outcome_t outcome;
    apr_pool_t *scratch;
    int before;

    scratch = gt_pool_make(p, "gt_statement");
    before = gt_codes_before(&session->codes, &session->conn);
    outcome = transact(failed, session, texts);
    gt_codes_after(&session->codes, &session->conn, before);
    outcome = gt_session_judge(session, outcome, scratch);
    apr_pool_destroy(scratch);
    return outcome;
}

/* ---- statements ---- */

/* @param is_whole  out: 0: a statement that must change rows changed none */
static gt_outcome_t run_all(int *is_whole, gt_session_t *s, const gt_sql_names_t *names,
                            const gt_db_acts_t *acts, apr_pool_t *scratch)
{
    gt_outcome_t outcome = done;

    *is_whole = 1;
    for (int i = 0; i < acts->count && *is_whole && outcome.said == GT_SAID_DONE; i++) {
        gt_db_act_t *act = &acts->first[i];
        const gt_statement_t statement = {act->sql, names, act->args};

        act->changed = 0;
        outcome = gt_session_once(&act->changed, s, &statement, scratch);
        *is_whole = act->changed > 0 || !act->must_change;
    }
    return outcome;
}

static gt_outcome_t run_together(int *is_done, gt_session_t *s, const gt_sql_names_t *names,
                                 const gt_db_acts_t *acts, apr_pool_t *scratch)
{
    gt_outcome_t outcome = begin(s);
    int is_whole = 0;

    *is_done = 0;
    if (outcome.said != GT_SAID_DONE)
        return outcome;
    outcome = run_all(&is_whole, s, names, acts, scratch);
    if (outcome.said != GT_SAID_DONE || !is_whole) {
        roll_back(s);
        return outcome;
    }
    outcome = commit(s);
    *is_done = outcome.said == GT_SAID_DONE;
    return outcome;
}

gt_outcome_t gt_session_together(int *is_done, gt_session_t *session, const gt_sql_names_t *names,
                                 const gt_db_acts_t *acts, apr_pool_t *p)
{
    apr_pool_t *scratch = gt_pool_make(p, "gt_statement");
    gt_outcome_t outcome = {GT_SAID_LOST, ""};

    *is_done = 0;
    if (!gt_session_is_idle(session) || gt_session_lives(session, scratch))
        outcome = gt_session_judge(session, run_together(is_done, session, names, acts, scratch),
                                   scratch);
    session->used = outcome.said == GT_SAID_DONE ? gt_ticks() : 0;
    apr_pool_destroy(scratch);
    return outcome;
}
