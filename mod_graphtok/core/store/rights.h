/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RIGHTS_H
#define GT_RIGHTS_H

/**
 * @file rights.h
 * The rights of a connection's role in a store's tables, read from the catalogue, which every role
 * may read. A table in a schema that the role may not use, or that its search path leaves out,
 * looks to a statement like one that is missing, and is told apart here. Thread-safe. Functions may
 * block on the database.
 */

#include "conf/config.h"
#include "db/db.h"

/**
 * Look whether the tables can be used. Nothing is changed. SQLite has no roles: always GT_OK.
 * @return GT_FORBIDDEN (GT0488) with the GRANTs that are missing, ready to be typed; GT_CONFLICT
 *         (GT0489) when the table stands outside the role's search path; GT_OK also when there is
 *         no table yet
 */
GT_MUST gt_err_t *gt_rights_check(gt_db_t *db, const gt_store_conf_t *store, apr_pool_t *p);

#endif
