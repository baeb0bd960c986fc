/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SHARED_FETCH_H
#define GT_SHARED_FETCH_H

/**
 * @file shared_fetch.h
 * Tokens that belong to no grant and have no row: what is known of them stands in the shared cache,
 * and one process of the server at a time asks for one. A second token would cost a call and
 * nothing else, so nodes do not coordinate.
 */

#include "vault/access_token.h"
#include "vault/vault.h"

/** Work: get such a token. A value of the asker's; what it points to stays as it is meanwhile. */
typedef struct gt_shared_fetch_t {
    gt_vault_t *vault;     /* in, as all up to ends_by */
    const char *provider;  /* its name; configured */
    gt_token_key_t key;    /* in the cache: its store is "", so that it is no grant's */
    const char *name;      /* for the log: "application" */
    const gt_flow_t *flow; /* vault/flow/flows.h */
    const void *params;    /* the flow's, copied */
    const char *tenant;    /* that is asked; NULL: the configured one */
    const char *scope;     /* that is asked for */
    apr_time_t ends_by;    /* wall clock: the token serves no longer; 0: as long as it lasts */
    gt_token_t token;      /* out */
    gt_flight_t *flight;   /* own */
} gt_shared_fetch_t;
/** Fails with what the flow failed with, which is remembered for a moment, or with GT_TIMEOUT. A
 * token that is still valid is served while a job fetches the next one. */
extern const gt_work_t gt_shared_fetch;

/** Forget a token that the API refused, in every process of this machine. */
void gt_shared_fetch_forget(gt_vault_t *vault, const gt_token_key_t *key);

#endif
