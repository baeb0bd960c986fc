/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * How a store's ladder is gone up and down: a table that is there is taken over when it is S0's.
 * A step down that takes an id away would make the values that are sealed for it unreadable, and
 * S0's program reads Fernet alone: such a step is refused while there are such values, unless the
 * table itself goes.
 */

#include "store/store_ladder.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/err.h"
#include "store/hook_ladder.h"
#include "store/mail_ladder.h"
#include "store/sql_names.h"
#include "store/store_steps.h"

static const char *const s0_columns[] = {
    "id",        "encrypted_access_token", "encrypted_refresh_token", "expires_at", "created_at",
    "updated_at"};

static int has_column(const gt_ladder_state_t *state, const char *name)
{
    int i;

    for (i = 0; i < state->columns->nelts; i++)
        if (strcasecmp(APR_ARRAY_IDX(state->columns, i, const char *), name) == 0)
            return 1;
    return 0;
}

static int is_s0_column(const gt_store_conf_t *conf, const char *name)
{
    apr_size_t i;

    for (i = 0; i < sizeof s0_columns / sizeof s0_columns[0]; i++)
        if (strcasecmp(s0_columns[i], name) == 0)
            return 1;
    return strcasecmp(conf->user_column, name) == 0;
}

/* A table that is there must be S0's: all of its columns, and on SQLite, where the rows are
 * copied, no others that would be lost. */
static gt_err_t *may_take_over(const gt_ladder_t *ladder, const gt_ladder_state_t *state,
                               apr_pool_t *p)
{
    const gt_store_conf_t *conf = ladder->baton;
    const char *table = ladder->names.table;
    apr_size_t i;
    int c;

    if (has_column(state, "account_issuer"))
        return gt_err(
            p, GT_CONFLICT, "GT0416",
            "table %s was migrated before, and graphtok_schema does not know it: restore "
            "graphtok_schema and graphtok_ids, which stand beside the table, along with it",
            table);
    if (!has_column(state, conf->user_column))
        return gt_err(p, GT_CONFLICT, "GT0416", "table %s is there without the column %s", table,
                      conf->user_column);
    for (i = 0; i < sizeof s0_columns / sizeof s0_columns[0]; i++)
        if (!has_column(state, s0_columns[i]))
            return gt_err(p, GT_CONFLICT, "GT0416", "table %s is there without the column %s",
                          table, s0_columns[i]);
    for (c = 0; state->engine == GT_SQLITE && c < state->columns->nelts; c++) {
        const char *column = APR_ARRAY_IDX(state->columns, c, const char *);

        if (!is_s0_column(conf, column))
            return gt_err(p, GT_CONFLICT, "GT0417",
                          "table %s has the column %s, which its rebuilding would lose", table,
                          column);
    }
    return GT_OK;
}

/* How many rows a query counts; NULL: none. */
static gt_err_t *count(const char **n, const char *text, const gt_ladder_t *ladder,
                       gt_engine_t engine, gt_db_t *db, apr_pool_t *p)
{
    apr_array_header_t *rows;

    GT_TRY(gt_ladder_ask(&rows, text, ladder, engine, db, p));
    *n = rows->nelts > 0 ? APR_ARRAY_IDX(rows, 0, gt_db_row_t).column[0] : "some";
    if (strcmp(*n, "0") == 0)
        *n = NULL;
    return GT_OK;
}

#define WRITE_FERNET                                                                               \
    "say GraphTokCipher fernet, restart httpd gracefully, run graphtokctl keys reencrypt, and "    \
    "try "                                                                                         \
    "again"

/* A step down that would leave unreadable rows is refused. */
static gt_err_t *may_go_down(const gt_ladder_t *ladder, const gt_ladder_state_t *state, int target,
                             gt_db_t *db, apr_pool_t *p)
{
    const char *n = NULL;

    if (state->is_dropped)
        return GT_OK;
    if (state->version >= GT_STEP_IDS && target < GT_STEP_IDS)
        GT_TRY(count(&n,
                     has_column(state, "previous_refresh_token")
                         ? "SELECT count(*) " GT_ROWS_SEALED_FOR_ID
                         : "SELECT count(*) " GT_ROWS_SEALED_WITH(""),
                     ladder, state->engine, db, p));
    if (n != NULL)
        return gt_err(p, GT_CONFLICT, "GT0441",
                      "table %s: %s rows are sealed for the id that step %d down removes, and "
                      "nothing could read them any more; " WRITE_FERNET,
                      ladder->names.table, n, GT_STEP_IDS);
    if (state->version >= GT_STEP_PROVIDERS && target < GT_STEP_PROVIDERS)
        GT_TRY(count(&n, "SELECT count(*) " GT_ROWS_NOT_FERNET, ladder, state->engine, db, p));
    if (n != NULL)
        return gt_err(
            p, GT_CONFLICT, "GT0442",
            "table %s: %s rows are sealed with AES-256-GCM, and the program that made the "
            "table reads Fernet alone; " WRITE_FERNET,
            ladder->names.table, n);
    return GT_OK;
}

int gt_store_newest(void)
{
    return gt_store_steps_count;
}

/* Tables with indexes that may be built later. */
static const char *const beside[] = {"{gone}",    "{access}", "{sessions}", "{bulk_items}",
                                     "{history}", "{hours}",  NULL};

gt_err_t *gt_store_ladder(gt_ladder_t **ladder, const gt_store_conf_t *store, apr_pool_t *p)
{
    gt_ladder_t *made = apr_pcalloc(p, sizeof(*made));

    if (!gt_sql_is_name(store->table, 1) || !gt_sql_is_name(store->user_column, 0))
        return gt_err(p, GT_INVALID, "GT0414", "store %s: not a name of a table or column",
                      store->name);
    if (store->references != NULL && !gt_sql_is_reference(store->references))
        return gt_err(p, GT_INVALID, "GT0414", "store %s: a reference is written TABLE(COLUMN)",
                      store->name);
    made->name = apr_pstrcat(p, "store ", store->name, NULL);
    made->steps = gt_store_steps;
    made->newest = gt_store_steps_count;
    made->names = gt_store_names(store, p);
    made->baton = store;
    made->beside = beside;
    made->may_take_over = may_take_over;
    made->may_go_down = may_go_down;
    made->shared = "graphtok_ids";
    made->shared_columns = "what, id";
    *ladder = made;
    return GT_OK;
}

/* ---- beside it ---- */

const gt_side_ladder_t *const gt_side_ladders[] = {&gt_mail_ladder, &gt_hook_ladder, NULL};

gt_ladder_t *gt_side_ladder(const gt_side_ladder_t *side, const gt_store_conf_t *store,
                            apr_pool_t *p)
{
    gt_ladder_t *made = apr_pcalloc(p, sizeof(*made));

    made->name = apr_pstrcat(p, side->what, " of store ", store->name, NULL);
    made->steps = side->steps;
    made->newest = side->newest;
    made->names = gt_store_names(store, p);
    made->names.table = gt_store_table_of_schema(store, side->table, p);
    made->baton = store;
    made->beside = side->beside;
    return made;
}
