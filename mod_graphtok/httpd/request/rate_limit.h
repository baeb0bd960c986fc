/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_RATE_LIMIT_H
#define GTM_RATE_LIMIT_H

/**
 * @file rate_limit.h
 * Limits by route class, counted for the caller, or for the client's address where
 * no caller is known yet (as httpd sees it: mod_remoteip; IPv6 by /64). Called on the request's
 * thread; results lie in its pool.
 */

#include "request/request.h"

/**
 * Gate: count this request. Sets RateLimit-Policy and RateLimit (draft-ietf-httpapi-
 * ratelimit-headers).
 * @return GT_LIMITED with retry_after
 */
GT_MUST gt_err_t *gtm_limit_check(gtm_request_t *x);

/**
 * Uncount this caller's latest call of a class. A sign-in that succeeds gives back its call of
 * login and its call of callback: many people behind one address may sign in, and a sign-in that
 * fails or is left unfinished still counts.
 */
void gtm_limit_give_back(gtm_request_t *x, gtm_limit_class_t class);

#endif
