/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ROUTE_SETS_H
#define GTM_ROUTE_SETS_H

/**
 * @file route_sets.h
 * The list of route sets. A new one is a file of this folder and a row of the list. Built in the
 * parent while the configuration is read; constant afterwards, so any thread may read it.
 */

#include "config/route_set.h"

/** All sets, NULL handler last. */
extern const gtm_route_set_t gtm_all_route_sets[];

/** The tables, each in its own file. */
extern const gtm_route_t gtm_admin_routes[], gtm_auth_routes[], gtm_calendar_routes[],
    gtm_exchange_routes[], gtm_graph_routes[], gtm_health_routes[], gtm_mail_routes[],
    gtm_metrics_routes[], gtm_tokens_routes[], gtm_webhook_routes[];

#endif
