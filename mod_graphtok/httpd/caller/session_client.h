/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SESSION_CLIENT_H
#define GTM_SESSION_CLIENT_H

/**
 * @file session_client.h
 * The browser of a session, for lists: enough for users to recognize their own, too little to
 * follow a person.
 */

#include <httpd.h>

/** The network that the client is in: "192.0.2.0/24", "2001:db8:1::/48". NULL: not known. */
const char *gtm_client_network(const request_rec *r);

/** Browser and system, out of a few known ones: "Firefox, Linux". NULL: neither is known. */
const char *gtm_client_agent(const request_rec *r);

#endif
