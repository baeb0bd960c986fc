/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_HOST_NAMES_H
#define GTM_HOST_NAMES_H

/**
 * @file host_names.h
 * Virtual hosts with routes of ours and no name: httpd then takes the machine's own name for
 * theirs, which browsers hardly use, and every route refuses them (GT0815). Debian's 000-default is
 * such a host. Parent only, while the configuration is read or checked.
 */

#include <httpd.h>

/**
 * Find them. Called in check_config; changes nothing.
 * @param warnings  of const char *, appended to
 * @param mounts    of gtm_mount_t
 * @param s         the main server
 */
void gtm_names_check(apr_array_header_t *warnings, const apr_array_header_t *mounts, server_rec *s,
                     apr_pool_t *p);

/**
 * Whether GraphTokPublicURL is the redirect URI, which begins with it: a provider would be told one
 * that ends with the same words twice.
 * @param warnings  of const char *, appended to
 * @param mounts    of gtm_mount_t
 */
void gtm_public_url_check(apr_array_header_t *warnings, const char *public_url,
                          const apr_array_header_t *mounts, apr_pool_t *p);

#endif
