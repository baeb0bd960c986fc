/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The steps of a store's ladder, each a list of texts per engine and direction:
 *
 *   1  the table as S0 has it: made, or taken over as it stands
 *   2  several providers for a user: account, status, counts; UNIQUE (user, provider)
 *   3  one refresher at a time: generation, lease, revision, key id
 *   4  nothing lost: intent, the refresh token before, claims; a table of what was revoked lately
 *   5  background work: what is due next, in rows that all nodes share
 *   6  ids of the database and of the store, for which values are sealed from then on
 *   7  sums for statistics; an index of what was revoked lately; 8  an index of e-mail addresses;
 *   9  an index of grants that are not active
 *  10  access tokens of other resources, in a table beside it; 11  the refresh token before is
 *  kept no longer: it was read by nothing; 12  sessions of browsers, in a table beside it
 *  13  a note of each row that is deleted, also by a cascade; 14  refused passwords of accounts
 *  15  indexes for lists by time, and of grants that are failing
 *  16  bulk jobs of administrators, in two tables beside it
 *  17  histories of grants, in a table beside it; 18  figures by hours, in another one
 *
 * Going down to 1 gives S0 its own table back, with every row; it needs one row for each user.
 * PostgreSQL alters the table. SQLite cannot drop a UNIQUE, so step 2 copies the rows into a new
 * table inside the step's transaction. The ids stand beside the table, in graphtok_ids.
 */

#include "store/store_steps.h"

#include <stddef.h>

#include "store/bulk_tables.h"
#include "store/refused_columns.h"

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
#define INDEX_NOT_ACTIVE                                                                           \
    "CREATE INDEX {index}_not_active ON {on} (status, {user}, provider) WHERE status <> 1"
#define DROP_NOT_ACTIVE "DROP INDEX IF EXISTS {schema}{bare}_not_active"
/* Each list has an index to itself, in which its order says where every row stands: rows that were
 * written at once have one time. */
#define INDEXES_LISTS                                                                              \
    "CREATE INDEX {index}_by_expiry ON {on} ({by_expiry}, {user}, provider)",                      \
        "CREATE INDEX {index}_by_change ON {on} ({by_change}, {user}, provider)",                  \
        "CREATE INDEX {index}_not_active_expiry ON {on} (status, {by_expiry}, {user}, provider) "  \
        "WHERE status <> 1",                                                                       \
        "CREATE INDEX {index}_not_active_change ON {on} (status, {by_change}, {user}, provider) "  \
        "WHERE status <> 1",                                                                       \
        "CREATE INDEX {index}_failing ON {on} ({user}, provider) WHERE error_count > 0",           \
        "CREATE INDEX {index}_failing_expiry ON {on} ({by_expiry}, {user}, provider) "             \
        "WHERE error_count > 0",                                                                   \
        "CREATE INDEX {index}_failing_change ON {on} ({by_change}, {user}, provider) "             \
        "WHERE error_count > 0"
/* A row without one would stand in no list by change. S0 gives each row one, and so do we. */
#define DATE_CHANGES                                                                               \
    "UPDATE {table} SET updated_at = coalesce(created_at, expires_at) WHERE updated_at IS NULL"
#define DROP_LISTS                                                                                 \
    "DROP INDEX IF EXISTS {schema}{bare}_by_expiry",                                               \
        "DROP INDEX IF EXISTS {schema}{bare}_by_change",                                           \
        "DROP INDEX IF EXISTS {schema}{bare}_not_active_expiry",                                   \
        "DROP INDEX IF EXISTS {schema}{bare}_not_active_change",                                   \
        "DROP INDEX IF EXISTS {schema}{bare}_failing",                                             \
        "DROP INDEX IF EXISTS {schema}{bare}_failing_expiry",                                      \
        "DROP INDEX IF EXISTS {schema}{bare}_failing_change"

#define INDEX_PREVIOUS                                                                             \
    "CREATE INDEX {index}_previous ON {on} (previous_until) WHERE previous_until > 0"

