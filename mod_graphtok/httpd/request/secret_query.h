/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_SECRET_QUERY_H
#define GTM_SECRET_QUERY_H

/**
 * @file secret_query.h
 * The query of a callback holds an authorization code and a state. It is taken out of the request
 * before any other module sees it, so that no log shows it. That holds also for a wrong method, and
 * where a module in front refuses the request. Called on the request's thread; results lie in its
 * pool.
 */

#include <httpd.h>

/** Hook post_read_request: hide the query of a request to a sign-in's callback. @return DECLINED */
int gtm_secret_query_hide(request_rec *r);

/** Hide a request's query now. A second call changes nothing. */
void gtm_secret_query_take(request_rec *r);

/** The request is another handler's after all: restore it as the client sent it. */
void gtm_secret_query_give_back(request_rec *r);

/** The query that was hidden, else the request's own; "" when there is none. Lives as long as
 * `r`. */
const char *gtm_secret_query(request_rec *r);

#endif
