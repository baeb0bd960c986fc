/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REKEY_H
#define GT_REKEY_H

/**
 * @file rekey.h
 * Sealing rows anew with the writing keys, beside running servers. There is no state but the rows
 * themselves: a process that was killed begins again and finds what is left. Rows are sealed anew
 * by one UPDATE for as many as were read at a time, which names generation and seals of each; a row
 * that changed meanwhile, or that another transaction has locked, stays as it is and is met again
 * in the next pass. The generation stays: the tokens are the same. Messages of mail come after all
 * grants; a walk that counts them begins by gt_range_begin_with_mail. May block on the database; a
 * range, or a pass, is used by one thread.
 */

#include "store/range.h"

/** Rows that need a key; an access token of another resource counts as one, and so do the password
 * of a mail account and a message. */
typedef struct gt_key_rows_t {
    const char *id; /* "": Fernet, which names no key; "?": a column holds nothing sealed */
    apr_int64_t rows;
} gt_key_rows_t;

/** Count a range's rows by key. A row with several keys counts for each.
 * @param rows  array of gt_key_rows_t, to which they are added; its pool holds the ids */
GT_MUST gt_err_t *gt_rekey_rows(apr_array_header_t *rows, const gt_range_t *range, apr_pool_t *p);

/** Add a range's rows with a Fernet value that a key opens: each is read and tried.
 * @param id  the key's */
GT_MUST gt_err_t *gt_rekey_fernet_rows(apr_int64_t *rows, const gt_range_t *range, const char *id,
                                       apr_pool_t *p);

/** Add a range's rows that gt_rekey_some would look at: all that are not on the writing keys (all
 * there are in a store that writes Fernet). */
GT_MUST gt_err_t *gt_rekey_left(apr_int64_t *rows, const gt_range_t *range, apr_pool_t *p);

/** One pass over a store. */
typedef struct gt_rekey_t {
    gt_range_t range;
    char after[64];            /* in the range: the rows of grants up to this id were looked at */
    char access_after[64];     /* the same for tokens of other resources, after the rows */
    apr_int64_t message_after; /* the same for messages, in a range of them */
    apr_int64_t looked;        /* rows */
    apr_int64_t moved;         /* sealed anew */
    apr_int64_t changed;       /* changed under us, or locked: for the next pass */
    apr_int64_t stuck;         /* a column does not open; the others were moved */
    gt_err_t *why_stuck;       /* the last of them, in the pool of its gt_rekey_some */
    int has_passwords;         /* 1: those of mail accounts were looked at, which come first */
    int ended;
} gt_rekey_t;

/** Begin a pass. */
void gt_rekey_begin(gt_rekey_t *pass, gt_store_t *store);

/** Go on with at most so many rows (none, where a range has none to be sealed anew), all of which
 * are written or none. After an error the same rows may be tried again. */
GT_MUST gt_err_t *gt_rekey_some(gt_rekey_t *pass, int most, apr_pool_t *p);

#endif
