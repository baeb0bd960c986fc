/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The right to refresh a grant, and the intent to do it: holder and end of each stand in the
 * grant's own row. One UPDATE takes both, one gives both back; the database's clock judges, so that
 * nodes need not agree on the time.
 *
 *     lease   intent   means
 *     none    none     free
 *     held    open     a process refreshes
 *     held    none     a POST of unknown outcome: pauses until the lease ends
 *     over    open     in doubt: its process died or is cut off, perhaps with the answer in a
 *                      journal
 */

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "store/statements.h"
#include "store/store.h"

/* As {lease_over}, for the time that an intent in doubt is given. */
#define DOUBT_OVER "(intent_until <= {now} OR intent_until > {now} + 602)"

/* Whole seconds of a clock that is cut off: one more, or the lease would be short. */
static apr_int64_t seconds(apr_interval_time_t lease)
{
    return apr_time_sec(lease + APR_USEC_PER_SEC - 1) + 1;
}

/* holder, seconds, holder, owner, generation, a holder known to be dead (NULL: none). No indexed
 * column changes: PostgreSQL writes no index. */
static const gt_sql_t take_lease = {
    "take lease",
    "UPDATE {table} SET lease_owner = %s, lease_until = {clock} + %lld, intent_owner = %s, "
    "intent_until = 0 WHERE {owner} AND generation = %lld AND (({lease_over} AND "
    "(intent_owner IS NULL OR (intent_until > 0 AND " DOUBT_OVER "))) "
    "OR intent_owner = %s)",
    NULL};

gt_err_t *gt_lease_take(int *ours, gt_store_t *store, const gt_grant_t *grant,
                        const gt_lease_params_t *params, apr_pool_t *p)
{
    gt_owner_t owner;
    int changed = 0;

    *ours = 0;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    *ours = 1; /* perhaps, when there is no answer */
    const gt_db_value_t args[] = {GT_TEXT(params->holder), GT_NUM(seconds(params->lease)),
                                  GT_TEXT(params->holder), GT_TEXT(owner.user),
                                  GT_TEXT(owner.provider), GT_NUM(grant->generation),
                                  GT_TEXT(params->dead)};

    GT_TRY(gt_db_change(&changed, store->db, &take_lease, &store->names, args, p));
    *ours = changed == 1;
    return GT_OK;
}

/* seconds, owner, generation */
static const gt_sql_t doubt_lease = {
    "doubt lease",
    "UPDATE {table} SET intent_until = {clock} + %lld WHERE {owner} AND generation = %lld "
    "AND {lease_over} AND intent_owner IS NOT NULL AND intent_until = 0",
    NULL};

gt_err_t *gt_lease_doubt(gt_store_t *store, const gt_grant_t *grant, apr_interval_time_t lease,
                         apr_pool_t *p)
{
    gt_owner_t owner;

    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const gt_db_value_t args[] = {GT_NUM(seconds(lease)), GT_TEXT(owner.user),
                                  GT_TEXT(owner.provider), GT_NUM(grant->generation)};

    return gt_db_change(NULL, store->db, &doubt_lease, &store->names, args, p);
}

/* seconds, owner, holder, generation */
static const gt_sql_t renew_lease = {"renew lease",
                                     "UPDATE {table} SET lease_until = {clock} + %lld "
                                     "WHERE {owner} AND lease_owner = %s AND generation = %lld",
                                     NULL};

gt_err_t *gt_lease_renew(int *ours, gt_store_t *store, const gt_grant_t *grant,
                         const gt_lease_params_t *params, apr_pool_t *p)
{
    gt_owner_t owner;
    int changed = 0;

    *ours = 0;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    *ours = 1;
    const gt_db_value_t args[] = {GT_NUM(seconds(params->lease)), GT_TEXT(owner.user),
                                  GT_TEXT(owner.provider), GT_TEXT(params->holder),
                                  GT_NUM(grant->generation)};

    GT_TRY(gt_db_change(&changed, store->db, &renew_lease, &store->names, args, p));
    *ours = changed == 1;
    return GT_OK;
}

/* owner, holder, generation */
static const gt_sql_t give_back_lease = {"give back lease",
                                         "UPDATE {table} SET {no_lease} "
                                         "WHERE {owner} AND lease_owner = %s AND generation = %lld",
                                         NULL};

/* owner, holder, generation */
static const gt_sql_t rest_lease = {"rest lease",
                                    "UPDATE {table} SET intent_owner = NULL, intent_until = 0 "
                                    "WHERE {owner} AND lease_owner = %s AND generation = %lld",
                                    NULL};

/* The generation counts, too: a job of this process may hold the lease of the next one by now. */
gt_err_t *gt_lease_end(gt_store_t *store, const gt_grant_t *grant, const char *holder,
                       int is_resting, apr_pool_t *p)
{
    const gt_sql_t *how = is_resting ? &rest_lease : &give_back_lease;
    gt_owner_t owner;

    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    const gt_db_value_t args[] = {GT_TEXT(owner.user), GT_TEXT(owner.provider), GT_TEXT(holder),
                                  GT_NUM(grant->generation)};

    return gt_db_change(NULL, store->db, how, &store->names, args, p);
}

/* eight owners → user, provider, generation, 1: look again, intent_owner */
static const gt_sql_t look_at_leases = {
    "look at leases",
    "SELECT {user}, provider, generation, CASE WHEN intent_owner IS NULL OR status <> 1 OR "
    "({lease_over} AND " DOUBT_OVER ") THEN 1 ELSE 0 END, intent_owner "
    "FROM {table} WHERE ({owner}) OR ({owner}) OR ({owner}) OR ({owner}) OR ({owner}) OR "
    "({owner}) OR ({owner}) OR ({owner})",
    NULL};

static void compare(gt_awaited_t *watched, const gt_db_row_t *row)
{
    apr_int64_t generation;

    if (row->column[0] == NULL || strcmp(row->column[0], watched->owner.user) != 0 ||
        row->column[1] == NULL || strcmp(row->column[1], watched->owner.provider) != 0)
        return;
    watched->has_changed = !gt_number(&generation, row->column[2], 0, INT64_MAX) ||
                           generation != watched->generation || row->column[3] == NULL ||
                           strcmp(row->column[3], "1") == 0;
    watched->intent_owner = row->column[4];
}

gt_err_t *gt_lease_look(gt_awaited_t *watched, int n, gt_store_t *store, apr_pool_t *p)
{
    gt_db_value_t args[2 * GT_AWAITED_MAX];
    apr_array_header_t *rows;
    int i, r;

    for (i = 0; i < GT_AWAITED_MAX; i++) {
        const gt_owner_t *owner = &watched[i < n ? i : 0].owner;

        args[2 * i] = GT_TEXT(owner->user);
        args[2 * i + 1] = GT_TEXT(owner->provider);
    }
    GT_TRY(gt_db_rows(&rows, store->db, &look_at_leases, &store->names, args, p));
    for (i = 0; i < n; i++) {
        watched[i].has_changed = 1; /* no row: it is gone */
        watched[i].intent_owner = NULL;
        for (r = 0; r < rows->nelts; r++)
            compare(&watched[i], &APR_ARRAY_IDX(rows, r, gt_db_row_t));
    }
    return GT_OK;
}

const gt_sql_t *const gt_lease_sql[] = {
    &take_lease, &doubt_lease, &renew_lease, &give_back_lease, &rest_lease, &look_at_leases, NULL};
