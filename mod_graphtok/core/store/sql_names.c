/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The words that statements of a store share. A word that one statement alone needs stands beside
 * it.
 */

#include "store/sql_names.h"

#include <assert.h>
#include <string.h>

#include <apr_strings.h>

#include "store/row.h"

static const gt_word_t store_words[] = {
    {"row", {GT_ROW_TEXT, NULL}},
    {"shown", {GT_ROW_SHOWN, NULL}},
    {"owner", {"{user} = {user_arg} AND provider = %s", NULL}},
    /* One of sixteen parts of the users, by a hash that both engines can index. */
    {"part",
     {"(hashtext(CAST({user} AS TEXT)) & 15)",
      "((coalesce(unicode(substr({user}, -1)), 0) + 3 * coalesce(unicode(substr({user}, -2)), 0) + "
      "7 * coalesce(unicode(substr({user}, -3)), 0) + 5 * coalesce(unicode({user}), 0)) & 15)"}},
    {"expires", {"CAST(floor(extract(epoch FROM expires_at)) AS BIGINT)", "unixepoch(expires_at)"}},
    {"created", {"CAST(floor(extract(epoch FROM created_at)) AS BIGINT)", "unixepoch(created_at)"}},
    {"updated", {"CAST(floor(extract(epoch FROM updated_at)) AS BIGINT)", "unixepoch(updated_at)"}},
    /* When a grant was last of use. A row that was taken over from S0, or signed in by an older
     * version, holds 0: it counts from its last change, which the first change by us keeps. */
    {"used",
     {"CASE WHEN last_used_at > 0 THEN last_used_at ELSE coalesce({updated}, 0) END", NULL}},
    {"changed", {"last_used_at = {used}, {stamped}", NULL}},
    {"stamped",
     {"updated_at = {stamp}, revision = CASE WHEN revision > {clock_ms} + 5000 THEN {clock_ms} "
      "ELSE {greater}(revision + 1, {clock_ms}) END",
      NULL}},
    /* Also when it ends later than the longest GraphTokLease (conf/config.c) and a second of
     * rounding after now: then the clock was set back since. */
    {"lease_over", {"(lease_until <= {now} OR lease_until > {now} + 602)", NULL}},
    /* The verdict of a refresh that went well. */
    {"refreshed",
     {"status = 1, error_count = 0, error_message = NULL, generation = generation + 1, {no_lease}",
      NULL}},
    /* Demands that a refresh met are over; others came in after it began. */
    {"claims_met", {"claims = CASE WHEN claims = %s THEN NULL ELSE claims END", NULL}},
    /* The times that lists stand by, as their indexes have them, and the same as a text and out of
     * one. SQLite has texts; PostgreSQL's are µs, since its own text depends on the session. */
    {"by_expiry", {"expires_at", NULL}},
    {"by_change", {"updated_at", NULL}},
    {"key_of_by_expiry",
     {"CAST(CAST(extract(epoch FROM {by_expiry}) * 1000000 AS BIGINT) AS VARCHAR)", "{by_expiry}"}},
    {"key_of_by_change",
     {"CAST(CAST(extract(epoch FROM {by_change}) * 1000000 AS BIGINT) AS VARCHAR)", "{by_change}"}},
    {"time_arg", {"(TIMESTAMPTZ 'epoch' + CAST(%s AS BIGINT) * INTERVAL '1 microsecond')", "%s"}},
    /* SQLite takes the index of such rows when the statement says so in its words. PostgreSQL sees
     * it in the value, and would count what is said twice as a rarer thing: it would rather sort
     * all such rows than read a page of them. */
    {"not_active",
     {"status = CAST(%lld AS BIGINT)", "status <> 1 AND status = CAST(%lld AS BIGINT)"}},
    {"no_lease",
     {"lease_owner = NULL, lease_until = 0, intent_owner = NULL, intent_until = 0", NULL}},
    {NULL, {NULL, NULL}},
};

/* A user id is bound as text and compared as the column's type. */
static gt_word_t user_arg(const char *type)
{
    if (strcmp(type, "integer") == 0)
        return (gt_word_t){"user_arg", {"CAST(%s AS BIGINT)", NULL}};
    if (strcmp(type, "uuid") == 0)
        return (gt_word_t){"user_arg", {"CAST(%s AS UUID)", "%s"}};
    return (gt_word_t){"user_arg", {"%s", NULL}};
}

static gt_word_t user_kind(const char *type)
{
    if (strcmp(type, "integer") == 0)
        return (gt_word_t){"user_kind", {"BIGINT", NULL}};
    if (strcmp(type, "uuid") == 0)
        return (gt_word_t){"user_kind", {"UUID", "VARCHAR"}};
    return (gt_word_t){"user_kind", {"VARCHAR", NULL}};
}

static gt_word_t quoted(const char *word, const char *name, apr_pool_t *p)
{
    return (gt_word_t){word, {gt_sql_quoted(name, GT_PGSQL, p), gt_sql_quoted(name, GT_SQLITE, p)}};
}

/* The foreign key to the application's users: a user deleted there takes the grants along. */
static const char *references(const char *reference, gt_engine_t engine, apr_pool_t *p)
{
    const char *open, *table, *column;

    if (reference == NULL)
        return "";
    open = strchr(reference, '(');
    table = apr_pstrmemdup(p, reference, (apr_size_t)(open - reference));
    column = apr_pstrmemdup(p, open + 1, strlen(open) - 2);
    return apr_pstrcat(p, " REFERENCES ", gt_sql_quoted(table, engine, p), " (",
                       gt_sql_quoted(column, engine, p), ") ON DELETE CASCADE", NULL);
}

