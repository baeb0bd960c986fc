/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PROVIDER_KINDS_H
#define GT_PROVIDER_KINDS_H

/**
 * @file provider_kinds.h
 * The directives of a provider that its kind demands, or does not have. Their use stands in
 * oauth/kind.h. Source: OpenID Connect Discovery 1.0; Google, "Using OAuth 2.0 for Web
 * Server Applications", "OpenID Connect".
 */

#include "conf/config.h"

/**
 * Hold a provider of kind google or openid against its kind.
 * @param errors    array of const char *: sentences' ends, to stand behind "provider NAME"
 * @param warnings  the same
 */
void gt_kind_check(apr_array_header_t *errors, apr_array_header_t *warnings,
                   const gt_provider_conf_t *provider, apr_pool_t *p);

#endif
