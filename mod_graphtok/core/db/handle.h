/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HANDLE_H
#define GT_HANDLE_H

/**
 * @file handle.h
 * One database connection of our own, for programs without mod_dbd: the command line and tests.
 * Opened at first use, looked at each time it is asked for, and opened anew when it is dead. It is
 * handed to one user at a time: give gt_db_make limits with one user, else the others wait here,
 * where nothing bounds the wait. The source may be used by any thread.
 */

#include "db/db.h"

/**
 * Make a source. Nothing is opened yet.
 * @param driver  apr_dbd's name: pgsql, sqlite3
 * @param params  as DBDParams: a conninfo (a password may stand in it), a path; never logged
 * @return GT_INTERNAL when there is no such driver
 */
GT_MUST gt_err_t *gt_handle_source(gt_db_source_t *source, const char *driver, const char *params,
                                   apr_pool_t *p);

#endif
