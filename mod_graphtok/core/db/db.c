/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The way to the database and back: gate, breaker, connection, statement, verdict. The gate holds
 * callers before the pool behind it, which would let them wait for ever; the breaker lets one
 * caller at a time find out whether a database that went away is back (a pool would have all of
 * them wait for its connect timeout, one after the other). Both are a handful of numbers under one
 * lock, which is never held while a connection or an answer is waited for.
 *
 * A server that stands still neither answers nor refuses. So one caller at a time asks the pool for
 * a connection (the pool may connect under its own lock), a statement is ended when its answer does
 * not come, and a gate where no thread comes or goes holds up none for long.
 *
 * SQLite's writers need no queue of ours within a process: they wait for the driver's one lock.
 */

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/notice.h"
#include "base/thread.h"
#include "db/connection.h"
#include "db/db.h"
#include "db/verdict.h"

#define FIRST_PROBE apr_time_from_msec(100)
#define LONGEST_PROBE apr_time_from_sec(2)
#define PROBE_WAIT apr_time_from_msec(200)
#define STUCK_AFTER apr_time_from_sec(1)
#define CONNECT_SECONDS "5"
#define BUSY_FIRST apr_time_from_msec(5)
#define BUSY_LAST apr_time_from_msec(50)
#define BUSY_PATIENCE apr_time_from_sec(5) /* beyond the 1.5 s that the driver itself waits */

struct gt_db_t {
    gt_db_source_t source;
    gt_db_limits_t limits;
    gt_deadlines_t *deadlines; /* NULL: no limit */
    pthread_mutex_t *lock;     /* guards the members below */
    pthread_cond_t *freed;     /* a place is free, or the breaker opened */
    int users;                 /* inside the gate now */
    int is_acquiring;          /* one of them waits for the pool */
    apr_time_t moved_at;       /* gt_ticks when a user last came or went */
    apr_time_t answered_at;    /* gt_ticks of the last answer */
    int is_away;               /* the breaker is open */
    int takes_reads;           /* for writers only: the server is read-only */
    int is_probing;            /* one caller is finding out */
    int failures;              /* in a row */
    apr_time_t probe_at;       /* gt_ticks of the next probe */
    int is_up;                 /* the last thing heard was an answer */
    int engine;                /* gt_engine_t, or -1 while unknown */
};

/* Work on a connection: a statement, a literal text, a script or a ping. */
typedef struct work_t {
    gt_outcome_t (*run)(const struct work_t *work, gt_session_t *session, apr_pool_t *p);
    gt_statement_t statement;
    int is_read;   /* 1: a server that takes no writes serves */
    int has_limit; /* its answer is waited for as long as db's limits say */
    const char *text;
    const apr_array_header_t *texts;
    const gt_db_acts_t *acts;
    apr_array_header_t **rows;
    int *number; /* changed rows, the failing text, or whether a transaction was done */
} work_t;

static apr_status_t destroy_lock(void *baton)
{
    gt_db_t *db = baton;

    pthread_cond_destroy(db->freed);
    pthread_mutex_destroy(db->lock);
    return APR_SUCCESS;
}

gt_db_t *gt_db_make(const gt_db_source_t *source, const gt_db_limits_t *limits, apr_pool_t *p)
{
    gt_db_t *db = apr_pcalloc(p, sizeof *db);

    assert(limits->users > 0 && limits->wait >= 0);
    db->source = *source;
    db->limits = *limits;
    db->engine = -1;
    db->deadlines = limits->answer > 0 ? gt_deadlines_make(p) : NULL;
    db->lock = apr_palloc(p, sizeof *db->lock);
    db->freed = apr_palloc(p, sizeof *db->freed);
    if (pthread_mutex_init(db->lock, NULL) != 0 || gt_cond_init(db->freed) != APR_SUCCESS)
        abort();
    apr_pool_cleanup_register(p, db, destroy_lock, apr_pool_cleanup_null);
    return db;
}

/* Call with the lock held. 1: the breaker does not stand in the way. */
static int is_open_to(const gt_db_t *db, int is_read)
{
    return !db->is_away || (db->takes_reads && is_read);
}

/* Call with the lock held. */
static int may_try(const gt_db_t *db, int is_read)
{
    return is_open_to(db, is_read) || (!db->is_probing && gt_ticks() >= db->probe_at);
}

/* Call with the lock held. */
static int has_place(const gt_db_t *db)
{
    return db->users < db->limits.users && !db->is_acquiring;
}

/* Call with the lock held. 1: time is up. */
static int wait_for_change(gt_db_t *db, apr_interval_time_t span)
{
    const apr_time_t until = gt_mono() + span;

    gt_cond_wait(db->freed, db->lock, until);
    return gt_mono() >= until;
}

