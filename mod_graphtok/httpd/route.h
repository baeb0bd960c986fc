/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ROUTE_H
#define GTM_ROUTE_H

/**
 * @file route.h
 * Route sets as tables, and the way from a path below the mount to a row. The path alone decides:
 * never the query, a fragment or a header.
 */

#include "exchange.h"

/** A handler's routes. */
typedef struct gtm_route_set_t {
    const char *handler;       /* "graphtok-auth" */
    const gtm_route_t *routes; /* NULL name last */
    int is_of_calendars;       /* 1: /users/{mailbox} and /calendars/{calendar} may stand before */
} gtm_route_set_t;

/** All sets, NULL handler last. */
extern const gtm_route_set_t gtm_route_sets[];

/** The tables, each in its own file. */
extern const gtm_route_t gtm_auth_routes[], gtm_calendar_routes[], gtm_health_routes[],
    gtm_metrics_routes[];

/** 1 when a handler's name is one of ours. */
int gtm_route_is_set(const char *handler);

/** 1 when a handler of ours has a route of this name. */
int gtm_route_has(const char *handler, const char *name);

/** The names of a handler's routes, for messages: "login callback token revoke user". */
const char *gtm_route_names(const char *handler, apr_pool_t *p);

/** 1 when some set has a route of this name. */
int gtm_route_is_name(const char *name);

/**
 * Gate: find the row. Sets x->route, x->param, x->mailbox, x->calendar.
 * @return GT_NOT_FOUND; GT_METHOD with the Allow field set
 */
GT_MUST gt_err_t *gtm_route_find(gtm_exchange_t *x);

#endif
