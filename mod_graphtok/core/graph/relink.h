/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RELINK_H
#define GT_RELINK_H

/**
 * @file relink.h
 * Put our own link in the place of each "@odata.nextLink" and "@odata.deltaLink", at any depth, in
 * a Graph answer that streams by: a scanner that knows strings, escapes and depth, holds back only
 * the value of a link, drops a byte order mark in front, and leaves every other byte as it was. So
 * a list of any size passes with constant memory.
 */

#include "gt.h"

typedef struct gt_relink_t gt_relink_t;

/**
 * Gives the text that replaces a next link (unescaped both ways). An error ends the answer: a list
 * must not look complete when its next page cannot be had.
 */
typedef gt_err_t *gt_relink_fn(const char **ours, void *baton, const char *next_link,
                               apr_pool_t *p);

/** A scanner for one answer; it and its 8 KiB live as long as `p`. */
gt_relink_t *gt_relink_make(gt_relink_fn *replace, void *baton, apr_pool_t *p);

/** The same for members whose names end with one of `names`, NULL last; constant. */
gt_relink_t *gt_relink_make_for(const char *const *names, gt_relink_fn *replace, void *baton,
                                apr_pool_t *p);

/**
 * Feed bytes.
 * @param out  the bytes that may go on now, in `scratch` (may be the input itself)
 * @param end  1 with the last bytes (len may be 0)
 * @return GT_UPSTREAM when a link is longer than 8 KiB
 */
GT_MUST gt_err_t *gt_relink_feed(const char **out, apr_size_t *out_len, gt_relink_t *relink,
                                 const char *bytes, apr_size_t len, int end, apr_pool_t *scratch);

/** 1 when the bytes that were fed are one object from its first brace to its last. A provider in
 * trouble sends other bytes, too, with status 200. */
int gt_relink_is_whole(const gt_relink_t *relink);

#endif
