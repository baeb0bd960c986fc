/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_AUDIT_TAIL_H
#define GT_AUDIT_TAIL_H

/**
 * @file audit_tail.h
 * The last records of a file of the audit. A chain names them in its first record, so that a
 * missing end of the file is noticed.
 */

#include "audit/chain.h"

/**
 * Read the heads of the chains that have a record in the file's last 64 KiB, the file's last record
 * first. No MAC is verified here; a head from a forged line makes a record that `graphtokctl audit
 * verify` refuses. Thread-safe; reads the disk.
 * @param fd  of a regular file, readable; a pipe or -1 gives none
 * @return how many, at most `most`
 */
int gt_audit_tail(gt_head_t *heads, int most, int fd);

/** 1 when records may be appended to a file: it is empty, begins with a record, or is no regular
 * file. Any other file belongs to another program and was named by mistake. @param fd  readable */
int gt_audit_may_append(int fd);

#endif
