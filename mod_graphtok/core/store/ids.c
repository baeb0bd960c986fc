/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file ids.c
 * The ids of a store, read from the database and kept. Before step 6 the table graphtok_ids does
 * not exist, and a statement that names it would fail and be counted as a failure of the database.
 * So each reading asks the engine's catalogue first.
 */

#include "store/ids.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/statements.h"
#include "store/store.h"

#define AGAIN apr_time_from_sec(60)
#define AGAIN_WITHOUT apr_time_from_sec(5)
#define SAID_EVERY apr_time_from_sec(300)

struct gt_kept_ids_t {
    pthread_mutex_t lock; /* guards the members below */
    gt_ids_t ids;
    apr_time_t read_at; /* ticks: when the next reading is due */
    apr_time_t said_at; /* ticks: when a failure is an error in the log again */
};

/* Compared as bytes: none between the members. */
static_assert(sizeof(gt_ids_t) == 4 * GT_ID_BYTES + 9 * sizeof(int), "gt_ids_t has no padding");

static apr_status_t destroy_lock(void *baton)
{
    gt_kept_ids_t *kept = baton;

    pthread_mutex_destroy(&kept->lock);
    return APR_SUCCESS;
}

gt_kept_ids_t *gt_kept_ids_make(apr_pool_t *p)
{
    gt_kept_ids_t *kept = apr_pcalloc(p, sizeof(*kept));

    if (pthread_mutex_init(&kept->lock, NULL) != 0)
        abort();
    apr_pool_cleanup_register(p, kept, destroy_lock, apr_pool_cleanup_null);
    return kept;
}

/* Ids appear in files and logs. A text that is no id of ours is taken as none. */
static void copy_id(char to[GT_ID_BYTES], const char *from)
{
    apr_size_t len = from != NULL ? strlen(from) : 0;

    if (len > 0 && len < GT_ID_BYTES && strspn(from, "0123456789abcdef") == len)
        memcpy(to, from, len + 1);
}

/* The other name that the table may have had when a value was sealed in the old form. */
static void other_spelling(gt_ids_t *ids, const char *table, const char *schema)
{
    const char *dot = strchr(table, '.');

    if (dot != NULL)
        apr_cpystrn(ids->other_table, dot + 1, sizeof(ids->other_table));
    else if (schema != NULL && schema[0] != '\0')
        apr_snprintf(ids->other_table, sizeof(ids->other_table), "%s.%s", schema, table);
}

