/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ORIGIN_H
#define GT_ORIGIN_H

/**
 * @file origin.h
 * Private to net/, the loop's thread only: how many calls to one origin may wait for a connection at
 * once. libcurl opens another whenever those it has are full, so that of a thousand calls that come
 * together hundreds would each open one before the first can carry a hundred of them. To an origin
 * that multiplexes a few are opened at a time; the other calls wait here, in order.
 */

#include "net/carry.h"

#define GT_ORIGIN_NAME 280

typedef struct gt_origin_t {
    struct gt_origin_t *next;
    char name
        [GT_ORIGIN_NAME]; /* "https://host:port"; "" is of all that have no place of their own */
    int multiplexes;      /* its last answer came over HTTP/2 */
    int opening;          /* calls under way that have no connection yet */
    gt_transfer_t *first, *last; /* wait to begin */
} gt_origin_t;

typedef struct gt_origins_t {
    gt_origin_t *first;
    int count;
} gt_origins_t;

/** The origin of an absolute URL, for as long as the loop lives. */
gt_origin_t *gt_origin_of(gt_origins_t *origins, const char *url);

/** 1: one more call may begin. */
int gt_origin_has_room(const gt_origin_t *origin);

/** A call waits to begin. */
void gt_origin_wait(gt_origin_t *origin, gt_transfer_t *transfer);

/** It waits no more. */
void gt_origin_leave(gt_origin_t *origin, gt_transfer_t *transfer);

/** A call begins. */
void gt_origin_begin(gt_origin_t *origin, gt_transfer_t *transfer);

/** It has a connection, or has ended. May be called again. */
void gt_origin_connected(gt_transfer_t *transfer);

/** Free them; nobody waits any more. */
void gt_origins_free(gt_origins_t *origins);

#endif
