/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PIECES_H
#define GT_PIECES_H

/**
 * @file pieces.h
 * The figures of this node in pieces of an hour each. Counters only grow; a piece is what they have
 * grown by since it began. It can be read and written to the database again and again, so that
 * nothing is counted twice and nothing is lost when a process dies in between. One process at a
 * time reads and begins pieces; it may die at any instruction.
 */

#include "base/hour.h"
#include "metrics/figures.h"

/** The names of a piece in the database: no other node, and no other start of this one, has
 * them. */
typedef struct gt_piece_t {
    char run[17];       /* of this memory, random */
    apr_int64_t number; /* of the piece in it */
    apr_int64_t hour;   /* when it began; 0: none has begun */
} gt_piece_t;

/** All counters at one moment. */
typedef struct gt_counted_t gt_counted_t;

/** Read all counters, in `p`. */
gt_counted_t *gt_figures_counted(gt_figures_t *figures, apr_pool_t *p);

/** The present piece. */
gt_piece_t gt_piece_now(gt_figures_t *figures);

/** The figures of a store in the present piece, until the counters were read. Calls are those of
 * all stores. */
gt_hour_t gt_piece_figures(gt_figures_t *figures, const gt_counted_t *counted, const char *store);

/** End the present piece where the counters were read, and begin another one. */
void gt_piece_begin(gt_figures_t *figures, const gt_counted_t *counted, apr_int64_t hour);

#endif
