/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_GRAPH_WORK_H
#define GTM_GRAPH_WORK_H

/**
 * @file graph_work.h
 * What all routes share that ask Graph for their caller. A route's only step says what is asked: it
 * begins with gtm_graph_begin, fills the parameters in, and ends with gtm_graph_send, which does the
 * rest: token, place at the mailbox, call, one repeat after a 401, and the answer handed on with its
 * links made ours. The step may fail between the two; nothing has been sent then.
 */

#include "graph/graph_params.h"
#include "request/request.h"

/**
 * Begin: what the client's Prefer field says goes into x->query, and x->own becomes the call's.
 * @param params  out: to be filled in, zeroed
 * @return GT_FORBIDDEN for the mailbox of another that GraphTokSharedMailboxes does not open
 */
GT_MUST gt_err_t *gtm_graph_begin(gt_graph_params_t **params, gtm_request_t *x);

/** End of the step: the call is made and its answer passed on before the task's next step. */
void gtm_graph_send(gt_task_t *task, gtm_request_t *x);

#endif
