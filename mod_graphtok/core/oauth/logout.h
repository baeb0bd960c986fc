/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOGOUT_H
#define GT_LOGOUT_H

/**
 * @file logout.h
 * What a provider says when its own session ends (OpenID Connect Front-Channel Logout 1.0 section
 * 3, Back-Channel Logout 1.0 section 2), and how it is asked to end it (RP-Initiated Logout 1.0).
 */

#include "oauth/identity.h"

/** Longest name of a provider's session that is taken, bytes. */
#define GT_SID_MAX 255

/** 1 when an issuer is that of a discovery document, whose `{tenantid}` stands for any tenant. */
int gt_logout_issuer_fits(const char *issuer, const char *template);

/** Work: verify a logout token. */
typedef struct gt_logout_token_t {
    gt_provider_t *provider;
    const gt_secret_t *token;
    const char *id;          /* out: jti */
    const char *sid;         /* out: or NULL */
    const char *subject;     /* out: the person as a grant's row has it; NULL: the sid alone */
    apr_interval_time_t age; /* out: since iat, which has whole seconds: one less, 0 at least */
    gt_discover_t discover;  /* own */
    gt_find_keys_t keys;     /* own */
} gt_logout_token_t;
/** Fails with GT_INVALID; the reason stands in the log, one detail for every reason. */
extern const gt_work_t gt_read_logout_token;

/**
 * The address that ends the provider's session.
 * @param hint    login_hint of the user's id_token, or NULL
 * @param target  where the provider sends the browser then, registered there
 * @return NULL where the provider has no such endpoint
 */
const char *gt_logout_url(const gt_endpoints_t *endpoints, const gt_provider_conf_t *conf,
                          const char *hint, const char *target, apr_pool_t *p);

#endif
