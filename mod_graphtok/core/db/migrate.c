/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * A store's table in numbered steps, each a list of texts per engine and direction:
 *
 *   1  the table as S0 has it: made, or taken over as it stands
 *   2  several providers for a user: account, status, counts; UNIQUE (user, provider)
 *   3  one refresher at a time: generation, lease, revision, key id
 *   4  nothing lost: intent, the refresh token before, claims; a table of what was revoked lately
 *   5  background work: who does what next, in rows that all nodes share
 *   6  ids of the database and of the store, for which values are sealed from then on
 *   7  sums for statistics; an index of what was revoked lately; 8  an index of e-mail addresses
 *
 * Going down to 1 gives S0 its own table back, with every row; it needs one row for each user.
 * PostgreSQL alters the table. SQLite cannot drop a UNIQUE, so step 2 copies the rows into a new
 * table inside the step's transaction. Texts use the {words} of db/sql; an empty one is left out.
 * On PostgreSQL indexes are built after their step's transaction, beside servers that go on
 * writing. A run that is stopped there has done the step; the next one finds which indexes are
 * missing, or were left half built, and builds those. No statement of a migration has a time limit.
 * The number reached stands beside the table, in its schema, in graphtok_schema; the ids stand
 * there in graphtok_ids.
 *
 * A step down that takes an id away would make the values that are sealed for it unreadable, and S0's
 * program reads Fernet alone: such a step is refused while there are such values, unless the table
 * itself goes. The second look, inside the step's transaction, is an INSERT that breaks a rule of its
 * table when it finds a row. With the last store graphtok_schema and graphtok_ids go, too.
 */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "db/migrate.h"

#define MOST_TEXTS 16
#define PRAGMA "PRAGMA "
#define INDEX "CREATE INDEX "
#define INDEX_OF "{index}"
#define CONCURRENTLY "CONCURRENTLY "
#define NAME_BYTES 63

typedef struct step_t {
    const char *title;
    const char *texts[2][GT_ENGINES][MOST_TEXTS]; /* [0] down, [1] up */
} step_t;

#define S0_COLUMNS                                                                                 \
    "id, {user}, encrypted_access_token, encrypted_refresh_token, expires_at, created_at, "        \
    "updated_at"

/* As SQLAlchemy makes and writes S0's table on SQLite: hex ids, times as text. */
#define SQLITE_S0_BODY                                                                             \
    "id CHAR(32) NOT NULL PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))), "                      \
    "{user} {user_kind} NOT NULL"
#define SQLITE_S0_TOKENS                                                                           \
    ", encrypted_access_token TEXT NOT NULL, encrypted_refresh_token TEXT NOT NULL, "              \
    "expires_at DATETIME NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, "                \
    "updated_at DATETIME DEFAULT CURRENT_TIMESTAMP"

#define INDEXES                                                                                    \
    "CREATE INDEX {index}_account ON {on} (account_subject)",                                      \
        "CREATE INDEX {index}_email ON {on} (email)",                                              \
        "CREATE INDEX {index}_expires ON {on} (expires_at)"

#define INDEX_ADDRESS "CREATE INDEX {index}_address ON {on} (lower(email))"
#define DROP_ADDRESS "DROP INDEX IF EXISTS {schema}{bare}_address"
#define INDEX_PREVIOUS                                                                             \
    "CREATE INDEX {index}_previous ON {on} (previous_until) WHERE previous_until > 0"

/* Named by the user like the store itself, so that both can be distributed alike. */
#define TABLE_GONE                                                                                 \
    "CREATE TABLE {gone} ({user} {user_kind} NOT NULL, provider VARCHAR NOT NULL, "                \
    "revision BIGINT NOT NULL, PRIMARY KEY ({user}, provider))"

/* Sixteen parts of the users for work that goes through all of them; one for the rest. */
#define TABLE_JOBS                                                                                 \
    "CREATE TABLE {jobs} (name VARCHAR NOT NULL, part INTEGER NOT NULL, "                          \
    "due_at BIGINT NOT NULL DEFAULT 0, worker VARCHAR, PRIMARY KEY (name, part))",                 \
        "WITH RECURSIVE parts(part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts "            \
        "WHERE part < 15) INSERT INTO {jobs} (name, part) SELECT 'refresh', part FROM parts "      \
        "UNION ALL SELECT 'validate', part FROM parts UNION ALL SELECT 'cleanup', 0"

