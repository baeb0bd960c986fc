/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SIGN_IN_PLACE_H
#define GTM_SIGN_IN_PLACE_H

/**
 * @file sign_in_place.h
 * The sign-in routes of a place: the graphtok-auth mount that GraphTokSignIn names, or else the one
 * whose path shares most with the request's. A sign-in helps only where it uses the provider and
 * the store of the place.
 */

#include "config/settings.h"

/**
 * The mount where a request signs in. Thread-safe.
 * @param dir   the settings that hold for the request
 * @param path  the request's
 * @param s     its server
 * @param p     for the settings that are compared
 * @return NULL when there is none that would help
 */
const gtm_mount_t *gtm_sign_in_mount(const gtm_dir_t *dir, const char *path, const server_rec *s,
                                     apr_pool_t *p);

/**
 * Whether a place whose callers are sessions stands beside sign-ins of its server none of which is
 * for its provider and its store: a person who signs in there stays unknown to it. Sign-ins may
 * also stand in another virtual host alone.
 */
int gtm_sign_in_is_amiss(const gtm_dir_t *dir, const char *path, const server_rec *s,
                         apr_pool_t *p);

/**
 * check_config: GraphTokSignIn must name a mount, and each place where it holds must use that
 * mount's provider and store. Behind the mounts and the defaults.
 * @param errors  array of const char *, "FILE:LINE: text"
 * @param s       the main server
 */
void gtm_sign_in_check(apr_array_header_t *errors, const server_rec *s, apr_pool_t *p);

#endif
