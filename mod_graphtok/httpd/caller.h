/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CALLER_H
#define GTM_CALLER_H

/** @file caller.h Whose grant a request is about (GraphTokUser). */

#include "exchange.h"

/**
 * Gate: set x->owner.user ("" where the route takes anybody and nobody is known).
 * @return GT_SIGN_IN without a session; GT_FORBIDDEN when no authentication stands in front
 */
GT_MUST gt_err_t *gtm_caller_find(gtm_exchange_t *x);

#endif
