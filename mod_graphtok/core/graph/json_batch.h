/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_JSON_BATCH_H
#define GT_JSON_BATCH_H

/**
 * @file json_batch.h
 * Several requests to Graph in one. Pure: builds the body and reads the answers, which come in any
 * order and fail one by one. Source: Microsoft Graph, "Combine multiple HTTP requests using JSON
 * batching". Thread-safe for different objects.
 */

#include "base/err.h"
#include "graph/graph_params.h"

/** Most requests of one batch. */
#define GT_BATCH_MOST 20

/** Make a batch without requests, to be sent to params->path. */
void gt_batch_begin(gt_graph_params_t *params, apr_pool_t *p);

/** Add a change of one object (PATCH).
 * @param id    a number that the batch has not had yet
 * @param url   below the version's root: "/me/messages/…"
 * @param etag  for If-Match, or NULL
 * @param body  JSON; a reference is taken */
void gt_batch_change(gt_graph_params_t *params, int id, const char *url, const char *etag,
                     json_t *body);

/**
 * The outcome of one request.
 * @param root  the answer to the batch
 * @return GT_OK: it succeeded; Graph's error as gt_graph_error makes it; GT_UPSTREAM (GT0726): the
 * answer says nothing of it
 */
GT_MUST gt_err_t *gt_batch_outcome(const json_t *root, int id, apr_pool_t *p);

#endif
