/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* The name of a grant's person, out of the id_token of the last sign-in. */

#include "crypt/jwt.h"
#include "store/row.h"
#include "store/statements.h"

/* id → sealed id_token */
static const gt_sql_t find_id_token = {
    "find id token", "SELECT encrypted_id_token FROM {table} WHERE id = %s", NULL};

/* NULL: there are none to be read. A failure to open the value is told where the value is needed:
 * nothing that is read here is worth a word. */
static gt_err_t *read_claims(const json_t **claims, const char *id, const gt_owner_t *owner,
                             gt_store_t *store, apr_pool_t *p)
{
    const gt_db_value_t args[] = {GT_TEXT(id)};
    apr_array_header_t *rows;
    gt_secret_t *token = NULL;
    const char *sealed;

    *claims = NULL;
    GT_TRY(gt_db_rows(&rows, store->db, &find_id_token, &store->names, args, p));
    sealed = rows->nelts > 0 ? APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0] : NULL;
    if (sealed != NULL && gt_row_open_id_token(&token, sealed, store, owner, p) == GT_OK &&
        token != NULL)
        *claims = gt_jwt_claims(token, p);
    return GT_OK;
}

gt_err_t *gt_grant_take_name(gt_grant_t *grant, gt_store_t *store, apr_pool_t *p)
{
    const json_t *claims;

    GT_TRY(read_claims(&claims, grant->id, &grant->owner, store, p));
    if (claims != NULL)
        grant->account.name = gt_json_text(claims, "name");
    return GT_OK;
}

gt_err_t *gt_grant_logout_hint(const char **hint, const char *id, const gt_owner_t *owner,
                               gt_store_t *store, apr_pool_t *p)
{
    const json_t *claims;

    GT_TRY(read_claims(&claims, id, owner, store, p));
    *hint = claims != NULL ? gt_json_text(claims, "login_hint") : NULL;
    return GT_OK;
}

const gt_sql_t *const gt_grant_name_sql[] = {&find_id_token, NULL};
