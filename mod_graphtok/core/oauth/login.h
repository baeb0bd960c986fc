/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOGIN_H
#define GT_LOGIN_H

/**
 * @file login.h
 * The authorization request, and the checks when the browser comes back (RFC 6749 4.1, RFC 7636,
 * RFC 9207, RFC 9700). A login is one random seed of 32 bytes: state, nonce and code verifier are
 * derived from it (HKDF), so the sealed state cookie stays small. No httpd here: the adapter keeps
 * the sealed text in a cookie and hands over the callback's parameters. Pure; thread-safe.
 */

#include "crypt/seal.h"
#include "oauth/kind.h"
#include "oauth/provider.h"

/** Stands for a return_to that is kept elsewhere: gt_login_kept_name. */
#define GT_RETURN_KEPT "*"

/** The purpose for which a browser is sent to the provider. */
typedef enum gt_login_for_t {
    GT_LOGIN_SIGN_IN,
    GT_LOGIN_WITH_CONSENT, /* the same, where the user is asked for consent again */
    GT_LOGIN_ADMIN_CONSENT /* an administrator agrees for a whole tenant */
} gt_login_for_t;

/** A sign-in under way. */
typedef struct gt_login_t {
    unsigned char seed[32];
    const char *store; /* names; the callback must be for the same */
    const char *provider;
    const char *host;      /* that began it: scheme://host:port, or its realm */
    const char *user;      /* caller it is for; "" for session */
    int carries_user;      /* 1: the callback cannot name the caller, so that the cookie does */
    const char *return_to; /* local path, GT_RETURN_KEPT, or "" */
    const char *tenant;    /* that the sign-in is asked for at, or "": the configured one */
    gt_login_for_t is_for; /* what is asked of the provider */
    apr_time_t started;    /* wall clock */
} gt_login_t;

/** Start one with a fresh seed. */
gt_login_t *gt_login_make(apr_pool_t *p);

/** Its state: 43 characters of base64url, as are nonce and verifier. */
const char *gt_login_state(const gt_login_t *login, apr_pool_t *p);
/** Its nonce, which the id_token must repeat. */
const char *gt_login_nonce(const gt_login_t *login, apr_pool_t *p);
/** The name under which the adapter keeps a return_to that is too long for the cookie; not to be
 * guessed from anything that the browser shows. */
const char *gt_login_kept_name(const gt_login_t *login, apr_pool_t *p);
/** Its code verifier (RFC 7636), which no browser sees. */
gt_secret_t *gt_login_verifier(const gt_login_t *login, apr_pool_t *p);

/** The URL the browser is sent to. @param extra  or NULL */
GT_MUST gt_err_t *gt_login_url(const char **url, const gt_login_t *login,
                               const gt_provider_conf_t *conf, const gt_endpoints_t *endpoints,
                               const char *redirect_uri, const gt_login_extra_t *extra,
                               apr_pool_t *p);

/**
 * The URL at which an administrator consents for the tenant of a login.
 * @return GT_NOT_FOUND: the provider has no such place
 */
GT_MUST gt_err_t *gt_login_consent_url(const char **url, const gt_login_t *login,
                                       const gt_provider_conf_t *conf,
                                       const gt_endpoints_t *endpoints, const char *redirect_uri,
                                       apr_pool_t *p);

/** Seal for the cookie (purpose cookie; place = "state", host, user, provider). */
GT_MUST gt_err_t *gt_login_seal(const char **sealed, const gt_login_t *login,
                                const gt_keyring_t *ring, apr_pool_t *p);

/**
 * Open a state cookie and hold it against the callback.
 * @param login   out; with `carries_user` its user is the one that the sign-in was begun for
 * @param expect  store, provider, host, user of this callback; with `carries_user` no user
 * @return GT_OVER: not ours, too old, for something else; one detail for all
 */
GT_MUST gt_err_t *gt_login_open(gt_login_t **login, const char *sealed, const char *state,
                                const gt_login_t *expect, apr_interval_time_t longest,
                                const gt_keyring_t *ring, apr_pool_t *p);

/**
 * Hold the `iss` of an authorization answer against the provider's issuer (RFC 9207): of several
 * providers with one callback, another one may have sent the browser here.
 * @param iss  as it came, or NULL; demanded of a provider that says it sends it
 */
GT_MUST gt_err_t *gt_login_check_issuer(const gt_endpoints_t *endpoints, const char *iss,
                                        apr_pool_t *p);

/**
 * An error callback as an error: access_denied is GT_FORBIDDEN "cancelled", as is a refusal of this
 * user; consent and interaction ones are GT_INTERACTION, server errors GT_UPSTREAM. A verdict on
 * our own registration is GT_REFUSED here: it came through a browser, so that any visitor could
 * have written it, and only the token endpoint is believed. Never quotes error_description.
 */
GT_MUST gt_err_t *gt_login_error(const gt_provider_conf_t *conf, const char *error,
                                 const char *subcode, const char *description, apr_pool_t *p);

#endif
