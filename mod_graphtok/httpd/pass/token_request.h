/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_TOKEN_REQUEST_H
#define GTM_TOKEN_REQUEST_H

/**
 * @file token_request.h
 * A token for a request that is not on one of our routes: for the application it goes to
 * (pass.h), or for another module (mod_graphtok.h). Such a request cannot park, since the hook that
 * asks needs the token before it goes on: the cache answers at once, and only a refresh that must
 * be waited for holds the thread.
 */

#include "request/request.h"

/**
 * Find x->caller of a gtm_request_beside, which owns the grant then.
 * @return GT_SIGN_IN, GT_FORBIDDEN as on a route of ours
 */
GT_MUST gt_err_t *gtm_token_request_caller(gtm_request_t *x);

/**
 * Get the caller's token, waiting where it must be refreshed.
 * @param text  in r->pool, wiped with it
 * @param ask   its other results
 */
GT_MUST gt_err_t *gtm_token_request_token(const char **text, gtm_request_t *x,
                                          gt_token_for_t *params);

#endif
