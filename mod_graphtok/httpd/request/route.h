/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ROUTE_H
#define GTM_ROUTE_H

/**
 * @file route.h
 * The way from a path below the mount to a row of its route set. The path alone decides:
 * never the query, a fragment or a header. Called on the request's thread; results lie in its pool.
 */

#include "request/request.h"

/**
 * Gate: find the row. Sets x->route, x->param, x->param2, x->tail, x->mailbox, x->calendar,
 * x->group.
 * @return GT_NOT_FOUND; GT_METHOD with the Allow field set
 */
GT_MUST gt_err_t *gtm_route_find(gtm_request_t *x);

/** All rows that the path fits, of any method. @param routes array of const gtm_route_t * */
void gtm_route_offers(apr_array_header_t *routes, gtm_request_t *x);

/** A list of methods with one more, "GET, HEAD, POST". @param allow NULL: none so far */
const char *gtm_route_add_method(const char *allow, const char *method, apr_pool_t *p);

#endif
