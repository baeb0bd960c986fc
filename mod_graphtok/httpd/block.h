/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BLOCK_H
#define GTM_BLOCK_H

/** @file block.h The driver that waits, for whatever cannot park: it holds the calling thread. */

#include "child.h"

/**
 * Run work to its end on this thread.
 * @return the work's error
 */
GT_MUST gt_err_t *gtm_block_run(const gtm_child_t *child, const gt_work_t *work, void *state,
                                apr_pool_t *p);

#endif
