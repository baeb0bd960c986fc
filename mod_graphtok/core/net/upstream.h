/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_UPSTREAM_H
#define GT_UPSTREAM_H

/** @file upstream.h The outcome of a call to a provider, as an announcement (base/notice.h). */

#include "net/transfer.h"

/**
 * Announce it, at the first look at the answer; later looks announce nothing. A call that was given
 * up is not announced.
 * @param provider  its name in the configuration
 * @param purpose   "token", "graph" or "discovery"
 * @param p         for a moment
 */
void gt_upstream_tell(gt_transfer_t *transfer, const char *provider, const char *purpose,
                      apr_pool_t *p);

#endif
