/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BEARERS_H
#define GTM_BEARERS_H

/** @file bearers.h Issuers of callers' tokens in a child; they need neither vault nor keyring. */

#include "child/child.h"

/** Bytes of shared memory in which tokens that passed are remembered; 0 without an issuer. */
apr_size_t gtm_bearers_bytes(const gt_config_t *config);

/** Map that memory. The parent, at each start and restart. @return 0 when the system has none */
int gtm_bearers_map(const gt_config_t *config, server_rec *s, apr_pool_t *p);

/** Make all that are configured, and have them follow their keys, once a second. */
void gtm_bearers_make(gtm_child_t *child, apr_pool_t *p);

/** The issuer of this name in the configuration, or NULL. */
gt_bearer_t *gtm_bearers_find(const gtm_child_t *child, const char *name);

#endif
