/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Planning and doing the steps of a ladder. A plan begins from the state of the database, and its
 * steps are done one by one. On PostgreSQL the indexes of a step are built after its transaction.
 * With the last ladder of a schema graphtok_schema is dropped.
 */

#include "db/ladder.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "db/index_names.h"

#define PRAGMA "PRAGMA "
#define INDEX GT_INDEX
#define CONCURRENTLY "CONCURRENTLY "
#define NAME_BYTES 63

/* The state of the database, and the way to change it. */
typedef struct state_t {
    gt_ladder_state_t seen;
    const gt_ladder_t *ladder;
    int has_schema;      /* graphtok_schema is there */
    apr_hash_t *names;   /* of all indexes of the table, "" each */
    const char *former;  /* the table's name when they were made; NULL: as now */
    int is_concurrent;   /* indexes are built beside the transaction of their step */
    apr_hash_t *indexes; /* of the table and those beside it that are whole, by name; if so */
} state_t;

static const char *fill(const char *text, const state_t *state, apr_pool_t *p)
{
    return gt_sql_fill(text, state->seen.engine, &state->ladder->names, p);
}

static gt_err_t *ask(apr_array_header_t **rows, const char *text, gt_db_t *db, const state_t *state,
                     apr_pool_t *p)
{
    return gt_db_literal_rows(rows, db, fill(text, state, p), p);
}

gt_err_t *gt_ladder_ask(apr_array_header_t **rows, const char *text, const gt_ladder_t *ladder,
                        gt_engine_t engine, gt_db_t *db, apr_pool_t *p)
{
    return gt_db_unlimited(rows, db, gt_sql_fill(text, engine, &ladder->names, p), p);
}

/* A table of ours that stands beside the ladder's. */
static gt_err_t *find_table(int *is_there, const char *name, gt_db_t *db, const state_t *state,
                            apr_pool_t *p)
{
    apr_array_header_t *rows;
    const char *text =
        state->seen.engine == GT_PGSQL
            ? apr_pstrcat(p, "SELECT 1 WHERE to_regclass('{schema}", name, "') IS NOT NULL", NULL)
            : apr_pstrcat(p,
                          "SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = '",
                          name, "'", NULL);

    GT_TRY(ask(&rows, text, db, state, p));
    *is_there = rows->nelts > 0;
    return GT_OK;
}

static gt_err_t *read_version(state_t *state, gt_db_t *db, apr_pool_t *p)
{
    apr_array_header_t *rows;
    const gt_db_row_t *row;
    apr_int64_t version = 0;

    GT_TRY(find_table(&state->has_schema, "graphtok_schema", db, state, p));
    if (!state->has_schema)
        return GT_OK;
    GT_TRY(ask(&rows,
               "SELECT version, was_taken_over FROM {schema}graphtok_schema "
               "WHERE table_name = '{bare}'",
               db, state, p));
    if (rows->nelts == 0)
        return GT_OK;
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    if (!gt_number(&version, row->column[0], 0, state->ladder->newest))
        return gt_err(p, GT_CONFLICT, "GT0415",
                      "table %s was migrated by a newer version of this program",
                      state->ladder->names.table);
    state->seen.version = (int)version;
    state->seen.was_taken_over = row->column[1] != NULL && strcmp(row->column[1], "1") == 0;
    return GT_OK;
}

static gt_err_t *read_columns(state_t *state, gt_db_t *db, apr_pool_t *p)
{
    static const char *const columns[GT_ENGINES] = {
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('{table}') "
        "AND attnum > 0 AND NOT attisdropped",
        "SELECT name FROM pragma_table_info('{bare}')"};
    apr_array_header_t *rows;
    int i;

    GT_TRY(ask(&rows, columns[state->seen.engine], db, state, p));
    state->seen.columns = apr_array_make(p, rows->nelts, sizeof(const char *));
    for (i = 0; i < rows->nelts; i++)
        APR_ARRAY_PUSH(state->seen.columns, const char *) =
            APR_ARRAY_IDX(rows, i, gt_db_row_t).column[0];
    return GT_OK;
}

