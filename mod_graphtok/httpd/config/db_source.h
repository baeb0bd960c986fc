/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_DB_SOURCE_H
#define GTM_DB_SOURCE_H

/**
 * @file db_source.h
 * Database connections from mod_dbd's pool, one statement at a time (ap_dbd_open, ap_dbd_close;
 * never ap_dbd_acquire, which would keep them for a request's life).
 */

#include <httpd.h>

#include "db/db.h"

/** post_config: find mod_dbd. 0 when it is not loaded. */
int gtm_dbsource_find(void);

/** Connections of a server's DBDriver and DBDParams. */
gt_db_source_t gtm_dbsource(server_rec *s);

/**
 * The time limits that DBDParams of pgsql lack. @return missing parameters with values that serve,
 * as they are to be written; NULL: none is missing
 */
const char *gtm_dbsource_unbounded(const char *params, apr_pool_t *p);

/**
 * Why httpd's children could not work with a SQLite file of this name, or make it: SQLite writes
 * other files beside it, too.
 * @param path  DBDParams of sqlite3
 * @return NULL: they could, or the name is no full path
 */
const char *gtm_dbsource_unwritable(const char *path, apr_pool_t *p);

#endif
