/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CONDITION_H
#define GT_CONDITION_H

/**
 * @file condition.h
 * Conditions that a client puts to a call (RFC 9110 section 13.1), handed on to Graph, which knows
 * the state of an event. Pure: no I/O.
 */

#include "graph/graph_params.h"

/**
 * Add a condition to a request to Graph. Entity tags are written anew; the suffix that
 * mod_deflate or mod_brotli appended to a tag on its way to the client is taken off.
 * @param name   "If-Match" (one tag or *), or "If-None-Match" (tags or *)
 * @param value  of the request's header field; NULL: there is none, and nothing is added
 * @return GT_INVALID naming the header field
 */
GT_MUST gt_err_t *gt_condition_add(gt_graph_params_t *params, const char *name, const char *value,
                                   apr_pool_t *p);

/** 1 when a list of header fields ("Name: value") holds If-None-Match: 304 may be the answer. */
int gt_condition_allows_304(const apr_array_header_t *headers);

#endif
