/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BLOCKING_H
#define GTM_BLOCKING_H

/**
 * @file blocking.h
 * The driver that blocks its thread: for requests that cannot park, and for tokens that are asked
 * for outside our routes.
 */

#include "request/request.h"

/**
 * Run work for an exchange to its end on this thread, with signals held (child/signals.h).
 * @return the work's error; GT_TIMEOUT when the exchange's time was over (time_limit.h);
 *         GT_CANCELLED when the client went away; GT_BUSY when the child ended at once
 */
GT_MUST gt_err_t *gtm_blocking_run(gtm_request_t *x, const gt_work_t *work, void *state);

#endif
