/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_NEXT_LINK_H
#define GT_NEXT_LINK_H

/** @file next_link.h The link to the next page of a list, as Graph or a gateway before it writes
 * it. Pure; thread-safe.
 */

#include "base/err.h"

/**
 * Where a next link leads, below the configured address of Graph. Links are read as URLs are: the
 * host and the version without regard to case, a relative one from the root of the service (OData
 * JSON Format 4.0, section 4.5.1), bytes that may not stand in a URL escaped. Where `graph_url` is
 * a gateway, a link to Microsoft's own host is followed through the gateway.
 * @param url  out: absolute, below graph_url
 * @return GT_UPSTREAM (GT0717) when it leads anywhere else: the rest of the list cannot be had
 */
GT_MUST gt_err_t *gt_next_link(const char **url, const char *link, const char *graph_url,
                               apr_pool_t *p);

#endif
