/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CALL_H
#define GT_CALL_H

/**
 * @file call.h
 * One Microsoft Graph request with the caller's token. Gets the token from the vault, sends, and
 * on 401 drops the token everywhere, refreshes once through the lease and repeats once (a 401 was
 * not carried out, so any method may be repeated). Graph's error becomes ours with its status, code,
 * request-id and Retry-After. Success: the transfer, head there, body still to be taken.
 */

#include "net/transfer.h"
#include "vault/vault.h"

typedef struct gt_call_t {
    gt_vault_t *vault;
    gt_store_t *store;
    gt_owner_t owner;
    const char *method;
    const char *url;                    /* absolute, below the provider's graph_url */
    const apr_array_header_t *headers;  /* of const char *, or NULL: Prefer, client-request-id … */
    json_t *body;                       /* or NULL */
    apr_size_t answer_max;              /* most bytes of an answer, 0: no bound (streamed) */
    gt_transfer_t *transfer;            /* out */
    const gt_answer_t *answer;          /* out: status 2xx, head complete */
    gt_token_for_t token;               /* own */
    int repeated;                       /* own */
} gt_call_t;
extern const gt_work_t gt_call;

/**
 * Graph's error as ours. Fuzzed. Never quotes more than Graph's own code and message (bounded, no
 * controls).
 */
GT_MUST gt_err_t *gt_graph_error(int status, const char *body, apr_size_t len,
                                 const apr_table_t *headers, apr_pool_t *p);

#endif
