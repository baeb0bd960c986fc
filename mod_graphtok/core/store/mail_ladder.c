/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The steps of the tables of mail. The names are those of the store, so that texts speak of its
 * own table as {grants}; {table} is mail_accounts. An account without a password goes with its
 * grant, also by a cascade and whichever program deletes it: so by a trigger, which on PostgreSQL
 * has its owner's rights, since a role that deletes grants needs none for mail.
 */

#include "store/mail_ladder.h"

#include <stddef.h>

#include <apr_strings.h>

#include "store/mail_tables.h"
#include "store/sql_names.h"

/* S3's document writes incoming_auth_method and sync_enabled by hand. */
#define ACCOUNT_COLUMNS(id, boolean, no, yes)                                                      \
    id ", {user} {user_kind} NOT NULL{references}, provider VARCHAR NOT NULL, "                    \
       "email_address VARCHAR NOT NULL, organization_id INTEGER, incoming_server VARCHAR, "        \
       "incoming_port INTEGER, incoming_security VARCHAR NOT NULL DEFAULT 'tls' "                  \
       "CHECK (incoming_security IN ('tls', 'starttls')), "                                        \
       "incoming_auth_method VARCHAR NOT NULL DEFAULT 'xoauth2' "                                  \
       "CHECK (incoming_auth_method IN ('oauth', 'oauth2', 'xoauth2', 'password')), "              \
       "made_for VARCHAR NOT NULL DEFAULT 'xoauth2', outgoing_server VARCHAR, "                    \
       "outgoing_port INTEGER, outgoing_security VARCHAR NOT NULL DEFAULT 'starttls' "             \
       "CHECK (outgoing_security IN ('tls', 'starttls')), password_encrypted TEXT, folders TEXT, " \
       "push " boolean " NOT NULL DEFAULT " no ", sync_enabled " boolean " NOT NULL DEFAULT " yes  \
       ", sync_status VARCHAR NOT NULL DEFAULT 'new' "                                             \
       "CHECK (sync_status IN ('new', 'syncing', 'ok', 'error')), last_sync_at BIGINT, "           \
       "tried_at BIGINT NOT NULL DEFAULT 0, last_error TEXT, "                                     \
       "failures INTEGER NOT NULL DEFAULT 0, due_at BIGINT NOT NULL DEFAULT 0, "                   \
       "claimed_by VARCHAR, claimed_until BIGINT NOT NULL DEFAULT 0, "                             \
       "created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, "                                  \
       "UNIQUE ({user}, provider, email_address)"

#define INDEX_DUE "CREATE INDEX {index}_due ON {on} (due_at) WHERE sync_enabled"

/* Found beside the table of grants, under any name of the schema. */
#define FUNCTION_GO                                                                                \
    "CREATE FUNCTION {schema}mail_accounts_go() RETURNS trigger LANGUAGE plpgsql "                 \
    "SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ DECLARE kept regclass := "       \
    "to_regclass(format('%I.mail_accounts', TG_TABLE_SCHEMA)); BEGIN "                             \
    "IF kept IS NOT NULL THEN EXECUTE format('DELETE FROM %s AS account USING went "               \
    "WHERE account.{user} = went.{user} AND account.provider = went.provider "                     \
    "AND account.password_encrypted IS NULL', kept); END IF; RETURN NULL; END $$"
#define TRIGGER_GO                                                                                 \
    "CREATE TRIGGER graphtok_mail_goes AFTER DELETE ON {grants} REFERENCING OLD TABLE AS went "    \
    "FOR EACH STATEMENT EXECUTE FUNCTION {schema}mail_accounts_go()"
/* A table of grants that was made anew by hand, or moved to another schema, may have lost its
 * trigger, or have it of the schema before. */
#define DROP_GO                                                                                    \
    "DO $$ DECLARE known regprocedure := to_regprocedure('{schema}mail_accounts_go()'); BEGIN "    \
    "SELECT coalesce(max(tgfoid), known) INTO known FROM pg_trigger "                              \
    "WHERE tgrelid = to_regclass('{grants}') AND tgname = 'graphtok_mail_goes'; "                  \
    "IF known IS NOT NULL THEN EXECUTE format('DROP FUNCTION %s CASCADE', known); END IF; END $$"
#define SQLITE_TRIGGER_GO                                                                          \
    "CREATE TRIGGER {schema}mail_accounts_go AFTER DELETE ON {on_grants} BEGIN "                   \
    "DELETE FROM {name} WHERE {user} = old.{user} AND provider = old.provider "                    \
    "AND password_encrypted IS NULL; END"

