/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_STORE_NAMES_H
#define GT_STORE_NAMES_H

/**
 * @file store_names.h
 * Names that a store cannot have: its table has tables beside it and columns of its own, which
 * neither another store's table nor the column of the user may be called.
 */

#include "conf/config.h"

/**
 * Whether the tables of two stores may be the same ones.
 * @param is_sure  out: 0: that depends on the schema in which the database looks for a name without
 *                 one
 * @return NULL, or the middle of a sentence, in `p`: "has the table app.grants, which ..."
 */
const char *gt_store_names_clash(int *is_sure, const gt_store_conf_t *store,
                                 const gt_store_conf_t *other, apr_pool_t *p);

/**
 * Whether tables of a store's mail or change notifications, of which a schema has one each, may be
 * another store's, too. Likewise.
 * @param store  the one that keeps them
 */
const char *gt_store_kept_clash(int *is_sure, const gt_store_conf_t *store,
                                const gt_store_conf_t *other, apr_pool_t *p);

/** 1 for a table that all stores of a database share, or that its own mail or change notifications
 * are kept in. */
int gt_store_table_is_ours(const gt_store_conf_t *store);

/** 1 for a column that a store's table, or one beside it, has anyway. */
int gt_store_column_is_ours(const gt_store_conf_t *store);

#endif
