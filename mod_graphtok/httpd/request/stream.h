/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_STREAM_H
#define GTM_STREAM_H

/**
 * @file stream.h
 * Hand an API's answer on while it arrives, with back-pressure both ways: nothing is taken from the
 * provider before the client has taken what came before. An answer that came whole at once leaves
 * with its length. Called by the thread that has the request: a worker, or a finisher
 * (park/park.h).
 */

#include "graph/relink.h"
#include "net/transfer.h"
#include "request/request.h"

/** Work: a Graph answer whose head is there. A HEAD request is answered without its body. */
typedef struct gtm_stream_t {
    gtm_request_t *x;
    gt_transfer_t *transfer;
    const gt_answer_t *answer; /* 2xx or 304 */
    gt_relink_t *relink;       /* makes its next link ours, tells whether it is whole; of a relayed
                                 * one NULL: its bytes stay as they are */
    int is_relayed; /* 1: status, type, fields and bytes are Graph's, of any type and size; else it
                     * is JSON, held against GraphTokAnswerMax */
    const char *transaction_id; /* of the create whose answer this is, or NULL */
    /* own */
    apr_int64_t passed; /* bytes so far */
    const char *rest;   /* of the piece at hand; in the scratch pool, or the transfer's */
    apr_size_t rest_len;
    int is_last;   /* nothing comes after this piece */
    int has_piece; /* its rest, or its end, is not written yet */
} gtm_stream_t;
extern const gt_work_t gtm_stream;

#endif
