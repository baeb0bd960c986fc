/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REKEY_ACCESS_H
#define GT_REKEY_ACCESS_H

/**
 * @file rekey_access.h
 * The part of rekey.h for access tokens of other resources, which stand in a table of their own.
 * Quiet where that table is not there. For store/rekey only. May block on the database; a range, or
 * a pass, is used by one thread.
 */

#include "store/rekey.h"

/** A token counts as a row. As gt_rekey_rows, gt_rekey_left and gt_rekey_fernet_rows. */
GT_MUST gt_err_t *gt_rekey_access_rows(apr_array_header_t *rows, const gt_range_t *range,
                                       apr_pool_t *p);
GT_MUST gt_err_t *gt_rekey_access_left(apr_int64_t *rows, const gt_range_t *range, apr_pool_t *p);
GT_MUST gt_err_t *gt_rekey_access_fernet(apr_int64_t *rows, const gt_range_t *range, const char *id,
                                         apr_pool_t *p);

/** Seal tokens of the pass's range anew, those of grants after pass->access_after; that moves on,
 * to the range's last id when there are no more. @param most or a few more, since a grant's go
 * together */
GT_MUST gt_err_t *gt_rekey_access_some(gt_rekey_t *pass, int most, apr_pool_t *p);

/** Add what the database counted.
 * @param found  rows of the key ids of so many columns, NULL for none, and how many rows have
 *               them; one with several keys counts for each
 * @param rows   as that of gt_rekey_rows */
GT_MUST gt_err_t *gt_rekey_add(apr_array_header_t *rows, const apr_array_header_t *found, int keys,
                               apr_pool_t *p);

/** The number that a statement counted, added. */
GT_MUST gt_err_t *gt_rekey_add_left(apr_int64_t *rows, const apr_array_header_t *found,
                                    apr_pool_t *p);

/** 1 when a sealed value is Fernet's and the key of this id opens it. */
int gt_rekey_opens(const gt_store_t *store, const char *sealed, const char *id, apr_pool_t *p);

/** 1 when that is so of one of `n` columns. */
int gt_rekey_opens_one(const gt_store_t *store, const char *const *sealed, int n, const char *id,
                       apr_pool_t *p);

/* The key id in a sealed column, as PostgreSQL and SQLite say it: NULL for an empty one, "" for
 * Fernet, "?" for a text that is not sealed at all. */
#define GT_KEY_OF(column, between_dots)                                                            \
    "CASE WHEN coalesce(" column ", '') = '' THEN NULL"                                            \
    " WHEN substr(" column ", 1, 4) IN ('gt1.', 'gt2.') THEN " between_dots " WHEN substr(" column \
    ", 1, 6) = 'gAAAAA' THEN '' ELSE '?' END"
#define GT_KEY_WORD(column)                                                                        \
    {                                                                                              \
        GT_KEY_OF(column, "split_part(" column ", '.', 2)"),                                       \
            GT_KEY_OF(column, "substr(" column ", 5, instr(substr(" column ", 5), '.') - 1)")      \
    }

/* 1 for a value that does not begin as a current one does. Length of the beginning, the
 * beginning. */
#define GT_IS_OLD(column)                                                                          \
    "(" column " <> '' AND substr(" column ", 1, CAST(%lld AS INTEGER)) <> %s)"

#endif
