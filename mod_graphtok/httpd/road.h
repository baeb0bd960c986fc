/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ROAD_H
#define GTM_ROAD_H

/**
 * @file road.h
 * The road of a request: the gates in their order, then the route's work under the driver that
 * fits, then the answer.
 */

#include "exchange.h"

/** Handler hook. DECLINED unless the handler's name is one of our route sets. */
int gtm_handler(request_rec *r);

/** Find the store and the provider of the request's location; nobody is known yet. */
GT_MUST gt_err_t *gtm_find_parts(gtm_exchange_t *x);

/** map_to_storage hook: no file stands behind our routes, so none is looked for (mod_dir would
 * redirect where a folder of the same name exists). */
int gtm_map_to_storage(request_rec *r);

/** The work has ended: write its answer, or its error. For the drivers. */
void gtm_road_end(gtm_exchange_t *x);

#endif
