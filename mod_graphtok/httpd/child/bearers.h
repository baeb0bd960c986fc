/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BEARERS_H
#define GTM_BEARERS_H

/** @file bearers.h Issuers of callers' tokens in a child; they need neither vault nor keyring. */

#include "child/child.h"

/** Make all that are configured, and have them follow their keys, once a second. */
void gtm_bearers_make(gtm_child_t *child, apr_pool_t *p);

/** The issuer of this name in the configuration, or NULL. */
gt_bearer_t *gtm_bearers_find(const gtm_child_t *child, const char *name);

#endif
