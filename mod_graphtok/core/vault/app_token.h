/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_APP_TOKEN_H
#define GT_APP_TOKEN_H

/**
 * @file app_token.h
 * Tokens of the application itself (RFC 6749 section 4.4): no user, no grant, no row. They are
 * known by provider, tenant and resource (vault/shared_fetch.h). Work of one task, whose pool has
 * the results.
 */

#include "vault/shared_fetch.h"

/** Work: get a token of the application's own. */
typedef struct gt_app_token_t {
    gt_vault_t *vault;
    const char *provider;    /* its name in the configuration */
    const char *tenant;      /* whose; NULL: the configured one, of a provider with no other */
    const char *resource;    /* as its scopes begin: "https://graph.microsoft.com" */
    const char *scope;       /* that is asked for; NULL: the resource's .default */
    gt_token_t token;        /* out */
    gt_shared_fetch_t fetch; /* own */
} gt_app_token_t;
/** Fails with GT_CLIENT_BROKEN (the provider refuses the application), GT_THROTTLED, GT_UPSTREAM,
 * GT_TIMEOUT; with GT_INTERNAL where there is no such provider or it serves many tenants. A token
 * that is still valid is served while a job fetches the next one. */
extern const gt_work_t gt_app_token_for;

/** Forget a token that the API refused, in every process of this machine. */
void gt_app_token_forget(gt_vault_t *vault, const char *provider, const char *tenant,
                         const char *resource);

#endif
