/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_AUDIT_TAIL_H
#define GT_AUDIT_TAIL_H

/**
 * @file audit_tail.h
 * The last records of a file of the audit, as a chain that begins names them.
 */

#include "store/chain.h"

/**
 * Heads of the chains that have a record in the file's last 64 KiB, the file's last record first.
 * Nothing of what is read is verified; a file that lies makes a record that verification does not
 * accept.
 * @param fd  readable; of a pipe, or -1, there is nothing to be had
 * @return how many, at most `most`
 */
int gt_audit_tail(gt_head_t *heads, int most, int fd);

#endif
