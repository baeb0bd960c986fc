/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_UID_SET_H
#define GT_UID_SET_H

/**
 * @file uid_set.h
 * Sets of UIDs as IMAP writes them, "1:3,7" (RFC 3501 section 9, sequence-set, without "*").
 * Plain values; thread-safe.
 */

#include "imap/imap_value.h"

/** UIDs from … to …, both included; from ≤ to. */
typedef struct gt_imap_range_t {
    apr_uint32_t from;
    apr_uint32_t to;
} gt_imap_range_t;

/** Most ranges of a set that a server may send. */
#define GT_IMAP_RANGES_MAX 200000

/**
 * Read a set; its ranges are sorted, and joined where they touch.
 * @param set  out: array of gt_imap_range_t, in `p`
 * @return GT_UPSTREAM when it is none
 */
GT_MUST gt_err_t *gt_imap_uid_set(apr_array_header_t **set, const char *text, apr_pool_t *p);

/** Sort the ranges of a set; those that overlap or touch become one. */
void gt_imap_uid_sort(apr_array_header_t *set);

/** Add a UID to a set that is made in rising order. */
void gt_imap_uid_add(apr_array_header_t *set, apr_uint32_t uid);

/** 1 when a UID is in a sorted set. */
int gt_imap_uid_in(const apr_array_header_t *set, apr_uint32_t uid);

/** How many UIDs a sorted set has. */
apr_int64_t gt_imap_uid_count(const apr_array_header_t *set);

/** A sorted set as text; "" for an empty one, which no command takes. */
const char *gt_imap_uid_text(const apr_array_header_t *set, apr_pool_t *p);

#endif
