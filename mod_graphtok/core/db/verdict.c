/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Two tables: the engines' codes to sayings, and sayings to our errors. A row of the first stands
 * for every code that begins with its text; the first that fits counts. PostgreSQL's codes are
 * those of its manual, appendix A; SQLite's those of "Result and Error Codes".
 *
 * No text of a database goes into an error: it may quote values.
 */

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/thread.h"
#include "db/verdict.h"

#define SQLSTATE_LEN 5
#define PG_SQLSTATE_ONLY 3 /* PQERRORS_SQLSTATE */
#define PG_READING 1       /* PGRES_POLLING_READING */
#define PG_WRITING 2       /* PGRES_POLLING_WRITING */
#define PG_PATIENCE apr_time_from_sec(5)

typedef struct code_row_t {
    const char *begins;
    gt_said_t said;
} code_row_t;

static const code_row_t pg_codes[] = {
    {"08", GT_SAID_LOST},         /* connection exceptions */
    {"57014", GT_SAID_BUSY},      /* statement timeout */
    {"57", GT_SAID_LOST},         /* shutting down, starting up, terminated */
    {"25P0", GT_SAID_LOST},       /* ended for being idle, or left in a failed transaction */
    {"53300", GT_SAID_LOST},      /* too many connections */
    {"53", GT_SAID_NO_WRITES},    /* disk full, out of memory */
    {"58", GT_SAID_NO_WRITES},    /* I/O */
    {"25006", GT_SAID_READ_ONLY}, /* a standby */
    {"40003", GT_SAID_CUT},       /* it is not known whether the statement was carried out */
    {"40", GT_SAID_BUSY},         /* serialization, deadlock */
    {"55P03", GT_SAID_BUSY},      /* lock timeout */
    {"23505", GT_SAID_TAKEN},     {"23503", GT_SAID_NO_USER},  {"22", GT_SAID_BAD_VALUE},
    {"42P01", GT_SAID_NO_TABLE},  {"42703", GT_SAID_NO_TABLE}, {"3F000", GT_SAID_NO_TABLE},
    {"42501", GT_SAID_DENIED},    {"28", GT_SAID_DENIED},
};

/* Written "primary code/extended code". */
static const code_row_t sqlite_codes[] = {
    {"5/", GT_SAID_BUSY},         {"6/", GT_SAID_BUSY},       {"8/", GT_SAID_NO_WRITES},
    {"10/", GT_SAID_NO_WRITES},   {"13/", GT_SAID_NO_WRITES}, {"14/", GT_SAID_LOST},
    {"19/2067", GT_SAID_TAKEN},   {"19/1555", GT_SAID_TAKEN}, {"19/787", GT_SAID_NO_USER},
    {"19/1811", GT_SAID_NO_USER}, /* a trigger of ours (store/sql_names.c) */
    {"20/", GT_SAID_BAD_VALUE},
};

typedef struct saying_t {
    gt_class_t cls;
    const char *tag;
    const char *detail;
} saying_t;

static const saying_t sayings[GT_SAYINGS] = {
    [GT_SAID_LOST] = {GT_STORE_AWAY, "GT0401", "the database does not answer"},
    [GT_SAID_CUT] = {GT_STORE_AWAY, "GT0424",
                     "the connection to the database broke; the write may or may not be done"},
    [GT_SAID_LATE] = {GT_STORE_AWAY, "GT0432",
                      "the database gave no answer in time; a write may or may not be done"},
    [GT_SAID_BUSY] = {GT_STORE_AWAY, "GT0404", "the database is busy: a lock or its time limit"},
    [GT_SAID_NO_WRITES] = {GT_STORE_AWAY, "GT0405",
                           "the database takes no writes: read-only, full, or failing disk"},
    [GT_SAID_READ_ONLY] = {GT_STORE_AWAY, "GT0433",
                           "this database server is read-only: a standby, or another server is "
                           "the primary now"},
    [GT_SAID_TAKEN] = {GT_CONFLICT, "GT0406", "the row is there already"},
    [GT_SAID_NO_USER] = {GT_INVALID, "GT0407", "the application knows no such user"},
    [GT_SAID_BAD_VALUE] = {GT_INVALID, "GT0408", "a value does not fit its column"},
    [GT_SAID_NO_TABLE] = {GT_INTERNAL, "GT0409",
                          "a table or column is missing: run graphtokctl migrate"},
    [GT_SAID_DENIED] = {GT_INTERNAL, "GT0410", "the database denies our role this statement"},
    [GT_SAID_WRONG] = {GT_INTERNAL, "GT0411", "the database refused a statement"},
};

