/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GATEWAY_BATCH_H
#define GT_GATEWAY_BATCH_H

/**
 * @file gateway_batch.h
 * A client's $batch at the gateway: each part is judged as a request of its own. Those that are
 * refused, and those that depend on them, are answered here; the rest goes on as one batch, and the
 * answers are put together. Source: Microsoft Graph, "Combine multiple HTTP requests using JSON
 * batching". Pure; results lie in the caller's pool. Fuzzed.
 */

#include "base/json.h"
#include "graph/gateway_path.h"

/** Most parts of a batch. */
#define GT_BATCH_MOST 20

/** Judges one part: GT_OK, or why it is refused. */
typedef gt_err_t *gt_batch_judge_fn(void *baton, const char *method, const gt_gateway_path_t *path);

/** A batch to be split. */
typedef struct gt_batch_wish_t {
    const json_t *body;        /* as the client sent it */
    const char *version;       /* that its addresses are below */
    const char *const *fields; /* header fields of parts that go on, NULL last */
    gt_batch_judge_fn *judge;
    void *baton; /* for it */
} gt_batch_wish_t;

/** The calls of a batch at one mailbox. */
typedef struct gt_batch_place_t {
    const char *mailbox; /* NULL: the user's own */
    int parts;
} gt_batch_place_t;

/** A batch that was split. */
typedef struct gt_batch_split_t {
    json_t *body;               /* for Graph; NULL: no part is left */
    json_t *refused;            /* list of the answers to the others */
    apr_array_header_t *places; /* of gt_batch_place_t: mailboxes in one order for all batches, so
                                 * that no two wait for each other */
    apr_table_t *mailboxes;     /* by the id of a part; "": the user's own */
} gt_batch_split_t;

/**
 * Split a batch.
 * @return GT_INVALID naming the member that makes it no batch; a part that is refused is no failure
 */
GT_MUST gt_err_t *gt_batch_split(gt_batch_split_t *split, const gt_batch_wish_t *wish,
                                 apr_pool_t *p);

/**
 * Put the answers to refused parts into Graph's answer, in front of its own, whose bytes stay as
 * they are.
 * @param answer  out, in `p`
 * @return GT_UPSTREAM (GT0777) when `bytes` are no answer to a batch
 */
GT_MUST gt_err_t *gt_batch_join(const char **answer, apr_size_t *answer_len, const char *bytes,
                                apr_size_t len, const json_t *refused, apr_pool_t *p);

struct gt_call_t;

/** Hear which mailboxes Graph wants left alone, as its answer to the batch says of its parts.
 * @param call  that has the answer */
void gt_batch_hear(const gt_batch_split_t *split, const struct gt_call_t *call, apr_pool_t *p);

#endif
