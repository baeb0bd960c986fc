/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRANT_ACCESS_H
#define GT_GRANT_ACCESS_H

/**
 * @file grant_access.h
 * Access tokens of other resources than the default one, in a table beside the grants: one row for
 * each (user, provider, resource). The rows go with their grant. A row names the generation that
 * its grant has with it, and counts from then on: so it is written before the grant, and both
 * become valid in one moment. For store/ only; others see grant.h. Thread-safe. Functions may block
 * on the database.
 */

#include "store/row.h"

/** Put the token of grant->resource into a grant that was just read, in place of the default's. */
GT_MUST gt_err_t *gt_access_load(gt_grant_t *grant, gt_store_t *store, apr_pool_t *p);

/** Write a token that counts from the grant's next generation on. Nothing is written when the
 * grant has moved on. @param sealed sealed for the resource; access NULL: none came, the old one
 * stays */
GT_MUST gt_err_t *gt_access_keep(gt_store_t *store, const gt_grant_t *grant,
                                 const gt_sealed_t *sealed, const gt_tokens_t *tokens,
                                 apr_pool_t *p);

/** Drop a grant's tokens. Quiet where the table is not there. */
GT_MUST gt_err_t *gt_access_drop(gt_store_t *store, const gt_owner_t *owner, apr_pool_t *p);

/** Drop them if the grant is inactive. Likewise. */
GT_MUST gt_err_t *gt_access_drop_inactive(gt_store_t *store, const gt_owner_t *owner,
                                          apr_pool_t *p);

/** Drop up to `most` tokens that ended an hour ago or earlier. Likewise. @param dropped how
 * many */
GT_MUST gt_err_t *gt_access_purge(int *dropped, gt_store_t *store, int most, apr_pool_t *p);

#endif
