/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * The right to refresh a grant: who, until when, in the grant's own row. One UPDATE takes it, one
 * gives it back; the database's clock judges, so that nodes need not agree on the time.
 */

#include "base/err.h"
#include "store/store.h"

gt_err_t *gt_lease_take(int *ours, gt_store_t *store, const gt_grant_t *grant, const char *holder,
                        apr_interval_time_t lease, apr_pool_t *p)
{
    gt_owner_t owner;
    int changed = 0;

    *ours = 0;
    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    /* Whole seconds of a clock that is cut off: one more, or the lease would be short. */
    const gt_db_value_t args[] = {
        GT_TEXT(holder), GT_NUM(apr_time_sec(lease + APR_USEC_PER_SEC - 1) + 1),
        GT_TEXT(owner.user), GT_TEXT(owner.provider), GT_NUM(grant->generation)};

    GT_TRY(gt_db_change(&changed, store->db, GT_SQL_LEASE_TAKE, &store->names, args, p));
    *ours = changed == 1;
    return GT_OK;
}

gt_err_t *gt_lease_give_back(gt_store_t *store, const gt_grant_t *grant, const char *holder,
                             apr_pool_t *p)
{
    gt_owner_t owner;

    GT_TRY(gt_store_owner(&owner, store, &grant->owner, p));
    /* The generation too: a thread of this process may hold the lease of the next one by now. */
    const gt_db_value_t args[] = {GT_TEXT(owner.user), GT_TEXT(owner.provider), GT_TEXT(holder),
                                  GT_NUM(grant->generation)};

    return gt_db_change(NULL, store->db, GT_SQL_LEASE_GIVE_BACK, &store->names, args, p);
}