/* PostgreSQL builds an index on a partitioned table in a transaction only. */
static gt_err_t *read_indexes(state_t *state, gt_db_t *db, apr_pool_t *p)
{
    const char *const *beside = state->ladder->beside;
    const char *tables = "to_regclass('{table}')", *text;
    apr_array_header_t *rows;

    state->indexes = apr_hash_make(p);
    if (state->seen.engine != GT_PGSQL)
        return GT_OK;
    GT_TRY(ask(&rows, "SELECT 1 FROM pg_class WHERE oid = to_regclass('{table}') AND relkind = 'p'",
               db, state, p));
    state->is_concurrent = rows->nelts == 0;
    for (; beside != NULL && *beside != NULL; beside++)
        tables = apr_pstrcat(p, tables, ", to_regclass('", *beside, "')", NULL);
    text =
        apr_pstrcat(p,
                    "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE "
                    "indisvalid AND indrelid IN (",
                    tables, ")", NULL);
    GT_TRY(ask(&rows, text, db, state, p));
    for (int i = 0; i < rows->nelts; i++)
        apr_hash_set(state->indexes, APR_ARRAY_IDX(rows, i, gt_db_row_t).column[0],
                     APR_HASH_KEY_STRING, "");
    return GT_OK;
}

static const char *bare(const state_t *state, apr_pool_t *p)
{
    return gt_index_lower(fill("{bare}", state, p), p);
}

/* By the first step that makes indexes. */
static gt_err_t *read_names(state_t *state, gt_db_t *db, apr_pool_t *p)
{
    static const char *const names[GT_ENGINES] = {
        "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
        "WHERE indrelid = to_regclass('{table}')",
        "SELECT name FROM pragma_index_list('{bare}') UNION ALL SELECT name FROM "
        "{schema}sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower('{bare}')"};
    apr_array_header_t *rows;

    state->names = apr_hash_make(p);
    GT_TRY(ask(&rows, names[state->seen.engine], db, state, p));
    for (int i = 0; i < rows->nelts; i++)
        apr_hash_set(state->names, gt_index_lower(APR_ARRAY_IDX(rows, i, gt_db_row_t).column[0], p),
                     APR_HASH_KEY_STRING, "");
    for (int n = 0; n < state->seen.version && state->former == NULL; n++)
        state->former =
            gt_index_former(state->names, bare(state, p),
                            state->ladder->steps[n].texts[GT_UP][state->seen.engine], p);
    return GT_OK;
}

static gt_err_t *read_state(state_t *state, const gt_ladder_t *ladder, gt_db_t *db, apr_pool_t *p)
{
    memset(state, 0, sizeof *state);
    state->ladder = ladder;
    GT_TRY(gt_db_engine(&state->seen.engine, db, p));
    GT_TRY(read_version(state, db, p));
    GT_TRY(read_columns(state, db, p));
    GT_TRY(read_indexes(state, db, p));
    GT_TRY(read_names(state, db, p));
    if (state->seen.version == 0)
        state->seen.was_taken_over = state->seen.columns->nelts > 0;
    return GT_OK;
}

gt_err_t *gt_ladder_version(int *version, const gt_ladder_t *ladder, gt_db_t *db, apr_pool_t *p)
{
    state_t state;

    GT_TRY(read_state(&state, ladder, db, p));
    *version = state.seen.version;
    return GT_OK;
}

static void add(apr_array_header_t *texts, const char *text, const state_t *state, apr_pool_t *p)
{
    const char *filled = fill(text, state, p);

    if (filled[0] != '\0')
        APR_ARRAY_PUSH(texts, const char *) = filled;
}

/* An index of a step: beside servers that go on writing, where the engine can. */
static void add_index(apr_array_header_t *texts, const char *text, const state_t *state,
                      apr_pool_t *p)
{
    if (state->is_concurrent)
        text = apr_pstrcat(p, INDEX CONCURRENTLY, text + strlen(INDEX), NULL);
    add(texts, text, state, p);
}

/* Those of the step's indexes that stand outside its transaction, or inside it. */
static void add_indexes(apr_array_header_t *texts, int number, const state_t *state, apr_pool_t *p)
{
    const char *const *list = state->ladder->steps[number - 1].texts[1][state->seen.engine];

    for (int i = 0; i < GT_LADDER_TEXTS && list[i] != NULL; i++)
        if (gt_index_is(list[i]))
            add_index(texts, list[i], state, p);
}

