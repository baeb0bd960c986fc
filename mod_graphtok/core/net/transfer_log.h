/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TRANSFER_LOG_H
#define GT_TRANSFER_LOG_H

/**
 * @file transfer_log.h
 * Private to net/: one line of the log, at debug, for each exchange with a provider.
 */

#include "net/transfer_struct.h"

/** Log how an exchange ended: method, host and path, status, time, the provider's id of it. On the
 * loop's thread, before the task is told of the end. @param failure NULL: it ended well */
void gt_transfer_log(const gt_transfer_t *transfer, const gt_failure_t *failure);

#endif
