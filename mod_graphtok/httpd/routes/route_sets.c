/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file route_sets.c The handlers' names and their tables. */

#include "routes/route_sets.h"

const gtm_route_set_t gtm_all_route_sets[] = {
    {.handler = "graphtok-admin", .routes = gtm_admin_routes, .api = gtm_tokens_routes},
    {.handler = "graphtok-auth", .routes = gtm_auth_routes},
    {.handler = "graphtok-calendar", .routes = gtm_calendar_routes, .is_of_calendars = 1},
    {.handler = "graphtok-exchange", .routes = gtm_exchange_routes},
    {.handler = "graphtok-graph", .routes = gtm_graph_routes},
    {.handler = "graphtok-health", .routes = gtm_health_routes},
    {.handler = "graphtok-mail", .routes = gtm_mail_routes},
    {.handler = "graphtok-metrics", .routes = gtm_metrics_routes},
    {.handler = "graphtok-tokens", .routes = gtm_tokens_routes},
    {.handler = "graphtok-webhook", .routes = gtm_webhook_routes},
    {.handler = NULL}};
