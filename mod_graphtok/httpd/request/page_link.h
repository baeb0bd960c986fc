/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PAGE_LINK_H
#define GTM_PAGE_LINK_H

/**
 * @file page_link.h
 * Graph's next and delta links as links of ours and back, for all routes. The client gets one
 * sealed, bound to its owner and route, so it can neither be read nor made to lead elsewhere.
 * Called on the request's thread; results lie in its pool.
 */

#include "request/request.h"

/** For gt_relink: baton is the gtm_request_t. @return GT_UPSTREAM for a link that leads away from
 * graph_url */
GT_MUST gt_err_t *gtm_page_link(const char **ours, void *baton, const char *next_link,
                                apr_pool_t *p);

/** Open a `page` parameter. @return GT_INVALID for anything that is not ours */
GT_MUST gt_err_t *gtm_page_open(const char **next_link, gtm_request_t *x, const char *page);

#endif
