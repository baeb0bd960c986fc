/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CALLER_H
#define GTM_CALLER_H

/** @file caller.h Whose grant a request is about (GraphTokUser). */

#include "request/request.h"

/** Gate: say in x->asker whose request this is; its id is the one that %L shows in httpd's logs. */
GT_MUST gt_err_t *gtm_caller_name(gtm_request_t *x);

/**
 * Gate: set x->owner.user ("" where the route takes anybody and nobody is known).
 * @return GT_SIGN_IN without a session; GT_FORBIDDEN when no authentication stands in front
 */
GT_MUST gt_err_t *gtm_caller_find(gtm_request_t *x);

/**
 * Gate: a session whose grant was revoked is none. Behind the limits, since it may ask the database.
 * @return as gtm_caller_find; GT_STORE_AWAY when it cannot be told
 */
GT_MUST gt_err_t *gtm_caller_confirm(gtm_request_t *x);

/** Tell httpd who the caller is, once the gates know it: %u in its logs, REMOTE_USER for programs. What an
 * authentication of httpd has set stays. */
void gtm_caller_show(const gtm_request_t *x);

#endif