/* A text that drops an index or a constraint, under the name that it has. */
static const char *as_it_is_called(const char *text, const state_t *state, apr_pool_t *p)
{
    if (state->former == NULL)
        return text;
    return gt_index_called(text, state->names, bare(state, p), state->former, p);
}

/* The texts of step `number`, with the one that notes it in graphtok_schema. */
static apr_array_header_t *step_texts(int number, int up, const state_t *state, apr_pool_t *p)
{
    const char *const *list = state->ladder->steps[number - 1].texts[up][state->seen.engine];
    apr_array_header_t *texts = apr_array_make(p, GT_LADDER_TEXTS + 3, sizeof(const char *));
    int i;

    if (up && number == 1) {
        if (state->seen.engine == GT_SQLITE)
            add(texts, PRAGMA "{schema}journal_mode = WAL", state, p);
        if (!state->has_schema)
            add(texts,
                "CREATE TABLE IF NOT EXISTS {schema}graphtok_schema "
                "(table_name VARCHAR PRIMARY KEY, version INTEGER NOT NULL, "
                "was_taken_over SMALLINT NOT NULL)",
                state, p);
    }
    for (i = 0;
         i < GT_LADDER_TEXTS && list[i] != NULL && !(number == 1 && state->seen.was_taken_over);
         i++)
        /* A table that is dropped takes its rows along, so nothing is left unreadable. */
        if (!(up && state->is_concurrent && gt_index_is(list[i])) &&
            !(state->seen.is_dropped && strstr(list[i], GT_LADDER_NOTHING) != NULL))
            add(texts, up ? list[i] : as_it_is_called(list[i], state, p), state, p);
    if (!up && number == 1)
        add(texts, "DELETE FROM {schema}graphtok_schema WHERE table_name = '{bare}'", state, p);
    else if (up && number == 1)
        add(texts,
            apr_psprintf(p,
                         "INSERT INTO {schema}graphtok_schema "
                         "(table_name, version, was_taken_over) VALUES ('{bare}', 1, %d)",
                         state->seen.was_taken_over),
            state, p);
    else
        add(texts,
            apr_psprintf(p,
                         "UPDATE {schema}graphtok_schema SET version = %d "
                         "WHERE table_name = '{bare}'",
                         up ? number : number - 1),
            state, p);
    if (up && state->is_concurrent)
        add_indexes(texts, number, state, p);
    return texts;
}

/* As PostgreSQL writes a name that is not quoted. */
static const char *index_name(const char *text, const state_t *state, apr_pool_t *p)
{
    const char *begin = text + strlen(INDEX);

    return gt_index_lower(
        apr_pstrndup(p, fill(apr_pstrmemdup(p, begin, strcspn(begin, " ")), state, p), NAME_BYTES),
        p);
}

/* By the end of its name as well: a table that was renamed keeps its indexes. */
static int is_there(const char *name, const char *text, const state_t *state, apr_pool_t *p)
{
    const char *end = gt_index_ending(text, p);

    for (apr_hash_index_t *i = apr_hash_first(p, state->indexes); i != NULL; i = apr_hash_next(i)) {
        const char *held = apr_hash_this_key(i);
        const apr_size_t length = strlen(held);

        if (strcmp(held, name) == 0 ||
            (length > strlen(end) && strcmp(held + length - strlen(end), end) == 0))
            return 1;
    }
    return 0;
}

/* An index that was stopped in the middle is there and not valid: it goes first. */
static void add_missing(apr_array_header_t *texts, const char *text, const state_t *state,
                        apr_pool_t *p)
{
    const char *name = index_name(text, state, p);

    if (is_there(name, text, state, p))
        return;
    add(texts, apr_pstrcat(p, "DROP INDEX IF EXISTS {schema}", name, NULL), state, p);
    add_index(texts, text, state, p);
}