#define INDEXES_JOBS                                                                               \
    "CREATE INDEX {index}_due ON {on} ({part}, expires_at) WHERE status = 1",                      \
        "CREATE INDEX {index}_checked ON {on} ({part}, checked_at) WHERE status = 1",              \
        "CREATE INDEX {index}_inactive ON {on} (updated_at) WHERE status = 0",                     \
        "CREATE INDEX {index}_no_refresh ON {on} (expires_at) WHERE encrypted_refresh_token = ''"

#define DROP_INDEXES_JOBS                                                                          \
    "DROP TABLE {jobs}", "DROP INDEX IF EXISTS {schema}{bare}_due",                                \
        "DROP INDEX IF EXISTS {schema}{bare}_checked",                                             \
        "DROP INDEX IF EXISTS {schema}{bare}_inactive",                                            \
        "DROP INDEX IF EXISTS {schema}{bare}_no_refresh"

/* Sums for statistics, of sixteen parts by id: their index holds all that is counted. */
#define TABLE_COUNTS                                                                               \
    "CREATE TABLE {counts} (part INTEGER PRIMARY KEY, total BIGINT NOT NULL, "                     \
    "active BIGINT NOT NULL, inactive BIGINT NOT NULL, needs_user BIGINT NOT NULL, "               \
    "expired BIGINT NOT NULL, expiring_soon BIGINT NOT NULL, failing BIGINT NOT NULL, "            \
    "counted_at BIGINT NOT NULL)",                                                                 \
        "INSERT INTO {jobs} (name, part) SELECT 'count', part FROM {jobs} WHERE name = 'refresh'", \
        "CREATE INDEX {index}_counted ON {on} (id, status, expires_at, error_count)",              \
        "CREATE INDEX {index}_gone_changes ON {on_gone} (revision)"

/* Columns that were added with a default have no statistics, and no row changed, so that PostgreSQL
 * would not take them by itself: it would guess that a third of the rows are news. */
#define TAKE_STATISTICS "ANALYZE {table}"

#define DROP_COUNTS                                                                                \
    "DROP TABLE {counts}", "DELETE FROM {jobs} WHERE name = 'count'",                              \
        "DROP INDEX IF EXISTS {schema}{bare}_counted",                                             \
        "DROP INDEX IF EXISTS {schema}{bare}_gone_changes"

/* Of `what`: 'database', or 'store' and a table's name. A store that is taken down and brought up
 * again has another id: nothing that was sealed for the former one is left. */
#define IDS_UP(random)                                                                             \
    "CREATE TABLE IF NOT EXISTS {schema}graphtok_ids (what VARCHAR PRIMARY KEY, "                  \
    "id VARCHAR NOT NULL UNIQUE)",                                                                 \
        "INSERT INTO {schema}graphtok_ids (what, id) VALUES ('database', " random "), "            \
        "('store {bare}', " random ") ON CONFLICT (what) DO NOTHING"

/* A row where there must be none: no column takes this NULL. */
#define NOTHING "SELECT 'nothing', NULL"

#define ROWS_SEALED_FOR_ID                                                                         \
    "FROM {table} WHERE 'gt2.' IN (substr(encrypted_access_token, 1, 4), "                         \
    "substr(encrypted_refresh_token, 1, 4), substr(encrypted_id_token, 1, 4), "                    \
    "substr(previous_refresh_token, 1, 4))"

#define IDS_DOWN                                                                                   \
    "INSERT INTO {schema}graphtok_ids (what, id) " NOTHING " " ROWS_SEALED_FOR_ID " LIMIT 1",      \
        "DELETE FROM {schema}graphtok_ids WHERE what = 'store {bare}'",                            \
        "DELETE FROM {schema}graphtok_ids WHERE what = 'database' AND NOT EXISTS "                 \
        "(SELECT 1 FROM {schema}graphtok_ids AS other WHERE other.what <> 'database')"

#define ROWS_NOT_FERNET                                                                            \
    "FROM {table} WHERE substr(encrypted_access_token, 1, 2) = 'gt' OR "                           \
    "substr(encrypted_refresh_token, 1, 2) = 'gt'"
#define FERNET_ALONE                                                                               \
    "INSERT INTO {schema}graphtok_schema (table_name, version, was_taken_over) " NOTHING           \
    ", 0 " ROWS_NOT_FERNET " LIMIT 1"