/* Named by the user like the store itself, so that both can be distributed alike. */
#define TABLE_GONE                                                                                 \
    "CREATE TABLE {gone} ({user} {user_kind} NOT NULL, provider VARCHAR NOT NULL, "                \
    "revision BIGINT NOT NULL, PRIMARY KEY ({user}, provider))"

/* Its rows are made by the jobs themselves (gt_due_make_parts). */
#define TABLE_JOBS                                                                                 \
    "CREATE TABLE {jobs} (name VARCHAR NOT NULL, part INTEGER NOT NULL, "                          \
    "due_at BIGINT NOT NULL DEFAULT 0, worker VARCHAR, PRIMARY KEY (name, part))"

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

#define IDS_DOWN                                                                                   \
    "INSERT INTO {schema}graphtok_ids (what, id) " GT_LADDER_NOTHING " " GT_ROWS_SEALED_FOR_ID     \
    " LIMIT 1",                                                                                    \
        "DELETE FROM {schema}graphtok_ids WHERE what = 'store {bare}'",                            \
        "DELETE FROM {schema}graphtok_ids WHERE what = 'database' AND NOT EXISTS "                 \
        "(SELECT 1 FROM {schema}graphtok_ids AS other WHERE other.what <> 'database')"

#define FERNET_ALONE GT_LADDER_GUARD GT_ROWS_NOT_FERNET " LIMIT 1"

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

#define ACCESS_COLUMNS                                                                             \
    "{user} {user_kind} NOT NULL, provider VARCHAR NOT NULL, resource VARCHAR NOT NULL, "          \
    "encrypted_access_token TEXT NOT NULL, expires_at BIGINT NOT NULL, "                           \
    "generation BIGINT NOT NULL, obtained_at BIGINT NOT NULL, scopes TEXT, "                       \
    "PRIMARY KEY ({user}, provider, resource)"
#define INDEX_ACCESS "CREATE INDEX {index}_access_end ON {on_access} (expires_at)"

/* SQLite enforces a foreign key only for connections that ask for it, and S0's program does not. */
#define TRIGGER_ACCESS                                                                             \
    "CREATE TRIGGER {schema}{bare}_access_goes AFTER DELETE ON {name} BEGIN "                      \
    "DELETE FROM {on_access} WHERE {user} = old.{user} AND provider = old.provider; END"

#define SESSION_COLUMNS                                                                            \
    "{user} {user_kind} NOT NULL, provider VARCHAR NOT NULL, id VARCHAR NOT NULL, "                \
    "began_at BIGINT NOT NULL, used_at BIGINT NOT NULL, ends_at BIGINT NOT NULL, "                 \
    "ended_at BIGINT NOT NULL DEFAULT 0, revision BIGINT NOT NULL DEFAULT 0, sid VARCHAR, "        \
    "address VARCHAR, agent VARCHAR, PRIMARY KEY ({user}, provider, id)"
#define INDEXES_SESSIONS                                                                           \
    "CREATE INDEX {index}_session_id ON {on_sessions} (id)",                                       \
        "CREATE INDEX {index}_session_sid ON {on_sessions} (sid) WHERE sid IS NOT NULL",           \
        "CREATE INDEX {index}_session_end ON {on_sessions} (ends_at)",                             \
        "CREATE INDEX {index}_session_over ON {on_sessions} (revision) WHERE revision > 0"

#define TRIGGER_SESSIONS                                                                           \
    "CREATE TRIGGER {schema}{bare}_sessions_go AFTER DELETE ON {name} BEGIN "                      \
    "DELETE FROM {on_sessions} WHERE {user} = old.{user} AND provider = old.provider; END"

