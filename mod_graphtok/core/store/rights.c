/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The role's rights in a store's tables: one question to the catalogue, and the answer as GRANTs. A
 * role that lacks USAGE on a schema does not find its tables by name, so they are looked up by name
 * in all schemas.
 */

#include "store/rights.h"

#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "store/sql_names.h"

/* {schema} is quoted, with a dot; current_schemas() leaves out schemas that the role may not
 * use. */
static const char tables[] =
    "SELECT quote_ident(current_user), quote_ident(nspname), quote_ident(relname), "
    "has_schema_privilege(pg_namespace.oid, 'USAGE'), "
    "nspname = ANY (current_schemas(false)) OR '{schema}' <> '', "
    "has_table_privilege(pg_class.oid, 'SELECT'), has_table_privilege(pg_class.oid, 'INSERT'), "
    "has_table_privilege(pg_class.oid, 'UPDATE'), has_table_privilege(pg_class.oid, 'DELETE') "
    "FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE relkind IN ('r', 'p') AND '{schema}' IN ('', '\"' || nspname || '\".') AND relname IN "
    "('{bare}', '{bare}_gone', '{bare}_jobs', '{bare}_counts', '{bare}_access', '{bare}_sessions', "
    "'{bare}_history', '{bare}_hours', '{bare}_bulk', '{bare}_bulk_items', 'graphtok_schema', "
    "'graphtok_ids') "
    "ORDER BY length(relname), nspname";

/* Columns of that. */
enum { ROLE, SCHEMA, TABLE, MAY_ENTER, IS_FOUND, FIRST_RIGHT };

static const char *const rights[] = {"SELECT", "INSERT", "UPDATE", "DELETE"};
#define RIGHTS ((int)(sizeof rights / sizeof rights[0]))

static int is_true(const gt_db_row_t *row, int column)
{
    return row->column[column] != NULL && row->column[column][0] == 't';
}

/* Beside the store's; only `migrate` writes them. */
static int is_shared(const gt_db_row_t *row)
{
    return strcmp(row->column[TABLE], "graphtok_schema") == 0 ||
           strcmp(row->column[TABLE], "graphtok_ids") == 0;
}

/* "GRANT INSERT, UPDATE ON app.user_tokens TO httpd"; NULL: nothing is missing. */
static const char *missing(const gt_db_row_t *row, apr_pool_t *p)
{
    const int needed = is_shared(row) ? 1 : RIGHTS;
    const char *list = NULL;

    for (int i = 0; i < needed; i++)
        if (!is_true(row, FIRST_RIGHT + i))
            list =
                apr_pstrcat(p, list != NULL ? list : "", list != NULL ? ", " : "", rights[i], NULL);
    return list == NULL ? NULL
                        : apr_pstrcat(p, "GRANT ", list, " ON ", row->column[SCHEMA], ".",
                                      row->column[TABLE], " TO ", row->column[ROLE], NULL);
}

/* No table of the store is within reach of statements. One that is elsewhere may be another
 * installation's, so that it is told only when a table is missed. */
static gt_err_t *judge_elsewhere(const gt_db_row_t *row, apr_pool_t *p)
{
    const char *role = row->column[ROLE], *schema = row->column[SCHEMA];

    if (!is_true(row, MAY_ENTER))
        return gt_err(p, GT_FORBIDDEN, "GT0488",
                      "the role %s may not use the schema %s, in which a table %s stands: GRANT "
                      "USAGE ON SCHEMA %s TO %s",
                      role, schema, row->column[TABLE], schema, role);
    return gt_err(
        p, GT_CONFLICT, "GT0489",
        "the table %s stands in the schema %s, which is not in the search_path of the role "
        "%s: write GraphTokTable %s.%s",
        row->column[TABLE], schema, role, schema, row->column[TABLE]);
}

gt_err_t *gt_rights_check(gt_db_t *db, const gt_store_conf_t *store, apr_pool_t *p)
{
    const gt_sql_names_t names = gt_store_names(store, p);
    const char *grants = NULL, *grant;
    const gt_db_row_t *elsewhere = NULL;
    apr_array_header_t *rows;
    gt_engine_t engine;
    int reached = 0;

    GT_TRY(gt_db_engine(&engine, db, p));
    if (engine != GT_PGSQL)
        return GT_OK;
    GT_TRY(gt_db_literal_rows(&rows, db, gt_sql_fill(tables, engine, &names, p), p));
    for (int i = 0; i < rows->nelts; i++) {
        const gt_db_row_t *row = &APR_ARRAY_IDX(rows, i, gt_db_row_t);

        if (!is_true(row, MAY_ENTER) || !is_true(row, IS_FOUND)) {
            elsewhere = elsewhere != NULL || is_shared(row) ? elsewhere : row;
            continue;
        }
        reached = reached || !is_shared(row);
        grant = missing(row, p);
        if (grant != NULL)
            grants = apr_pstrcat(p, grants != NULL ? grants : "", grants != NULL ? "; " : "", grant,
                                 NULL);
    }
    if (grants != NULL)
        return gt_err(p, GT_FORBIDDEN, "GT0488", "the database's role lacks rights: %s", grants);
    return !reached && elsewhere != NULL ? judge_elsewhere(elsewhere, p) : GT_OK;
}
