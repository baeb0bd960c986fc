/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_HANDLER_H
#define GTM_HANDLER_H

/**
 * @file handler.h
 * A request from its begin to its end: the gates in their order, then the route's work under the
 * driver that fits, then the answer.
 */

#include "request/request.h"

/** Handler hook. DECLINED unless the handler's name is one of our route sets. */
int gtm_handler(request_rec *r);

/** map_to_storage hook: no file stands behind our routes, so none is looked for (mod_dir would
 * redirect where a folder of the same name exists). */
int gtm_map_to_storage(request_rec *r);

#endif
