/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CURSOR_H
#define GT_CURSOR_H

/**
 * @file cursor.h
 * The place where the next page of a list begins, as a text that programs hand back unread: which
 * list it is of, and the last grant before the place. That grant may be gone by then. Safe on any
 * thread.
 */

#include "gt.h"
#include "admin/pick.h"

/** The cursor behind a grant of a list, in `p`. */
const char *gt_cursor(const gt_pick_t *pick, const gt_grant_t *grant, apr_pool_t *p);

/** A cursor that was read. */
typedef enum gt_cursor_kind_t {
    GT_CURSOR_NONE,    /* the text is no cursor */
    GT_CURSOR_FOREIGN, /* of a list with another filter or order */
    GT_CURSOR_OURS
} gt_cursor_kind_t;

/** Read a cursor of a list. Its place may still hold a time or a user that the store does not take.
 * @param place  out, of GT_CURSOR_OURS: in `p` */
gt_cursor_kind_t gt_cursor_read(gt_grant_place_t *place, const char *cursor, const gt_pick_t *pick,
                                apr_pool_t *p);

#endif
