/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_HOLDER_H
#define GT_HOLDER_H

/**
 * @file holder.h
 * Who holds a lease: a process, written so that others on its machine can tell whether it lives.
 */

#include "gt.h"

/** This process: "HOST/PID/START/MACHINE", where START is its start time and MACHINE stands for
 * this boot of the machine and our namespace of pids. What follows a further '/' is the holder's. */
char *gt_holder_name(apr_pool_t *p);

/** 1 when the holder was a process of this machine and is no more; 0 also when nobody can know. */
int gt_holder_is_dead(const char *holder, apr_pool_t *p);

#endif
