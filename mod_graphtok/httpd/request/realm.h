/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_REALM_H
#define GTM_REALM_H

/**
 * @file realm.h
 * The realm in which sealed values of clients are valid: sessions, sign-ins under way, links to
 * pages of a list. It is the virtual host, or those that share a GraphTokSessionRealm, and goes
 * into the seal.
 */

#include "request/request.h"

/** The realm of a request's sessions and links. Behind gtm_origin_find. */
const char *gtm_realm(const gtm_request_t *x);

/** The realm of a sign-in under way: the same, at the address that its cookie belongs to. Behind
 * gtm_origin_find. */
const char *gtm_realm_of_sign_in(const gtm_request_t *x);

#endif
