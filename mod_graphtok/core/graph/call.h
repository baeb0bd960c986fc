/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CALL_H
#define GT_CALL_H

/**
 * @file call.h
 * One Microsoft Graph request with a user's token. The call gets the token from the vault, sends,
 * and on 401 drops the token everywhere, refreshes once through the lease and repeats once (a 401
 * was not carried out, so any method may be repeated); with a claims challenge the refresh brings
 * its demands along (vault/challenge.h). Graph's error becomes ours with its status,
 * code, request-id and Retry-After. No more calls at a time than the provider's mailbox_calls are
 * at one mailbox, the others wait in order; a place lasts as long as the exchange with Graph,
 * however slowly its answer is taken or early its client goes. A refused group calendar says why
 * (graph/group_denied.h). Success: the transfer, head there,
 * body still to be taken. A failed change that may have been carried out says so
 * (gt_err_may_be_done). Where a body came in pieces and Graph did not take the token, that is
 * renewed and the call fails with GT_BUSY (GT0775), since the body is gone. Work of one task, whose
 * pool has the results.
 */

#include "graph/gateway_batch.h"
#include "graph/graph_params.h"
#include "graph/mailbox.h"
#include "net/transfer.h"
#include "vault/vault.h"

/** Work: make the call. */
typedef struct gt_call_t {
    gt_vault_t *vault;
    gt_mailboxes_t *mailboxes; /* NULL: as many calls at a time as come */
    gt_grant_key_t key;        /* the grant of the token */
    const gt_asker_t *asker;   /* the request that this is done for, or NULL */
    const char *mailbox;       /* the other user's mailbox that is called; NULL: the owner's own */
    const apr_array_header_t
        *places;       /* of gt_batch_place_t: the mailboxes that a batch is about, in
                                       * place of `mailbox`; NULL: it is none */
    const char *group; /* whose calendar is called, by its id in lower case; NULL: no group's */
    gt_graph_params_t params;
    apr_size_t answer_max;     /* most bytes of an answer, 0: no bound (streamed) */
    int streams;               /* 1: the answer is streamed, however small; set by itself for one
                                * that is too large to be collected */
    const gt_work_t *feed;     /* gives the body in pieces (gt_transfer_give) and awaits the head;
                                * streamed, and never sent twice. NULL: the parameters have it */
    void *feed_state;          /* of that work */
    apr_int64_t feed_length;   /* of the body, -1: not known */
    gt_transfer_t *transfer;   /* out */
    const gt_answer_t *answer; /* out: 2xx or 304, head complete */
    gt_token_for_t token;      /* out: its key, as the database knows it, and the token; else own */
    gt_visit_t visit;          /* own: at the mailbox */
    gt_visit_t **visits;       /* own: at those of `places` */
    int visited;               /* own: how many of them have begun */
    int repeats;               /* own */
    int refreshes;             /* own: that demands of Graph have led to */
    char *refusal;             /* own: body of a refusing answer, up to 32 KiB */
    apr_size_t refusal_len;    /* own */
} gt_call_t;
extern const gt_work_t gt_call;

/**
 * Graph's error as ours: 401 is GT_SIGN_IN, with a claims challenge GT_INTERACTION; 404, 410
 * GT_NOT_FOUND; 409, 412 GT_CONFLICT; 429, and 503 with Retry-After, GT_THROTTLED; other 4xx
 * GT_REFUSED; 5xx GT_UPSTREAM, 504 GT_TIMEOUT. Graph's status goes on to the client; an answer that
 * is no refusal at all is our 502. Fuzzed. Never quotes more than Graph's own code and message
 * (bounded, no controls).
 */
GT_MUST gt_err_t *gt_graph_error(int status, const char *body, apr_size_t len,
                                 const apr_table_t *headers, apr_pool_t *p);

#endif
