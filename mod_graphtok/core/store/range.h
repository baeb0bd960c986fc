/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_RANGE_H
#define GT_RANGE_H

/**
 * @file range.h
 * A walk through a whole store by ranges of ids: its grants, then its messages of mail where they
 * are wanted. Each range holds so few rows that a statement about it takes milliseconds in a store
 * of any size: no statement_timeout stops it, and no request is held up by it. Rows that come or go
 * meanwhile may be met or not. May block on the database; a range, or a pass, is used by one
 * thread.
 */

#include "store/grant.h"

/** Rows of a range, at most. Where no row is in memory, each costs one read of the disk: below half
 * a second on a slow one. */
#define GT_RANGE_ROWS 1000

/** The next few rows of a store. */
typedef struct gt_range_t {
    gt_store_t *store;
    char after[64]; /* their ids are greater than this one */
    char last[64];  /* and at most this one */
    int begun;      /* 1: the first range was entered */
    int with_mail;  /* 1: messages come after the grants */
    int is_mail;    /* 1: the rows are messages, with the ids below */
    apr_int64_t message_after, message_last;
    apr_int64_t seen; /* rows of all ranges so far */
} gt_range_t;

/** Before the first range. */
void gt_range_begin(gt_range_t *range, gt_store_t *store);

/** The same for a walk through grants and messages. */
void gt_range_begin_with_mail(gt_range_t *range, gt_store_t *store);

/** Go on to the next range. After an error it stays where it was. The first one is there in an
 * empty store, too, for what counts beside the rows. @param found 0: there is none */
GT_MUST gt_err_t *gt_range_next(int *found, gt_range_t *range, apr_pool_t *p);

#endif
