/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file store_names.c SQLite takes names in any case for the same, and so do these functions. */

#include "conf/store_names.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* Tables beside a store's, by the ends of their names (store/sql_names.c, store/store_ladder.c). */
static const char *const tails[] = {"_gone",    "_jobs",  "_counts", "_access",     "_sessions",
                                    "_history", "_hours", "_bulk",   "_bulk_items", "_rebuilt"};

static const char *const columns[] = {"id",
                                      "encrypted_access_token",
                                      "encrypted_refresh_token",
                                      "expires_at",
                                      "created_at",
                                      "updated_at",
                                      "provider",
                                      "account_issuer",
                                      "account_tenant",
                                      "account_subject",
                                      "email",
                                      "scopes",
                                      "encrypted_id_token",
                                      "status",
                                      "error_count",
                                      "error_message",
                                      "last_used_at",
                                      "use_count",
                                      "token_type",
                                      "refused_until",
                                      "refused_generation",
                                      "refused_passwords",
                                      "generation",
                                      "lease_owner",
                                      "lease_until",
                                      "revision",
                                      "key_id",
                                      "intent_owner",
                                      "intent_until",
                                      "previous_refresh_token",
                                      "previous_until",
                                      "claims",
                                      "due_after",
                                      "checked_at", /* and beside it: */
                                      "resource",
                                      "obtained_at",
                                      "began_at",
                                      "used_at",
                                      "ends_at",
                                      "ended_at",
                                      "sid",
                                      "address",
                                      "agent",
                                      "place",
                                      "number",
                                      "noted_at",
                                      "event",
                                      "outcome",
                                      "detail",
                                      "tag",
                                      "administrator"};

/* Tables of mail, of which a schema has one each (store/mail_ladder.h), and their columns. */
static const char *const mail_tables[] = {"mail_accounts", "mail_folders", "mail_messages",
                                          "mail_sends", "user_email_tokens"};
static const char *const mail_columns[] = {
    "email_address",      "organization_id",   "incoming_server",
    "incoming_port",      "incoming_security", "outgoing_server",
    "outgoing_port",      "outgoing_security", "incoming_auth_method",
    "password_encrypted", "folders",           "push",
    "sync_enabled",       "sync_status",       "last_sync_at",
    "last_error",         "failures",          "due_at",
    "claimed_by",         "claimed_until"};

/* Tables of change notifications, likewise (store/hook_ladder.h), and their columns. */
static const char *const hook_tables[] = {"graph_subscriptions", "graph_notifications"};
static const char *const hook_columns[] = {
    "id",       "provider",    "resource",    "subscription_id", "client_state_hash",
    "tenant",   "expires_at",  "due_at",      "claimed_by",      "claimed_until",
    "failures", "last_error",  "created_at",  "updated_at",      "subscription",
    "kind",     "change_type", "lane",        "repeat_key",      "body",
    "state",    "attempts",    "last_status", "received_at",     "settled_at"};

/* A thing that a store may keep in tables of which a schema has one each. */
typedef struct kept_t {
    const char *directive, *words; /* that switches it on, and what is kept */
    const char *const *tables;
    size_t table_count;
    const char *const *columns;
    size_t column_count;
} kept_t;

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define KEPT 2
static const kept_t kept[KEPT] = {
    {"GraphTokMailSync on", "mail", mail_tables, COUNT(mail_tables), mail_columns,
     COUNT(mail_columns)},
    {"GraphTokSubscribe", "change notifications", hook_tables, COUNT(hook_tables), hook_columns,
     COUNT(hook_columns)},
};

static int keeps(const gt_store_conf_t *store, int i)
{
    return i == 0 ? store->mail_sync : store->subscribe != NULL;
}

static const char *bare(const char *table)
{
    const char *dot = strchr(table, '.');

    return dot != NULL ? dot + 1 : table;
}

typedef enum kinship_t { APART, PERHAPS, TOGETHER } kinship_t;

/** The schemas that a name without one is looked for in first. */
static int is_usual(const char *table, const char *dot)
{
    return (dot - table == 6 && strncasecmp(table, "public", 6) == 0) ||
           (dot - table == 4 && strncasecmp(table, "main", 4) == 0);
}

/** Whether tables of two names stand in one schema. That of a name without one is the database's to
 * choose. */