/* PostgreSQL: S0's rule may be a constraint or a unique index, under any name. */
#define PG_DROP_UNIQUE_USER                                                                        \
    "DO $$ DECLARE found record; BEGIN "                                                           \
    "FOR found IN SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass "         \
    "AND contype = 'u' AND conkey = ARRAY[(SELECT attnum FROM pg_attribute "                       \
    "WHERE attrelid = '{table}'::regclass AND attname = '{user_name}')] "                          \
    "LOOP EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', found.conname); END LOOP; "     \
    "FOR found IN SELECT indexrelid::regclass AS name FROM pg_index "                              \
    "WHERE indrelid = '{table}'::regclass AND indisunique AND NOT indisprimary "                   \
    "AND indnatts = 1 AND indkey[0] = (SELECT attnum FROM pg_attribute "                           \
    "WHERE attrelid = '{table}'::regclass AND attname = '{user_name}') "                           \
    "LOOP EXECUTE format('DROP INDEX %s', found.name); END LOOP; END $$"

static const step_t steps[] = {
    {"the tokens table {table}, made or taken over as it is",
     {{{"DROP TABLE {table}"}, {"DROP TABLE {table}"}},
      {{"CREATE TABLE {table} (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), "
        "{user} {user_kind} UNIQUE NOT NULL, encrypted_access_token TEXT NOT NULL, "
        "encrypted_refresh_token TEXT NOT NULL, expires_at TIMESTAMP WITH TIME ZONE NOT NULL, "
        "created_at TIMESTAMP WITH TIME ZONE DEFAULT now(), "
        "updated_at TIMESTAMP WITH TIME ZONE DEFAULT now())"},
       {"CREATE TABLE {table} (" SQLITE_S0_BODY " UNIQUE" SQLITE_S0_TOKENS ")"}}}},

    {"provider, account, status and counts for {table}; one row for each user and provider",
     {{{FERNET_ALONE, "SET LOCAL client_min_messages = warning",
        "DROP INDEX IF EXISTS {schema}{bare}_account", "DROP INDEX IF EXISTS {schema}{bare}_email",
        "DROP INDEX IF EXISTS {schema}{bare}_expires",
        "ALTER TABLE {table} DROP CONSTRAINT {bare}_user_provider",
        "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {bare}_user_reference",
        "ALTER TABLE {table} ADD UNIQUE ({user})",
        "ALTER TABLE {table} DROP COLUMN provider, DROP COLUMN account_issuer, "
        "DROP COLUMN account_tenant, DROP COLUMN account_subject, DROP COLUMN email, "
        "DROP COLUMN scopes, DROP COLUMN encrypted_id_token, DROP COLUMN status, "
        "DROP COLUMN error_count, DROP COLUMN error_message, DROP COLUMN last_used_at, "
        "DROP COLUMN use_count"},
       {FERNET_ALONE,
        "CREATE TABLE {schema}{bare}_rebuilt (" SQLITE_S0_BODY " UNIQUE" SQLITE_S0_TOKENS ")",
        "INSERT INTO {schema}{bare}_rebuilt (" S0_COLUMNS ") SELECT " S0_COLUMNS " FROM {table}",
        "DROP TABLE {table}", "ALTER TABLE {schema}{bare}_rebuilt RENAME TO {name}"}},
      {{"ALTER TABLE {table} ADD COLUMN provider VARCHAR NOT NULL DEFAULT 'microsoft', "
        "ADD COLUMN account_issuer VARCHAR NOT NULL DEFAULT '', "
        "ADD COLUMN account_tenant VARCHAR NOT NULL DEFAULT '', "
        "ADD COLUMN account_subject VARCHAR NOT NULL DEFAULT '', ADD COLUMN email VARCHAR, "
        "ADD COLUMN scopes TEXT, ADD COLUMN encrypted_id_token TEXT, "
        "ADD COLUMN status SMALLINT NOT NULL DEFAULT 1, "
        "ADD COLUMN error_count SMALLINT NOT NULL DEFAULT 0, ADD COLUMN error_message TEXT, "
        "ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0, "
        "ADD COLUMN use_count BIGINT NOT NULL DEFAULT 0",
        PG_DROP_UNIQUE_USER,
        "ALTER TABLE {table} ADD CONSTRAINT {bare}_user_provider UNIQUE ({user}, provider)",
        "{add_reference}", INDEXES},
       {"CREATE TABLE {schema}{bare}_rebuilt (" SQLITE_S0_BODY "{references}" SQLITE_S0_TOKENS
        ", provider VARCHAR NOT NULL DEFAULT 'microsoft', "
        "account_issuer VARCHAR NOT NULL DEFAULT '', account_tenant VARCHAR NOT NULL DEFAULT '', "
        "account_subject VARCHAR NOT NULL DEFAULT '', email VARCHAR, scopes TEXT, "
        "encrypted_id_token TEXT, status SMALLINT NOT NULL DEFAULT 1, "
        "error_count SMALLINT NOT NULL DEFAULT 0, error_message TEXT, "
        "last_used_at BIGINT NOT NULL DEFAULT 0, use_count BIGINT NOT NULL DEFAULT 0, "
        "UNIQUE ({user}, provider))",
        "INSERT INTO {schema}{bare}_rebuilt (" S0_COLUMNS ") SELECT " S0_COLUMNS " FROM {table}",
        "DROP TABLE {table}", "ALTER TABLE {schema}{bare}_rebuilt RENAME TO {name}", INDEXES}}}},

    {"generation, lease, revision and key id for {table}",
     {{{"DROP INDEX IF EXISTS {schema}{bare}_revision",
        "ALTER TABLE {table} DROP COLUMN generation, DROP COLUMN lease_owner, "
        "DROP COLUMN lease_until, DROP COLUMN revision, DROP COLUMN key_id"},
       {"DROP INDEX IF EXISTS {schema}{bare}_revision",
        "ALTER TABLE {table} DROP COLUMN generation", "ALTER TABLE {table} DROP COLUMN lease_owner",
        "ALTER TABLE {table} DROP COLUMN lease_until", "ALTER TABLE {table} DROP COLUMN revision",
        "ALTER TABLE {table} DROP COLUMN key_id"}},
      {{"ALTER TABLE {table} ADD COLUMN generation BIGINT NOT NULL DEFAULT 1, "
        "ADD COLUMN lease_owner VARCHAR, ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0, "
        "ADD COLUMN revision BIGINT NOT NULL DEFAULT 0, ADD COLUMN key_id VARCHAR",
        "CREATE INDEX {index}_revision ON {on} (revision)"},
       {"ALTER TABLE {table} ADD COLUMN generation BIGINT NOT NULL DEFAULT 1",
        "ALTER TABLE {table} ADD COLUMN lease_owner VARCHAR",
        "ALTER TABLE {table} ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE {table} ADD COLUMN revision BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE {table} ADD COLUMN key_id VARCHAR",
        "CREATE INDEX {index}_revision ON {on} (revision)"}}}},

    {"intent, kept refresh token and claims for {table}; what was revoked lately in {gone}",
     {{{"DROP TABLE {gone}", "DROP INDEX IF EXISTS {schema}{bare}_previous",
        "ALTER TABLE {table} DROP COLUMN intent_owner, DROP COLUMN intent_until, "
        "DROP COLUMN previous_refresh_token, DROP COLUMN previous_until, DROP COLUMN claims"},
       {"DROP TABLE {gone}", "DROP INDEX IF EXISTS {schema}{bare}_previous",
        "ALTER TABLE {table} DROP COLUMN intent_owner",
        "ALTER TABLE {table} DROP COLUMN intent_until",
        "ALTER TABLE {table} DROP COLUMN previous_refresh_token",
        "ALTER TABLE {table} DROP COLUMN previous_until",
        "ALTER TABLE {table} DROP COLUMN claims"}},
      {{"ALTER TABLE {table} ADD COLUMN intent_owner VARCHAR, "
        "ADD COLUMN intent_until BIGINT NOT NULL DEFAULT 0, "
        "ADD COLUMN previous_refresh_token TEXT, "
        "ADD COLUMN previous_until BIGINT NOT NULL DEFAULT 0, ADD COLUMN claims TEXT",
        INDEX_PREVIOUS, TABLE_GONE},
       {"ALTER TABLE {table} ADD COLUMN intent_owner VARCHAR",
        "ALTER TABLE {table} ADD COLUMN intent_until BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE {table} ADD COLUMN previous_refresh_token TEXT",
        "ALTER TABLE {table} ADD COLUMN previous_until BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE {table} ADD COLUMN claims TEXT", INDEX_PREVIOUS, TABLE_GONE}}}},

    {"background work on {table}; what is due next in {jobs}",
     {{{DROP_INDEXES_JOBS, "ALTER TABLE {table} DROP COLUMN due_after, DROP COLUMN checked_at"},
       {DROP_INDEXES_JOBS, "ALTER TABLE {table} DROP COLUMN due_after",
        "ALTER TABLE {table} DROP COLUMN checked_at"}},
      {{"ALTER TABLE {table} ADD COLUMN due_after BIGINT NOT NULL DEFAULT 0, "
        "ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0",
        INDEXES_JOBS, TABLE_JOBS},
       {"ALTER TABLE {table} ADD COLUMN due_after BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE {table} ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0", INDEXES_JOBS,
        TABLE_JOBS}}}},

    {"ids of the database and of {table}: what is written from now on is sealed for them",
     {{{IDS_DOWN}, {IDS_DOWN}},
      {{IDS_UP("replace(CAST(gen_random_uuid() AS TEXT), '-', '')")},
       {IDS_UP("lower(hex(randomblob(16)))")}}}},

    {"sums of grants in {counts}, and an index of what was revoked lately",
     {{{DROP_COUNTS}, {DROP_COUNTS}}, {{TABLE_COUNTS, TAKE_STATISTICS}, {TABLE_COUNTS}}}},
    {"an index of {table}'s e-mail addresses in any case",
     {{{DROP_ADDRESS}, {DROP_ADDRESS}}, {{INDEX_ADDRESS}, {INDEX_ADDRESS}}}},
};