/* Call with the lock held. 0: time is up. It counts from the last time that a thread came or went:
 * where all are stuck, a newcomer would wait in vain. */
static int wait_for_place(gt_db_t *db, int is_read)
{
    apr_time_t until = gt_ticks() + db->limits.wait;

    while (!has_place(db) && may_try(db, is_read)) {
        apr_time_t moved_at = db->moved_at;
        apr_time_t stuck = moved_at + db->limits.wait;
        apr_interval_time_t left = (until < stuck ? until : stuck) - gt_ticks();

        if (left <= 0)
            return 0;
        if (wait_for_change(db, left) && !has_place(db) && moved_at == db->moved_at)
            return 0;
    }
    return 1;
}

/* Call with the lock held. When the database is back, the callers that come before this child has
 * heard of it come together, and a probe takes milliseconds: they wait for it and need not fail. A
 * longer probe holds up none of them. */
static void wait_for_probe(gt_db_t *db, int is_read)
{
    while (db->is_probing && !is_open_to(db, is_read))
        if (wait_for_change(db, PROBE_WAIT))
            return;
}

/* @param is_probe out: 1: this caller is to find out whether the database is back */
static gt_err_t *enter(int *is_probe, gt_db_t *db, int is_read, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;

    pthread_mutex_lock(db->lock);
    *is_probe = 0;
    wait_for_probe(db, is_read);
    if (!wait_for_place(db, is_read)) {
        err = gt_err(p, GT_STORE_AWAY, "GT0403", "all %d database connections are in use",
                     db->limits.users);
        err->retry_after = LONGEST_PROBE;
    }
    else if (!may_try(db, is_read)) {
        err = gt_err(p, GT_STORE_AWAY, "GT0402", "the database was away a moment ago");
        err->retry_after = LONGEST_PROBE;
    }
    else {
        *is_probe = !is_open_to(db, is_read);
        db->is_probing |= *is_probe;
        db->users++;
        db->is_acquiring = 1;
        db->moved_at = gt_ticks();
    }
    pthread_mutex_unlock(db->lock);
    return err;
}

static void acquired(gt_db_t *db)
{
    pthread_mutex_lock(db->lock);
    db->is_acquiring = 0;
    if (has_place(db))
        pthread_cond_broadcast(db->freed);
    pthread_mutex_unlock(db->lock);
}

/* Call with the lock held. 1: the database answered; -1: it is away; 0: this outcome does not tell:
 * others had answers while one statement took too long, or a read passed where writes do not. */
static int judge(const gt_db_t *db, gt_said_t said, int is_read)
{
    if (said == GT_SAID_LATE)
        return gt_ticks() - db->answered_at < db->limits.answer / 2 ? 0 : -1;
    if (said == GT_SAID_LOST || said == GT_SAID_READ_ONLY)
        return -1;
    return db->is_away && is_open_to(db, is_read) ? 0 : 1;
}

/* Call with the lock held.
 * @param is_back  1: it came back just now; -1: it went away just now */
static void note(int *is_back, gt_db_t *db, gt_said_t said, int is_read)
{
    int judgement = judge(db, said, is_read);

    *is_back = 0;
    if (judgement == 0)
        return;
    db->takes_reads = said == GT_SAID_READ_ONLY;
    *is_back = judgement > 0 ? db->is_away : db->is_away - 1;
    db->is_up = judgement > 0;
    if (judgement > 0) {
        db->answered_at = gt_ticks();
        db->is_away = 0;
        db->failures = 0;
        return;
    }
    db->is_away = 1;
    db->probe_at = gt_ticks() + gt_backoff(db->failures, FIRST_PROBE, LONGEST_PROBE);
    if (db->failures < 16)
        db->failures++;
}

static void leave(gt_db_t *db, int is_probe, gt_said_t said, int is_read)
{
    int is_back;

    pthread_mutex_lock(db->lock);
    db->users--;
    db->moved_at = gt_ticks();
    if (is_probe)
        db->is_probing = 0;
    note(&is_back, db, said, is_read);
    pthread_cond_broadcast(db->freed);
    pthread_mutex_unlock(db->lock);
    if (is_back > 0)
        gt_log(GT_LOG_NOTICE, NULL, "the database answers again");
    else if (is_back < 0)
        gt_log(GT_LOG_ERROR, "GT0427", "the database %s; it is asked again within 2 s",
               said == GT_SAID_READ_ONLY ? "takes no writes" : "went away");
}

static gt_err_t *use(gt_outcome_t *outcome, gt_db_t *db, const gt_db_conn_t *conn,
                     const work_t *work, apr_pool_t *p)
{
    gt_session_t *session = gt_session_of(conn);

    if (session == NULL)
        return gt_err(p, GT_INTERNAL, "GT0412", "DBDriver must be pgsql or sqlite3, not %s",
                      apr_dbd_name(conn->driver));
    pthread_mutex_lock(db->lock);
    db->engine = (int)gt_session_engine(session);
    pthread_mutex_unlock(db->lock);
    gt_session_limit(session, work->has_limit ? db->deadlines : NULL, db->limits.answer);
    *outcome = work->run(work, session, p);
    return gt_verdict_err(outcome, p);
}

