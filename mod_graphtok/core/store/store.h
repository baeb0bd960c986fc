/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_STORE_H
#define GT_STORE_H

/**
 * @file store.h
 * A store at work: its configuration with what its files share. For store/ only; others see
 * grant.h.
 */

#include "store/grant.h"

struct gt_store_t {
    const gt_store_conf_t *conf;
    gt_sql_names_t names;
    gt_db_t *db;
    const gt_keyring_t *ring;
};

/**
 * The owner as the database and the seals know it: a user id in the one form that its type has.
 * "007" and "7", or a UUID in capitals, would be one row but two places.
 * @return GT_INVALID when the user id is not what the store's column holds
 */
GT_MUST gt_err_t *gt_store_owner(gt_owner_t *exact, const gt_store_t *store,
                                 const gt_owner_t *owner, apr_pool_t *p);

#endif
