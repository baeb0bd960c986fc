/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_LOGIN_LINK_H
#define GTM_LOGIN_LINK_H

/** @file login_link.h The sign-in route that belongs to a request, where a sign-in would help.
 * Called on the request's thread; results lie in its pool. */

#include "request/request.h"

/**
 * The local path of the sign-in route for this request (sign_in_place.h). A page request comes back
 * to where it was, or to where its sign-in was to lead (x->target); a claims challenge of `err`
 * and its tenant go with it.
 * @return NULL when no sign-in would help
 */
const char *gtm_login_link(const gtm_request_t *x, const gt_err_t *err);

/** The path and query that were asked for, as the browser wrote them; NULL when they are no path of
 * ours. */
const char *gtm_login_asked_for(const gtm_request_t *x);

/** The target of a link that was too long for a request line, at the sign-in route that it leads
 * to; "" when there is none, or when the server's memory has lost it since. Not judged yet. */
const char *gtm_login_kept_target(const gtm_request_t *x);

/** 1 when the request is itself part of a sign-in: a redirect there could run in circles. */
int gtm_login_is_part(const gtm_request_t *x);

#endif
