/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRAPH_ASK_H
#define GT_GRAPH_ASK_H

/**
 * @file graph_ask.h
 * A call of Graph whose answer is read here and not handed on: the whole of it, as JSON. Work of
 * one task, whose pool has the results; see graph/call.h for what the call itself does.
 */

#include "graph/call.h"

/** Work: call, and read the answer. */
typedef struct gt_graph_ask_t {
    gt_call_t call;   /* in: all that gt_call wants; answer_max bounds the answer, 0: 1 MiB */
    json_t *root;     /* out: an object, in the memory of `json`; NULL: the answer is empty (204) */
    apr_pool_t *json; /* out: that the caller may destroy to be rid of the answer early */
    apr_array_header_t *pieces; /* own: of const char * */
    apr_size_t len;             /* own */
} gt_graph_ask_t;

/** Fails as gt_call does, and with GT_UPSTREAM when the answer is no JSON object (GT0725) or is
 * longer than answer_max (gt_transfer_is_too_large says so). */
extern const gt_work_t gt_graph_ask;

/** Make an ask ready, perhaps once more: a copy of the model's vault, mailboxes, key and asker, and
 * nothing else. */
void gt_graph_ask_begin(gt_graph_ask_t *ask, const gt_call_t *model);

#endif
