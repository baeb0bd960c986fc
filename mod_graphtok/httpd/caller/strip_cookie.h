/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_STRIP_COOKIE_H
#define GTM_STRIP_COOKIE_H

/**
 * @file strip_cookie.h
 * A cookie of ours is a session, or a sign-in under way: an application behind httpd could use it
 * as the browser does. So applications get the Cookie field without our cookies (GraphTokPassCookie
 * on: with them), and we go on reading the field that came. Called on the request's thread; results
 * lie in its pool.
 */

#include <httpd.h>

/** The Cookie field as the client sent it, or NULL. */
const char *gtm_cookie_field(const request_rec *r);

/** A Cookie field without cookies of ours, all others byte for byte; the very `field` when it has
 * none. */
const char *gtm_cookies_of_others(const char *field, apr_pool_t *p);

/** fixups hook, when the handler is known: what is not for a handler of ours loses our cookies.
 * Writes to no table that a sub-request shares with its main request. */
int gtm_strip_cookies(request_rec *r);

#endif