#define STEP_PROVIDERS 2
#define STEP_IDS 6

#define NEWEST ((int)(sizeof steps / sizeof steps[0]))

/* What stands in the database. */
typedef struct state_t {
    gt_engine_t engine;
    gt_sql_names_t names;
    int has_schema; /* graphtok_schema is there */
    int version;
    int was_taken_over;          /* the table was there before us: never dropped */
    int is_dropped;              /* the plan goes down to nothing, and the table is ours */
    apr_array_header_t *columns; /* of the table, const char *; empty: no table */
    int is_concurrent;           /* indexes are built beside the transaction of their step */
    apr_hash_t *indexes;         /* of the table and {gone} that are whole, by name; if so */
} state_t;

static const char *const s0_columns[] = {
    "id",        "encrypted_access_token", "encrypted_refresh_token", "expires_at", "created_at",
    "updated_at"};

int gt_migrate_newest(void)
{
    return NEWEST;
}

static gt_err_t *check_names(gt_sql_names_t *names, const gt_store_conf_t *store, apr_pool_t *p)
{
    if (!gt_sql_is_name(store->table, 1) || !gt_sql_is_name(store->user_column, 0))
        return gt_err(p, GT_INVALID, "GT0414", "store %s: not a name of a table or column",
                      store->name);
    if (store->references != NULL && !gt_sql_is_reference(store->references))
        return gt_err(p, GT_INVALID, "GT0414", "store %s: a reference is written TABLE(COLUMN)",
                      store->name);
    names->table = store->table;
    names->user_column = store->user_column;
    names->user_type = store->user_type;
    names->references = store->references;
    return GT_OK;
}

