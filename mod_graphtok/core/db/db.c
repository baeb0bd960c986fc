/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The way to the database and back: gate, breaker, connection, statement, verdict. The gate holds
 * callers before the pool behind it, which would let them wait for ever; the breaker lets one
 * caller at a time find out whether a database that went away is back (a pool would line all of
 * them up behind its connect timeout). Both are a handful of numbers under one lock, which is
 * never held while a connection or an answer is waited for.
 *
 * SQLite's writers need no queue of ours within a process: the driver's one lock is one.
 */

#include <assert.h>
#include <stdlib.h>

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/event.h"
#include "base/log.h"
#include "db/db.h"
#include "db/session.h"
#include "db/verdict.h"

#define FIRST_PROBE apr_time_from_msec(100)
#define LONGEST_PROBE apr_time_from_sec(2)
#define PROBE_WAIT apr_time_from_msec(200)
#define BUSY_FIRST apr_time_from_msec(5)
#define BUSY_LAST apr_time_from_msec(50)
#define BUSY_PATIENCE apr_time_from_sec(5) /* beyond the 1.5 s that the driver itself waits */

struct gt_db_t {
    gt_db_source_t source;
    gt_db_limits_t limits;
    apr_thread_mutex_t *lock; /* protects everything below */
    apr_thread_cond_t *freed; /* somebody left, or the breaker opened */
    int users;                /* inside the gate now */
    int is_away;              /* the breaker is open */
    int is_probing;           /* one caller is finding out */
    int failures;             /* in a row */
    apr_time_t probe_at;      /* gt_ticks of the next probe */
    int is_up;                /* the last thing heard was an answer */
    int engine;               /* gt_engine_t, or -1 while unknown */
};

/* What is done with a connection. */
typedef struct work_t {
    gt_outcome_t (*run)(const struct work_t *work, gt_session_t *session, apr_pool_t *p);
    gt_statement_t statement;
    const char *text;
    const apr_array_header_t *texts;
    apr_array_header_t **rows;
    int *number; /* changed rows, or the failing text */
} work_t;

