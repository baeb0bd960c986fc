/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SQL_NAMES_H
#define GT_SQL_NAMES_H

/**
 * @file sql_names.h
 * The words of a store's statements and of its ladder: those that its configuration names (table,
 * user column), and those that all stores share.
 *
 * Time: the database's clock alone writes and judges the times in rows; programs give it spans.
 * A stamp further ahead of now than its span allows was written before that clock was set back,
 * and is over. expires_at, created_at and updated_at keep the types of S0's user_tokens;
 * statements read and write them as Unix seconds. Our own columns are seconds; revision is
 * milliseconds of the database's clock, so that a poll finds rows that changed lately; within a row
 * it goes back with that clock alone. A first generation comes from that clock, too: a row that was
 * deleted and made anew never meets a verdict or a result that was begun for the old one. Pure;
 * thread-safe.
 */

#include "conf/config.h"
#include "db/sql.h"

/** The names of a store, in `p`. Its table, user column and reference are checked identifiers. */
gt_sql_names_t gt_store_names(const gt_store_conf_t *conf, apr_pool_t *p);

/** A table of mail or of change notifications (store/mail_ladder.h, store/hook_ladder.h) with the
 * schema of the store's own table; in `p`, or `name` itself. */
const char *gt_store_table_of_schema(const gt_store_conf_t *conf, const char *name, apr_pool_t *p);

#endif