/* The user column's name as a text, and the foreign key, which only some stores have. */
static const char *fill(const char *text, const state_t *state, apr_pool_t *p)
{
    const char *at = strstr(text, "{user_name}");

    if (strcmp(text, "{add_reference}") == 0)
        text = state->names.references == NULL
                   ? ""
                   : "ALTER TABLE {table} ADD CONSTRAINT {bare}_user_reference "
                     "FOREIGN KEY ({user}){references}";
    for (; at != NULL; at = strstr(text, "{user_name}"))
        text = apr_pstrcat(p, apr_pstrmemdup(p, text, (apr_size_t)(at - text)),
                           state->names.user_column, at + strlen("{user_name}"), NULL);
    return gt_sql_fill(text, state->engine, &state->names, p);
}

static gt_err_t *ask(apr_array_header_t **rows, const char *text, gt_db_t *db, const state_t *state,
                     apr_pool_t *p)
{
    return gt_db_literal_rows(rows, db, fill(text, state, p), p);
}

/* A table of ours that stands beside the store's. */
static gt_err_t *find_table(int *is_there, const char *name, gt_db_t *db, const state_t *state,
                            apr_pool_t *p)
{
    apr_array_header_t *rows;
    const char *text =
        state->engine == GT_PGSQL
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
    if (!gt_number(&version, row->column[0], 0, NEWEST))
        return gt_err(p, GT_CONFLICT, "GT0415",
                      "table %s was migrated by a newer version of this program",
                      state->names.table);
    state->version = (int)version;
    state->was_taken_over = row->column[1] != NULL && strcmp(row->column[1], "1") == 0;
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

    GT_TRY(ask(&rows, columns[state->engine], db, state, p));
    state->columns = apr_array_make(p, rows->nelts, sizeof(const char *));
    for (i = 0; i < rows->nelts; i++)
        APR_ARRAY_PUSH(state->columns, const char *) =
            APR_ARRAY_IDX(rows, i, gt_db_row_t).column[0];
    return GT_OK;
}

