/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Transactions. The mode is "roll back" until the last statement has passed: the pool's own cleanup
 * would commit.
 */

#include "base/clock.h"
#include "base/pool.h"
#include "db/connection_struct.h"

static const gt_outcome_t done = {GT_SAID_DONE, ""};

/* @return how it went; NULL in *transaction: it has not begun */
static gt_outcome_t begin(apr_dbd_transaction_t **transaction, gt_session_t *s, apr_pool_t *scratch)
{
    const gt_db_conn_t *conn = &s->conn;
    gt_deadline_t deadline;
    int rc;

    *transaction = NULL;
    gt_session_begin_wait(&deadline, s);
    rc = apr_dbd_transaction_start(conn->driver, scratch, conn->handle, transaction);
    gt_session_end_wait(&deadline, s);
    if (*transaction != NULL)
        apr_dbd_transaction_mode_set(conn->driver, *transaction, APR_DBD_TRANSACTION_ROLLBACK);
    return rc == 0 ? done : gt_verdict(s->engine, &s->codes, conn, rc);
}

static gt_outcome_t commit(apr_dbd_transaction_t *transaction, gt_session_t *s, apr_pool_t *scratch)
{
    const gt_db_conn_t *conn = &s->conn;
    gt_deadline_t deadline;
    int rc;

    apr_dbd_transaction_mode_set(conn->driver, transaction, APR_DBD_TRANSACTION_COMMIT);
    gt_session_begin_wait(&deadline, s);
    rc = apr_dbd_transaction_end(conn->driver, scratch, transaction);
    gt_session_end_wait(&deadline, s);
    return rc == 0 ? done : gt_verdict(s->engine, &s->codes, conn, rc);
}

static void roll_back(apr_dbd_transaction_t *transaction, gt_session_t *s, apr_pool_t *scratch)
{
    (void)apr_dbd_transaction_end(s->conn.driver, scratch, transaction);
}

/* ---- literal texts ---- */

static gt_outcome_t say(const char *text, gt_session_t *s)
{
    int n, rc = apr_dbd_query(s->conn.driver, s->conn.handle, &n, text);

    return rc == 0 ? done : gt_verdict(s->engine, &s->codes, &s->conn, rc);
}

static gt_outcome_t transact(int *failed, gt_session_t *s, const apr_array_header_t *texts,
                             apr_pool_t *scratch)
{
    static const char *const no_limit[] = {"SET LOCAL statement_timeout = 0", NULL};
    apr_dbd_transaction_t *transaction;
    gt_outcome_t outcome = begin(&transaction, s, scratch);

    *failed = 0;
    if (transaction == NULL)
        return outcome;
    if (outcome.said == GT_SAID_DONE)
        gt_session_say_all(s, no_limit);
    for (int i = 0; i < texts->nelts && outcome.said == GT_SAID_DONE; i++) {
        *failed = i + 1;
        outcome = say(APR_ARRAY_IDX(texts, i, const char *), s);
    }
    if (outcome.said != GT_SAID_DONE) {
        roll_back(transaction, s, scratch);
        return outcome;
    }
    *failed = texts->nelts + 1;
    return commit(transaction, s, scratch);
}

gt_outcome_t gt_session_script(int *failed, gt_session_t *session, const apr_array_header_t *texts,
                               apr_pool_t *p)
{
    gt_outcome_t outcome;
    apr_pool_t *scratch;
    int before;

    scratch = gt_pool_make(p, "gt_statement");
    before = gt_codes_before(&session->codes, &session->conn);
    outcome = transact(failed, session, texts, scratch);
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
    apr_dbd_transaction_t *transaction;
    gt_outcome_t outcome = begin(&transaction, s, scratch);
    int is_whole = 0;

    *is_done = 0;
    if (transaction == NULL)
        return outcome;
    if (outcome.said == GT_SAID_DONE)
        outcome = run_all(&is_whole, s, names, acts, scratch);
    if (outcome.said != GT_SAID_DONE || !is_whole) {
        roll_back(transaction, s, scratch);
        return outcome;
    }
    outcome = commit(transaction, s, scratch);
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