/* Step `number` was done, but for indexes that came after its transaction. */
static void plan_indexes(apr_array_header_t *plan, int number, const state_t *state, apr_pool_t *p)
{
    const char *const *list = state->ladder->steps[number - 1].texts[1][state->seen.engine];
    apr_array_header_t *texts = apr_array_make(p, GT_LADDER_TEXTS, sizeof(const char *));
    gt_migration_t *step;

    for (int i = 0; i < GT_LADDER_TEXTS && list[i] != NULL; i++)
        if (gt_index_is(list[i]))
            add_missing(texts, list[i], state, p);
    if (texts->nelts == 0)
        return;
    step = apr_array_push(plan);
    step->number = number;
    step->title = fill("indexes of {table} that an earlier run did not finish", state, p);
    step->texts = texts;
}

/* Drop a table that ladders share, unless a row stands in it. */
static void add_drop(apr_array_header_t *texts, const char *name, const char *columns,
                     const state_t *state, apr_pool_t *p)
{
    if (state->seen.engine == GT_PGSQL)
        add(texts, apr_pstrcat(p, "LOCK TABLE {schema}", name, NULL), state, p);
    add(texts,
        apr_psprintf(p, "INSERT INTO {schema}%s (%s) " GT_LADDER_NOTHING " FROM {schema}%s", name,
                     columns, name),
        state, p);
    add(texts, apr_pstrcat(p, "DROP TABLE {schema}", name, NULL), state, p);
}

#define SCHEMA_COLUMNS "table_name, version"

/* The texts after the last ladder's last step down. */
static apr_array_header_t *last_texts(const state_t *state, apr_pool_t *p)
{
    const gt_ladder_t *ladder = state->ladder;
    apr_array_header_t *texts = apr_array_make(p, 6, sizeof(const char *));

    if (ladder->shared != NULL)
        add_drop(texts, ladder->shared, ladder->shared_columns, state, p);
    add_drop(texts, "graphtok_schema", SCHEMA_COLUMNS, state, p);
    return texts;
}

static void plan_step(apr_array_header_t *plan, int number, int up, const state_t *state,
                      apr_pool_t *p)
{
    const gt_ladder_step_t *about = &state->ladder->steps[number - 1];
    gt_migration_t *step = apr_array_push(plan);

    step->number = number;
    step->title = fill(!up && about->loses != NULL ? about->loses : about->title, state, p);
    step->texts = step_texts(number, up, state, p);
    step->last_texts = !up && number == 1 ? last_texts(state, p) : NULL;
}

/* Whether the table may be taken over, and whether the rows could be read after going down. */
static gt_err_t *check_way(const state_t *state, int target, gt_db_t *db, apr_pool_t *p)
{
    const gt_ladder_t *ladder = state->ladder;

    if (state->seen.version == 0 && target > 0 && state->seen.was_taken_over) {
        if (ladder->may_take_over == NULL)
            return gt_err(p, GT_CONFLICT, "GT0428",
                          "table %s is there already, and is none of ours", ladder->names.table);
        GT_TRY(ladder->may_take_over(ladder, &state->seen, p));
    }
    if (target >= state->seen.version || state->seen.is_dropped || ladder->may_go_down == NULL)
        return GT_OK;
    return ladder->may_go_down(ladder, &state->seen, target, db, p);
}

gt_err_t *gt_ladder_plan(apr_array_header_t **plan, const gt_ladder_t *ladder, gt_db_t *db,
                         int target, apr_pool_t *p)
{
    state_t state;
    int n;

    if (target < 0 || target > ladder->newest)
        return gt_err(p, GT_INVALID, "GT0418", "there are steps 0 to %d", ladder->newest);
    GT_TRY(read_state(&state, ladder, db, p));
    state.seen.is_dropped = target == 0 && !state.seen.was_taken_over;
    GT_TRY(check_way(&state, target, db, p));
    *plan = apr_array_make(p, 2 * ladder->newest, sizeof(gt_migration_t));
    for (n = 1; n <= state.seen.version && n <= target && state.seen.engine == GT_PGSQL; n++)
        plan_indexes(*plan, n, &state, p);
    for (n = state.seen.version + 1; n <= target; n++)
        plan_step(*plan, n, 1, &state, p);
    for (n = state.seen.version; n > target; n--)
        plan_step(*plan, n, 0, &state, p);
    return GT_OK;
}

