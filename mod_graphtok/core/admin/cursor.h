/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CURSOR_H
#define GT_CURSOR_H

/**
 * @file cursor.h
 * The place where the next page of a list begins, as a text that programs hand back unread: the
 * user and the provider of the last grant before it. That grant may be gone by then. Safe on any
 * thread.
 */

#include "gt.h"
#include "store/grant.h"

/** The cursor behind a grant. */
const char *gt_cursor(const gt_owner_t *owner, apr_pool_t *p);

/** Read a cursor. @return 1, or 0 when the text is none */
GT_MUST int gt_cursor_read(gt_owner_t *owner, const char *cursor, apr_pool_t *p);

#endif
