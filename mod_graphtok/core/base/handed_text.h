/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HANDED_TEXT_H
#define GT_HANDED_TEXT_H

/**
 * @file handed_text.h
 * A text that a program is handed and hands back unread, such as the place of a list's next page:
 * base64url of the beginning of a digest, by which damage is seen, and the text. It is no secret,
 * and a program that means to can make one: what it says is checked where it is used. Pure;
 * thread-safe.
 */

#include "gt.h"

/** Most bytes of one. */
#define GT_HANDED_TEXT_MAX 2048

/** Hand a text out, in `p`. */
const char *gt_hand_out(const char *text, apr_pool_t *p);

/** Take it back. @return the text, in `p`; NULL: it is none of ours, or damaged */
char *gt_take_back(const char *handed, apr_pool_t *p);

/** Cut a line off the front of a text. @return NULL when there is no line end in it */
char *gt_cut_line(char **rest);

#endif
