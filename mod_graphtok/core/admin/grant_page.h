/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRANT_PAGE_H
#define GT_GRANT_PAGE_H

/** @file grant_page.h One page of the grants that an administrator means. Safe on any thread. */

#include "admin/pick.h"
#include "base/json.h"
#include "vault/vault.h"

/**
 * Add up to `limit` grants to a list, without their tokens and without names that would have to be
 * opened for it. A page costs the database as much as it holds. May block on the database.
 * @param grants  a JSON array of the caller's
 * @param next    out: the cursor for pick->after of the next page, in `p`; NULL: this was the last
 * @return as gt_pick_each
 */
GT_MUST gt_err_t *gt_grant_page(json_t *grants, const char **next, const gt_pick_t *pick,
                                apr_int64_t limit, const gt_vault_parts_t *parts, apr_pool_t *p);

#endif
