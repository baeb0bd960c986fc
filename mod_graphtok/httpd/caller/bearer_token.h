/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BEARER_TOKEN_H
#define GTM_BEARER_TOKEN_H

/** @file bearer_token.h A caller that shows a token: GraphTokUser jwt. */

#include "request/request.h"

/** The credentials behind "Bearer" in Authorization, or NULL for another scheme and without one. */
const char *gtm_bearer_shown(request_rec *r);

/**
 * Take the token of a request and judge it by the <GraphTokJWT> of the location: x->caller, its
 * claims included. Without a token x->caller stays unknown. When keys have to be waited for,
 * x->bearer_waits becomes 1 and nothing is judged: the driver runs gt_check_bearer on x->bearer,
 * and this is called again.
 * @return as gt_check_bearer; GT_INVALID for a request with two tokens, or half of one
 */
GT_MUST gt_err_t *gtm_bearer_read(gtm_request_t *x);

/**
 * The error to answer with when gt_check_bearer failed. A refused token counts in the route's limit
 * for the client's address, and never for the user that it claims to be of.
 * @return err; GT_LIMITED past the limit
 */
GT_MUST gt_err_t *gtm_bearer_refused(gtm_request_t *x, gt_err_t *err);

#endif
