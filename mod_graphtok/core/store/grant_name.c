/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The name of a grant's person, out of the id_token of the last sign-in. */

#include "crypt/jwt.h"
#include "store/row.h"
#include "store/statements.h"

/* id → sealed id_token */
static const gt_sql_t find_id_token = {
    "find id token", "SELECT encrypted_id_token FROM {table} WHERE id = %s", NULL};

gt_err_t *gt_grant_take_name(gt_grant_t *grant, gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(grant->id)};
    apr_array_header_t *rows;
    gt_secret_t *token = NULL;
    const char *sealed;
    const json_t *claims = NULL;

    GT_TRY(gt_db_rows(&rows, store->db, &find_id_token, &store->names, args, p));
    sealed = rows->nelts > 0 ? APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0] : NULL;
    /* A value that cannot be opened is reported where it is needed; for a name no error is worth
     * it. */
    if (sealed != NULL && gt_row_open_id_token(&token, sealed, store, &grant->owner, p) == GT_OK &&
        token != NULL)
        claims = gt_jwt_claims(token, p);
    if (claims != NULL)
        grant->account.name = gt_json_text(claims, "name");
    return GT_OK;
}

const gt_sql_t *const gt_grant_name_sql[] = {&find_id_token, NULL};
