/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_AUTH_TYPE_H
#define GTM_AUTH_TYPE_H

/**
 * @file auth_type.h
 * AuthType and Require that do not do what they seem to. httpd runs an AuthType only where a
 * Require wants a user, and answers every request with 500 where a Require wants one and no
 * AuthType says how httpd gets it. Neither is told by httpd when it reads its configuration. Parent
 * only, while the configuration is read or checked.
 */

#include "config/settings.h"

/**
 * Warn of each place with a fixed path: a Require that no request meets, a GraphTokUseJWT or
 * AuthType GraphTok without effect, a sign-in behind itself.
 * @param warnings  array of const char *, "FILE:LINE: text"
 * @param mounts    array of gtm_mount_t
 * @param config    completed
 * @param s         the main server
 */
void gtm_auth_type_check(apr_array_header_t *warnings, const apr_array_header_t *mounts,
                         const gt_config_t *config, const server_rec *s, apr_pool_t *p);

/** check_authn hook, where no module took the request: the same in the log, for every other way to
 * write it. */
int gtm_auth_type_missing(request_rec *r);

#endif
