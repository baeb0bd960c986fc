/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_STORE_LADDER_H
#define GT_STORE_LADDER_H

/**
 * @file store_ladder.h
 * The ladder of a store's tables. An existing user_tokens of S0 (id, user_id,
 * encrypted_access_token, encrypted_refresh_token, expires_at, created_at, updated_at) is taken
 * over in place: columns are added, UNIQUE(user_id) becomes UNIQUE(user_id, provider), every row
 * and its Fernet texts stay as they are.
 *
 * graphtok_ids, beside graphtok_schema, holds a random id for the database and one for each
 * store's table. From this step on values are sealed for the store's id (crypt/seal.h), and going
 * below it is refused as long as a row holds such a value. Going down to S0's table is refused
 * while a row holds anything but Fernet. Down to 0 the last store takes graphtok_schema and
 * graphtok_ids with it.
 */

#include "conf/config.h"
#include "db/ladder.h"

/** The newest number. */
int gt_store_newest(void);

/** The ladder of a store, in `p`. It shares the configuration's memory.
 * @return GT_INVALID when a name is none */
GT_MUST gt_err_t *gt_store_ladder(gt_ladder_t **ladder, const gt_store_conf_t *store,
                                  apr_pool_t *p);

/** A ladder of tables beside a store's own, in the same schema, with a version to itself. */
typedef struct gt_side_ladder_t {
    const char *what;  /* for messages: "mail" */
    const char *table; /* the table that its version is kept under */
    const gt_ladder_step_t *steps;
    int newest;                /* how many steps there are */
    const char *const *beside; /* as in gt_ladder_t */
    int (*is_wanted)(const gt_store_conf_t *store);
} gt_side_ladder_t;

/** All of them, NULL last: store/mail_ladder.h, store/hook_ladder.h. */
extern const gt_side_ladder_t *const gt_side_ladders[];

/** A side ladder of a store, in `p`. It shares the configuration's memory. The names of the store
 * are checked (gt_store_ladder). */
gt_ladder_t *gt_side_ladder(const gt_side_ladder_t *side, const gt_store_conf_t *store,
                            apr_pool_t *p);

#endif
