/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Every statement of the project. A text is the same for both engines; what differs between them
 * is a {word}, and the words of an engine stand in one table. Names of tables and columns are
 * quoted, so that a column may be called "user"; SQLite gets brackets, because it takes a
 * double-quoted name that does not exist for a text. A '%' begins a parameter of apr_dbd_prepare:
 * %s text, %lld number; no statement needs one for itself.
 *
 * Time: expires_at, created_at and updated_at keep the types of S0's user_tokens; statements read
 * and write them as Unix seconds. Our own columns are seconds; revision is milliseconds of the
 * database's clock, never going back within a row, so that a poll finds what changed since.
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

/* What the engines say differently; values may hold words. Columns of {row}: 0 id, 1 user,
 * 2 provider, 3 account_issuer, 4 account_tenant, 5 account_subject, 6 email, 7 scopes,
 * 8 encrypted_access_token, 9 encrypted_refresh_token, 10 expires_at, 11 created_at,
 * 12 updated_at, 13 last_used_at, 14 use_count, 15 status, 16 error_count, 17 error_message,
 * 18 generation, 19 lease_owner, 20 lease_until, 21 key_id. */
static const word_t engine_words[] = {
    {"now", {"CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)", "unixepoch('now')"}},
    {"now_ms",
     {"CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)",
      "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"}},
    {"stamp", {"clock_timestamp()", "datetime('now') || '.000000'"}},
    {"time", {"to_timestamp(%lld)", "datetime(%lld, 'unixepoch') || '.000000'"}},
    {"greater", {"greatest", "max"}},
    {"expires", {"CAST(floor(extract(epoch FROM expires_at)) AS BIGINT)", "unixepoch(expires_at)"}},
    {"created", {"CAST(floor(extract(epoch FROM created_at)) AS BIGINT)", "unixepoch(created_at)"}},
    {"updated", {"CAST(floor(extract(epoch FROM updated_at)) AS BIGINT)", "unixepoch(updated_at)"}},
    {"changed", {"updated_at = {stamp}, revision = {greater}(revision + 1, {now_ms})", NULL}},
    {"row",
     {"id, {user}, provider, account_issuer, account_tenant, account_subject, email, scopes, "
      "encrypted_access_token, encrypted_refresh_token, {expires}, {created}, {updated}, "
      "last_used_at, use_count, status, error_count, error_message, generation, lease_owner, "
      "lease_until, key_id",
      NULL}},
    {"owner", {"{user} = {user_arg} AND provider = %s", NULL}},
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
        "encrypted_id_token, key_id, expires_at, created_at, updated_at, generation, revision) "
        "VALUES (%s, {user_arg}, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {time}, {stamp}, "
        "{stamp}, {now_ms}, {now_ms}) "
        "ON CONFLICT ({user}, provider) DO NOTHING RETURNING {row}",

    /* issuer, tenant, subject, email, scopes, access, refresh (NULL: keep), id token (NULL: keep),
     * key id (NULL: keep), expires, owner, generation → {row}; no row: it moved on */
    [GT_SQL_GRANT_SIGN_IN] =
        "UPDATE {table} SET account_issuer = %s, account_tenant = %s, account_subject = %s, "
        "email = coalesce(%s, email), scopes = coalesce(%s, scopes), encrypted_access_token = %s, "
        "encrypted_refresh_token = coalesce(%s, encrypted_refresh_token), "
        "encrypted_id_token = coalesce(%s, encrypted_id_token), key_id = coalesce(%s, key_id), "
        "expires_at = {time}, status = 1, error_count = 0, error_message = NULL, "
        "generation = generation + 1, lease_owner = NULL, lease_until = 0, {changed} "
        "WHERE {owner} AND generation = %lld RETURNING {row}",

    /* scopes, access, refresh, id token, key id (each but access NULL: keep), expires, owner,
     * generation */
    [GT_SQL_GRANT_COMMIT] =
        "UPDATE {table} SET scopes = coalesce(%s, scopes), encrypted_access_token = %s, "
        "encrypted_refresh_token = coalesce(%s, encrypted_refresh_token), "
        "encrypted_id_token = coalesce(%s, encrypted_id_token), key_id = coalesce(%s, key_id), "
        "expires_at = {time}, status = 1, error_count = 0, error_message = NULL, "
        "generation = generation + 1, lease_owner = NULL, lease_until = 0, {changed} "
        "WHERE {owner} AND generation = %lld",

    /* message, number of errors that deactivates, owner, generation */
    [GT_SQL_GRANT_ERROR] =
        "UPDATE {table} SET error_message = %s, error_count = error_count + 1, "
        "status = CASE WHEN error_count + 1 >= %lld THEN 0 ELSE status END, {changed} "
        "WHERE {owner} AND generation = %lld",

    /* message, status, owner, generation */
    [GT_SQL_GRANT_STATUS] =
        "UPDATE {table} SET error_message = %s, error_count = error_count + 1, status = %lld, "
        "{changed} WHERE {owner} AND generation = %lld",

    /* owner */
    [GT_SQL_GRANT_DELETE] = "DELETE FROM {table} WHERE {owner}",

    /* times, last use, last use, owner */
    [GT_SQL_GRANT_USED] =
        "UPDATE {table} SET use_count = use_count + %lld, last_used_at = CASE WHEN "
        "last_used_at < %lld THEN %lld ELSE last_used_at END WHERE {owner}",

    /* margin → total, active, inactive, needing the user, expired, expiring soon, with errors */
    [GT_SQL_GRANT_STATS] =
        "SELECT count(*), count(*) FILTER (WHERE status = 1), "
        "count(*) FILTER (WHERE status = 0), count(*) FILTER (WHERE status = 2), "
        "count(*) FILTER (WHERE {expires} <= {now}), "
        "count(*) FILTER (WHERE {expires} > {now} AND {expires} <= {now} + %lld), "
        "count(*) FILTER (WHERE error_count > 0) FROM {table}",

    /* id after which, how many → {row} */
    [GT_SQL_GRANT_LIST] = "SELECT {row} FROM {table} WHERE id > %s ORDER BY id LIMIT %lld",

    /* holder, seconds, owner, generation. No indexed column changes: PostgreSQL writes no index. */
    [GT_SQL_LEASE_TAKE] = "UPDATE {table} SET lease_owner = %s, lease_until = {now} + %lld "
                          "WHERE {owner} AND generation = %lld AND lease_until <= {now}",

    /* owner, holder, generation */
    [GT_SQL_LEASE_GIVE_BACK] = "UPDATE {table} SET lease_owner = NULL, lease_until = 0 "
                               "WHERE {owner} AND lease_owner = %s AND generation = %lld",

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
           count(text, "{time}") + 2 * count(text, "{owner}");
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
