/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BLOCK_H
#define GTM_BLOCK_H

/**
 * @file block.h
 * Work on a thread that is held for it: the driver that waits, for whatever cannot park, and what
 * prefork must not interrupt.
 */

#include <signal.h>

#include "exchange.h"

/**
 * Under prefork a signal's handler ends the child from wherever it is, and takes locks of ours. From
 * here to gtm_block_end it is put off. Pairs may lie within each other; elsewhere they do nothing.
 * @param before  kept by the caller for gtm_block_end
 */
void gtm_block_begin(sigset_t *before, const gtm_child_t *child);

/** What was put off may come. */
void gtm_block_end(const sigset_t *before, const gtm_child_t *child);

/**
 * Run work for an exchange to its end on this thread, within such a pair.
 * @return the work's error; GT_TIMEOUT when the exchange's time was over (deadline.h)
 */
GT_MUST gt_err_t *gtm_block_run(gtm_exchange_t *x, const gt_work_t *work, void *state);

#endif