/* SQLite keeps a foreign key on connections that ask for it, and those are the application's, too:
 * a row for a user that is not there is refused by a trigger, as PostgreSQL refuses it. */
static const char *must_exist(const char *reference, apr_pool_t *p)
{
    const char *open;

    if (reference == NULL)
        return "";
    open = strchr(reference, '(');
    return apr_pstrcat(
        p,
        "CREATE TRIGGER {schema}{bare}_user_exists BEFORE INSERT ON {name} WHEN NOT EXISTS "
        "(SELECT 1 FROM ",
        gt_sql_quoted(apr_pstrmemdup(p, reference, (apr_size_t)(open - reference)), GT_SQLITE, p),
        " WHERE ", gt_sql_quoted(apr_pstrmemdup(p, open + 1, strlen(open) - 2), GT_SQLITE, p),
        " = new.{user}) BEGIN SELECT RAISE(ABORT, 'FOREIGN KEY constraint failed'); END", NULL);
}

static const char *beside(const gt_store_conf_t *conf, const char *tail, apr_pool_t *p)
{
    return apr_pstrcat(p, conf->table, tail, NULL);
}

const char *gt_store_table_of_schema(const gt_store_conf_t *conf, const char *name, apr_pool_t *p)
{
    const char *dot = strchr(conf->table, '.');

    return dot == NULL
               ? name
               : apr_pstrcat(p, apr_pstrmemdup(p, conf->table, (apr_size_t)(dot - conf->table) + 1),
                             name, NULL);
}

/* As it stands behind ON in CREATE INDEX: SQLite names the schema with the index. */
static gt_word_t indexed(const char *word, const char *table, apr_pool_t *p)
{
    const char *dot = strchr(table, '.');

    return (gt_word_t){word,
                       {gt_sql_quoted(table, GT_PGSQL, p),
                        gt_sql_quoted(dot != NULL ? dot + 1 : table, GT_SQLITE, p)}};
}

gt_sql_names_t gt_store_names(const gt_store_conf_t *conf, apr_pool_t *p)
{
    const char *add = conf->references == NULL
                          ? ""
                          : "ALTER TABLE {table} ADD CONSTRAINT {bare}_user_reference "
                            "FOREIGN KEY ({user}){references}";
    const gt_word_t words[] = {
        quoted("user", conf->user_column, p),
        {"user_name", {conf->user_column, NULL}},
        user_arg(conf->user_type),
        user_kind(conf->user_type),
        {"references",
         {references(conf->references, GT_PGSQL, p), references(conf->references, GT_SQLITE, p)}},
        {"add_reference", {add, NULL}},
        {"must_exist", {"", must_exist(conf->references, p)}},
        quoted("gone", beside(conf, "_gone", p), p),
        indexed("on_gone", beside(conf, "_gone", p), p),
        quoted("jobs", beside(conf, "_jobs", p), p),
        quoted("access", beside(conf, "_access", p), p),
        indexed("on_access", beside(conf, "_access", p), p),
        quoted("sessions", beside(conf, "_sessions", p), p),
        indexed("on_sessions", beside(conf, "_sessions", p), p),
        quoted("hours", beside(conf, "_hours", p), p),
        indexed("on_hours", beside(conf, "_hours", p), p),
        quoted("history", beside(conf, "_history", p), p),
        indexed("on_history", beside(conf, "_history", p), p),
        quoted("counts", beside(conf, "_counts", p), p),
        quoted("bulk", beside(conf, "_bulk", p), p),
        quoted("bulk_items", beside(conf, "_bulk_items", p), p),
        indexed("on_bulk_items", beside(conf, "_bulk_items", p), p),
        quoted("grants", conf->table, p),
        indexed("on_grants", conf->table, p),
        quoted("mail_accounts", gt_store_table_of_schema(conf, "mail_accounts", p), p),
        quoted("mail_folders", gt_store_table_of_schema(conf, "mail_folders", p), p),
        quoted("mail_messages", gt_store_table_of_schema(conf, "mail_messages", p), p),
        indexed("on_mail_messages", gt_store_table_of_schema(conf, "mail_messages", p), p),
        quoted("mail_sends", gt_store_table_of_schema(conf, "mail_sends", p), p),
        quoted("graph_subscriptions", gt_store_table_of_schema(conf, "graph_subscriptions", p), p),
        indexed("on_graph_subscriptions", gt_store_table_of_schema(conf, "graph_subscriptions", p),
                p),
        quoted("graph_notifications", gt_store_table_of_schema(conf, "graph_notifications", p), p),
        indexed("on_graph_notifications", gt_store_table_of_schema(conf, "graph_notifications", p),
                p),
        {NULL, {NULL, NULL}},
    };

    assert(gt_sql_is_name(conf->table, 1) && gt_sql_is_name(conf->user_column, 0));
    assert(conf->references == NULL || gt_sql_is_reference(conf->references));
    return (gt_sql_names_t){.table = conf->table,
                            .words = store_words,
                            .own = apr_pmemdup(p, words, sizeof(words)),
                            .key = apr_pstrcat(p, conf->user_column, " ", conf->user_type, NULL)};
}
