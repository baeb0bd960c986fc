/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Lists of grants as an administrator sees them. Tokens are not read.
 */

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "store/due.h"
#include "store/row.h"
#include "store/statements.h"

#define ID_DIGITS 32

/* A filter is bound, and NULL or a negative number does not filter. PostgreSQL plans each statement
 * with its values. SQLite does not, therefore the rows that are not active, and those that are
 * failing, have statements of their own, which say so and by that take their index ({not_active},
 * store/sql_names.c). */
#define MEANT                                                                                      \
    "(CAST(%s AS VARCHAR) IS NULL OR provider = %s) AND (CAST(%lld AS BIGINT) < 0 OR expires_at "  \
    "<= {in})"
#define ANY_STATUS "(CAST(%lld AS BIGINT) < 0 OR status = CAST(%lld AS BIGINT))"
#define FAILING "error_count > 0 AND " ANY_STATUS

/* Subsets of the rows, with an index of each order, and the status in their statements. */
typedef enum subset_t { ALL, NOT_ACTIVE_ONES, FAILING_ONES, SUBSETS } subset_t;

/* user and provider after which, status once or twice, provider twice, seconds twice, how many →
 * {shown} */
#define BY_USER(name, subset)                                                                      \
    {                                                                                              \
        name,                                                                                      \
            "SELECT {shown} FROM {table} WHERE ({user}, provider) > ({user_arg}, %s) AND " subset  \
            " AND " MEANT " ORDER BY {user}, provider LIMIT %lld",                                 \
            NULL                                                                                   \
    }

/* The same, and the time after which before all → {shown}, the time */
#define BY_TIME(name, subset, time, beyond, order)                                                 \
    {                                                                                              \
        name,                                                                                      \
            "SELECT {shown}, {key_of_" time "} FROM {table} WHERE ({" time                         \
            "}, {user}, provider) " beyond " ({time_arg}, {user_arg}, %s) AND " subset             \
            " AND " MEANT " ORDER BY {" time "} " order ", {user} " order ", provider " order      \
            " LIMIT %lld",                                                                         \
            NULL                                                                                   \
    }

#define LISTS(which, subset)                                                                       \
    {                                                                                              \
        [GT_BY_USER] = BY_USER("list " which, subset),                                             \
        [GT_BY_EXPIRY] = BY_TIME("list " which " by expiry", subset, "by_expiry", ">", "ASC"),     \
        [GT_BY_EXPIRY_DOWN] =                                                                      \
            BY_TIME("list " which " by expiry down", subset, "by_expiry", "<", "DESC"),            \
        [GT_BY_CHANGE] = BY_TIME("list " which " by change", subset, "by_change", ">", "ASC"),     \
        [GT_BY_CHANGE_DOWN] =                                                                      \
            BY_TIME("list " which " by change down", subset, "by_change", "<", "DESC"),            \
    }

static const gt_sql_t lists[SUBSETS][GT_GRANT_ORDERS] = {
    [ALL] = LISTS("grants", ANY_STATUS),
    [NOT_ACTIVE_ONES] = LISTS("not active", "{not_active}"),
    [FAILING_ONES] = LISTS("failing", FAILING)};

/* status once or twice, provider twice, seconds twice */
#define COUNT(name, subset)                                                                        \
    {                                                                                              \
        name, "SELECT count(*) FROM {table} WHERE " subset " AND " MEANT, NULL                     \
    }
static const gt_sql_t counts[SUBSETS] = {[ALL] = COUNT("count list", ANY_STATUS),
                                         [NOT_ACTIVE_ONES] =
                                             COUNT("count not active", "{not_active}"),
                                         [FAILING_ONES] = COUNT("count failing", FAILING)};

static subset_t subset_of(const gt_grant_filter_t *filter)
{
    if (filter->is_failing)
        return FAILING_ONES;
    return filter->status >= 0 && filter->status != GT_ACTIVE ? NOT_ACTIVE_ONES : ALL;
}

/* ---- places ---- */

/* Years 1 to 9999 in µs. */
#define FIRST_TIME INT64_C(-62135596800000000)
#define LAST_TIME INT64_C(253402300799999999)
#define LONGEST_TIME 40 /* bytes, as SQLite has it: a text */

