/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_TARGET_H
#define GTM_TARGET_H

/**
 * @file target.h
 * Which store and which provider a request is about. Called on the request's thread; results lie in
 * its pool.
 */

#include "request/request.h"

/** Find the store and the provider of the request's location; the caller is not known yet.
 * @return GT_INTERNAL, status 503, while the store's keyring cannot be read */
GT_MUST gt_err_t *gtm_find_target(gtm_request_t *x);

#endif