static int known_engine(gt_db_t *db)
{
    int engine;

    pthread_mutex_lock(db->lock);
    engine = db->engine;
    pthread_mutex_unlock(db->lock);
    return engine;
}

static gt_err_t *try_it(gt_outcome_t *outcome, gt_db_t *db, const work_t *work, apr_pool_t *p)
{
    gt_db_conn_t conn = {.driver = NULL};
    apr_status_t status;
    gt_err_t *err;
    int is_probe;

    *outcome = (gt_outcome_t){GT_SAID_DONE, ""};
    GT_TRY(enter(&is_probe, db, work->is_read, p));
    status = db->source.acquire(&conn, db->source.baton, p);
    acquired(db);
    if (status != APR_SUCCESS) {
        outcome->said = GT_SAID_LOST;
        leave(db, is_probe, outcome->said, work->is_read);
        return conn.why != GT_OK ? conn.why : gt_verdict_err(outcome, p);
    }
    err = use(outcome, db, &conn, work, p);
    db->source.release(&conn, db->source.baton);
    leave(db, is_probe, outcome->said, work->is_read);
    return err;
}

/* SQLite has one writer at a time in all processes, and a statement that finds it busy has done
 * nothing yet: it is asked again. Between two tries the connection is given back, so no other
 * thread is held up. */
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
        gt_notice(&(gt_notice_t){.kind = GT_NOTICE_STORE_FAILED, .err = err});
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

static gt_outcome_t run_unlimited(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    return gt_session_unlimited(work->rows, session, work->text, p);
}

static gt_outcome_t run_script(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    return gt_session_script(work->number, session, work->texts, p);
}

static gt_outcome_t run_together(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    return gt_session_together(work->number, session, work->statement.names, work->acts, p);
}

static gt_outcome_t run_nothing(const work_t *work, gt_session_t *session, apr_pool_t *p)
{
    const gt_outcome_t outcome = {GT_SAID_DONE, ""};

    (void)work;
    (void)session;
    (void)p;
    return outcome;
}

gt_err_t *gt_db_rows(apr_array_header_t **rows, gt_db_t *db, const gt_sql_t *sql,
                     const gt_sql_names_t *names, const gt_db_value_t *args, apr_pool_t *p)
{
    const work_t work = {.run = run_rows,
                         .statement = {sql, names, args},
                         .has_limit = 1,
                         .is_read = gt_sql_is_read(sql),
                         .rows = rows};

    return on_connection(db, &work, p);
}

gt_err_t *gt_db_change(int *changed, gt_db_t *db, const gt_sql_t *sql, const gt_sql_names_t *names,
                       const gt_db_value_t *args, apr_pool_t *p)
{
    const work_t work = {
        .run = run_change, .statement = {sql, names, args}, .has_limit = 1, .number = changed};

    return on_connection(db, &work, p);
}

gt_err_t *gt_db_together(int *is_done, gt_db_t *db, const gt_sql_names_t *names,
                         const gt_db_acts_t *acts, apr_pool_t *p)
{
    const work_t work = {.run = run_together,
                         .statement = {.names = names},
                         .has_limit = 1,
                         .acts = acts,
                         .number = is_done};

    return on_connection(db, &work, p);
}

gt_err_t *gt_db_ping(gt_db_t *db, apr_pool_t *p)
{
    static const gt_sql_t ping = {"ping", "SELECT 1", NULL};
    static const gt_sql_names_t nothing = {"", NULL, NULL, ""};
    apr_array_header_t *rows;

    return gt_db_rows(&rows, db, &ping, &nothing, NULL, p);
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

gt_err_t *gt_db_unlimited(apr_array_header_t **rows, gt_db_t *db, const char *text, apr_pool_t *p)
{
    const work_t work = {.run = run_unlimited, .text = text, .rows = rows};

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

void gt_db_bound_connecting(void)
{
    (void)setenv("PGCONNECT_TIMEOUT", CONNECT_SECONDS, 0);
}

int gt_db_is_stuck(const gt_db_t *db)
{
    int is_stuck;

    pthread_mutex_lock(db->lock);
    is_stuck = db->is_away || (!has_place(db) && gt_ticks() - db->moved_at > STUCK_AFTER);
    pthread_mutex_unlock(db->lock);
    return is_stuck;
}

int gt_db_is_up(const gt_db_t *db)
{
    int is_up;

    pthread_mutex_lock(db->lock);
    is_up = db->is_up;
    pthread_mutex_unlock(db->lock);
    return is_up;
}
