/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SESSION_H
#define GTM_SESSION_H

/**
 * @file session.h
 * Our own session after a sign-in: one sealed cookie with the user and the moment it ends, bound to
 * store, provider and virtual host by its associated data and by its name. Nothing is kept on the
 * server. A session is only a name for a user: what it may do is decided by the grant behind it.
 */

#include "exchange.h"

/** Read the cookie into x->session; NULL when there is none that is ours and still valid. */
GT_MUST gt_err_t *gtm_session_read(gtm_exchange_t *x);

/** Begin a session; an older one of this browser is replaced, never inherited. */
GT_MUST gt_err_t *gtm_session_begin(gtm_exchange_t *x, const char *user);

/** End it. */
void gtm_session_end(gtm_exchange_t *x);

#endif
