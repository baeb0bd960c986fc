/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MIME_BOUNDS_H
#define GT_MIME_BOUNDS_H

/**
 * @file mime_bounds.h
 * The length of the front of a mail within which a parser's work and memory stay bounded, however
 * the mail was made: a parser makes objects for each header field and part, and holds each line
 * that begins like a boundary against all boundaries around it. Mails of people come nowhere near
 * these bounds. Pure; thread-safe.
 */

#include "gt.h"

enum {
    GT_MIME_TYPES_MAX = 200,             /* Content-Type fields, so no deeper nesting either */
    GT_MIME_DASHES_MAX = 2000,           /* lines that begin with "--": so parts */
    GT_MIME_LINES_MAX = 10000,           /* lines that look like header fields */
    GT_MIME_COLONS_MAX = 100,            /* in a field of addresses: GMime recurses at each group */
    GT_MIME_FIELD_BYTES_MAX = 128 * 1024 /* one field with its further lines */
};

/** @return the bytes of the front: `size` at most */
apr_size_t gt_mime_front(const char *bytes, apr_size_t size);

#endif
