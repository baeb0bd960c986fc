/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HOLDER_H
#define GT_HOLDER_H

/**
 * @file holder.h
 * The holder of a lease: a process, named so that others on its machine can tell whether it lives.
 * Thread-safe.
 */

#include "gt.h"

/**
 * This process: "HOST/PID/START/NODE", where START is its start time and NODE stands for this boot
 * of the machine, our namespace of pids, and the journal. Text behind a further '/' is the holder's
 * own.
 * @param journal  the journal's folder, or NULL
 */
char *gt_holder_name(const char *journal, apr_pool_t *p);

/** 1 when the holder was a process of the same node as `ours` and has ended; 0 also when this
 * cannot be known. All entries that such a process left are in the journal that we read, too. */
int gt_holder_is_dead(const char *holder, const char *ours, apr_pool_t *p);

#endif
