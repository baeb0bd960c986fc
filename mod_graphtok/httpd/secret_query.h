/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SECRET_QUERY_H
#define GTM_SECRET_QUERY_H

/**
 * @file secret_query.h
 * The query of a callback holds an authorization code and a state. It is taken out of the request
 * before any other module sees it, so that no log shows it: also where the method is wrong, or where
 * a module in front refuses the request.
 */

#include <httpd.h>

/** Hook post_read_request: hide the query of a request to a sign-in's callback. */
int gtm_secret_query_hide(request_rec *r);

/** Hide a request's query now. May be called again. */
void gtm_secret_query_take(request_rec *r);

/** The query that was hidden, or the request's own; "" when there is none. */
const char *gtm_secret_query(request_rec *r);

#endif