/* Before and after all times. */
static const char *const ends[GT_ENGINES][2] = {
    [GT_PGSQL] = {"-62135596800000000", "253402300799999999"}, [GT_SQLITE] = {"", "~"}};

static int is_down(gt_grant_order_t order)
{
    return order == GT_BY_EXPIRY_DOWN || order == GT_BY_CHANGE_DOWN;
}

int gt_grant_is_time(const char *time, gt_grant_order_t order, gt_engine_t engine)
{
    apr_int64_t number;

    if (order == GT_BY_USER || time == NULL)
        return order == GT_BY_USER && time == NULL;
    if (engine == GT_SQLITE)
        return strlen(time) <= LONGEST_TIME;
    return gt_number(&number, time, FIRST_TIME, LAST_TIME);
}

/* Before every user of the column's type; no provider has the name "". */
static gt_owner_t before_all(const gt_store_conf_t *conf)
{
    if (strcmp(conf->user_type, "integer") == 0)
        return (gt_owner_t){"-9223372036854775808", ""};
    if (strcmp(conf->user_type, "uuid") == 0)
        return (gt_owner_t){GT_ID_BEFORE_ALL, ""};
    return (gt_owner_t){"", ""};
}

/* Where a page begins. No row has one of the times beyond all others, so that the user beside it
 * does not matter. */
static gt_err_t *begin(gt_grant_place_t *from, gt_store_t *store, const gt_grant_filter_t *filter,
                       const gt_grant_place_t *after, apr_pool_t *p)
{
    gt_engine_t engine;

    *from = (gt_grant_place_t){.owner = before_all(gt_store_conf(store))};
    if (after != NULL) {
        GT_TRY(gt_store_owner(&from->owner, store, &after->owner, p));
        from->time = after->time;
    }
    else if (filter->order != GT_BY_USER) {
        GT_TRY(gt_db_engine(&engine, store->db, p));
        from->time = ends[engine][is_down(filter->order)];
    }
    return GT_OK;
}

/* ---- pages ---- */

/* Rows of {shown}, with a time behind it in a list by one. */
static gt_err_t *add_grants(apr_array_header_t *grants, const apr_array_header_t *rows,
                            int has_time, apr_pool_t *p)
{
    for (int i = 0; i < rows->nelts; i++) {
        gt_db_row_t row = APR_ARRAY_IDX(rows, i, gt_db_row_t);
        gt_raw_t *raw;

        row.columns -= has_time;
        GT_TRY(gt_row_read(&raw, &row, NULL, p));
        raw->grant.time_key = has_time ? row.column[row.columns] : NULL;
        APR_ARRAY_PUSH(grants, gt_grant_t *) = &raw->grant;
    }
    return GT_OK;
}

/* Bind a filter, as MEANT and the subset's status have it. @return how many values */
static int bind_filter(gt_db_value_t *args, const gt_grant_filter_t *filter)
{
    int n = 0;

    args[n++] = GT_NUM(filter->status);
    if (subset_of(filter) != NOT_ACTIVE_ONES)
        args[n++] = GT_NUM(filter->status);
    args[n++] = GT_TEXT(filter->provider);
    args[n++] = GT_TEXT(filter->provider);
    args[n++] = GT_NUM(filter->within);
    args[n++] = GT_NUM(filter->within);
    return n;
}

gt_err_t *gt_grant_list(apr_array_header_t **grants, gt_store_t *store,
                        const gt_grant_filter_t *filter, const gt_grant_place_t *after, int most,
                        apr_pool_t *p)
{
    const int has_time = filter->order != GT_BY_USER;
    gt_db_value_t args[GT_SQL_PARAMS];
    apr_array_header_t *rows;
    gt_grant_place_t from;
    int n = 0;

    GT_TRY(begin(&from, store, filter, after, p));
    if (has_time)
        args[n++] = GT_TEXT(from.time);
    args[n++] = GT_TEXT(from.owner.user);
    args[n++] = GT_TEXT(from.owner.provider);
    n += bind_filter(&args[n], filter);
    args[n++] = GT_NUM(most);
    GT_TRY(gt_db_rows(&rows, store->db, &lists[subset_of(filter)][filter->order], &store->names,
                      args, p));
    *grants = apr_array_make(p, rows->nelts, sizeof(gt_grant_t *));
    return add_grants(*grants, rows, has_time, p);
}