/* Grants under the names of S3's document, sealed as they are, for its reports. A time has no zone
 * there. */
#define VIEW_OF_TOKENS(expires, created, updated)                                                  \
    "CREATE VIEW {schema}user_email_tokens AS SELECT own.id, own.{user} AS user_id, "              \
    "(SELECT account.organization_id FROM {table} AS account "                                     \
    "WHERE account.{user} = own.{user} AND account.provider = own.provider "                       \
    "AND account.organization_id IS NOT NULL ORDER BY account.id LIMIT 1) AS organization_id, "    \
    "own.provider, own.email AS email_address, "                                                   \
    "own.encrypted_access_token AS access_token_encrypted, "                                       \
    "nullif(own.encrypted_refresh_token, '') AS refresh_token_encrypted, " expires                 \
    " AS expires_at, CASE own.status WHEN 1 THEN 'active' WHEN 2 THEN 'needs-user' "               \
    "ELSE 'inactive' END AS status, " created " AS created_at, " updated " AS updated_at "         \
    "FROM {grants} AS own"
#define DROP_VIEW "DROP VIEW {schema}user_email_tokens"

/* Rows live for a day (store/mail_send.h). */
#define SENDS                                                                                      \
    "CREATE TABLE {mail_sends} ({user} {user_kind} NOT NULL{references}, "                         \
    "provider VARCHAR NOT NULL, idempotency_key VARCHAR NOT NULL, request_digest TEXT NOT NULL, "  \
    "message_id VARCHAR NOT NULL, holder VARCHAR NOT NULL, state VARCHAR NOT NULL CHECK (state "   \
    "IN ('sending', 'sent', 'refused', 'temporary', 'unknown')), "                                 \
    "status INTEGER NOT NULL DEFAULT 0, began_at BIGINT NOT NULL, ends_at BIGINT NOT NULL, "       \
    "PRIMARY KEY ({user}, provider, idempotency_key))"

static const gt_ladder_step_t steps[] = {
    {"accounts of mail in {table}",
     "accounts of mail are dropped with {table}, and with them their passwords",
     {{{"SET LOCAL client_min_messages = warning", DROP_GO, "DROP TABLE {table}"},
       {"DROP TRIGGER IF EXISTS {schema}mail_accounts_go", "DROP TABLE {table}"}},
      {{"CREATE TABLE {table} (" ACCOUNT_COLUMNS(
            "id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "BOOLEAN", "false",
            "true") ")",
        INDEX_DUE, FUNCTION_GO, TRIGGER_GO},
       {"CREATE TABLE {table} (" ACCOUNT_COLUMNS("id INTEGER PRIMARY KEY AUTOINCREMENT", "BOOLEAN",
                                                 "0", "1") ")",
        INDEX_DUE, SQLITE_TRIGGER_GO, "{must_exist}"}}}},
    {"a view of {grants} as user_email_tokens",
     NULL,
     {{{DROP_VIEW}, {DROP_VIEW}},
      {{VIEW_OF_TOKENS("own.expires_at AT TIME ZONE 'UTC'", "own.created_at AT TIME ZONE 'UTC'",
                       "own.updated_at AT TIME ZONE 'UTC'")},
       {VIEW_OF_TOKENS("own.expires_at", "own.created_at", "own.updated_at")}}}},
    {"folders and messages of mail",
     "copies of mail are dropped",
     {{{GT_MAIL_MESSAGES_DOWN}, {GT_MAIL_MESSAGES_DOWN}},
      {{GT_MAIL_MESSAGES_UP("id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
        GT_MAIL_MESSAGES_STORAGE},
       {GT_MAIL_MESSAGES_UP("id INTEGER PRIMARY KEY AUTOINCREMENT")}}}},
    {"mails sent with a key",
     "keys of mails are dropped, so that a repeat would be sent again",
     {{{"DROP TABLE {mail_sends}"}, {"DROP TABLE {mail_sends}"}}, {{SENDS}, {SENDS}}}},
};

/* Tables with indexes that may be built later. */
static const char *const beside[] = {"{mail_messages}", NULL};

static int is_wanted(const gt_store_conf_t *store)
{
    return store->mail_sync;
}

const gt_side_ladder_t gt_mail_ladder = {
    "mail", "mail_accounts", steps, sizeof(steps) / sizeof(steps[0]), beside, is_wanted};