/* A driver's library is loaded with its symbols for all; a function is copied bytewise because
 * ISO C has no cast from an object's address to a function's. */
static void find(void *function, const char *name, apr_dso_handle_t *everything)
{
    apr_dso_handle_sym_t address = NULL;

    if (apr_dso_sym(&address, everything, name) == APR_SUCCESS && address != NULL)
        memcpy(function, &address, sizeof address);
}

gt_codes_t gt_codes_find(gt_engine_t engine, apr_pool_t *p)
{
    gt_codes_t codes = {NULL, NULL, NULL};
    apr_dso_handle_t *everything;

    if (apr_os_dso_handle_put(&everything, NULL, p) != APR_SUCCESS)
        return codes;
    if (engine == GT_PGSQL) {
        find(&codes.pg_verbosity, "PQsetErrorVerbosity", everything);
        find(&codes.pg_socket, "PQsocket", everything);
    }
    else {
        find(&codes.sqlite_code, "sqlite3_extended_errcode", everything);
    }
    return codes;
}

static void *native(const gt_db_conn_t *conn)
{
    return apr_dbd_native_handle(conn->driver, conn->handle);
}

int gt_codes_before(const gt_codes_t *codes, const gt_db_conn_t *conn)
{
    if (codes->pg_verbosity == NULL)
        return 0;
    return codes->pg_verbosity(native(conn), PG_SQLSTATE_ONLY);
}

void gt_codes_after(const gt_codes_t *codes, const gt_db_conn_t *conn, int before)
{
    if (codes->pg_verbosity != NULL)
        (void)codes->pg_verbosity(native(conn), before);
}

int gt_codes_socket(const gt_codes_t *codes, const gt_db_conn_t *conn)
{
    return codes->pg_socket != NULL ? codes->pg_socket(native(conn)) : -1;
}

/* "ERROR:  23505" in any language: five capitals or digits end the first line. */
static int sqlstate(char *code, const char *text)
{
    apr_size_t len = strcspn(text, "\n");
    apr_size_t i;

    if (len < SQLSTATE_LEN + 2 || text[len - SQLSTATE_LEN - 1] != ' ')
        return 0;
    text += len - SQLSTATE_LEN;
    for (i = 0; i < SQLSTATE_LEN; i++)
        if (!isdigit((unsigned char)text[i]) && !(text[i] >= 'A' && text[i] <= 'Z'))
            return 0;
    memcpy(code, text, SQLSTATE_LEN);
    code[SQLSTATE_LEN] = '\0';
    return 1;
}

static gt_said_t look_up(const char *code, const code_row_t *rows, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n; i++)
        if (strncmp(code, rows[i].begins, strlen(rows[i].begins)) == 0)
            return rows[i].said;
    return GT_SAID_WRONG;
}

/* SQLite has one code for every mistake in a statement; its texts are always English. */
static int is_missing(const char *text)
{
    return strncmp(text, "no such table", 13) == 0 || strncmp(text, "no such column", 14) == 0 ||
           strstr(text, " has no column named ") != NULL;
}

gt_outcome_t gt_verdict(gt_engine_t engine, const gt_codes_t *codes, const gt_db_conn_t *conn,
                        int rc)
{
    gt_outcome_t outcome = {GT_SAID_WRONG, ""};
    const char *text = apr_dbd_error(conn->driver, conn->handle, rc);

    if (engine == GT_PGSQL) {
        if (text != NULL && sqlstate(outcome.code, text))
            outcome.said = look_up(outcome.code, pg_codes, sizeof pg_codes / sizeof pg_codes[0]);
        return outcome;
    }
    if (codes->sqlite_code != NULL) {
        int code = codes->sqlite_code(native(conn));

        snprintf(outcome.code, sizeof outcome.code, "%d/%d", code & 0xff, code & 0xffff);
        outcome.said =
            look_up(outcome.code, sqlite_codes, sizeof sqlite_codes / sizeof sqlite_codes[0]);
    }
    if (outcome.said == GT_SAID_WRONG && text != NULL && is_missing(text))
        outcome.said = GT_SAID_NO_TABLE;
    return outcome;
}

