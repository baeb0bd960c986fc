/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Every statement of the project. A text is the same for both engines; what differs between them
 * is a {word}, and the words of an engine stand in one table. Names of tables and columns are
 * quoted, so that a column may be called "user"; SQLite gets brackets, because it takes a
 * double-quoted name that does not exist for a text. A '%' begins a parameter of apr_dbd_prepare:
 * %s text, %lld number; no statement needs one for itself.
 *
 * Time: the database's clock alone writes and judges what stands in rows; programs give it spans.
 * A stamp further ahead of now than its span allows was written before that clock was set back, and
 * is over. expires_at, created_at and updated_at keep the types of S0's user_tokens; statements read
 * and write them as Unix seconds. Our own columns are seconds; revision is milliseconds of the
 * database's clock, so that a poll finds what changed lately; within a row it goes back with that
 * clock alone.
 * A first generation comes from that clock too: a row that was deleted and made anew never meets
 * a verdict or a result that was begun for the old one.
 */

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include "db/sql.h"

#define NAME_BYTES 63

typedef struct word_t {
    const char *name;
    const char *value[GT_ENGINES]; /* NULL: as the first engine says it */
} word_t;

/* The key id in a sealed column: NULL for an empty one, "" for Fernet, "?" for what is not sealed at
 * all. */
#define KEY_OF(column, between_dots)                                                               \
    "CASE WHEN coalesce(" column ", '') = '' THEN NULL"                                            \
    " WHEN substr(" column ", 1, 4) IN ('gt1.', 'gt2.') THEN " between_dots " WHEN substr(" column \
    ", 1, 6) = 'gAAAAA' THEN '' ELSE '?' END"
#define KEY_WORD(column)                                                                           \
    {                                                                                              \
        KEY_OF(column, "split_part(" column ", '.', 2)"),                                          \
            KEY_OF(column, "substr(" column ", 5, instr(substr(" column ", 5), '.') - 1)")         \
    }

/* Length of a prefix, the prefix. */
#define IS_OLD(column) "(" column " <> '' AND substr(" column ", 1, CAST(%lld AS INTEGER)) <> %s)"
#define IS_OLD_ROW                                                                                 \
    "(" IS_OLD("encrypted_access_token") " OR " IS_OLD("encrypted_refresh_token") " OR " IS_OLD(   \
        "encrypted_id_token") " OR " IS_OLD("previous_refresh_token") ")"

/* What the engines say differently; values may hold words. Columns of {row}: 0 id, 1 user,
 * 2 provider, 3 account_issuer, 4 account_tenant, 5 account_subject, 6 email, 7 scopes,
 * 8 encrypted_access_token, 9 encrypted_refresh_token, 10 expires_at, 11 created_at,
 * 12 updated_at, 13 last_used_at, 14 use_count, 15 status, 16 error_count, 17 error_message,
 * 18 generation, 19 lease_owner, 20 lease_until, 21 key_id, 22 intent_owner, 23 claims, 24 the
 * clock that judges these times. */
