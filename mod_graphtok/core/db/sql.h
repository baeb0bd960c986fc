/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SQL_H
#define GT_SQL_H

/**
 * @file sql.h
 * Statements as values. A statement stands beside the function that reads its rows; core/db runs
 * it and knows none. A text is the same for both engines: differences between them, and names of
 * the configuration, are {words} in it. A '%' begins a parameter of apr_dbd_prepare: %s text, %lld
 * number; no statement needs one for itself.
 *
 * Words that every text may hold: {table} with its schema, {name} and {bare} without it (quoted,
 * and not), {schema} "app." or ""; {index} and {on} for CREATE INDEX; {now} and {now_ms}, the
 * moment when the statement began, {clock} and {clock_ms}, this very moment, all of them numbers
 * by the database's clock in Unix seconds or milliseconds; {stamp}, this moment as a timestamp;
 * {in}, with a parameter, so many seconds from now as a timestamp; {greater}(a, b); {skip}, which
 * leaves out rows that another transaction has locked. The others come with the names. Pure;
 * thread-safe.
 */

#include "gt.h"

typedef enum gt_engine_t { GT_PGSQL, GT_SQLITE, GT_ENGINES } gt_engine_t;

/** A {word} of a text. Values may hold words. */
typedef struct gt_word_t {
    const char *name;
    const char *value[GT_ENGINES]; /* NULL: as the first engine says it */
} gt_word_t;

/** The names that a statement's text is filled with: a table with those beside it, and the words of
 * its room. */
typedef struct gt_sql_names_t {
    const char *table; /* a checked identifier, e.g. user_tokens or app.user_tokens; "": none */
    const gt_word_t *words; /* the same for all such tables; ends with a NULL name. NULL: none */
    const gt_word_t *own;   /* of this one, from the configuration; likewise */
    const char *key; /* the configuration's part of the words: names with one key are the same */
} gt_sql_names_t;

/** A statement. Static: it is known by its address. */
typedef struct gt_sql_t {
    const char *name; /* "find grant": for tests */
    const char *text;
    const gt_word_t *words; /* of this one alone; ends with a NULL name. NULL: none */
} gt_sql_t;

/** The text of a statement for an engine with its words and the names filled in, ready for
 * apr_dbd_prepare; in `p`. A brace that begins no known word is a mistake of ours, and aborts. */
const char *gt_sql_text(const gt_sql_t *sql, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p);

/** The same for a text that is no statement of its own. */
const char *gt_sql_fill(const char *text, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p);

/** Most parameters of a statement. */
#define GT_SQL_PARAMS 24

/** 1 when it changes nothing: it may be repeated. */
int gt_sql_is_read(const gt_sql_t *sql);

/** A name in quotes, each part of a dotted one: a column may be called "user". SQLite gets
 * brackets, because it takes a double-quoted name that does not exist for a text. */
const char *gt_sql_quoted(const char *name, gt_engine_t engine, apr_pool_t *p);

/** 1 for an identifier we accept: [A-Za-z_][A-Za-z0-9_]{0,62}; when `dotted`, a schema and a dot
 * may stand before it. */
int gt_sql_is_name(const char *name, int dotted);

/** 1 for "table(column)" with names that gt_sql_is_name accepts; the table may be dotted. */
int gt_sql_is_reference(const char *reference);

#endif