gt_err_t *gt_verdict_err(const gt_outcome_t *outcome, apr_pool_t *p)
{
    const saying_t *saying = &sayings[outcome->said];

    if (outcome->said == GT_SAID_DONE)
        return GT_OK;
    if (outcome->code[0] == '\0')
        return gt_err(p, saying->cls, saying->tag, "%s", saying->detail);
    return gt_err(p, saying->cls, saying->tag, "%s (code %s)", saying->detail, outcome->code);
}

/* The functions of libpq that make a connection step by step, so that its errors can be had as
 * codes. */
typedef struct libpq_t {
    void *(*parse)(const char *params, char **why); /* PQconninfoParse */
    void (*free_parsed)(void *options);             /* PQconninfoFree */
    void *(*start)(const char *params);             /* PQconnectStart */
    int (*poll)(void *connection);                  /* PQconnectPoll */
    int (*verbosity)(void *connection, int verbosity);
    int (*socket)(const void *connection);
    char *(*words)(const void *connection); /* PQerrorMessage */
    void (*finish)(void *connection);
} libpq_t;

/* 0: some of it is missing. */
static int find_libpq(libpq_t *pq, apr_pool_t *p)
{
    apr_dso_handle_t *everything;

    memset(pq, 0, sizeof *pq);
    if (apr_os_dso_handle_put(&everything, NULL, p) != APR_SUCCESS)
        return 0;
    find(&pq->parse, "PQconninfoParse", everything);
    find(&pq->free_parsed, "PQconninfoFree", everything);
    find(&pq->start, "PQconnectStart", everything);
    find(&pq->poll, "PQconnectPoll", everything);
    find(&pq->verbosity, "PQsetErrorVerbosity", everything);
    find(&pq->socket, "PQsocket", everything);
    find(&pq->words, "PQerrorMessage", everything);
    find(&pq->finish, "PQfinish", everything);
    return pq->parse && pq->free_parsed && pq->start && pq->poll && pq->verbosity && pq->socket &&
           pq->words && pq->finish;
}

/* The code with which the server refuses; "" when it does not, or is not there. */
static void ask_code(char *code, const libpq_t *pq, const char *params)
{
    const apr_time_t until = gt_mono() + PG_PATIENCE;
    void *connection = pq->start(params);
    int state = PG_WRITING;

    code[0] = '\0';
    if (connection == NULL)
        return;
    (void)pq->verbosity(connection, PG_SQLSTATE_ONLY);
    /* Without a socket it has failed already. */
    while ((state == PG_READING || state == PG_WRITING) && pq->socket(connection) >= 0 &&
           gt_mono() < until) {
        struct pollfd fd = {pq->socket(connection), state == PG_READING ? POLLIN : POLLOUT, 0};

        (void)poll(&fd, 1, (int)apr_time_as_msec(until - gt_mono()));
        state = pq->poll(connection);
    }
    if (!sqlstate(code, pq->words(connection)))
        code[0] = '\0';
    pq->finish(connection);
}

/* A server's words come from elsewhere: one line, no control characters. */
static const char *one_line(const char *words, apr_pool_t *p)
{
    char *line = apr_pstrdup(p, words);
    apr_size_t len = strlen(line);

    while (len > 0 && isspace((unsigned char)line[len - 1]))
        line[--len] = '\0';
    for (char *c = line; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
    return line;
}

gt_err_t *gt_verdict_unconnected(const char *params, const char *words, const char *user,
                                 apr_pool_t *p)
{
    char code[SQLSTATE_LEN + 1];
    void *options;
    gt_said_t said;
    libpq_t pq;

    if (!find_libpq(&pq, p))
        return gt_err(p, GT_STORE_AWAY, "GT0401", "the database does not answer");
    options = pq.parse(params, NULL);
    if (options == NULL)
        return gt_err(p, GT_INVALID, "GT0487",
                      "libpq cannot read DBDParams: they are NAME=VALUE with blanks between, and a "
                      "value with a blank stands in single quotes");
    pq.free_parsed(options);
    ask_code(code, &pq, params);
    words = one_line(words, p);
    said = code[0] != '\0' ? look_up(code, pg_codes, sizeof pg_codes / sizeof pg_codes[0])
                           : GT_SAID_LOST;
    if (said == GT_SAID_LOST || said == GT_SAID_NO_WRITES || said == GT_SAID_BUSY)
        return gt_err(p, GT_STORE_AWAY, "GT0401", "the database does not answer: %s", words);
    return gt_err(p, strcmp(code, "3D000") == 0 ? GT_NOT_FOUND : GT_FORBIDDEN, "GT0486",
                  "the database refuses the connection of the system's user %s: %s", user, words);
}
