/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ID_H
#define GT_ID_H

/** @file id.h Ids of Graph's objects, from a client's URL into the path of a request to Graph.
 * Pure; thread-safe. */

#include "gt.h"

/**
 * An id as one segment of a path of Graph. Graph decodes a path before it splits it into segments:
 * an id with %2F in it would be two of them, and name another resource. So '/' and '+' of base64
 * are written as '-' and '_', which Graph takes as the same id. Any other text that is no id
 * is refused. Every id that a client gives goes through here, of each kind of object.
 * Source: Microsoft Graph, "Get Outlook item identifiers"; microsoft-graph-docs issues 10167, 3598.
 * @return the segment, percent-encoded; NULL when the text cannot be an id
 */
const char *gt_graph_id(const char *id, apr_pool_t *p);

#endif
