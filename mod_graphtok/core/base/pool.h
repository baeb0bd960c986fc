/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_POOL_H
#define GT_POOL_H

/**
 * @file pool.h
 * Pools for short-lived work. An APR pool keeps its blocks of 8 KiB and more at its own
 * allocator: under httpd that is the connection's, which would hold them, idle, for as long as the
 * client stays.
 */

#include "gt.h"

/**
 * A pool whose blocks come from, and go back to, one store of the process.
 * @param parent  with which it ends at the latest; NULL: with apr_pool_destroy only, on any thread
 * @return the pool; without memory the process ends, as with any of httpd's. Thread-safe, the pool
 * itself as any: one thread at a time.
 */
apr_pool_t *gt_pool_make(apr_pool_t *parent, const char *tag);

#endif
