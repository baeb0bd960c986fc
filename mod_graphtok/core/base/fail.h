/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FAIL_H
#define GT_FAIL_H

/**
 * @file fail.h
 * Points in the code where tests cause failures; compiled in by --enable-faults only.
 * GRAPHTOK_FAULTS names a folder. A point is armed by a file of its name there, whose first word
 * says what happens: `kill` (SIGKILL to ourselves), `stop` (SIGSTOP), `err` (the code at the point
 * fails). The process that meets the point removes the file, so that exactly one process does.
 * Thread-safe.
 */

#ifdef GT_FAULTS

/** 1 when the code at this point is to fail. May not return. */
int gt_fail(const char *point);

#else
#define gt_fail(point) 0
#endif

#endif