#define HISTORY_COLUMNS                                                                            \
    "{user} {user_kind} NOT NULL, provider VARCHAR NOT NULL, place INTEGER NOT NULL, "             \
    "number BIGINT NOT NULL, noted_at BIGINT NOT NULL, event VARCHAR NOT NULL, "                   \
    "outcome VARCHAR NOT NULL, detail VARCHAR, tag VARCHAR, administrator VARCHAR, "               \
    "address VARCHAR, PRIMARY KEY ({user}, provider, place)"
#define INDEX_HISTORY "CREATE INDEX {index}_history_past ON {on_history} (noted_at)"
#define TRIGGER_HISTORY                                                                            \
    "CREATE TRIGGER {schema}{bare}_history_goes AFTER DELETE ON {name} BEGIN "                     \
    "DELETE FROM {on_history} WHERE {user} = old.{user} AND provider = old.provider; END"

#define TABLE_HOURS                                                                                \
    "CREATE TABLE {hours} (run VARCHAR NOT NULL, number BIGINT NOT NULL, hour BIGINT NOT NULL, "   \
    "refreshed BIGINT NOT NULL, failed BIGINT NOT NULL, failed_calls BIGINT NOT NULL, "            \
    "calls0 BIGINT NOT NULL, calls1 BIGINT NOT NULL, calls2 BIGINT NOT NULL, "                     \
    "calls3 BIGINT NOT NULL, calls4 BIGINT NOT NULL, calls5 BIGINT NOT NULL, "                     \
    "calls6 BIGINT NOT NULL, calls7 BIGINT NOT NULL, calls8 BIGINT NOT NULL, "                     \
    "calls9 BIGINT NOT NULL, calls10 BIGINT NOT NULL, calls11 BIGINT NOT NULL, "                   \
    "calls12 BIGINT NOT NULL, PRIMARY KEY (run, number))",                                         \
        "CREATE INDEX {index}_hours_past ON {on_hours} (hour)"

/* A role that deletes needs no right to the notes: the function has its owner's. It finds them
 * beside the table, under any name and in any schema. */
#define FUNCTION_GOES                                                                              \
    "CREATE OR REPLACE FUNCTION {schema}{bare}_goes() RETURNS trigger LANGUAGE plpgsql "           \
    "SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ DECLARE notes regclass := "      \
    "to_regclass(format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME || '_gone')); BEGIN "              \
    "IF notes IS NOT NULL THEN EXECUTE format("                                                    \
    "'INSERT INTO %s ({user}, provider, revision) "                                                \
    "SELECT {user}, provider, {clock_ms} FROM went ON CONFLICT ({user}, provider) "                \
    "DO UPDATE SET revision = EXCLUDED.revision', notes); "                                        \
    "END IF; RETURN NULL; END $$"
#define TRIGGER_GOES                                                                               \
    "CREATE TRIGGER graphtok_goes AFTER DELETE ON {table} REFERENCING OLD TABLE AS went "          \
    "FOR EACH STATEMENT EXECUTE FUNCTION {schema}{bare}_goes()"
/* A table that was made anew by hand may have lost its trigger. */
#define DROP_GOES                                                                                  \
    "DO $$ DECLARE note regprocedure := to_regprocedure('{schema}{bare}_goes()'); BEGIN "          \
    "SELECT coalesce(max(tgfoid), note) INTO note FROM pg_trigger "                                \
    "WHERE tgrelid = '{table}'::regclass AND tgname = 'graphtok_goes'; "                           \
    "IF note IS NOT NULL THEN EXECUTE format('DROP FUNCTION %s CASCADE', note); END IF; END $$"
#define SQLITE_TRIGGER_GOES                                                                        \
    "CREATE TRIGGER {schema}{bare}_goes AFTER DELETE ON {name} BEGIN "                             \
    "INSERT INTO {on_gone} ({user}, provider, revision) "                                          \
    "VALUES (old.{user}, old.provider, {clock_ms}) ON CONFLICT ({user}, provider) "                \
    "DO UPDATE SET revision = excluded.revision; END"