/* PostgreSQL builds an index on a partitioned table in a transaction only. */
static gt_err_t *read_indexes(state_t *state, gt_db_t *db, apr_pool_t *p)
{
    apr_array_header_t *rows;

    state->indexes = apr_hash_make(p);
    if (state->engine != GT_PGSQL)
        return GT_OK;
    GT_TRY(ask(&rows, "SELECT 1 FROM pg_class WHERE oid = to_regclass('{table}') AND relkind = 'p'",
               db, state, p));
    state->is_concurrent = rows->nelts == 0;
    GT_TRY(ask(&rows,
               "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE "
               "indisvalid AND indrelid IN (to_regclass('{table}'), to_regclass('{gone}'))",
               db, state, p));
    for (int i = 0; i < rows->nelts; i++)
        apr_hash_set(state->indexes, APR_ARRAY_IDX(rows, i, gt_db_row_t).column[0],
                     APR_HASH_KEY_STRING, "");
    return GT_OK;
}

static gt_err_t *read_state(state_t *state, gt_db_t *db, const gt_store_conf_t *store,
                            apr_pool_t *p)
{
    memset(state, 0, sizeof *state);
    GT_TRY(check_names(&state->names, store, p));
    GT_TRY(gt_db_engine(&state->engine, db, p));
    GT_TRY(read_version(state, db, p));
    GT_TRY(read_columns(state, db, p));
    GT_TRY(read_indexes(state, db, p));
    if (state->version == 0)
        state->was_taken_over = state->columns->nelts > 0;
    return GT_OK;
}

gt_err_t *gt_migrate_version(int *version, gt_db_t *db, const gt_store_conf_t *store, apr_pool_t *p)
{
    state_t state;

    GT_TRY(read_state(&state, db, store, p));
    *version = state.version;
    return GT_OK;
}

static int has_column(const state_t *state, const char *name)
{
    int i;

    for (i = 0; i < state->columns->nelts; i++)
        if (strcasecmp(APR_ARRAY_IDX(state->columns, i, const char *), name) == 0)
            return 1;
    return 0;
}

static int is_s0_column(const state_t *state, const char *name)
{
    apr_size_t i;

    for (i = 0; i < sizeof s0_columns / sizeof s0_columns[0]; i++)
        if (strcasecmp(s0_columns[i], name) == 0)
            return 1;
    return strcasecmp(state->names.user_column, name) == 0;
}

/* A table that is there must be S0's: all of its columns, and on SQLite, where the rows are
 * copied, no others that would be lost. */
static gt_err_t *check_takeover(const state_t *state, apr_pool_t *p)
{
    const char *table = state->names.table;
    apr_size_t i;
    int c;

    if (has_column(state, "account_issuer"))
        return gt_err(
            p, GT_CONFLICT, "GT0416",
            "table %s was migrated before, and graphtok_schema does not know it: restore "
            "graphtok_schema and graphtok_ids, which stand beside the table, along with it",
            table);
    if (!has_column(state, state->names.user_column))
        return gt_err(p, GT_CONFLICT, "GT0416", "table %s is there without the column %s", table,
                      state->names.user_column);
    for (i = 0; i < sizeof s0_columns / sizeof s0_columns[0]; i++)
        if (!has_column(state, s0_columns[i]))
            return gt_err(p, GT_CONFLICT, "GT0416", "table %s is there without the column %s",
                          table, s0_columns[i]);
    for (c = 0; state->engine == GT_SQLITE && c < state->columns->nelts; c++) {
        const char *column = APR_ARRAY_IDX(state->columns, c, const char *);

        if (!is_s0_column(state, column))
            return gt_err(p, GT_CONFLICT, "GT0417",
                          "table %s has the column %s, which its rebuilding would lose", table,
                          column);
    }
    return GT_OK;
}

static void add(apr_array_header_t *texts, const char *text, const state_t *state, apr_pool_t *p)
{
    const char *filled = fill(text, state, p);

    if (filled[0] != '\0')
        APR_ARRAY_PUSH(texts, const char *) = filled;
}

