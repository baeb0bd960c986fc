/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * Tokens of other resources. Whether their table is there is known with the store's ids, which are
 * read again every now and then: a store that is not migrated so far serves the default resource.
 */

#include "store/grant_access.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "store/statements.h"

/* Columns of find_access. */
enum { ACCESS, EXPIRES, GENERATION, SINCE, SCOPES, CLOCK };

/* owner, resource, the grant's generation → token, when it ends, of which generation it is, when
 * it came, scopes, the clock that judges these times */
static const gt_sql_t find_access = {
    "find access",
    "SELECT encrypted_access_token, expires_at, generation, obtained_at, scopes, {now} "
    "FROM {access} WHERE {owner} AND resource = %s AND generation <= %lld",
    NULL};

/* resource, token, seconds to its end, scopes, owner, the grant's generation */
static const gt_sql_t keep_access = {
    "keep access",
    "INSERT INTO {access} ({user}, provider, resource, encrypted_access_token, expires_at, "
    "generation, obtained_at, scopes) SELECT {user}, provider, %s, %s, {clock} + %lld, "
    "generation + 1, {clock}, %s FROM {table} WHERE {owner} AND generation = %lld "
    "ON CONFLICT ({user}, provider, resource) DO UPDATE SET "
    "encrypted_access_token = excluded.encrypted_access_token, expires_at = excluded.expires_at, "
    "generation = excluded.generation, obtained_at = excluded.obtained_at, "
    "scopes = excluded.scopes",
    NULL};

/* owner */
static const gt_sql_t drop_access = {"drop access", "DELETE FROM {access} WHERE {owner}", NULL};

/* owner, owner */
static const gt_sql_t drop_access_of_inactive = {
    "drop access of inactive",
    "DELETE FROM {access} WHERE {owner} AND NOT EXISTS "
    "(SELECT 1 FROM {table} WHERE {owner} AND status <> 0)",
    NULL};

/* how many; a row that another transaction has in hand is left to the next time */
static const gt_sql_t purge_access = {
    "purge access",
    "DELETE FROM {access} WHERE ({user}, provider, resource) IN (SELECT {user}, provider, resource "
    "FROM {access} WHERE expires_at <= {now} - 3600 ORDER BY expires_at LIMIT %lld {skip})",
    NULL};

/* owner, generation → 1; no row: the grant got this generation with a token of the default
 * resource */
static const gt_sql_t look_for_access = {
    "look for access", "SELECT 1 FROM {access} WHERE {owner} AND generation = %lld LIMIT 1", NULL};

/* A table that seems to be missing may have been made a moment ago: read the ids again. */
static gt_err_t *demand_table(gt_ids_t *ids, gt_store_t *store, const char *resource, apr_pool_t *p)
{
    GT_TRY(gt_store_ids_with(ids, GT_ADDS_ACCESS, store, p));
    if (ids->has[GT_ADDS_ACCESS])
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0429",
                  "store %s has no table for access tokens of %s: run graphtokctl migrate",
                  gt_store_name(store), resource);
}

/* The database's clock wrote these times and ours reads them, as in row.c. */
static gt_err_t *read_token(gt_grant_t *grant, const gt_db_row_t *row, apr_pool_t *p)
{
    apr_int64_t expires, since, clock;
    apr_time_t offset;

    if (!gt_number(&expires, row->column[EXPIRES], 0, INT64_MAX / APR_USEC_PER_SEC) ||
        !gt_number(&since, row->column[SINCE], 0, INT64_MAX / APR_USEC_PER_SEC) ||
        !gt_number(&clock, row->column[CLOCK], 0, INT64_MAX / APR_USEC_PER_SEC) ||
        !gt_number(&grant->access_generation, row->column[GENERATION], 0, INT64_MAX))
        return gt_err(p, GT_DAMAGED, "GT0422", "a column of the grant's row cannot be read");
    offset = gt_row_offset(apr_time_from_sec(clock));
    if (since > clock + apr_time_sec(GT_ROW_STEP) && expires > clock)
        expires = clock;
    grant->expires_at = apr_time_from_sec(expires) + offset;
    grant->access_since = apr_time_from_sec(since) + offset;
    grant->scope = row->column[SCOPES];
    return GT_OK;
}

