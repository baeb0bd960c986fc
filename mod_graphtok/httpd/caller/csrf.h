/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_CSRF_H
#define GTM_CSRF_H

/**
 * @file csrf.h
 * Cross-site request forgery at pages for administrators: their browsers send a password or a
 * cookie by themselves, so each request that changes something shows that one of our pages made
 * it. A page holds a token that only this server's keys make, for one administrator, store and
 * realm, for twelve hours. Called on the request's thread; results lie in its pool.
 */

#include "request/request.h"

/** The token's header field, and its field of a form. */
#define GTM_CSRF_HEADER "X-CSRF-Token"
#define GTM_CSRF_FIELD "csrf_token"

/** A token for a page. Behind gtm_caller_find, for an administrator. @return the keys' error */
GT_MUST gt_err_t *gtm_csrf_make(const char **token, gtm_request_t *x);

/** Gate behind the body: demand the token of a request that changes something, at a handler with
 * pages for administrators. @return GT_FORBIDDEN */
GT_MUST gt_err_t *gtm_csrf_check(gtm_request_t *x);

#endif
