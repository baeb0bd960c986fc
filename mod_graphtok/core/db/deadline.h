/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DEADLINE_H
#define GT_DEADLINE_H

/**
 * @file deadline.h
 * A limit on each wait for the database's answer, from outside. libpq waits for ever for a server
 * that stands still or a network that swallows packets; a thread of ours shuts such a connection's
 * socket down, which libpq reads as a lost connection. The thread starts with the first deadline.
 * Thread-safe. For db/session and db/db only.
 */

#include "gt.h"

typedef struct gt_deadlines_t gt_deadlines_t;

/** One wait; lies in the memory of the function that waits. */
typedef struct gt_deadline_t {
    int fd; /* a duplicate, so that its number is no other socket's meanwhile; -1: no limit */
    apr_time_t at; /* gt_mono */
    int is_over;   /* 1: the connection was shut down */
    struct gt_deadline_t *next;
} gt_deadline_t;

/** All deadlines of a process. Its thread ends with `p`, which nothing that waits may outlive. */
gt_deadlines_t *gt_deadlines_make(apr_pool_t *p);

/** A wait begins. @param fd the connection's socket; -1: there is none, and no limit */
void gt_deadline_begin(gt_deadline_t *deadline, gt_deadlines_t *all, int fd,
                       apr_interval_time_t limit);

/** It ended. @return 1 when the connection was shut down because its time was over */
int gt_deadline_end(gt_deadline_t *deadline, gt_deadlines_t *all);

#endif
