/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SESSION_H
#define GTM_SESSION_H

/**
 * @file session.h
 * Our own session after a sign-in: one sealed cookie with the user, the grant behind it, a random
 * id and the moments when it began, was used last and ends, bound to store, provider and virtual
 * host (or to the name in GraphTokSessionRealm) by its associated data and by its name. The cookie
 * alone is what makes a session; the server keeps which sessions were ended before their time, and
 * rows for an administrator's list. A session is only a name for a user: what it may do is decided
 * by the grant behind it, and with that it ends.
 */

#include "request/request.h"

/** Read the cookie into x->caller.id and x->session; they stay "" and NULL when there is none that
 * is ours and still valid. Whether it was ended, gtm_caller_confirm asks. */
GT_MUST gt_err_t *gtm_session_read(gtm_request_t *x);

/**
 * Begin a session; an older one of this browser is replaced, never inherited. May block on the
 * database; a session whose row cannot be written is none the worse, and not in the list.
 * @param sid  the provider's name for its own session, or NULL
 */
GT_MUST gt_err_t *gtm_session_begin(gtm_request_t *x, const gt_grant_t *grant, const char *sid);

/** The session was confirmed: note its use every ten minutes, or as often as GraphTokSessionIdle
 * needs, in its row and its cookie. May block on the database, whose failure changes nothing. */
void gtm_session_use(gtm_request_t *x);

/**
 * End the sessions that this browser's cookies name, on all nodes. May block on the database.
 * @param ended  how many of them were not over before
 * @return GT_STORE_AWAY when that could not be written: the cookies stay, so that it can be tried
 *         again
 */
GT_MUST gt_err_t *gtm_session_sign_out(int *ended, gtm_request_t *x);

/** Delete this browser's cookies. */
void gtm_session_forget(gtm_request_t *x);

#endif
