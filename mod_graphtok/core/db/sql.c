/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Texts become statements: the words of db itself, those of a room, and those of a configuration
 * are filled in. Names of tables and columns are quoted.
 */

#include "db/sql.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#define NAME_BYTES 63

static const gt_word_t engine_words[] = {
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
    /* Stable within a statement, so that an index serves. */
    {"in",
     {"to_timestamp(floor(extract(epoch FROM statement_timestamp())) + %lld)",
      "datetime(unixepoch('now') + %lld, 'unixepoch') || '.000000'"}},
    {"skip", {"FOR UPDATE SKIP LOCKED", ""}},
    /* A row that is read is not deleted before the transaction ends; others may update it. */
    {"hold", {"FOR KEY SHARE", ""}},
    {NULL, {NULL, NULL}},
};

const char *gt_sql_quoted(const char *name, gt_engine_t engine, apr_pool_t *p)
{
    const char *dot = strchr(name, '.');

    if (dot != NULL) {
        const char *schema = apr_pstrmemdup(p, name, (apr_size_t)(dot - name));

        return apr_pstrcat(p, gt_sql_quoted(schema, engine, p), ".",
                           gt_sql_quoted(dot + 1, engine, p), NULL);
    }
    return engine == GT_SQLITE ? apr_pstrcat(p, "[", name, "]", NULL)
                               : apr_pstrcat(p, "\"", name, "\"", NULL);
}

static const char *bare(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot == NULL ? name : dot + 1;
}

/* "app." or "": what stands before an index and before a table beside this one. */
static const char *schema(const char *table, gt_engine_t engine, apr_pool_t *p)
{
    const char *dot = strchr(table, '.');

    if (dot == NULL)
        return "";
    return apr_pstrcat(
        p, gt_sql_quoted(apr_pstrmemdup(p, table, (apr_size_t)(dot - table)), engine, p), ".",
        NULL);
}

/* SQLite names the schema with the index, PostgreSQL with the table. */
static const char *table_word(const char *word, gt_engine_t engine, const char *table,
                              apr_pool_t *p)
{
    int is_sqlite = engine == GT_SQLITE;

    if (strcmp(word, "table") == 0)
        return gt_sql_quoted(table, engine, p);
    if (strcmp(word, "schema") == 0)
        return schema(table, engine, p);
    if (strcmp(word, "bare") == 0)
        return bare(table);
    if (strcmp(word, "name") == 0)
        return gt_sql_quoted(bare(table), engine, p);
    if (strcmp(word, "index") == 0)
        return apr_pstrcat(p, is_sqlite ? schema(table, engine, p) : "", bare(table), NULL);
    if (strcmp(word, "on") == 0)
        return gt_sql_quoted(is_sqlite ? bare(table) : table, engine, p);
    return NULL;
}

static const char *find_word(const char *word, gt_engine_t engine, const gt_word_t *words)
{
    for (; words != NULL && words->name != NULL; words++)
        if (strcmp(word, words->name) == 0)
            return words->value[engine] != NULL ? words->value[engine] : words->value[0];
    return NULL;
}

static const char *word_value(const char *word, gt_engine_t engine, const gt_sql_names_t *names,
                              const gt_word_t *more, apr_pool_t *p)
{
    const gt_word_t *const tables[] = {engine_words, more, names->words, names->own};

    for (apr_size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const char *value = find_word(word, engine, tables[i]);

        if (value != NULL)
            return value;
    }
    assert(gt_sql_is_name(names->table, 1));
    return table_word(word, engine, names->table, p);
}

/* The first word of a text is replaced until there is none: values may hold words. */
static const char *fill(const char *text, gt_engine_t engine, const gt_sql_names_t *names,
                        const gt_word_t *more, apr_pool_t *p)
{
    const char *open;

    while ((open = strchr(text, '{')) != NULL) {
        apr_size_t len = strcspn(open, "}");
        const char *word = apr_pstrmemdup(p, open + 1, len - 1);
        const char *value = word_value(word, engine, names, more, p);

        assert(value != NULL);
        text = apr_pstrcat(p, apr_pstrmemdup(p, text, (apr_size_t)(open - text)), value,
                           open + len + 1, NULL);
    }
    return text;
}

const char *gt_sql_fill(const char *text, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p)
{
    return fill(text, engine, names, NULL, p);
}

const char *gt_sql_text(const gt_sql_t *sql, gt_engine_t engine, const gt_sql_names_t *names,
                        apr_pool_t *p)
{
    return fill(sql->text, engine, names, sql->words, p);
}

int gt_sql_is_read(const gt_sql_t *sql)
{
    return strncmp(sql->text, "SELECT ", 7) == 0;
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
