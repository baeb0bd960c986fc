/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MIGRATE_H
#define GT_MIGRATE_H

/**
 * @file migrate.h
 * Numbered steps that make a store's table, up and down, as data; each runs in a transaction. The
 * number reached stands in graphtok_schema(store table, version). An existing user_tokens of S0
 * (id, user_id, encrypted_access_token, encrypted_refresh_token, expires_at, created_at,
 * updated_at) is taken over in place: columns are added, UNIQUE(user_id) becomes
 * UNIQUE(user_id, provider), every row and its Fernet texts stay as they are (missions T15, T16).
 *
 * graphtok_ids, beside graphtok_schema, holds a random id for the database and one for each store's
 * table. From this step on values are sealed for the store's id (crypt/seal.h), and going below it
 * is refused as long as a row holds such a value. Going down to S0's table is refused while a row
 * holds anything but Fernet. Down to 0 the last store takes graphtok_schema and graphtok_ids with it.
 */

#include "conf/config.h"
#include "db/db.h"

/** One step as it would be done. */
typedef struct gt_migration_t {
    int number;
    const char *title;               /* "add lease and generation to user_tokens" */
    const apr_array_header_t *texts; /* the SQL, for --dry-run, array of const char * */
} gt_migration_t;

/** The newest number. */
int gt_migrate_newest(void);

/** The number a store's table has reached; 0: nothing of ours. */
GT_MUST gt_err_t *gt_migrate_version(int *version, gt_db_t *db, const gt_store_conf_t *store,
                                     apr_pool_t *p);

/**
 * The steps from the present number to `target` (up or down), in order; nothing is done.
 * @param steps array of gt_migration_t
 * @return GT_CONFLICT when the table is not S0's, or rows could not be read after going down
 */
GT_MUST gt_err_t *gt_migrate_plan(apr_array_header_t **steps, gt_db_t *db,
                                  const gt_store_conf_t *store, int target, apr_pool_t *p);

/** Do one planned step. */
GT_MUST gt_err_t *gt_migrate_apply(const gt_migration_t *step, int up, gt_db_t *db,
                                   const gt_store_conf_t *store, apr_pool_t *p);

#endif
