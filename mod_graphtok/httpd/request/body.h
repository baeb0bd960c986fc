/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BODY_H
#define GTM_BODY_H

/** @file body.h A request's body: read whole, bounded, before the work begins. Called on the
 * request's thread; results lie in its pool. */

#include "request/request.h"

/**
 * Gate: read a JSON object into x->body, or a form into x->form, as the route says; for a route
 * without body drop what was sent.
 * @return GT_UNSUPPORTED, GT_TOO_LARGE (nothing more is read), GT_INVALID
 */
GT_MUST gt_err_t *gtm_body_read(gtm_request_t *x);

#endif
