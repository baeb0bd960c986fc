/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_OWN_ORIGIN_H
#define GTM_OWN_ORIGIN_H

/**
 * @file own_origin.h
 * The address that browsers use, and whether a request that changes something comes from a page of
 * it. Redirects are built from GraphTokPublicURL, else from the request's own host after it was
 * held against ServerName and ServerAlias. Forwarded headers are never believed: they only say
 * whether a browser may be where the public address is already. Called on the request's thread;
 * results lie in its pool.
 */

#include "request/request.h"

/**
 * Gate: refuse a changing request that a browser says comes from elsewhere (Origin, else
 * Sec-Fetch-Site), unless GraphTokAllowOrigin names that origin. Clients that send neither pass:
 * they carry no cookies of another user.
 */
GT_MUST gt_err_t *gtm_origin_check(gtm_request_t *x);

/** Find x->base. @return GT_INVALID when the host is not ours */
GT_MUST gt_err_t *gtm_origin_find(gtm_request_t *x);

/**
 * Whether the browser came by the address that x->base names, as far as the request tells: a cookie
 * set now would else not come back there. After gtm_origin_find.
 * @return 0 also when a proxy in front hides the name that the browser came by
 */
int gtm_origin_is_here(const gtm_request_t *x);

/** The prefix that a proxy in front takes away from each path: the path of GraphTokPublicURL,
 * "/portal"; "": none. */
const char *gtm_origin_prefix(const gtm_request_t *x);

/**
 * A path on our own origin as browsers write it, with the prefix exactly once: added where it is
 * not in front yet.
 * @param path  one that gt_is_local_path takes
 * @return in the request's pool, or `path` itself; NULL when it climbs out of the prefix
 */
const char *gtm_origin_path(const gtm_request_t *x, const char *path);

/**
 * Judge a return_to that a client sent: a path of ours.
 * @param target  out: with the prefix of the public address; "" for ""
 * @return GT_INVALID where it leads elsewhere
 */
GT_MUST gt_err_t *gtm_origin_return_to(const char **target, const gtm_request_t *x,
                                       const char *given);

/** A target of ours as an address to send a browser to: one of our paths with where we are reached
 * before it, and anything else as it is. @return in the request's pool; "": it leads nowhere */
const char *gtm_origin_address(const gtm_request_t *x, const char *target);

/** 1 when browsers reach us by TLS. After gtm_origin_find. */
int gtm_origin_is_secure(const gtm_request_t *x);

#endif