static int is_index(const char *text)
{
    return strncmp(text, INDEX, strlen(INDEX)) == 0;
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
    const char *const *list = steps[number - 1].texts[1][state->engine];

    for (int i = 0; i < MOST_TEXTS && list[i] != NULL; i++)
        if (is_index(list[i]))
            add_index(texts, list[i], state, p);
}

/* What step `number` runs, with what it notes in graphtok_schema. */
static apr_array_header_t *step_texts(int number, int up, const state_t *state, apr_pool_t *p)
{
    const char *const *list = steps[number - 1].texts[up][state->engine];
    apr_array_header_t *texts = apr_array_make(p, MOST_TEXTS + 3, sizeof(const char *));
    int i;

    if (up && number == 1) {
        if (state->engine == GT_SQLITE)
            add(texts, PRAGMA "{schema}journal_mode = WAL", state, p);
        if (!state->has_schema)
            add(texts,
                "CREATE TABLE IF NOT EXISTS {schema}graphtok_schema "
                "(table_name VARCHAR PRIMARY KEY, version INTEGER NOT NULL, "
                "was_taken_over SMALLINT NOT NULL)",
                state, p);
    }
    for (i = 0; i < MOST_TEXTS && list[i] != NULL && !(number == 1 && state->was_taken_over); i++)
        /* What would be unreadable goes with a table that is dropped. */
        if (!(state->is_concurrent && is_index(list[i])) &&
            !(state->is_dropped && strstr(list[i], NOTHING) != NULL))
            add(texts, list[i], state, p);
    if (!up && number == 1)
        add(texts, "DELETE FROM {schema}graphtok_schema WHERE table_name = '{bare}'", state, p);
    else if (up && number == 1)
        add(texts,
            apr_psprintf(p,
                         "INSERT INTO {schema}graphtok_schema "
                         "(table_name, version, was_taken_over) VALUES ('{bare}', 1, %d)",
                         state->was_taken_over),
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
    char *name =
        apr_pstrndup(p, fill(apr_pstrmemdup(p, begin, strcspn(begin, " ")), state, p), NAME_BYTES);

    for (char *c = name; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return name;
}

/* By the end of its name as well: a table that was renamed keeps its indexes. */
static int is_there(const char *name, const char *text, const state_t *state, apr_pool_t *p)
{
    const char *begin = text + strlen(INDEX INDEX_OF);
    const char *end = apr_pstrmemdup(p, begin, strcspn(begin, " "));

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
    const char *const *list = steps[number - 1].texts[1][state->engine];
    apr_array_header_t *texts = apr_array_make(p, MOST_TEXTS, sizeof(const char *));
    gt_migration_t *step;

    for (int i = 0; i < MOST_TEXTS && list[i] != NULL; i++)
        if (is_index(list[i]))
            add_missing(texts, list[i], state, p);
    if (texts->nelts == 0)
        return;
    step = apr_array_push(plan);
    step->number = number;
    step->title = fill("indexes of {table} that an earlier run did not finish", state, p);
    step->texts = texts;
}

static void plan_step(apr_array_header_t *plan, int number, int up, const state_t *state,
                      apr_pool_t *p)
{
    gt_migration_t *step = apr_array_push(plan);

    step->number = number;
    step->title = fill(steps[number - 1].title, state, p);
    step->texts = step_texts(number, up, state, p);
}

/* How many rows a query counts; NULL: none. */
static gt_err_t *count(const char **n, const char *text, gt_db_t *db, const state_t *state,
                       apr_pool_t *p)
{
    apr_array_header_t *rows;

    GT_TRY(gt_db_unlimited(&rows, db, fill(text, state, p), p));
    *n = rows->nelts > 0 ? APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0] : "some";
    if (strcmp(*n, "0") == 0)
        *n = NULL;
    return GT_OK;
}

#define WRITE_FERNET                                                                               \
    "say GraphTokCipher fernet, restart httpd gracefully, run graphtokctl keys reencrypt, and "    \
    "try "                                                                                         \
    "again"

/* A step down that would leave unreadable rows is refused. */
static gt_err_t *check_going_down(const state_t *state, int target, gt_db_t *db, apr_pool_t *p)
{
    const char *n = NULL;

    if (state->is_dropped)
        return GT_OK;
    if (state->version >= STEP_IDS && target < STEP_IDS)
        GT_TRY(count(&n, "SELECT count(*) " ROWS_SEALED_FOR_ID, db, state, p));
    if (n != NULL)
        return gt_err(p, GT_CONFLICT, "GT0441",
                      "table %s: %s rows are sealed for the id that step %d down removes, and "
                      "nothing could read them any more; " WRITE_FERNET,
                      state->names.table, n, STEP_IDS);
    if (state->version >= STEP_PROVIDERS && target < STEP_PROVIDERS)
        GT_TRY(count(&n, "SELECT count(*) " ROWS_NOT_FERNET, db, state, p));
    if (n != NULL)
        return gt_err(
            p, GT_CONFLICT, "GT0442",
            "table %s: %s rows are sealed with AES-256-GCM, and the program that made the "
            "table reads Fernet alone; " WRITE_FERNET,
            state->names.table, n);
    return GT_OK;
}

gt_err_t *gt_migrate_plan(apr_array_header_t **plan, gt_db_t *db, const gt_store_conf_t *store,
                          int target, apr_pool_t *p)
{
    state_t state;
    int n;

    if (target < 0 || target > NEWEST)
        return gt_err(p, GT_INVALID, "GT0418", "there are steps 0 to %d", NEWEST);
    GT_TRY(read_state(&state, db, store, p));
    state.is_dropped = target == 0 && !state.was_taken_over;
    if (state.version == 0 && target > 0 && state.was_taken_over)
        GT_TRY(check_takeover(&state, p));
    GT_TRY(check_going_down(&state, target, db, p));
    *plan = apr_array_make(p, 2 * NEWEST, sizeof(gt_migration_t));
    for (n = 1; n <= state.version && n <= target && state.is_concurrent; n++)
        plan_indexes(*plan, n, &state, p);
    for (n = state.version + 1; n <= target; n++)
        plan_step(*plan, n, 1, &state, p);
    for (n = state.version; n > target; n--)
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
static gt_err_t *build_indexes(const apr_array_header_t *texts, gt_db_t *db, const char *store,
                               apr_pool_t *p)
{
    const apr_size_t head = strlen(INDEX CONCURRENTLY);

    for (int i = 0; i < texts->nelts; i++) {
        const char *text = APR_ARRAY_IDX(texts, i, const char *);
        apr_array_header_t *none;

        gt_log(GT_LOG_NOTICE, NULL, "store %s: index %d of %d is built: %.*s", store, i + 1,
               texts->nelts, (int)strcspn(text + head, " "), text + head);
        GT_TRY(gt_db_unlimited(&none, db, text, p));
    }
    return GT_OK;
}

/* A table of ours that no store needs any more. One that comes into use at the same moment stays. */
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
    if (state->engine == GT_PGSQL)
        add(texts, apr_pstrcat(p, "LOCK TABLE {schema}", name, NULL), state, p);
    add(texts,
        apr_psprintf(p, "INSERT INTO {schema}%s (%s) " NOTHING " FROM {schema}%s", name, columns,
                     name),
        state, p);
    add(texts, apr_pstrcat(p, "DROP TABLE {schema}", name, NULL), state, p);
    err = gt_db_script(db, texts, p);
    if (err != GT_OK)
        gt_log(GT_LOG_NOTICE, NULL, "the table %s stays: %s", name, err->detail);
    return GT_OK;
}

/* After a store's last step down. */
static gt_err_t *drop_leftovers(gt_db_t *db, const gt_store_conf_t *store, apr_pool_t *p)
{
    state_t state;

    GT_TRY(read_state(&state, db, store, p));
    GT_TRY(drop_empty("graphtok_ids", "what, id", db, &state, p));
    return drop_empty("graphtok_schema", "table_name, version", db, &state, p);
}

gt_err_t *gt_migrate_apply(const gt_migration_t *step, int up, gt_db_t *db,
                           const gt_store_conf_t *store, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, MOST_TEXTS, sizeof(const char *));
    apr_array_header_t *indexes = apr_array_make(p, MOST_TEXTS, sizeof(const char *));
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
        err = build_indexes(indexes, db, store->name, p);
    if (err == GT_OK && !up && step->number == 1)
        err = drop_leftovers(db, store, p);
    if (err != GT_OK)
        return gt_err_in(err, "step %d %s of store %s", step->number, up ? "up" : "down",
                         store->name);
    gt_log(GT_LOG_NOTICE, NULL, "store %s: step %d %s: %s", store->name, step->number,
           up ? "up" : "down", step->title);
    return GT_OK;
}
