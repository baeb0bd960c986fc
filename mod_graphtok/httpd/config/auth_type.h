/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_AUTH_TYPE_H
#define GTM_AUTH_TYPE_H

/**
 * @file auth_type.h
 * A Require that wants a user, in a place without AuthType: httpd answers every request with 500. A
 * session of ours is no authentication to httpd, so this is easily written where sessions are
 * meant. Parent only, while the configuration is read or checked.
 */

#include "config/settings.h"

/**
 * Say so of each mount, and each location whose application is given a token, that has a fixed
 * path.
 * @param warnings  array of const char *, "FILE:LINE: text"
 * @param s         the main server
 */
void gtm_auth_type_check(apr_array_header_t *warnings, const apr_array_header_t *mounts,
                         const server_rec *s, apr_pool_t *p);

/** check_authn hook, where no module took the request: the same in the log, for every other way to
 * write it. */
int gtm_auth_type_missing(request_rec *r);

#endif
