/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_TOKEN_SUMS_H
#define GTM_TOKEN_SUMS_H

/** @file token_sums.h The sums of the location's store, which health and administration show. */

#include "task/task.h"

/** Work (state: gtm_request_t): answer with the sums, and when they were counted. Constant; any
 * thread may run it. */
extern const gt_work_t gtm_token_sums;

#endif
