/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_MERGED_HANDLER_H
#define GTM_MERGED_HANDLER_H

/** @file merged_handler.h The handler of a request before httpd itself has decided on it. Called on
 * the request's thread; results lie in its pool. */

#include <httpd.h>

/**
 * The handler of r->uri by SetHandler, with the sections of its Locations merged, in lower case.
 * The request stays as it is.
 * @param with_conditions  1: the If sections, too; they may depend on a later hook
 * @return in r->pool; NULL when no section sets one
 */
const char *gtm_merged_handler(request_rec *r, int with_conditions);

#endif
