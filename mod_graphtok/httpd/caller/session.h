/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SESSION_H
#define GTM_SESSION_H

/**
 * @file session.h
 * Our own session after a sign-in: one sealed cookie with the user, the grant behind it and the
 * moment it ends, bound to store, provider and virtual host (or to the name in
 * GraphTokSessionRealm) by its associated data and by its name. Nothing is kept on the server. A
 * session is only a name for a user: what it may do is decided by the grant behind it, and with
 * that it ends.
 */

#include "request/request.h"

/** Read the cookie into x->caller.id and x->session_grant; they stay "" and NULL when there is none
 * that is ours and still valid. Whether the grant is still there, gtm_caller_confirm asks. */
GT_MUST gt_err_t *gtm_session_read(gtm_request_t *x);

/** Begin a session; an older one of this browser is replaced, never inherited. */
GT_MUST gt_err_t *gtm_session_begin(gtm_request_t *x, const gt_grant_t *grant);

/** End it. */
void gtm_session_end(gtm_request_t *x);

#endif
