/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_GRAPH_WORK_H
#define GTM_GRAPH_WORK_H

/**
 * @file graph_work.h
 * The work of all routes that ask Graph for their caller. A route's row has a function that makes
 * the request to Graph (`asks`); the work does the rest: preferences, further pages (the parameter
 * `page`), token, place at the mailbox, call, one repeat after a 401, and the answer handed on with
 * its links made ours. When `asks` fails, nothing has been sent. Called by the thread that has the
 * request: a worker, or a finisher (park/park.h).
 */

#include "graph/graph_params.h"
#include "request/request.h"

/** Make the route's request to Graph, and pass the answer on. Fails with GT_FORBIDDEN for the
 * mailbox of another user that GraphTokSharedMailboxes does not open, and for a group that
 * GraphTokAccountGroups does not. */
extern const gt_work_t gtm_graph_work;

#endif