gt_db_t *gt_db_make(const gt_db_source_t *source, const gt_db_limits_t *limits, apr_pool_t *p)
{
    gt_db_t *db = apr_pcalloc(p, sizeof *db);

    assert(limits->users > 0 && limits->wait >= 0);
    db->source = *source;
    db->limits = *limits;
    db->engine = -1;
    if (apr_thread_mutex_create(&db->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS ||
        apr_thread_cond_create(&db->freed, p) != APR_SUCCESS)
        abort();
    return db;
}

/* Call with the lock held. */
static int may_try(const gt_db_t *db)
{
    return !db->is_away || (!db->is_probing && gt_ticks() >= db->probe_at);
}

/* Call with the lock held. 0: time is up. */
static int wait_for_place(gt_db_t *db)
{
    apr_time_t until = gt_ticks() + db->limits.wait;

    while (db->users >= db->limits.users && may_try(db)) {
        apr_interval_time_t left = until - gt_ticks();

        if (left <= 0)
            return 0;
        if (APR_STATUS_IS_TIMEUP(apr_thread_cond_timedwait(db->freed, db->lock, left)) &&
            db->users >= db->limits.users)
            return 0;
    }
    return 1;
}

/* Call with the lock held. When the database is back, all who come before this child has heard of it
 * come together, and a probe takes milliseconds: they need not fail. A longer one holds nobody. */
static void wait_for_probe(gt_db_t *db)
{
    while (db->is_probing)
        if (APR_STATUS_IS_TIMEUP(apr_thread_cond_timedwait(db->freed, db->lock, PROBE_WAIT)))
            return;
}

/* @param is_probe  we are the one who finds out whether the database is back */
static gt_err_t *enter(int *is_probe, gt_db_t *db, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;

    apr_thread_mutex_lock(db->lock);
    *is_probe = 0;
    wait_for_probe(db);
    if (!wait_for_place(db)) {
        err = gt_err(p, GT_STORE_AWAY, "GT0403", "all %d database connections are in use",
                     db->limits.users);
    }
    else if (!may_try(db)) {
        err = gt_err(p, GT_STORE_AWAY, "GT0402", "the database was away a moment ago");
        err->retry_after = LONGEST_PROBE;
    }
    else {
        *is_probe = db->is_probing = db->is_away;
        db->users++;
    }
    apr_thread_mutex_unlock(db->lock);
    return err;
}

/* @param is_back  1: it came back just now; -1: it went away just now */
static void note(int *is_back, gt_db_t *db, int answered)
{
    *is_back = answered ? db->is_away : db->is_away - 1;
    db->is_up = answered;
    if (answered) {
        db->is_away = 0;
        db->failures = 0;
        return;
    }
    db->is_away = 1;
    db->probe_at = gt_ticks() + gt_backoff(db->failures, FIRST_PROBE, LONGEST_PROBE);
    if (db->failures < 16)
        db->failures++;
}

static void leave(gt_db_t *db, int is_probe, int answered)
{
    int is_back;

    apr_thread_mutex_lock(db->lock);
    db->users--;
    if (is_probe)
        db->is_probing = 0;
    note(&is_back, db, answered);
    apr_thread_cond_broadcast(db->freed);
    apr_thread_mutex_unlock(db->lock);
    if (is_back > 0)
        gt_log(GT_LOG_NOTICE, NULL, "the database answers again");
    else if (is_back < 0)
        gt_log(GT_LOG_ERROR, "GT0427", "the database went away; it is asked again within 2 s");
}

static gt_err_t *use(gt_outcome_t *outcome, gt_db_t *db, const gt_db_conn_t *conn,
                     const work_t *work, apr_pool_t *p)
{
    gt_session_t *session = gt_session_of(conn);

    if (session == NULL)
        return gt_err(p, GT_INTERNAL, "GT0412", "DBDriver must be pgsql or sqlite3, not %s",
                      apr_dbd_name(conn->driver));
    apr_thread_mutex_lock(db->lock);
    db->engine = (int)gt_session_engine(session);
    apr_thread_mutex_unlock(db->lock);
    *outcome = work->run(work, session, p);
    return gt_verdict_err(outcome, p);
}

static int known_engine(gt_db_t *db)
{
    int engine;

    apr_thread_mutex_lock(db->lock);
    engine = db->engine;
    apr_thread_mutex_unlock(db->lock);
    return engine;
}

static gt_err_t *try_it(gt_outcome_t *outcome, gt_db_t *db, const work_t *work, apr_pool_t *p)
{
    gt_db_conn_t conn = {NULL, NULL, NULL, NULL};
    gt_err_t *err;
    int is_probe;

    *outcome = (gt_outcome_t){GT_SAID_DONE, ""};
    GT_TRY(enter(&is_probe, db, p));
    if (db->source.acquire(&conn, db->source.baton, p) != APR_SUCCESS) {
        outcome->said = GT_SAID_LOST;
        leave(db, is_probe, 0);
        return gt_verdict_err(outcome, p);
    }
    err = use(outcome, db, &conn, work, p);
    db->source.release(&conn, db->source.baton);
    leave(db, is_probe, outcome->said != GT_SAID_LOST);
    return err;
}

/* SQLite has one writer at a time in all processes, and whoever finds it busy has done nothing yet:
 * it is asked again. Between two tries the connection is given back, so nobody is held up. */
static gt_err_t *try_patiently(gt_db_t *db, const work_t *work, apr_pool_t *p)
{
    apr_time_t until = gt_ticks() + BUSY_PATIENCE;

    for (int n = 0;; n++) {
        gt_outcome_t outcome;
        gt_err_t *err = try_it(&outcome, db, work, p);

        if (outcome.said != GT_SAID_BUSY || known_engine(db) != GT_SQLITE || gt_ticks() >= until)
            return err;
        apr_sleep(gt_backoff(n, BUSY_FIRST, BUSY_LAST));
    }
}

static gt_err_t *on_connection(gt_db_t *db, const work_t *work, apr_pool_t *p)
{
    gt_err_t *err = try_patiently(db, work, p);

    /* A unique rule is broken in the ordinary course of things. */
    if (err != GT_OK && err->cls != GT_CONFLICT)
        gt_event(&(gt_event_t){.kind = GT_EV_STORE_FAILED, .err = err});
    return err;
}

static gt_outcome_t run_rows(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    return gt_session_rows(work->rows, session, &work->statement, p);
}

static gt_outcome_t run_change(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    return gt_session_change(work->number, session, &work->statement, p);
}

static gt_outcome_t run_literal(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    return gt_session_literal(work->rows, session, work->text, p);
}

static gt_outcome_t run_script(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    return gt_session_script(work->number, session, work->texts, p);
}

static gt_outcome_t run_nothing(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    const gt_outcome_t outcome = {GT_SAID_DONE, ""};

    (void)work;
    (void)session;
    (void)p;
    return outcome;
}

gt_err_t *gt_db_rows(apr_array_header_t **rows, gt_db_t *db, gt_sql_t sql,
                     const gt_sql_names_t *names, const gt_db_value_t *args, apr_pool_t *p)
{
    const work_t work = {.run = run_rows, .statement = {sql, names, args}, .rows = rows};

    return on_connection(db, &work, p);
}

gt_err_t *gt_db_change(int *changed, gt_db_t *db, gt_sql_t sql, const gt_sql_names_t *names,
                       const gt_db_value_t *args, apr_pool_t *p)
{
    const work_t work = {.run = run_change, .statement = {sql, names, args}, .number = changed};

    return on_connection(db, &work, p);
}

gt_err_t *gt_db_script(gt_db_t *db, const apr_array_header_t *texts, apr_pool_t *p)
{
    int failed = 0;
    const work_t work = {.run = run_script, .texts = texts, .number = &failed};
    gt_err_t *err = on_connection(db, &work, p);

    if (err == GT_OK || failed == 0)
        return err;
    if (failed > texts->nelts)
        return gt_err_in(err, "at the end of the transaction");
    return gt_err_in(err, "statement %d of %d", failed, texts->nelts);
}

gt_err_t *gt_db_literal_rows(apr_array_header_t **rows, gt_db_t *db, const char *text,
                             apr_pool_t *p)
{
    const work_t work = {.run = run_literal, .text = text, .rows = rows};

    return on_connection(db, &work, p);
}

gt_err_t *gt_db_engine(gt_engine_t *engine, gt_db_t *db, apr_pool_t *p)
{
    const work_t work = {.run = run_nothing};

    if (known_engine(db) < 0)
        GT_TRY(on_connection(db, &work, p));
    *engine = (gt_engine_t)known_engine(db);
    return GT_OK;
}

int gt_db_is_up(const gt_db_t *db)
{
    int is_up;

    apr_thread_mutex_lock(db->lock);
    is_up = db->is_up;
    apr_thread_mutex_unlock(db->lock);
    return is_up;
}