gt_err_t *gt_grant_list_count(apr_int64_t *count, gt_store_t *store,
                              const gt_grant_filter_t *filter, apr_pool_t *p)
{
    gt_db_value_t args[GT_SQL_PARAMS];
    apr_array_header_t *rows;

    (void)bind_filter(args, filter);
    GT_TRY(gt_db_rows(&rows, store->db, &counts[subset_of(filter)], &store->names, args, p));
    if (rows->nelts != 1 ||
        !gt_number(count, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, INT64_MAX))
        return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    return GT_OK;
}

/* ---- by name ---- */

const char *gt_grant_plain_id(const char *name, apr_pool_t *p)
{
    char *id = apr_palloc(p, ID_DIGITS + 1);
    apr_size_t len = 0;

    for (; *name != '\0'; name++) {
        if (*name == '-')
            continue;
        if (len == ID_DIGITS || !isxdigit((unsigned char)*name))
            return NULL;
        id[len++] = (char)tolower((unsigned char)*name);
    }
    id[len] = '\0';
    return len == ID_DIGITS ? id : NULL;
}

/* id → {shown} */
static const gt_sql_t find_by_id = {"find by id", "SELECT {shown} FROM {table} WHERE id = %s",
                                    NULL};

/* user → {shown} of each provider */
static const gt_sql_t list_of_user = {
    "list of user", "SELECT {shown} FROM {table} WHERE {user} = {user_arg} ORDER BY provider",
    NULL};

/* e-mail address, how many → {shown} */
static const gt_sql_t list_of_address = {
    "list of address",
    "SELECT {shown} FROM {table} WHERE lower(email) = lower(%s) "
    "ORDER BY id LIMIT %lld",
    NULL};

/* By a text, and as many as there may be where the statement wants that. */
static gt_err_t *find(apr_array_header_t *grants, gt_store_t *store, const gt_sql_t *sql,
                      const char *text, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(text), GT_NUM(GT_GRANTS_ADDRESSED)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, sql, &store->names, args, p));
    return add_grants(grants, rows, 0, p);
}

gt_err_t *gt_grant_by_id(gt_grant_t **grant, gt_store_t *store, const char *id, apr_pool_t *p)
{
    apr_array_header_t *grants = apr_array_make(p, 1, sizeof(gt_grant_t *));
    const char *plain = gt_grant_plain_id(id, p);

    *grant = NULL;
    if (plain == NULL)
        return GT_OK;
    GT_TRY(find(grants, store, &find_by_id, plain, p));
    if (grants->nelts > 0)
        *grant = APR_ARRAY_IDX(grants, 0, gt_grant_t *);
    return GT_OK;
}

gt_err_t *gt_grants_named(apr_array_header_t **grants, gt_store_t *store, const char *name,
                          apr_pool_t *p)
{
    const char *id = gt_grant_plain_id(name, p);

    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    if (id != NULL)
        GT_TRY(find(*grants, store, &find_by_id, id, p));
    return (*grants)->nelts > 0 ? GT_OK : gt_grants_of(grants, store, name, p);
}

gt_err_t *gt_grants_of(apr_array_header_t **grants, gt_store_t *store, const char *user,
                       apr_pool_t *p)
{
    const gt_owner_t owner = {user, "any"};
    gt_owner_t exact;

    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    GT_TRY(gt_store_owner(&exact, store, &owner, p));
    return find(*grants, store, &list_of_user, exact.user, p);
}

gt_err_t *gt_grants_addressed(apr_array_header_t **grants, gt_store_t *store, const char *address,
                              apr_pool_t *p)
{
    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    return find(*grants, store, &list_of_address, address, p);
}

#define EACH_ORDER(subset)                                                                         \
    &lists[subset][GT_BY_USER], &lists[subset][GT_BY_EXPIRY], &lists[subset][GT_BY_EXPIRY_DOWN],   \
        &lists[subset][GT_BY_CHANGE], &lists[subset][GT_BY_CHANGE_DOWN], &counts[subset]

const gt_sql_t *const gt_grant_list_sql[] = {EACH_ORDER(ALL),
                                             EACH_ORDER(NOT_ACTIVE_ONES),
                                             EACH_ORDER(FAILING_ONES),
                                             &find_by_id,
                                             &list_of_user,
                                             &list_of_address,
                                             NULL};
