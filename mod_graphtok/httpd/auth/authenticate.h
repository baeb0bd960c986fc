/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_AUTHENTICATE_H
#define GTM_AUTHENTICATE_H

/**
 * @file authenticate.h
 * AuthType GraphTok, for any location of httpd: the user is that of a verified token
 * (GraphTokUseJWT), or of a session. Require valid-user and Require user are httpd's own.
 */

#include <httpd.h>

/**
 * check_authn hook: sets r->user, and keeps the caller for our own routes. A page without a session
 * is sent to sign in; every other request without a user is answered with 401 or as its error
 * demands, and no handler sees it.
 * @return OK, DONE when it has answered, a status for httpd to answer, or DECLINED for another type
 */
int gtm_authenticate(request_rec *r);

/** note_auth_failure hook: WWW-Authenticate for a user that a Require does not let in. */
int gtm_note_auth_failure(request_rec *r, const char *auth_type);

#endif
