/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Lists of grants as an administrator sees them; secrets stay closed.
 */

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include "store/due.h"
#include "store/row.h"
#include "store/statements.h"

#define ID_DIGITS 32

/* id after which, how many → {row} */
static const gt_sql_t list_grants = {
    "list grants", "SELECT {row} FROM {table} WHERE id > %s ORDER BY id LIMIT %lld", NULL};

gt_err_t *gt_grant_list(apr_array_header_t **grants, gt_store_t *store, const char *after, int most,
                        apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(after != NULL ? after : GT_ID_BEFORE_ALL), GT_NUM(most)};
    apr_array_header_t *rows;
    int i;

    GT_TRY(gt_db_rows(&rows, store->db, &list_grants, &store->names, args, p));
    *grants = apr_array_make(p, rows->nelts, sizeof(gt_grant_t *));
    for (i = 0; i < rows->nelts; i++) {
        gt_raw_t *raw;

        GT_TRY(gt_row_read(&raw, &APR_ARRAY_IDX(rows, i, gt_db_row_t), NULL, p));
        APR_ARRAY_PUSH(*grants, gt_grant_t *) = &raw->grant;
    }
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

/* id → {row} */
static const gt_sql_t find_by_id = {"find by id", "SELECT {row} FROM {table} WHERE id = %s", NULL};

/* user → {row} of each provider */
static const gt_sql_t list_of_user = {
    "list of user", "SELECT {row} FROM {table} WHERE {user} = {user_arg} ORDER BY provider", NULL};

/* e-mail address, how many → {row} */
static const gt_sql_t list_of_address = {"list of address",
                                         "SELECT {row} FROM {table} WHERE lower(email) = lower(%s) "
                                         "ORDER BY id LIMIT %lld",
                                         NULL};

/* By a text, and as many as there may be where the statement wants that. */
static gt_err_t *find(apr_array_header_t *grants, gt_store_t *store, const gt_sql_t *sql,
                      const char *text, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(text), GT_NUM(GT_DUTY_ADDRESSED)};
    apr_array_header_t *rows;

    GT_TRY(gt_db_rows(&rows, store->db, sql, &store->names, args, p));
    for (int i = 0; i < rows->nelts; i++) {
        gt_raw_t *raw;

        GT_TRY(gt_row_read(&raw, &APR_ARRAY_IDX(rows, i, gt_db_row_t), NULL, p));
        APR_ARRAY_PUSH(grants, gt_grant_t *) = &raw->grant;
    }
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

gt_err_t *gt_duty_addressed(apr_array_header_t **grants, gt_store_t *store, const char *address,
                            apr_pool_t *p)
{
    *grants = apr_array_make(p, 2, sizeof(gt_grant_t *));
    return find(*grants, store, &list_of_address, address, p);
}

const gt_sql_t *const gt_grant_list_sql[] = {&list_grants, &find_by_id, &list_of_user,
                                             &list_of_address, NULL};
