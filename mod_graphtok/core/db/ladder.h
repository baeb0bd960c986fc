/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LADDER_H
#define GT_LADDER_H

/**
 * @file ladder.h
 * A ladder is a value: numbered steps, up and down, that make a table and those beside it. A room
 * that keeps tables has one in a file of its own; db runs it and knows none. Each step runs in a
 * transaction. The number reached stands in graphtok_schema(table_name, version, was_taken_over),
 * beside the ladder's table and under its name, so that each ladder has a version of its own.
 *
 * On PostgreSQL indexes are built after their step's transaction, beside servers that go on
 * writing. A run that is stopped there has done the step; the next one finds which indexes are
 * missing, or were left half built, and builds those. No statement of a ladder has a time limit. A
 * ladder is run by one thread, and may block for minutes.
 */

#include "db/db.h"

#define GT_LADDER_TEXTS 16
enum { GT_DOWN, GT_UP };

/** A step. Texts hold the {words} of the ladder's names; one that is empty when they are filled in
 * is left out. */
typedef struct gt_ladder_step_t {
    const char *title; /* "lease and generation for {table}" */
    const char
        *loses; /* the title of the step down, where that takes something away; NULL: the same */
    const char *texts[GT_UP + 1][GT_ENGINES][GT_LADDER_TEXTS]; /* a direction ends with NULL */
} gt_ladder_step_t;

/**
 * The beginning of a guard's query. A guard is the second look, inside a step's transaction, at
 * rows that the step would make unreadable: an INSERT that breaks a rule of its table when it finds
 * a row, since no column takes this NULL. A step on the way to dropping the table leaves its guards
 * out.
 */
#define GT_LADDER_NOTHING "SELECT 'nothing', NULL"

/** A guard for steps whose ladder has no other table for it; behind it stands FROM … LIMIT 1. */
#define GT_LADDER_GUARD                                                                            \
    "INSERT INTO {schema}graphtok_schema (table_name, version, was_taken_over) " GT_LADDER_NOTHING \
    ", 0 "

/** The state of the database. */
typedef struct gt_ladder_state_t {
    gt_engine_t engine;
    int version;                 /* 0: nothing of ours */
    int was_taken_over;          /* the table was there before us: never dropped */
    int is_dropped;              /* the plan goes down to nothing, and the table is ours */
    apr_array_header_t *columns; /* of the table, const char *; empty: no table */
} gt_ladder_state_t;

typedef struct gt_ladder_t gt_ladder_t;
struct gt_ladder_t {
    const char *name; /* for messages: "store main" */
    const gt_ladder_step_t *steps;
    int newest; /* how many steps there are */
    gt_sql_names_t names;
    const void *baton; /* of the functions below */
    const char *const
        *beside; /* words of the tables beside this one that have indexes, as "{gone}",
                                  NULL last; or NULL: none */
    /** Whether step 1 may take over a table that is there. NULL: never */
    gt_err_t *(*may_take_over)(const gt_ladder_t *ladder, const gt_ladder_state_t *state,
                               apr_pool_t *p);
    /** Whether the rows could be read after going down to `target`. NULL: always */
    gt_err_t *(*may_go_down)(const gt_ladder_t *ladder, const gt_ladder_state_t *state, int target,
                             gt_db_t *db, apr_pool_t *p);
    /** A table that ladders share, dropped with the last of them when it is empty, and two of its
     * columns, the second NOT NULL; NULL: none. */
    const char *shared, *shared_columns;
};

/** One step as it would be done. */
typedef struct gt_migration_t {
    int number;
    const char *title;                    /* "add lease and generation to user_tokens" */
    const apr_array_header_t *texts;      /* the SQL, for --dry-run, array of const char * */
    const apr_array_header_t *last_texts; /* the SQL after it when no other ladder stands in the
                                           * schema; NULL: none */
} gt_migration_t;

/** The number that was reached; 0: nothing of ours. */
GT_MUST gt_err_t *gt_ladder_version(int *version, const gt_ladder_t *ladder, gt_db_t *db,
                                    apr_pool_t *p);

/**
 * The steps from the present number to `target` (up or down), in order; nothing is done.
 * @param steps array of gt_migration_t
 * @return GT_CONFLICT when the table cannot be taken over, or rows could not be read after going
 *         down
 */
GT_MUST gt_err_t *gt_ladder_plan(apr_array_header_t **steps, const gt_ladder_t *ladder, gt_db_t *db,
                                 int target, apr_pool_t *p);

/** Do one planned step. */
GT_MUST gt_err_t *gt_ladder_apply(const gt_migration_t *step, const gt_ladder_t *ladder, int up,
                                  gt_db_t *db, apr_pool_t *p);

/** Ask the database with a text that may hold the ladder's words. For may_go_down. */
GT_MUST gt_err_t *gt_ladder_ask(apr_array_header_t **rows, const char *text,
                                const gt_ladder_t *ladder, gt_engine_t engine, gt_db_t *db,
                                apr_pool_t *p);

#endif
