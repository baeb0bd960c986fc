/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_DEADLINE_H
#define GT_DEADLINE_H

/**
 * @file deadline.h
 * A time limit on each wait for the database's answer. libpq waits without a limit for a server
 * that stands still or a network that drops packets. When the time is over a thread of this file
 * shuts the connection's socket down, and libpq reports a lost connection. The thread starts with
 * the first deadline. Thread-safe. For db/connection and db/db only.
 */

#include "gt.h"

typedef struct gt_deadlines_t gt_deadlines_t;

/** One wait; lies in the memory of the function that waits. Its members are this file's. */
typedef struct gt_deadline_t {
    int fd; /* a duplicate, so that its number is no other socket's meanwhile; -1: no limit */
    apr_time_t at; /* gt_mono */
    int is_over;   /* 1: the connection was shut down */
    struct gt_deadline_t *next;
} gt_deadline_t;

/** The deadlines of a process. Their thread is joined when `p` ends; all waits have ended by
 * then. */
gt_deadlines_t *gt_deadlines_make(apr_pool_t *p);

/**
 * A wait begins. Without a thread or a descriptor to spare it has no limit.
 * @param fd     the connection's socket, which stays the caller's; -1: it has none, and no limit
 * @param limit  µs
 */
void gt_deadline_begin(gt_deadline_t *deadline, gt_deadlines_t *all, int fd,
                       apr_interval_time_t limit);

/** The wait ended. @return 1 when the connection was shut down because its time was over */
int gt_deadline_end(gt_deadline_t *deadline, gt_deadlines_t *all);

#endif
