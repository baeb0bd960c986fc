/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ACQUIRE_H
#define GT_ACQUIRE_H

/**
 * @file acquire.h
 * The first half of a sign-in: tokens of a provider, by any flow. Nothing that is stored is
 * touched. Work of one task, whose pool has the results.
 */

#include "oauth/token.h"
#include "vault/vault.h"

/** Work: get tokens. */
typedef struct gt_acquire_t {
    gt_vault_t *vault;         /* in */
    gt_provider_t *provider;   /* in */
    const gt_flow_t *flow;     /* in */
    const void *params;        /* in: the flow's; stay as they are until the work ends */
    const char *scope;         /* in: or NULL: the provider's configured scope */
    int is_of_grant;           /* in: 1: the tokens are those of a grant */
    const char *tenant;        /* in: that is asked; NULL or "": the configured one */
    const gt_trace_t *trace;   /* in: that the request is part of; NULL: none */
    const gt_tokens_t *tokens; /* out, in `post` */
    gt_token_params_t post;    /* own */
    gt_err_t *failure;         /* own */
} gt_acquire_t;
/** Fails with the provider's refusal, and without asking during a pause (vault/pause.h), which a
 * failure may begin. */
extern const gt_work_t gt_acquire;

#endif
