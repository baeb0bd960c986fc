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
 * with its values. SQLite does not, therefore the rows that are not active have a statement of
 * their own, which says so and by that takes their index. */
#define MEANT                                                                                      \
    "(CAST(%s AS VARCHAR) IS NULL OR provider = %s) AND (CAST(%lld AS BIGINT) < 0 OR expires_at "  \
    "<= {in})"
#define ANY_STATUS "(CAST(%lld AS BIGINT) < 0 OR status = %lld)"
#define NOT_ACTIVE "status <> 1 AND status = %lld"
#define AFTER "({user}, provider) > ({user_arg}, %s)"
#define PAGE "ORDER BY {user}, provider LIMIT %lld"

/* user and provider after which, status twice, provider twice, seconds twice, how many →
 * {shown} */
static const gt_sql_t list_grants = {
    "list grants",
    "SELECT {shown} FROM {table} WHERE " AFTER " AND " ANY_STATUS " AND " MEANT " " PAGE, NULL};

/* user and provider after which, status, provider twice, seconds twice, how many → {shown} */
static const gt_sql_t list_not_active = {
    "list not active",
    "SELECT {shown} FROM {table} WHERE " AFTER " AND " NOT_ACTIVE " AND " MEANT " " PAGE, NULL};

/* status twice, provider twice, seconds twice */
static const gt_sql_t count_list = {
    "count list", "SELECT count(*) FROM {table} WHERE " ANY_STATUS " AND " MEANT, NULL};

/* status, provider twice, seconds twice */
static const gt_sql_t count_not_active = {
    "count not active", "SELECT count(*) FROM {table} WHERE " NOT_ACTIVE " AND " MEANT, NULL};

/* Before every user of the column's type; no provider has the name "". */
static gt_owner_t before_all(const gt_store_conf_t *conf)
{
    if (strcmp(conf->user_type, "integer") == 0)
        return (gt_owner_t){"-9223372036854775808", ""};
    if (strcmp(conf->user_type, "uuid") == 0)
        return (gt_owner_t){GT_ID_BEFORE_ALL, ""};
    return (gt_owner_t){"", ""};
}

static int has_own_index(const gt_grant_filter_t *filter)
{
    return filter->status >= 0 && filter->status != GT_ACTIVE;
}

static gt_err_t *add_grants(apr_array_header_t *grants, const apr_array_header_t *rows,
                            apr_pool_t *p)
{
    for (int i = 0; i < rows->nelts; i++) {
        gt_raw_t *raw;

        GT_TRY(gt_row_read(&raw, &APR_ARRAY_IDX(rows, i, gt_db_row_t), NULL, p));
        APR_ARRAY_PUSH(grants, gt_grant_t *) = &raw->grant;
    }
    return GT_OK;
}

/* The arguments of MEANT. */
#define BOUND(filter)                                                                              \
    GT_TEXT((filter)->provider), GT_TEXT((filter)->provider), GT_NUM((filter)->within),            \
        GT_NUM((filter)->within)

gt_err_t *gt_grant_list(apr_array_header_t **grants, gt_store_t *store,
                        const gt_grant_filter_t *filter, const gt_owner_t *after, int most,
                        apr_pool_t *p)
{
    gt_owner_t from = before_all(gt_store_conf(store));

    if (after != NULL)
        GT_TRY(gt_store_owner(&from, store, after, p));

    const gt_db_value_t any[] = {GT_TEXT(from.user),     GT_TEXT(from.provider),
                                 GT_NUM(filter->status), GT_NUM(filter->status),
                                 BOUND(filter),          GT_NUM(most)};
    const gt_db_value_t own[] = {GT_TEXT(from.user), GT_TEXT(from.provider), GT_NUM(filter->status),
                                 BOUND(filter), GT_NUM(most)};
    const int is_own = has_own_index(filter);
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, is_own ? &list_not_active : &list_grants, &store->names,
                      is_own ? own : any, p));
    *grants = apr_array_make(p, rows->nelts, sizeof(gt_grant_t *));
    return add_grants(*grants, rows, p);
}

gt_err_t *gt_grant_list_count(apr_int64_t *count, gt_store_t *store,
                              const gt_grant_filter_t *filter, apr_pool_t *p)
{
    const gt_db_value_t any[] = {GT_NUM(filter->status), GT_NUM(filter->status), BOUND(filter)};
    const gt_db_value_t own[] = {GT_NUM(filter->status), BOUND(filter)};
    const int is_own = has_own_index(filter);
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, is_own ? &count_not_active : &count_list, &store->names,
                      is_own ? own : any, p));
    if (rows->nelts != 1 ||
        !gt_number(count, APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0], 0, INT64_MAX))
        return gt_err(p, GT_INTERNAL, "GT0426", "the database counted something else");
    return GT_OK;
}

/** A UUID as both engines take it; NULL: it is none. */
static const char *id_of(const char *name, apr_pool_t *p)
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
    return add_grants(grants, rows, p);
}

gt_err_t *gt_grant_by_id(gt_grant_t **grant, gt_store_t *store, const char *id, apr_pool_t *p)
{
    apr_array_header_t *grants = apr_array_make(p, 1, sizeof(gt_grant_t *));
    const char *plain = id_of(id, p);

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
    const gt_owner_t owner = {name, "any"};
    const char *id = id_of(name, p);
    gt_owner_t exact;

    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    if (id != NULL)
        GT_TRY(find(*grants, store, &find_by_id, id, p));
    if ((*grants)->nelts > 0)
        return GT_OK;
    GT_TRY(gt_store_owner(&exact, store, &owner, p));
    return find(*grants, store, &list_of_user, exact.user, p);
}

gt_err_t *gt_grants_addressed(apr_array_header_t **grants, gt_store_t *store, const char *address,
                              apr_pool_t *p)
{
    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    return find(*grants, store, &list_of_address, address, p);
}

const gt_sql_t *const gt_grant_list_sql[] = {
    &list_grants, &list_not_active, &count_list,      &count_not_active,
    &find_by_id,  &list_of_user,    &list_of_address, NULL};
