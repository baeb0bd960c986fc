/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_COOKIES_H
#define GTM_COOKIES_H

/**
 * @file cookies.h
 * Reading and setting cookies (RFC 6265). Ours are HttpOnly, SameSite=Lax, Path=/; where browsers
 * reach us by TLS they are Secure and their names begin with __Host-, so no sibling host can set
 * them. Called on the request's thread; results lie in its pool.
 */

#include "request/request.h"

/** The parts of our cookies' names: "graphtok-<8>" is a session, "graphtok-s-<8 or
 * 14>-<16>" a sign-in under way; the numbers count hexadecimal digits. */
#define GTM_COOKIE_STEM "graphtok-"
#define GTM_SESSION_DIGITS 8
#define GTM_STATE_SECONDS_DIGITS 8
#define GTM_STATE_MICROS_DIGITS 14
#define GTM_STATE_HASH_DIGITS 16

/** A cookie of the request. */
typedef struct gtm_cookie_t {
    const char *name;
    const char *value;
} gtm_cookie_t;

/** All cookies of the request (the first 200), array of gtm_cookie_t. */
apr_array_header_t *gtm_cookies(request_rec *r);

/** The value of a name that came exactly once, else NULL: of two, one is not ours. */
const char *gtm_cookie_get(request_rec *r, const char *name);

/** A name of ours: with the prefix that fits the scheme. After gtm_origin_find. */
const char *gtm_cookie_name(const gtm_request_t *x, const char *name);

/** 1 when a cookie of that name is ours, of any store, provider, host or scheme. */
int gtm_cookie_is_ours(const char *name);

/** Set one. @param age seconds; 0 deletes it */
void gtm_cookie_set(gtm_request_t *x, const char *name, const char *value, apr_int64_t age);

#endif