const gt_ladder_step_t gt_store_steps[] = {
    {"the tokens table {table}, made or taken over as it is",
     NULL,
     {{{"DROP TABLE {table}"}, {"DROP TABLE {table}"}},
      {{"CREATE TABLE {table} (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), "
        "{user} {user_kind} UNIQUE NOT NULL, encrypted_access_token TEXT NOT NULL, "
        "encrypted_refresh_token TEXT NOT NULL, expires_at TIMESTAMP WITH TIME ZONE NOT NULL, "
        "created_at TIMESTAMP WITH TIME ZONE DEFAULT now(), "
        "updated_at TIMESTAMP WITH TIME ZONE DEFAULT now())"},
       {"CREATE TABLE {table} (" SQLITE_S0_BODY " UNIQUE" SQLITE_S0_TOKENS ")"}}}},

    {"provider, account, status and counts for {table}; one row for each user and provider",
     NULL,
     {{{FERNET_ALONE, "SET LOCAL client_min_messages = warning",
        "DROP INDEX IF EXISTS {schema}{bare}_account", "DROP INDEX IF EXISTS {schema}{bare}_email",
        "DROP INDEX IF EXISTS {schema}{bare}_expires",
        "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {bare}_user_provider",
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
     NULL,
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
     NULL,
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
        TABLE_GONE},
       {"ALTER TABLE {table} ADD COLUMN intent_owner VARCHAR",
        "ALTER TABLE {table} ADD COLUMN intent_until BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE {table} ADD COLUMN previous_refresh_token TEXT",
        "ALTER TABLE {table} ADD COLUMN previous_until BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE {table} ADD COLUMN claims TEXT", TABLE_GONE}}}},

    {"background work on {table}; what is due next in {jobs}",
     NULL,
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
     NULL,
     {{{IDS_DOWN}, {IDS_DOWN}},
      {{IDS_UP("replace(CAST(gen_random_uuid() AS TEXT), '-', '')")},
       {IDS_UP("lower(hex(randomblob(16)))")}}}},

    {"sums of grants in {counts}, and an index of what was revoked lately",
     NULL,
     {{{DROP_COUNTS}, {DROP_COUNTS}}, {{TABLE_COUNTS, TAKE_STATISTICS}, {TABLE_COUNTS}}}},
    {"an index of {table}'s e-mail addresses in any case",
     NULL,
     {{{DROP_ADDRESS}, {DROP_ADDRESS}}, {{INDEX_ADDRESS}, {INDEX_ADDRESS}}}},
    {"an index of {table}'s grants that are not active",
     NULL,
     {{{DROP_NOT_ACTIVE}, {DROP_NOT_ACTIVE}}, {{INDEX_NOT_ACTIVE}, {INDEX_NOT_ACTIVE}}}},

    {"access tokens of other resources than the default one, in {access}",
     "access tokens of other resources are dropped with {access}; the default one's stay in "
     "{table}",
     {{{"DROP TABLE {access}"}, {"DROP TRIGGER {schema}{bare}_access_goes", "DROP TABLE {access}"}},
      {{"CREATE TABLE {access} (" ACCESS_COLUMNS ", FOREIGN KEY ({user}, provider) "
        "REFERENCES {table} ({user}, provider) ON DELETE CASCADE)",
        INDEX_ACCESS},
       {"CREATE TABLE {access} (" ACCESS_COLUMNS ")", INDEX_ACCESS, TRIGGER_ACCESS}}}},

    {"no refresh token is kept in {table} after it was replaced",
     "columns in {table} for refresh tokens that were replaced",
     {{{"ALTER TABLE {table} ADD COLUMN previous_refresh_token TEXT, "
        "ADD COLUMN previous_until BIGINT NOT NULL DEFAULT 0",
        INDEX_PREVIOUS},
       {"ALTER TABLE {table} ADD COLUMN previous_refresh_token TEXT",
        "ALTER TABLE {table} ADD COLUMN previous_until BIGINT NOT NULL DEFAULT 0", INDEX_PREVIOUS}},
      {{"DROP INDEX IF EXISTS {schema}{bare}_previous",
        "ALTER TABLE {table} DROP COLUMN previous_refresh_token, DROP COLUMN previous_until"},
       {"DROP INDEX IF EXISTS {schema}{bare}_previous",
        "ALTER TABLE {table} DROP COLUMN previous_refresh_token",
        "ALTER TABLE {table} DROP COLUMN previous_until"}}}},

    {"sessions of browsers, in {sessions}",
     "the list of sessions is dropped with {sessions}; sessions that were ended are good again "
     "until their time is over",
     {{{"DROP TABLE {sessions}"},
       {"DROP TRIGGER {schema}{bare}_sessions_go", "DROP TABLE {sessions}"}},
      {{"CREATE TABLE {sessions} (" SESSION_COLUMNS ", FOREIGN KEY ({user}, provider) "
        "REFERENCES {table} ({user}, provider) ON DELETE CASCADE)",
        INDEXES_SESSIONS},
       {"CREATE TABLE {sessions} (" SESSION_COLUMNS ")", INDEXES_SESSIONS, TRIGGER_SESSIONS}}}},

    {"a note in {gone} of each row of {table} that is deleted, also by a cascade",
     "rows of {table} that other programs delete, or a cascade, leave no note: their tokens are "
     "served from caches until GraphTokCacheTime is over",
     {{{"SET LOCAL client_min_messages = warning", DROP_GOES},
       {"DROP TRIGGER {schema}{bare}_goes", "DROP TRIGGER IF EXISTS {schema}{bare}_user_exists"}},
      {{FUNCTION_GOES, TRIGGER_GOES}, {SQLITE_TRIGGER_GOES, "{must_exist}"}}}},
    {"refused passwords of accounts in {table}",
     "refused passwords are forgotten",
     {{{GT_REFUSED_DOWN}, {GT_REFUSED_DOWN}}, {{GT_REFUSED_UP}, {GT_REFUSED_UP}}}},
    {"indexes of {table} for lists by time, and of grants that are failing",
     NULL,
     {{{DROP_LISTS}, {DROP_LISTS}},
      {{DATE_CHANGES, INDEXES_LISTS}, {DATE_CHANGES, INDEXES_LISTS}}}},
    {"bulk jobs of administrators in {bulk}, their grants in {bulk_items}",
     "bulk jobs are dropped with {bulk} and {bulk_items}: those that are not done are not done",
     {{{GT_BULK_DOWN}, {GT_BULK_DOWN}}, {{GT_BULK_UP}, {GT_BULK_UP}}}},
    {"histories of grants, in {history}",
     "histories of grants are dropped with {history}",
     {{{"DROP TABLE {history}"},
       {"DROP TRIGGER {schema}{bare}_history_goes", "DROP TABLE {history}"}},
      {{"CREATE TABLE {history} (" HISTORY_COLUMNS ", FOREIGN KEY ({user}, provider) "
        "REFERENCES {table} ({user}, provider) ON DELETE CASCADE ON UPDATE CASCADE)",
        INDEX_HISTORY},
       {"CREATE TABLE {history} (" HISTORY_COLUMNS ")", INDEX_HISTORY, TRIGGER_HISTORY}}}},
    {"figures by hours in {hours}, and ends by days in {counts}",
     "figures by hours are dropped with {hours}",
     {{{"DROP TABLE {hours}", "ALTER TABLE {counts} DROP COLUMN ends"},
       {"DROP TABLE {hours}", "ALTER TABLE {counts} DROP COLUMN ends"}},
      {{TABLE_HOURS, "ALTER TABLE {counts} ADD COLUMN ends TEXT"},
       {TABLE_HOURS, "ALTER TABLE {counts} ADD COLUMN ends TEXT"}}}},
};

const int gt_store_steps_count = (int)(sizeof gt_store_steps / sizeof gt_store_steps[0]);
