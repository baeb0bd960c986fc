/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_IMAP_FETCHED_H
#define GT_IMAP_FETCHED_H

/**
 * @file imap_fetched.h
 * What a FETCH answer tells of one message (RFC 3501 section 7.4.2, RFC 7162). Servers send the
 * items in any order, leave some out, and send FETCH answers that were not asked for. Plain values
 * in the pool of the answer; thread-safe.
 */

#include "imap/imap_answer.h"

typedef struct gt_imap_fetched_t {
    apr_uint32_t number;          /* the message's in the folder, as it is now */
    apr_uint32_t uid;             /* 0: not told */
    const gt_imap_value_t *flags; /* the list of them; NULL: not told */
    apr_int64_t modseq;           /* 63 bits; 0: not told */
    apr_time_t internal_date;     /* GT_IMAP_NO_DATE: not told */
    apr_int64_t size;             /* of the whole message, in bytes; -1: not told */
    const gt_imap_value_t *items; /* "WORD value WORD value …": all, sections among them */
} gt_imap_fetched_t;

/**
 * Read a FETCH answer.
 * @return GT_UPSTREAM when it is none, or an item has a value that it cannot have
 */
GT_MUST gt_err_t *gt_imap_fetched(gt_imap_fetched_t *fetched, const gt_imap_answer_t *answer,
                                  apr_pool_t *p);

/**
 * The flags as one text, for a row: sorted, a space between two, without \Recent, which is not the
 * message's own (RFC 3501 section 2.3.2).
 * @param flags  NULL: none
 */
const char *gt_imap_flags_text(const gt_imap_value_t *flags, apr_pool_t *p);

/** Unlike any date: those before 1970 are negative. */
#define GT_IMAP_NO_DATE APR_INT64_MIN

/** A date-time, " 1-Jun-2026 10:00:00 +0200" (RFC 3501 section 9).
 * @return GT_IMAP_NO_DATE when it is none */
apr_time_t gt_imap_date(const char *text);

#endif
