/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_STRIP_H
#define GTM_STRIP_H

/**
 * @file strip.h
 * Names that only we may give (GraphTokPassToken): an application must be able to trust the values
 * under them. They are taken out of every request before any other module reads it, in each
 * spelling that an application could take for ours, whether a token is passed there or not. Called
 * on the request's thread; results lie in its pool.
 */

#include <httpd.h>

/** Take everything with such a name out of the request's header fields and variables. Does not
 * write to a table that a sub-request shares with others. */
void gtm_strip(request_rec *r);

/** Register the filter that keeps trailers clean; while hooks are registered. */
void gtm_strip_register(void);

/** post_read_request hook: removes the client's fields; after an internal redirect those that the
 * first location was given. */
int gtm_strip_request(request_rec *r);

#endif
