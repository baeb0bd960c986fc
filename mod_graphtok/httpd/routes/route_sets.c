/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file route_sets.c The handlers' names and their tables. */

#include "routes/route_sets.h"

const gtm_route_set_t gtm_all_route_sets[] = {{"graphtok-auth", gtm_auth_routes, 0},
                                              {"graphtok-calendar", gtm_calendar_routes, 1},
                                              {"graphtok-exchange", gtm_exchange_routes, 0},
                                              {"graphtok-health", gtm_health_routes, 0},
                                              {"graphtok-metrics", gtm_metrics_routes, 0},
                                              {"graphtok-tokens", gtm_tokens_routes, 0},
                                              {NULL, NULL, 0}};