gt_err_t *gt_access_load(gt_grant_t *grant, gt_store_t *store, apr_pool_t *p)
{
    gt_owner_t owner;
    gt_ids_t ids;

    GT_TRY(demand_table(&ids, store, grant->resource, p));
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const gt_db_value_t args[] = {GT_TEXT(owner.user), GT_TEXT(owner.provider),
                                  GT_TEXT(grant->resource), GT_NUM(grant->generation)};
    gt_sealed_value_t value = {"", GT_ACCESS_COLUMN, grant->resource, &owner};
    apr_array_header_t *rows;

    grant->access = NULL;
    grant->expires_at = grant->access_since = 0;
    grant->access_generation = 0;
    grant->scope = NULL;
    GT_TRY(gt_db_rows(&rows, store->db, &find_access, &store->names, args, p));
    if (rows->nelts == 0)
        return GT_OK;
    GT_TRY(read_token(grant, &APR_ARRAY_IDX(rows, 0, gt_db_row_t), p));
    value.sealed = APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[ACCESS];
    if (value.sealed == NULL)
        return GT_OK;
    return gt_row_unseal(&grant->access, &value, &ids, store, p);
}

gt_err_t *gt_access_keep(gt_store_t *store, const gt_grant_t *grant, const gt_sealed_t *sealed,
                         const gt_tokens_t *tokens, apr_pool_t *p)
{
    gt_owner_t owner;
    gt_ids_t ids;

    if (sealed->access == NULL)
        return GT_OK;
    GT_TRY(demand_table(&ids, store, grant->resource, p));
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const gt_db_value_t args[] = {GT_TEXT(grant->resource),
                                  GT_TEXT(sealed->access),
                                  GT_NUM(gt_tokens_left(tokens)),
                                  GT_TEXT(tokens->scope != NULL ? tokens->scope : grant->scope),
                                  GT_TEXT(owner.user),
                                  GT_TEXT(owner.provider),
                                  GT_NUM(grant->generation)};

    return gt_db_change(NULL, store->db, &keep_access, &store->names, args, p);
}

gt_err_t *gt_access_drop(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider)};

    if (!gt_store_has(store, GT_ADDS_ACCESS, p))
        return GT_OK;
    return gt_db_change(NULL, store->db, &drop_access, &store->names, args, p);
}

gt_err_t *gt_access_drop_inactive(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(owner->user), GT_TEXT(owner->provider),
                                  GT_TEXT(owner->user), GT_TEXT(owner->provider)};

    if (!gt_store_has(store, GT_ADDS_ACCESS, p))
        return GT_OK;
    return gt_db_change(NULL, store->db, &drop_access_of_inactive, &store->names, args, p);
}

gt_err_t *gt_access_purge(int *dropped, gt_store_t *store, int most, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_NUM(most)};

    *dropped = 0;
    if (!gt_store_has(store, GT_ADDS_ACCESS, p))
        return GT_OK;
    return gt_db_change(dropped, store->db, &purge_access, &store->names, args, p);
}

gt_err_t *gt_grant_date_access(gt_grant_t *grant, gt_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *rows;
    gt_owner_t owner;

    if (strcmp(grant->resource, GT_RESOURCE_GRAPH) != 0 || !gt_store_has(store, GT_ADDS_ACCESS, p))
        return GT_OK;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const gt_db_value_t args[] = {GT_TEXT(owner.user), GT_TEXT(owner.provider),
                                  GT_NUM(grant->generation)};

    GT_TRY(gt_db_rows(&rows, store->db, &look_for_access, &store->names, args, p));
    if (rows->nelts > 0)
        grant->access_generation = 0;
    return GT_OK;
}

const gt_sql_t *const gt_grant_access_sql[] = {
    &find_access,  &keep_access,     &drop_access, &drop_access_of_inactive,
    &purge_access, &look_for_access, NULL};
