/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_STATE_COOKIE_H
#define GTM_STATE_COOKIE_H

/**
 * @file state_cookie.h
 * The sign-ins a browser has under way: a sealed cookie each, so that several tabs finish in any
 * order. The name holds the moment it began and a hash of its state. All of them together stay
 * below GTM_STATES_BYTES of the Cookie field, of which httpd takes 8,190 bytes by default; the
 * oldest goes first. A target that is too long for that is kept in shared memory. Called on the
 * request's thread; results lie in its pool.
 */

#include "oauth/login.h"
#include "request/request.h"

#define GTM_MOST_STATES 10
#define GTM_STATES_BYTES 3072

/** Remember a sign-in in the browser. */
GT_MUST gt_err_t *gtm_state_keep(gtm_request_t *x, const gt_login_t *login);

/** The sealed sign-in of a state that came back, or NULL. Its cookie is deleted by this answer. */
const char *gtm_state_take(gtm_request_t *x, const char *state);

/** Where a sign-in leads that gtm_state_keep remembered; "" when it named no target, or when the
 * server's memory has lost it since (another node, a restart). */
const char *gtm_state_target(const gtm_request_t *x, const gt_login_t *login);

#endif