static kinship_t schemas_of(const char *table, const char *other)
{
    const char *dot = strchr(table, '.'), *other_dot = strchr(other, '.');

    if (dot == NULL && other_dot == NULL)
        return TOGETHER;
    if (dot == NULL || other_dot == NULL)
        return is_usual(dot != NULL ? table : other, dot != NULL ? dot : other_dot) ? TOGETHER
                                                                                    : PERHAPS;
    return dot - table == other_dot - other && strncasecmp(table, other, (size_t)(dot - table)) == 0
               ? TOGETHER
               : APART;
}

/** 1 when a table is one of those beside another. */
static int stands_beside(const char *table, const char *other)
{
    size_t len = strlen(bare(other));

    if (strncasecmp(bare(table), bare(other), len) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
        if (strcasecmp(bare(table) + len, tails[i]) == 0)
            return 1;
    return 0;
}

const char *gt_store_names_clash(int *is_sure, const gt_store_conf_t *store,
                                 const gt_store_conf_t *other, apr_pool_t *p)
{
    kinship_t kinship = schemas_of(store->table, other->table);

    *is_sure = kinship == TOGETHER;
    if (kinship == APART)
        return NULL;
    if (strcasecmp(other->table, store->table) == 0)
        return apr_psprintf(p,
                            "has the table of store %s, %s: each needs a GraphTokTable of its own",
                            other->name, store->table);
    if (strcasecmp(bare(other->table), bare(store->table)) == 0)
        return apr_psprintf(
            p,
            "has the table %s, which %s the table %s of store %s: write the schemas "
            "of both, or choose another name",
            store->table, *is_sure ? "is" : "may be", other->table, other->name);
    if (stands_beside(store->table, other->table))
        return apr_psprintf(p,
                            "has the table %s, which store %s has beside its own table %s: choose "
                            "another name",
                            store->table, other->name, other->table);
    if (stands_beside(other->table, store->table))
        return apr_psprintf(p,
                            "has beside its table %s one that is called as the table %s of store "
                            "%s: choose another name",
                            store->table, other->table, other->name);
    return NULL;
}

static int is_among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(list[i], name) == 0)
            return 1;
    return 0;
}

#define IS_AMONG(name, list) is_among(name, list, COUNT(list))

static const char *clash_of(const kept_t *what, int other_keeps, const gt_store_conf_t *other,
                            int is_sure, apr_pool_t *p)
{
    if (other_keeps)
        return apr_psprintf(p,
                            "has %s, as store %s has, and %s: a schema has one table %s; give one "
                            "of the stores a schema of its own",
                            what->directive, other->name,
                            is_sure ? "both stand in one schema"
                                    : "both may stand in one schema: write the schemas of both",
                            what->tables[0]);
    if (is_among(bare(other->table), what->tables, what->table_count))
        return apr_psprintf(p,
                            "has %s, and store %s has the table %s, which %s is kept in: choose "
                            "another name",
                            what->directive, other->name, other->table, what->words);
    return NULL;
}

const char *gt_store_kept_clash(int *is_sure, const gt_store_conf_t *store,
                                const gt_store_conf_t *other, apr_pool_t *p)
{
    kinship_t kinship = schemas_of(store->table, other->table);
    const char *clash = NULL;

    *is_sure = kinship == TOGETHER;
    for (int i = 0; kinship != APART && clash == NULL && i < KEPT; i++)
        if (keeps(store, i))
            clash = clash_of(&kept[i], keeps(other, i), other, *is_sure, p);
    return clash;
}

int gt_store_table_is_ours(const gt_store_conf_t *store)
{
    for (int i = 0; i < KEPT; i++)
        if (keeps(store, i) && is_among(bare(store->table), kept[i].tables, kept[i].table_count))
            return 1;
    return strcasecmp(bare(store->table), "graphtok_schema") == 0 ||
           strcasecmp(bare(store->table), "graphtok_ids") == 0;
}

int gt_store_column_is_ours(const gt_store_conf_t *store)
{
    for (int i = 0; i < KEPT; i++)
        if (keeps(store, i) && is_among(store->user_column, kept[i].columns, kept[i].column_count))
            return 1;
    return IS_AMONG(store->user_column, columns);
}
