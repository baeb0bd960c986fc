/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REVOCATION_H
#define GT_REVOCATION_H

/**
 * @file revocation.h
 * Token revocation (RFC 7009) where a provider's discovery document names an endpoint for it.
 * Google does. Entra has none: revokeSignInSessions of Graph would end all applications' grants of
 * a user. Work of one task, whose pool has the results.
 */

#include "oauth/endpoint.h"

/** Work: have the provider forget a token, and the grant that it belongs to. */
typedef struct gt_revocation_t {
    gt_provider_t *provider;
    const gt_secret_t *token; /* a refresh token, else an access token */
    int was_asked;            /* out: 0: the provider has no endpoint for it */
    gt_endpoint_post_t post;  /* own */
} gt_revocation_t;

/** Fails with GT_UPSTREAM (GT0575) when the provider does not confirm it. A token that the provider
 * does not know any more counts as revoked. */
extern const gt_work_t gt_token_revoke;

#endif
