/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_STORE_H
#define GT_STORE_H

/**
 * @file store.h
 * A store at work: its configuration with what its files share. For store/ only; others see
 * grant.h.
 */

#include "crypt/seal.h"
#include "store/grant.h"
#include "store/ids.h"
#include "store/sql_names.h"

/** A store's ids as they are kept. */
typedef struct gt_kept_ids_t gt_kept_ids_t;

struct gt_store_t {
    const gt_store_conf_t *conf;
    gt_sql_names_t names;
    gt_db_t *db;
    const gt_keyring_t *ring;
    gt_kept_ids_t *ids;
    volatile apr_uint32_t mail_is_missed;   /* 1: it was said that tables of mail are missing */
    volatile apr_uint32_t hooks_are_missed; /* 1: likewise of change notifications */
};

/** An id that is before all others, for walks by id. */
#define GT_ID_BEFORE_ALL "00000000-0000-0000-0000-000000000000"

/** Nothing is known yet. */
gt_kept_ids_t *gt_kept_ids_make(apr_pool_t *p);

/* The sealed columns of a row. */
#define GT_ACCESS_COLUMN "encrypted_access_token"
#define GT_REFRESH_COLUMN "encrypted_refresh_token"
#define GT_ID_TOKEN_COLUMN "encrypted_id_token"

/** Where a sealed column's value belongs. Only access tokens have a resource; it is the default
 * one. */
gt_place_t gt_store_place(const gt_store_t *store, const gt_ids_t *ids, const char *column,
                          const gt_owner_t *owner);

/** A user id in the one form that a column of type text, integer or uuid has; NULL: it is none of
 * the type. Perhaps `user` itself, else in `p`. */
const char *gt_store_user(const char *type, const char *user, apr_pool_t *p);

/**
 * The owner as the database and the seals know it: a user id in the one form that its type has.
 * "007" and "7", or a UUID in capitals, would be one row but two places.
 * @return GT_INVALID when the user id is not what the store's column holds
 */
GT_MUST gt_err_t *gt_store_owner(gt_owner_t *exact, const gt_store_t *store,
                                 const gt_owner_t *owner, apr_pool_t *p);

#endif