static const word_t engine_words[] = {
    /* The moment a statement began: one value for all of it, so that an index serves conditions. */
    {"now",
     {"CAST(floor(extract(epoch FROM statement_timestamp())) AS BIGINT)", "unixepoch('now')"}},
    {"now_ms",
     {"CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)",
      "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"}},
    /* This very moment, for what is written: a statement may have waited for the row's lock. */
    {"clock", {"CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)", "{now}"}},
    {"clock_ms",
     {"CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)", "{now_ms}"}},
    {"stamp", {"clock_timestamp()", "datetime('now') || '.000000'"}},
    {"greater", {"greatest", "max"}},
    /* So many seconds from now; stable within a statement, so that an index serves. */
    {"in",
     {"to_timestamp(floor(extract(epoch FROM statement_timestamp())) + %lld)",
      "datetime(unixepoch('now') + %lld, 'unixepoch') || '.000000'"}},
    {"skip", {"FOR UPDATE SKIP LOCKED", ""}},
    /* Rows out of one parameter, a JSON array: on PostgreSQL each value has the column's own type. */
    {"seals",
     {"SELECT old.id AS of_id, old.generation AS of_generation, "
      "old.encrypted_access_token AS old_access, old.encrypted_refresh_token AS old_refresh, "
      "old.previous_refresh_token AS old_previous, fresh.encrypted_access_token AS new_access, "
      "fresh.encrypted_refresh_token AS new_refresh, fresh.encrypted_id_token AS new_id_token, "
      "fresh.previous_refresh_token AS new_previous, fresh.key_id AS new_key "
      "FROM json_array_elements(CAST(%s AS json)) AS item, "
      "json_populate_record(CAST(NULL AS {table}), item.value -> 'old') AS old, "
      "json_populate_record(CAST(NULL AS {table}), item.value -> 'fresh') AS fresh",
      "SELECT json_extract(value, '$.old.id') AS of_id, "
      "json_extract(value, '$.old.generation') AS of_generation, "
      "json_extract(value, '$.old.encrypted_access_token') AS old_access, "
      "json_extract(value, '$.old.encrypted_refresh_token') AS old_refresh, "
      "json_extract(value, '$.old.previous_refresh_token') AS old_previous, "
      "json_extract(value, '$.fresh.encrypted_access_token') AS new_access, "
      "json_extract(value, '$.fresh.encrypted_refresh_token') AS new_refresh, "
      "json_extract(value, '$.fresh.encrypted_id_token') AS new_id_token, "
      "json_extract(value, '$.fresh.previous_refresh_token') AS new_previous, "
      "json_extract(value, '$.fresh.key_id') AS new_key FROM json_each(%s)"}},
    {"uses",
     {"SELECT of_user, of_provider, times, ago FROM json_to_recordset(CAST(%s AS json)) "
      "AS item(of_user {user_kind}, of_provider VARCHAR, times BIGINT, ago BIGINT)",
      "SELECT json_extract(value, '$.of_user') AS of_user, "
      "json_extract(value, '$.of_provider') AS of_provider, "
      "json_extract(value, '$.times') AS times, json_extract(value, '$.ago') AS ago "
      "FROM json_each(%s)"}},
    /* One of sixteen parts of the users, by a hash that both engines can index. */
    {"part",
     {"(hashtext(CAST({user} AS TEXT)) & 15)",
      "((coalesce(unicode(substr({user}, -1)), 0) + 3 * coalesce(unicode(substr({user}, -2)), 0) + "
      "7 * coalesce(unicode(substr({user}, -3)), 0) + 5 * coalesce(unicode({user}), 0)) & 15)"}},
    {"is_expired",
     {"status <> 0 AND {lease_over} AND ((encrypted_refresh_token = '' AND "
      "expires_at <= {in}) OR expires_at <= {in})",
      NULL}},
    {"is_removable", {"status = 0 AND {lease_over} AND updated_at <= {in}", NULL}},
    /* Also when it ends later than the longest GraphTokLease (conf/config.c) and a second of rounding
     * after now: then the clock was set back since. */
    {"lease_over", {"(lease_until <= {now} OR lease_until > {now} + 602)", NULL}},
    {"doubt_over", {"(intent_until <= {now} OR intent_until > {now} + 602)", NULL}},
    {"expires", {"CAST(floor(extract(epoch FROM expires_at)) AS BIGINT)", "unixepoch(expires_at)"}},
    {"created", {"CAST(floor(extract(epoch FROM created_at)) AS BIGINT)", "unixepoch(created_at)"}},
    {"updated", {"CAST(floor(extract(epoch FROM updated_at)) AS BIGINT)", "unixepoch(updated_at)"}},
    /* When a grant was last of use to somebody. A row that was taken over from S0, or signed in by an
     * older version, holds 0: it counts from its last change, which the first change by us keeps. */
    {"used",
     {"CASE WHEN last_used_at > 0 THEN last_used_at ELSE coalesce({updated}, 0) END", NULL}},
    {"changed", {"last_used_at = {used}, {stamped}", NULL}},
    {"stamped",
     {"updated_at = {stamp}, revision = CASE WHEN revision > {clock_ms} + 5000 THEN {clock_ms} "
      "ELSE {greater}(revision + 1, {clock_ms}) END",
      NULL}},
    /* No statement has written what is further ahead, but before the clock was set back. */
    {"soon_ms", {"{now_ms} + 5000", NULL}},
    {"stale", {"CASE WHEN status = 0 THEN generation ELSE generation - 1 END", NULL}},
    /* Every one of a grant that is not there; a first generation may be ahead of the clock, too. */
    {"stale_gone",
     {"CASE WHEN EXISTS (SELECT 1 FROM {table} AS held WHERE held.{user} = went.{user} "
      "AND held.provider = went.provider) THEN revision ELSE 9223372036854775807 END",
      NULL}},
    {"row",
     {"id, {user}, provider, account_issuer, account_tenant, account_subject, email, scopes, "
      "encrypted_access_token, encrypted_refresh_token, {expires}, {created}, {updated}, "
      "last_used_at, use_count, status, error_count, error_message, generation, lease_owner, "
      "lease_until, key_id, intent_owner, claims, {now}",
      NULL}},
    {"access_key", KEY_WORD("encrypted_access_token")},
    {"refresh_key", KEY_WORD("encrypted_refresh_token")},
    {"id_token_key", KEY_WORD("encrypted_id_token")},
    {"previous_key", KEY_WORD("previous_refresh_token")},
    {"owner", {"{user} = {user_arg} AND provider = %s", NULL}},
    {"ids_are_there",
     {"(SELECT 1 WHERE to_regclass('{schema}graphtok_ids') IS NOT NULL)",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = 'graphtok_ids')"}},
    {"schema_of_table",
     {"(SELECT nspname FROM pg_namespace WHERE oid = "
      "(SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{table}')))",
      "'main'"}},
    {"no_lease",
     {"lease_owner = NULL, lease_until = 0, intent_owner = NULL, intent_until = 0", NULL}},
};

/* Parameters are listed in their order; "owner" is user, provider. */
static const char *const statements[GT_SQL_COUNT] = {
    /* owner → {row} */
    [GT_SQL_GRANT_FIND] = "SELECT {row} FROM {table} WHERE {owner}",

    /* id, user, provider, issuer, tenant, subject, email, scopes, access, refresh, id token,
     * key id, expires → {row}; no row: somebody was first */
    [GT_SQL_GRANT_INSERT] =
        "INSERT INTO {table} (id, {user}, provider, account_issuer, account_tenant, "
        "account_subject, email, scopes, encrypted_access_token, encrypted_refresh_token, "
        "encrypted_id_token, key_id, expires_at, created_at, updated_at, last_used_at, generation, "
        "revision) VALUES (%s, {user_arg}, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {in}, {stamp}, "
        "{stamp}, {clock}, {clock_ms}, {clock_ms}) "
        "ON CONFLICT ({user}, provider) DO NOTHING RETURNING {row}",

    /* issuer, tenant, subject, email, scopes, access, refresh (NULL: keep), id token (NULL: keep),
     * key id (NULL: keep), expires, owner, generation → {row}; no row: it moved on */
    [GT_SQL_GRANT_SIGN_IN] =
        "UPDATE {table} SET account_issuer = %s, account_tenant = %s, account_subject = %s, "
        "email = coalesce(%s, email), scopes = coalesce(%s, scopes), encrypted_access_token = %s, "
        "encrypted_refresh_token = coalesce(%s, encrypted_refresh_token), "
        "encrypted_id_token = coalesce(%s, encrypted_id_token), key_id = coalesce(%s, key_id), "
        "expires_at = {in}, status = 1, error_count = 0, error_message = NULL, "
        "generation = generation + 1, claims = NULL, previous_refresh_token = NULL, "
        "previous_until = 0, last_used_at = {greater}(last_used_at, {clock}), {no_lease}, "
        "{stamped} WHERE {owner} AND generation = %lld RETURNING {row}",

    /* scopes, access, refresh, id token, key id (NULL: keep), expires, the refresh
     * token until now (NULL: keep what is kept), for how long it is kept (twice), owner, generation
     */
    [GT_SQL_GRANT_COMMIT] =
        "UPDATE {table} SET scopes = coalesce(%s, scopes), "
        "encrypted_access_token = coalesce(%s, encrypted_access_token), "
        "encrypted_refresh_token = coalesce(%s, encrypted_refresh_token), "
        "encrypted_id_token = coalesce(%s, encrypted_id_token), key_id = coalesce(%s, key_id), "
        "expires_at = {in}, status = 1, error_count = 0, error_message = NULL, "
        "generation = generation + 1, claims = NULL, "
        "previous_refresh_token = coalesce(%s, previous_refresh_token), previous_until = "
        "CASE WHEN CAST(%lld AS BIGINT) > 0 THEN {clock} + %lld ELSE previous_until END, "
        "{no_lease}, {changed} WHERE {owner} AND generation = %lld",

    /* message, number of errors that deactivates, owner, generation */
    [GT_SQL_GRANT_ERROR] =
        "UPDATE {table} SET error_message = %s, error_count = error_count + 1, "
        "status = CASE WHEN error_count + 1 >= %lld THEN 0 ELSE status END, {changed} "
        "WHERE {owner} AND generation = %lld",

    /* message, status, claims (NULL: none), owner, generation */
    [GT_SQL_GRANT_STATUS] =
        "UPDATE {table} SET error_message = %s, error_count = error_count + 1, status = %lld, "
        "claims = %s, {changed} WHERE {owner} AND generation = %lld",

    /* owner */
    [GT_SQL_GRANT_BURY] =
        "INSERT INTO {gone} ({user}, provider, revision) SELECT {user}, provider, {clock_ms} "
        "FROM {table} WHERE {owner} "
        "ON CONFLICT ({user}, provider) DO UPDATE SET revision = {clock_ms}",

    /* owner → milliseconds since it was revoked; no row: not lately */
    [GT_SQL_GRANT_GONE] = "SELECT {clock_ms} - revision FROM {gone} WHERE {owner}",

    /* owner */
    [GT_SQL_GRANT_DELETE] = "DELETE FROM {table} WHERE {owner}",

    /* [{of_user, of_provider, times, seconds since the last use}, …], each owner once → user,
     * provider of each that was written. A row that somebody else has in hand is left out: many rows
     * at once must wait for nobody. */
    [GT_SQL_GRANT_USED] =
        "WITH uses AS MATERIALIZED ({uses}), mine AS MATERIALIZED ("
        "SELECT id AS of_id, times, ago FROM uses, {table} "
        "WHERE {user} = of_user AND provider = of_provider {skip}) "
        "UPDATE {table} SET use_count = use_count + times, "
        "last_used_at = {greater}({used}, {clock} - ago) FROM mine WHERE id = of_id "
        "RETURNING {user}, provider",

    /* part, margin, id after which, id up to which */
    [GT_SQL_COUNT_PART] =
        "INSERT INTO {counts} (part, total, active, inactive, needs_user, expired, expiring_soon, "
        "failing, counted_at) SELECT CAST(%lld AS INTEGER), count(*), "
        "count(*) FILTER (WHERE status = 1), count(*) FILTER (WHERE status = 0), "
        "count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE {expires} <= {now}), "
        "count(*) FILTER (WHERE {expires} > {now} AND {expires} <= {now} + %lld), "
        "count(*) FILTER (WHERE error_count > 0), {now} FROM {table} WHERE id > %s AND id <= %s "
        "ON CONFLICT (part) DO UPDATE SET total = excluded.total, active = excluded.active, "
        "inactive = excluded.inactive, needs_user = excluded.needs_user, "
        "expired = excluded.expired, expiring_soon = excluded.expiring_soon, "
        "failing = excluded.failing, counted_at = excluded.counted_at",

    /* → parts that were ever counted, seconds since the oldest of them was, and the sums: total,
     * active, inactive, needing the user, expired, expiring soon, with errors */
    [GT_SQL_COUNTS] =
        "SELECT count(*), coalesce({now} - min(counted_at), 0), coalesce(sum(total), 0), "
        "coalesce(sum(active), 0), coalesce(sum(inactive), 0), coalesce(sum(needs_user), 0), "
        "coalesce(sum(expired), 0), coalesce(sum(expiring_soon), 0), coalesce(sum(failing), 0) "
        "FROM {counts}",

    /* id after which, how many → {row} */
    [GT_SQL_GRANT_LIST] = "SELECT {row} FROM {table} WHERE id > %s ORDER BY id LIMIT %lld",

    /* milliseconds, twice → user, provider, generation up to which a cached token is stale. What was
     * written before the clock was set back is ahead of now: of that the last rows alone, since
     * there may be those of an hour. */
    [GT_SQL_GRANT_CHANGES] =
        "SELECT * FROM (SELECT {user}, provider, {stale} FROM {table} "
        "WHERE revision > {now_ms} - %lld AND revision <= {soon_ms} UNION ALL "
        "SELECT {user}, provider, {stale_gone} FROM {gone} AS went "
        "WHERE revision > {now_ms} - %lld AND revision <= {soon_ms} LIMIT 20000) AS lately "
        "UNION ALL SELECT * FROM (SELECT {user}, provider, {stale} FROM {table} "
        "WHERE revision > {soon_ms} ORDER BY revision DESC LIMIT 500) AS ahead "
        "UNION ALL SELECT * FROM (SELECT {user}, provider, {stale_gone} FROM {gone} AS went "
        "WHERE revision > {soon_ms} ORDER BY revision DESC LIMIT 500) AS gone_ahead",

    /* how many; a row that somebody else has in hand is left to the next time */
    [GT_SQL_GRANT_PURGE] =
        "UPDATE {table} SET previous_refresh_token = NULL, previous_until = 0 WHERE id IN ("
        "SELECT id FROM {table} WHERE previous_until > 0 AND (previous_until <= {now} OR "
        "previous_until > {now} + 86402) "
        "ORDER BY previous_until LIMIT %lld {skip})",

    /* milliseconds, how many */
    [GT_SQL_GONE_PURGE] =
        "DELETE FROM {gone} WHERE ({user}, provider) IN (SELECT {user}, provider FROM {gone} "
        "WHERE revision < {now_ms} - %lld ORDER BY revision LIMIT %lld {skip})",

    /* holder, seconds, holder, owner, generation, a holder known to be dead (NULL: none). No indexed
     * column changes: PostgreSQL writes no index. */
    [GT_SQL_LEASE_TAKE] =
        "UPDATE {table} SET lease_owner = %s, lease_until = {clock} + %lld, intent_owner = %s, "
        "intent_until = 0 WHERE {owner} AND generation = %lld AND (({lease_over} AND "
        "(intent_owner IS NULL OR (intent_until > 0 AND {doubt_over}))) "
        "OR intent_owner = %s)",

    /* owner, holder, generation */
    [GT_SQL_LEASE_GIVE_BACK] = "UPDATE {table} SET {no_lease} "
                               "WHERE {owner} AND lease_owner = %s AND generation = %lld",

    /* owner, holder, generation */
    [GT_SQL_LEASE_REST] = "UPDATE {table} SET intent_owner = NULL, intent_until = 0 "
                          "WHERE {owner} AND lease_owner = %s AND generation = %lld",

    /* seconds, owner, holder, generation */
    [GT_SQL_LEASE_RENEW] = "UPDATE {table} SET lease_until = {clock} + %lld "
                           "WHERE {owner} AND lease_owner = %s AND generation = %lld",

    /* seconds, owner, generation */
    [GT_SQL_LEASE_DOUBT] =
        "UPDATE {table} SET intent_until = {clock} + %lld WHERE {owner} AND generation = %lld "
        "AND {lease_over} AND intent_owner IS NOT NULL AND intent_until = 0",

    /* eight owners → user, provider, generation, 1: look again, intent_owner */
    [GT_SQL_LEASE_LOOK] =
        "SELECT {user}, provider, generation, CASE WHEN intent_owner IS NULL OR status <> 1 OR "
        "({lease_over} AND {doubt_over}) THEN 1 ELSE 0 END, intent_owner "
        "FROM {table} WHERE ({owner}) OR ({owner}) OR ({owner}) OR ({owner}) OR ({owner}) OR "
        "({owner}) OR ({owner}) OR ({owner})",

    /* → name of each job, seconds until its first and its last part are due */
    [GT_SQL_JOB_DUE] =
        "SELECT name, min(due_at) - {now}, max(due_at) - {now} FROM {jobs} GROUP BY name",

    /* name, seconds ahead that no part is, but after the clock was set back; seconds until it is due
     * again, worker, name → part; no row: nothing is due */
    [GT_SQL_JOB_CLAIM] = "WITH picked AS MATERIALIZED (SELECT part FROM {jobs} WHERE name = %s "
                         "AND (due_at <= {now} OR due_at > {now} + %lld) "
                         "ORDER BY due_at, part LIMIT 1 {skip}) "
                         "UPDATE {jobs} SET due_at = {clock} + %lld, worker = %s "
                         "WHERE name = %s AND part IN (SELECT part FROM picked) RETURNING part",

    /* seconds, name, part, worker */
    [GT_SQL_JOB_AGAIN] = "UPDATE {jobs} SET due_at = {clock} + %lld "
                         "WHERE name = %s AND part = %lld AND worker = %s",

    /* milliseconds that the turns take (three times) → milliseconds until the first of them. Where
     * this row stands due_at counts milliseconds: the first moment that is not taken. One so far
     * ahead was written before the database's clock was set back. */
    [GT_SQL_JOB_TURNS] =
        "INSERT INTO {jobs} AS taken (name, part, due_at) VALUES ('turns', 0, {clock_ms} + %lld) "
        "ON CONFLICT (name, part) DO UPDATE SET due_at = %lld + CASE WHEN taken.due_at "
        "BETWEEN {clock_ms} AND {clock_ms} + 300000 THEN taken.due_at ELSE {clock_ms} END "
        "RETURNING due_at - %lld - {clock_ms}",

    /* part, longest past, lead, used within, the longest hold, how many, not again for → user, provider, generation.
     * Nothing in the first half of a token's life: where tokens are short, that would never end. */
    [GT_SQL_DUE_PICK] =
        "WITH picked AS MATERIALIZED (SELECT id FROM {table} WHERE {part} = %lld AND status = 1 "
        "AND expires_at > {in} AND expires_at <= {in} AND {used} >= {now} - %lld "
        "AND (due_after <= {now} OR due_after > {now} + %lld) AND {lease_over} "
        "AND encrypted_refresh_token <> '' "
        "AND {expires} - {now} <= {now} - coalesce({updated}, 0) "
        "ORDER BY expires_at LIMIT %lld {skip}) "
        "UPDATE {table} SET due_after = {clock} + %lld WHERE id IN (SELECT id FROM picked) "
        "RETURNING {user}, provider, generation",

    /* owner */
    [GT_SQL_DUE_LET_GO] = "UPDATE {table} SET due_after = 0 WHERE {owner}",

    /* part, not within, used within, how many → user, provider, generation */
    [GT_SQL_CHECK_PICK] =
        "WITH picked AS MATERIALIZED (SELECT id FROM {table} WHERE {part} = %lld AND status = 1 "
        "AND (checked_at <= {now} - %lld OR checked_at > {now} + 1) AND {used} >= {now} - %lld "
        "ORDER BY checked_at LIMIT %lld {skip}) "
        "UPDATE {table} SET checked_at = {clock} WHERE id IN (SELECT id FROM picked) "
        "RETURNING {user}, provider, generation",

    /* 0, seconds (negative), how many → user, provider, generation */
    [GT_SQL_EXPIRE] =
        "WITH picked AS MATERIALIZED (SELECT id FROM {table} WHERE {is_expired} LIMIT %lld {skip}) "
        "UPDATE {table} SET status = 0, error_message = 'expired', {changed} "
        "WHERE id IN (SELECT id FROM picked) RETURNING {user}, provider, generation",

    /* seconds (negative), how many → user, provider, generation */
    [GT_SQL_REMOVE] =
        "WITH picked AS MATERIALIZED (SELECT id FROM {table} WHERE {is_removable} LIMIT %lld "
        "{skip}) DELETE FROM {table} WHERE id IN (SELECT id FROM picked) "
        "RETURNING {user}, provider, generation",

    /* 0, seconds (negative), seconds (negative), id after which, id up to which → expired,
     * removable */
    [GT_SQL_CLEANUP_COUNT] = "SELECT count(CASE WHEN {is_expired} THEN 1 END), "
                             "count(CASE WHEN {is_removable} THEN 1 END) "
                             "FROM {table} WHERE id > %s AND id <= %s",

    /* id → {row} */
    [GT_SQL_GRANT_BY_ID] = "SELECT {row} FROM {table} WHERE id = %s",

    /* user → {row} of each provider */
    [GT_SQL_GRANT_OF_USER] =
        "SELECT {row} FROM {table} WHERE {user} = {user_arg} ORDER BY provider",

    /* e-mail address, how many → {row} */
    [GT_SQL_GRANT_OF_ADDRESS] = "SELECT {row} FROM {table} WHERE lower(email) = lower(%s) "
                                "ORDER BY id LIMIT %lld",

    /* id after which, how many → the last id of the next so many rows, how many they are; no row:
     * there is none after it */
    [GT_SQL_RANGE] = "SELECT id, count(*) OVER () FROM (SELECT id FROM {table} WHERE id > %s "
                     "ORDER BY id LIMIT %lld) AS page ORDER BY id DESC LIMIT 1",

    /* id after which, id up to which → the four columns' key ids, how many rows have these */
    [GT_SQL_KEY_ROWS] =
        "SELECT {access_key}, {refresh_key}, {id_token_key}, {previous_key}, count(*) "
        "FROM {table} WHERE id > %s AND id <= %s GROUP BY 1, 2, 3, 4",

    /* id after which, id up to which, how current seals begin: length and text for access, refresh,
     * id and previous token → rows */
    [GT_SQL_REKEY_LEFT] = "SELECT count(*) FROM {table} WHERE id > %s AND id <= %s AND " IS_OLD_ROW,

    /* the same, how many → id, user, provider, generation, the four columns */
    [GT_SQL_REKEY_LIST] =
        "SELECT id, {user}, provider, generation, encrypted_access_token, "
        "encrypted_refresh_token, encrypted_id_token, previous_refresh_token "
        "FROM {table} WHERE id > %s AND id <= %s AND " IS_OLD_ROW " ORDER BY id LIMIT %lld",

    /* rows as {"old": …, "fresh": …}, by the columns' names: what was read, and what it becomes
     * (missing: keep) → user, provider of each that was written. The previous token may be purged at
     * any time, and stays so. No generation: the tokens are the same. A row that somebody else has
     * in hand is left to the next pass: many rows at once must wait for nobody. */
    [GT_SQL_REKEY] =
        "WITH seals AS MATERIALIZED ({seals}), mine AS MATERIALIZED ("
        "SELECT seals.* FROM seals, {table} WHERE id = of_id AND generation = of_generation AND "
        "encrypted_access_token = old_access AND encrypted_refresh_token = old_refresh {skip}) "
        "UPDATE {table} SET encrypted_access_token = coalesce(new_access, encrypted_access_token), "
        "encrypted_refresh_token = coalesce(new_refresh, encrypted_refresh_token), "
        "encrypted_id_token = coalesce(new_id_token, encrypted_id_token), previous_refresh_token = "
        "CASE WHEN previous_refresh_token = old_previous THEN coalesce(new_previous, "
        "previous_refresh_token) ELSE previous_refresh_token END, "
        "key_id = coalesce(new_key, key_id) FROM mine WHERE id = of_id RETURNING {user}, provider",

    /* → 1 or NULL, the table's schema. Works before step 6, too. */
    [GT_SQL_IDS_ARE_THERE] = "SELECT {ids_are_there}, {schema_of_table}",

    /* → the database's id, the store's id; no row: not migrated so far */
    [GT_SQL_IDS] = "SELECT (SELECT id FROM {schema}graphtok_ids WHERE what = 'database'), id "
                   "FROM {schema}graphtok_ids WHERE what = 'store {bare}'",

    /* → 1 */
    [GT_SQL_PING] = "SELECT 1",
};

/* The words that come from a store's names. */
typedef struct filling_t {
    gt_engine_t engine;
    const gt_sql_names_t *names;
    apr_pool_t *pool;
} filling_t;

static const char *quoted(const char *name, gt_engine_t engine, apr_pool_t *p)
{
    const char *dot = strchr(name, '.');

    if (dot != NULL) {
        const char *schema = apr_pstrmemdup(p, name, (apr_size_t)(dot - name));

        return apr_pstrcat(p, quoted(schema, engine, p), ".", quoted(dot + 1, engine, p), NULL);
    }
    return engine == GT_SQLITE ? apr_pstrcat(p, "[", name, "]", NULL)
                               : apr_pstrcat(p, "\"", name, "\"", NULL);
}

static const char *bare(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot == NULL ? name : dot + 1;
}

/* "app." or "": what stands before an index and before graphtok_schema. */
static const char *schema(const filling_t *f)
{
    const char *dot = strchr(f->names->table, '.');

    if (dot == NULL)
        return "";
    return apr_pstrcat(
        f->pool,
        quoted(apr_pstrmemdup(f->pool, f->names->table, (apr_size_t)(dot - f->names->table)),
               f->engine, f->pool),
        ".", NULL);
}

/* A user id is bound as text and compared as what the column is. */
static const char *user_arg(const filling_t *f)
{
    if (strcmp(f->names->user_type, "integer") == 0)
        return "CAST(%s AS BIGINT)";
    if (strcmp(f->names->user_type, "uuid") == 0 && f->engine == GT_PGSQL)
        return "CAST(%s AS UUID)";
    return "%s";
}

static const char *user_kind(const filling_t *f)
{
    if (strcmp(f->names->user_type, "integer") == 0)
        return "BIGINT";
    if (strcmp(f->names->user_type, "uuid") == 0 && f->engine == GT_PGSQL)
        return "UUID";
    return "VARCHAR";
}

static const char *references(const filling_t *f)
{
    const char *reference = f->names->references;
    const char *open, *column;

    if (reference == NULL)
        return "";
    open = strchr(reference, '(');
    column = apr_pstrmemdup(f->pool, open + 1, strlen(open) - 2);
    return apr_pstrcat(f->pool, " REFERENCES ",
                       quoted(apr_pstrmemdup(f->pool, reference, (apr_size_t)(open - reference)),
                              f->engine, f->pool),
                       " (", quoted(column, f->engine, f->pool), ") ON DELETE CASCADE", NULL);
}

/* SQLite names the schema with the index, PostgreSQL with the table. */
static const char *name_word(const char *word, const filling_t *f)
{
    const char *table = f->names->table;
    int is_sqlite = f->engine == GT_SQLITE;

    if (strcmp(word, "table") == 0)
        return quoted(table, f->engine, f->pool);
    if (strcmp(word, "user") == 0)
        return quoted(f->names->user_column, f->engine, f->pool);
    if (strcmp(word, "gone") == 0)
        return quoted(apr_pstrcat(f->pool, table, "_gone", NULL), f->engine, f->pool);
    if (strcmp(word, "jobs") == 0)
        return quoted(apr_pstrcat(f->pool, table, "_jobs", NULL), f->engine, f->pool);
    if (strcmp(word, "counts") == 0)
        return quoted(apr_pstrcat(f->pool, table, "_counts", NULL), f->engine, f->pool);
    if (strcmp(word, "on_gone") == 0)
        return quoted(apr_pstrcat(f->pool, is_sqlite ? bare(table) : table, "_gone", NULL),
                      f->engine, f->pool);
    if (strcmp(word, "user_arg") == 0)
        return user_arg(f);
    if (strcmp(word, "user_kind") == 0)
        return user_kind(f);
    if (strcmp(word, "references") == 0)
        return references(f);
    if (strcmp(word, "schema") == 0)
        return schema(f);
    if (strcmp(word, "bare") == 0)
        return bare(table);
    if (strcmp(word, "name") == 0)
        return quoted(bare(table), f->engine, f->pool);
    if (strcmp(word, "index") == 0)
        return apr_pstrcat(f->pool, is_sqlite ? schema(f) : "", bare(table), NULL);
    if (strcmp(word, "on") == 0)
        return quoted(is_sqlite ? bare(table) : table, f->engine, f->pool);
    return NULL;
}

static const char *word_value(const char *word, const filling_t *f)
{
    apr_size_t i;

    for (i = 0; i < sizeof engine_words / sizeof engine_words[0]; i++)
        if (strcmp(word, engine_words[i].name) == 0)
            return engine_words[i].value[f->engine] != NULL ? engine_words[i].value[f->engine]
                                                            : engine_words[i].value[0];
    return name_word(word, f);
}

/* The first word of a text is replaced until there is none: values may hold words. A brace that
 * begins no known word is a mistake of ours. */
const char *gt_sql_fill(const char *text, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p)
{
    const filling_t f = {engine, names, p};
    const char *open;

    assert(gt_sql_is_name(names->table, 1) && gt_sql_is_name(names->user_column, 0));
    assert(names->references == NULL || gt_sql_is_reference(names->references));
    while ((open = strchr(text, '{')) != NULL) {
        apr_size_t len = strcspn(open, "}");
        const char *value = word_value(apr_pstrmemdup(p, open + 1, len - 1), &f);

        assert(value != NULL);
        text = apr_pstrcat(p, apr_pstrmemdup(p, text, (apr_size_t)(open - text)), value,
                           open + len + 1, NULL);
    }
    return text;
}

const char *gt_sql_text(gt_sql_t sql, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p)
{
    assert((int)sql >= 0 && sql < GT_SQL_COUNT);
    return gt_sql_fill(statements[sql], engine, names, p);
}

static int count(const char *text, const char *part)
{
    int n = 0;

    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        n++;
    }
    return n;
}