/* The journal mode belongs to the file and cannot change inside a transaction. */
static gt_err_t *set_wal(gt_db_t *db, const char *pragma, apr_pool_t *p)
{
    apr_array_header_t *rows;
    const char *mode;

    GT_TRY(gt_db_literal_rows(&rows, db, pragma, p));
    mode = rows->nelts > 0 ? APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0] : NULL;
    if (mode == NULL || strcmp(mode, "wal") != 0)
        gt_log(GT_LOG_WARNING, "GT0419",
               "the SQLite file does not take write-ahead logging: writers will wait for readers");
    return GT_OK;
}

/* Each is told of before it begins: it may take minutes. */
static gt_err_t *build_indexes(const apr_array_header_t *texts, gt_db_t *db, const char *ladder,
                               apr_pool_t *p)
{
    const apr_size_t head = strlen(INDEX CONCURRENTLY);

    for (int i = 0; i < texts->nelts; i++) {
        const char *text = APR_ARRAY_IDX(texts, i, const char *);
        apr_array_header_t *none;

        gt_log(GT_LOG_NOTICE, NULL, "%s: index %d of %d is built: %.*s", ladder, i + 1,
               texts->nelts, (int)strcspn(text + head, " "), text + head);
        GT_TRY(gt_db_unlimited(&none, db, text, p));
    }
    return GT_OK;
}

/* A table of ours that no ladder needs any more. One that comes into use at the same moment
 * stays. */
static gt_err_t *drop_empty(const char *name, const char *columns, gt_db_t *db,
                            const state_t *state, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 3, sizeof(const char *));
    apr_array_header_t *rows;
    gt_err_t *err;
    int is_there;

    GT_TRY(find_table(&is_there, name, db, state, p));
    if (!is_there)
        return GT_OK;
    GT_TRY(ask(&rows, apr_pstrcat(p, "SELECT 1 FROM {schema}", name, NULL), db, state, p));
    if (rows->nelts > 0)
        return GT_OK;
    add_drop(texts, name, columns, state, p);
    err = gt_db_script(db, texts, p);
    if (err != GT_OK)
        gt_log(GT_LOG_NOTICE, NULL, "the table %s stays: %s", name, err->detail);
    return GT_OK;
}

/* After a ladder's last step down. */
static gt_err_t *drop_leftovers(const gt_ladder_t *ladder, gt_db_t *db, apr_pool_t *p)
{
    state_t state;

    GT_TRY(read_state(&state, ladder, db, p));
    if (ladder->shared != NULL)
        GT_TRY(drop_empty(ladder->shared, ladder->shared_columns, db, &state, p));
    return drop_empty("graphtok_schema", SCHEMA_COLUMNS, db, &state, p);
}

gt_err_t *gt_ladder_apply(const gt_migration_t *step, const gt_ladder_t *ladder, int up,
                          gt_db_t *db, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, GT_LADDER_TEXTS, sizeof(const char *));
    apr_array_header_t *indexes = apr_array_make(p, GT_LADDER_TEXTS, sizeof(const char *));
    gt_err_t *err;
    int i;

    for (i = 0; i < step->texts->nelts; i++) {
        const char *text = APR_ARRAY_IDX(step->texts, i, const char *);

        if (strncmp(text, PRAGMA, strlen(PRAGMA)) == 0)
            GT_TRY(set_wal(db, text, p));
        else if (strncmp(text, INDEX CONCURRENTLY, strlen(INDEX CONCURRENTLY)) == 0)
            APR_ARRAY_PUSH(indexes, const char *) = text;
        else
            APR_ARRAY_PUSH(texts, const char *) = text;
    }
    err = gt_db_script(db, texts, p);
    if (err == GT_OK)
        err = build_indexes(indexes, db, ladder->name, p);
    if (err == GT_OK && !up && step->number == 1)
        err = drop_leftovers(ladder, db, p);
    if (err != GT_OK)
        return gt_err_in(err, "step %d %s of %s", step->number, up ? "up" : "down", ladder->name);
    gt_log(GT_LOG_NOTICE, NULL, "%s: step %d %s: %s", ladder->name, step->number,
           up ? "up" : "down", step->title);
    return GT_OK;
}
