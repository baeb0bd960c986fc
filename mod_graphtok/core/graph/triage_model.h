/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TRIAGE_MODEL_H
#define GT_TRIAGE_MODEL_H

/**
 * @file triage_model.h
 * Asks a model server, which the administrator names, for the classes of messages that rules have
 * sorted. One request for all of them; docs/routes.md has its form and the answer's. Graph's ids,
 * tokens and the name of the user are not in it. A message of which the answer says nothing that
 * can be used keeps the class of the rules, and so do all when the server does not answer in time.
 */

#include "graph/inbox.h"

/** Work: ask. Never fails: what goes wrong is logged (GT0730). */
typedef struct gt_triage_model_t {
    const char *url;             /* in */
    apr_interval_time_t timeout; /* in: of the whole exchange */
    apr_array_header_t *sorted;  /* in, out: of gt_sorted_t, with their texts */
    gt_transfer_t *transfer;     /* own */
} gt_triage_model_t;
extern const gt_work_t gt_triage_model;

/** The request. In `p`. */
json_t *gt_triage_model_request(const apr_array_header_t *sorted, apr_pool_t *p);

/** Take the classes of an answer. @return how many messages it was good for */
int gt_triage_model_take(apr_array_header_t *sorted, const json_t *answer, apr_pool_t *p);

#endif