int gt_sql_params(gt_sql_t sql)
{
    const char *text = statements[sql];

    return count(text, "%s") + count(text, "%lld") + count(text, "{user_arg}") +
           count(text, "{in}") + 2 * count(text, "{owner}") + 2 * count(text, "{is_expired}") +
           count(text, "{is_removable}") + count(text, "{seals}") + count(text, "{uses}");
}

int gt_sql_is_read(gt_sql_t sql)
{
    return strncmp(statements[sql], "SELECT ", 7) == 0;
}

static int is_name(const char *name, apr_size_t len)
{
    apr_size_t i;

    if (len == 0 || len > NAME_BYTES || isdigit((unsigned char)name[0]))
        return 0;
    for (i = 0; i < len; i++)
        if (name[i] != '_' && !(isascii((unsigned char)name[i]) && isalnum((unsigned char)name[i])))
            return 0;
    return 1;
}

int gt_sql_is_name(const char *name, int dotted)
{
    const char *dot;

    if (name == NULL)
        return 0;
    dot = dotted ? strchr(name, '.') : NULL;
    if (dot == NULL)
        return is_name(name, strlen(name));
    return is_name(name, (apr_size_t)(dot - name)) && is_name(dot + 1, strlen(dot + 1));
}

int gt_sql_is_reference(const char *reference)
{
    const char *open, *dot, *close;

    if (reference == NULL || (open = strchr(reference, '(')) == NULL)
        return 0;
    close = strchr(open, ')');
    if (close == NULL || close[1] != '\0' || !is_name(open + 1, (apr_size_t)(close - open - 1)))
        return 0;
    dot = memchr(reference, '.', (apr_size_t)(open - reference));
    if (dot == NULL)
        return is_name(reference, (apr_size_t)(open - reference));
    return is_name(reference, (apr_size_t)(dot - reference)) &&
           is_name(dot + 1, (apr_size_t)(open - dot - 1));
}
