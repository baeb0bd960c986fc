/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PATH_H
#define GT_PATH_H

/**
 * @file path.h
 * Paths against patterns, segment by segment: "/events/{}/instances", "/drive/{*}". The text of a
 * hole is decoded, and one segment stays one: nothing in it can be read as two segments, or as a
 * way up. Paths come as httpd decodes them, once, but for an encoded slash, which stays "%2F"
 * within its segment (AllowEncodedSlashes NoDecode). Thread-safe.
 */

#include "gt.h"

/** Most {} of a pattern. */
#define GT_PATH_HOLES 2

/** The texts in place of a pattern's holes. */
typedef struct gt_path_match_t {
    const char *
        holes[GT_PATH_HOLES]; /* of each {}: one segment, an encoded slash decoded; NULL: no hole */
    const char *tail;         /* of {*}: "a/b/c", one segment at least; NULL: no tail */
} gt_path_match_t;

/**
 * Whether a path fits a pattern.
 * @param match    out: set when it fits; in `p`
 * @param pattern  "/" and segments; {} stands for one, {*}, the last, for all that are left
 * @param path     begins with "/"; no slash at its end but that one
 * @return 0 also for a hole whose segment is empty or no UTF-8, and for a tail with a segment that
 * is ".", "..", or holds a control character, a backslash or an encoded slash: the resource would
 * be another one where it goes
 */
GT_MUST int gt_path_fits(gt_path_match_t *match, const char *pattern, const char *path,
                         apr_pool_t *p);

/** One segment, an encoded slash decoded. @return NULL when it is empty or no UTF-8 */
const char *gt_path_segment(const char *raw, apr_size_t len, apr_pool_t *p);

#endif