static const gt_word_t catalogue_words[] = {
    {"ids_are_there",
     {"(SELECT 1 WHERE to_regclass('{schema}graphtok_ids') IS NOT NULL)",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = 'graphtok_ids')"}},
    {"schema_of_table",
     {"(SELECT nspname FROM pg_namespace WHERE oid = "
      "(SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{table}')))",
      "'main'"}},
    {"access_is_there",
     {"(SELECT 1 WHERE to_regclass('{access}') IS NOT NULL)",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = '{bare}_access')"}},
    {"sessions_are_there",
     /* And open to us: a table that another role made and did not hand over is no help. */
     {"(SELECT 1 WHERE has_table_privilege(to_regclass('{sessions}'), 'SELECT') "
      "AND has_table_privilege(to_regclass('{sessions}'), 'INSERT'))",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = '{bare}_sessions')"}},
    {"history_is_there",
     {"(SELECT 1 WHERE has_table_privilege(to_regclass('{history}'), 'SELECT') "
      "AND has_table_privilege(to_regclass('{history}'), 'INSERT'))",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = '{bare}_history')"}},
    {"accounts_are_there",
     {"(SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('{table}') AND "
      "attname = 'refused_until' AND NOT attisdropped)",
      "(SELECT 1 FROM pragma_table_info('{bare}') WHERE name = 'refused_until')"}},
    {"hours_are_there",
     {"(SELECT 1 WHERE has_table_privilege(to_regclass('{hours}'), 'SELECT') "
      "AND has_table_privilege(to_regclass('{hours}'), 'INSERT'))",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = '{bare}_hours')"}},
    {"bulk_is_there",
     {"(SELECT 1 WHERE has_table_privilege(to_regclass('{bulk}'), 'SELECT') "
      "AND has_table_privilege(to_regclass('{bulk_items}'), 'SELECT'))",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = '{bare}_bulk_items')"}},
    /* A table that the newest step of mail's ladder makes. */
    {"mail_is_there",
     {"(SELECT 1 WHERE has_table_privilege(to_regclass('{mail_messages}'), 'SELECT') "
      "AND has_table_privilege(to_regclass('{mail_accounts}'), 'UPDATE'))",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND name = 'mail_messages')"}},
    {"hooks_are_there",
     {"(SELECT 1 WHERE has_table_privilege(to_regclass('{graph_subscriptions}'), 'UPDATE') "
      "AND has_table_privilege(to_regclass('{graph_notifications}'), 'INSERT'))",
      "(SELECT 1 FROM {schema}sqlite_master WHERE type = 'table' AND "
      "name = 'graph_notifications')"}},
    {NULL, {NULL, NULL}},
};

/* → 1 or NULL, the table's schema, 1 or NULL eight times. Works before steps 6, 10, 12, 14, 16,
 * 17 and 18, too, and without the ladders of mail and of change notifications. */
static const gt_sql_t look_for_ids = {
    "look for ids",
    "SELECT {ids_are_there}, {schema_of_table}, {access_is_there}, {sessions_are_there}, "
    "{accounts_are_there}, {bulk_is_there}, {history_is_there}, {hours_are_there}, "
    "{mail_is_there}, "
    "{hooks_are_there}",
    catalogue_words};

/* → the database's id, the store's id; no row: not migrated so far */
static const gt_sql_t read_both_ids = {
    "read both ids",
    "SELECT (SELECT id FROM {schema}graphtok_ids WHERE what = 'database'), id "
    "FROM {schema}graphtok_ids WHERE what = 'store {bare}'",
    NULL};

#define ADDITIONS_FROM 2 /* column of look_for_ids */

static gt_err_t *read_ids(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *rows;
    const gt_db_row_t *row;

    memset(ids, 0, sizeof(*ids));
    GT_TRY(gt_db_rows(&rows, store->db, &look_for_ids, &store->names, NULL, p));
    if (rows->nelts == 0)
        return GT_OK;
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    ids->is_read = 1;
    other_spelling(ids, store->names.table, row->column[1]);
    for (int i = 0; i < GT_ADDITIONS; i++)
        ids->has[i] = row->column[ADDITIONS_FROM + i] != NULL;
    if (row->column[0] == NULL)
        return GT_OK;
    GT_TRY(gt_db_rows(&rows, store->db, &read_both_ids, &store->names, NULL, p));
    if (rows->nelts == 0)
        return GT_OK;
    row = &APR_ARRAY_IDX(rows, 0, gt_db_row_t);
    copy_id(ids->database, row->column[0]);
    copy_id(ids->store, row->column[1]);
    return GT_OK;
}

/* 1 for one caller when a reading is due: the others go on with the ids that are known. */
static int claim_reading(gt_kept_ids_t *kept, gt_ids_t *ids)
{
    int due;

    pthread_mutex_lock(&kept->lock);
    *ids = kept->ids;
    due = gt_ticks() >= kept->read_at;
    if (due)
        kept->read_at = gt_ticks() + (ids->store[0] != '\0' ? AGAIN : AGAIN_WITHOUT);
    pthread_mutex_unlock(&kept->lock);
    return due;
}

static void keep(gt_kept_ids_t *kept, const gt_ids_t *ids)
{
    pthread_mutex_lock(&kept->lock);
    kept->ids = *ids;
    kept->read_at = gt_ticks() + (ids->store[0] != '\0' ? AGAIN : AGAIN_WITHOUT);
    pthread_mutex_unlock(&kept->lock);
}

gt_err_t *gt_store_ids_now(int *is_new, gt_ids_t *ids, gt_store_t *store, apr_pool_t *p)
{
    gt_ids_t fresh;

    *is_new = 0;
    GT_TRY(read_ids(&fresh, store, p));
    keep(store->ids, &fresh);
    *is_new = memcmp(&fresh, ids, sizeof(fresh)) != 0;
    if (strcmp(fresh.store, ids->store) != 0)
        gt_log(GT_LOG_INFO, NULL, "store %s has the id %s in the database %s", store->conf->name,
               fresh.store, fresh.database);
    *ids = fresh;
    return GT_OK;
}

void gt_store_ids_known(gt_ids_t *ids, const gt_store_t *store)
{
    pthread_mutex_lock(&store->ids->lock);
    *ids = store->ids->ids;
    pthread_mutex_unlock(&store->ids->lock);
}

static int claim_report(gt_kept_ids_t *kept)
{
    int is_time;

    pthread_mutex_lock(&kept->lock);
    is_time = gt_ticks() >= kept->said_at;
    if (is_time)
        kept->said_at = gt_ticks() + SAID_EVERY;
    pthread_mutex_unlock(&kept->lock);
    return is_time;
}

/* Log a failure. That a database is away is logged elsewhere; one that refuses the ids does not
 * recover by itself. */
static void tell(const gt_err_t *err, gt_store_t *store, apr_pool_t *p)
{
    const char *what =
        apr_psprintf(p, "reading the ids of store %s in graphtok_ids", store->conf->name);

    if (err->cls != GT_STORE_AWAY && claim_report(store->ids))
        gt_log_err(err, what);
    else
        gt_log(GT_LOG_DEBUG, NULL, "%s: %s", what, err->detail);
}

/* @return why a reading that was due failed; the ids are those of before then */
static gt_err_t *read_when_due(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p)
{
    int is_new;

    return claim_reading(store->ids, ids) ? gt_store_ids_now(&is_new, ids, store, p) : GT_OK;
}

void gt_store_ids(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p)
{
    gt_err_t *err = read_when_due(ids, store, p);

    if (err != GT_OK)
        tell(err, store, p);
}

/* Where the ids do not do, a failure is handed on as it is: a second reading right behind it would
 * only hear that the database was away. @param err of read_when_due */
static gt_err_t *read_unless(int does, gt_err_t *err, gt_ids_t *ids, gt_store_t *store,
                             apr_pool_t *p)
{
    int is_new;

    if (!does)
        return err != GT_OK ? err : gt_store_ids_now(&is_new, ids, store, p);
    if (err != GT_OK)
        tell(err, store, p);
    return GT_OK;
}

gt_err_t *gt_store_ids_sure(gt_ids_t *ids, gt_store_t *store, apr_pool_t *p)
{
    gt_err_t *err = read_when_due(ids, store, p);

    return read_unless(ids->is_read, err, ids, store, p);
}

const gt_sql_t *const gt_ids_sql[] = {&look_for_ids, &read_both_ids, NULL};

int gt_store_has(gt_store_t *store, gt_addition_t addition, apr_pool_t *p)
{
    gt_ids_t ids;

    gt_store_ids(&ids, store, p);
    return ids.has[addition];
}

gt_err_t *gt_store_ids_with(gt_ids_t *ids, gt_addition_t addition, gt_store_t *store, apr_pool_t *p)
{
    gt_err_t *err = read_when_due(ids, store, p);

    return read_unless(ids->has[addition], err, ids, store, p);
}
