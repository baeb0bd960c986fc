/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FOLDER_NAME_H
#define GT_FOLDER_NAME_H

/**
 * @file folder_name.h
 * Names of folders: UTF-8 for people and rows, modified UTF-7 on the wire (RFC 3501 section 5.1.3).
 * Thread-safe.
 */

#include "gt.h"

/**
 * A name from the wire as UTF-8.
 * @return NULL when it is not modified UTF-7 in its one canonical form; such a folder cannot be
 *         named by its text without meaning another one
 */
const char *gt_folder_name(const char *wire, apr_pool_t *p);

/**
 * The name of a folder that a server lists, and the argument that names it to this server: its own
 * bytes. Some servers write a bare `&` or UTF-8 in place of modified UTF-7 (RFC 6855 section 3
 * tells why); such a name is taken as it stands, and may so be the text of another folder's.
 * @param name    out: UTF-8
 * @param quoted  out: quoted
 * @return 0: it is not UTF-8, or holds a control character
 */
int gt_folder_listed(const char **name, const char **quoted, const char *wire, apr_pool_t *p);

/**
 * A name as it goes on the wire, quoted, as the argument of a command.
 * @param name  UTF-8
 * @return NULL when it is not UTF-8, or holds a control character
 */
const char *gt_folder_quoted(const char *name, apr_pool_t *p);

#endif
