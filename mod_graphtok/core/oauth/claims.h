/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLAIMS_H
#define GT_CLAIMS_H

/**
 * @file claims.h
 * The `claims` parameter of requests to a provider: the demands of a claims challenge, and what the
 * client declares to be capable of. Demands come from an API, a provider, a browser or the
 * database; they are bounded, parsed and written anew. A provider that knows of capabilities gets
 * ours and no others: a browser cannot declare one. Thread-safe. Sources: OpenID Connect Core 5.5;
 * Microsoft, "Claims challenges, claims requests, and client capabilities".
 */

#include "conf/config.h"

/** Longest demands that are taken, as JSON: in a sign-in link they fit into a request line. */
#define GT_CLAIMS_MAX 2048

/** Demands, written anew in `p`; NULL when the text is no JSON object of at most GT_CLAIMS_MAX
 * bytes, or its access_token is no object. @param text  or NULL */
const char *gt_claims_read(const char *text, apr_pool_t *p);

/** Demands in base64 of either alphabet, with or without padding, as gt_claims_read. Fuzzed. */
const char *gt_claims_decode(const char *text, apr_size_t len, apr_pool_t *p);

/** The `claims` parameter of a request to a provider, in `p`; NULL: it has none.
 * @param demands   or NULL; left out when they cannot be read
 * @param declares  1: with the capability that the configuration declares; 0: without one */
const char *gt_claims_for(const gt_provider_conf_t *conf, const char *demands, int declares,
                          apr_pool_t *p);

#endif
