/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_PROVIDER_H
#define GT_PROVIDER_H

/**
 * @file provider.h
 * A provider at work in this child: its configuration, its discovery document (kept for a day, as
 * bytes of which tasks get copies) and its keys (oauth/key_source.h). Thread-safe. Source: OpenID
 * Connect Discovery; Microsoft, "OpenID Connect on the Microsoft identity platform".
 */

#include "conf/config.h"
#include "net/transfer.h"
#include "oauth/credentials.h"
#include "oauth/key_source.h"

/** A sign-in that brought no refresh token where none is kept: it is to be begun again, with a
 * question for consent. @return GT_INTERACTION */
GT_MUST gt_err_t *gt_provider_wants_consent(const gt_provider_conf_t *conf, apr_pool_t *p);

/** Make it; nothing is fetched. */
gt_provider_t *gt_provider_make(const gt_provider_conf_t *conf, apr_pool_t *p);

/**
 * Say which crews work for it, before it is used; without one, as at first, a task works itself.
 * @param crew     fetches its keys (oauth/key_source.h), or NULL
 * @param readers  read its secret (task/reader.h), or NULL
 */
void gt_provider_run_by(gt_provider_t *provider, gt_crew_t *crew, gt_crew_t *readers);

/** The crew that reads its secret, or NULL. */
gt_crew_t *gt_provider_readers(const gt_provider_t *provider);

/** The state of its credentials, which the child remembers. */
gt_credentials_t *gt_provider_credentials(const gt_provider_t *provider);

/** Where the keys of its id_tokens come from. */
gt_key_source_t *gt_provider_keys(const gt_provider_t *provider);

/** Its configuration. */
const gt_provider_conf_t *gt_provider_conf(const gt_provider_t *provider);

/**
 * Set proxy, authorities and time limits of a call to this provider. All calls are made with them.
 * The proxy's user and password are read again in the background, once a second at most while there
 * are calls; nothing is waited for but by graphtokctl.
 * @return GT_INTERNAL with status 503 while the user and password were never read
 */
GT_MUST gt_err_t *gt_provider_route(gt_request_t *request, gt_provider_t *provider, apr_pool_t *p);

/** The URLs of a provider, copied into the caller's pool. */
typedef struct gt_endpoints_t {
    const char *issuer; /* may hold {tenantid} */
    const char *authorize;
    const char *token;
    const char *jwks_uri;
    const char *userinfo;    /* or NULL */
    const char *end_session; /* for browsers; or NULL */
    const char *revocation;  /* or NULL: Entra has none */
    const char *device;      /* for devices without a browser (RFC 8628); or NULL */
    int takes_basic_alone; /* 1: its token endpoint takes a secret in the header, not in the form */
    const char *assertion_algorithms; /* that it takes of client assertions, blank-separated; NULL:
                                          not said */
    int names_itself;                 /* 1: each authorization answer carries `iss` (RFC 9207) */
} gt_endpoints_t;

/**
 * Read a discovery document and hold it against the configuration: the issuer is that of the
 * authority and tenant, the endpoints stand where secrets may be sent. Fuzzed.
 * @param endpoints  in `p`
 * @return GT_UPSTREAM naming the member that is wrong
 */
GT_MUST gt_err_t *gt_discovery_parse(gt_endpoints_t *endpoints, const gt_provider_conf_t *conf,
                                     const char *body, apr_size_t len, apr_pool_t *p);

/** Work: leave the endpoints in ask->endpoints, from the cache or fetched. */
typedef struct gt_discover_t {
    gt_provider_t *provider;  /* in */
    int probe;                /* in: 1: ask even if the document is fresh, at most every 5 s */
    gt_endpoints_t endpoints; /* out */
    gt_transfer_t *transfer;  /* own */
} gt_discover_t;
extern const gt_work_t gt_discover;

/** The scope of an authorization request: the configured one with openid, without which persons
 * cannot be told apart, and at Entra offline_access, without which there is no grant. */
const char *gt_provider_scope(const gt_provider_conf_t *conf, apr_pool_t *p);

/**
 * The tenant that a token request concerns: the configured one, or where that is common or
 * organizations the user's own.
 * @param home  the tenant of the user's account; NULL or "": not known
 * @return NULL when it is not known, and at providers without tenants
 */
const char *gt_provider_tenant(const gt_provider_conf_t *conf, const char *home);

/**
 * One of its endpoints as the one that a tenant's requests go to. A provider of many tenants
 * answers at `organizations` for the home tenant of an account, also where the account is a guest
 * in another one.
 * @param url     of the discovery document; NULL stays NULL
 * @param tenant  NULL or "": not known; then the endpoint stays as it is
 */
const char *gt_provider_endpoint(const gt_provider_conf_t *conf, const char *url,
                                 const char *tenant, apr_pool_t *p);

/**
 * Judge the tenant that a sign-in is asked for.
 * @return GT_INVALID: it can be none, or the provider has none; GT_FORBIDDEN: its accounts may not
 *         sign in
 */
GT_MUST gt_err_t *gt_provider_check_tenant(const gt_provider_conf_t *conf, const char *tenant,
                                           apr_pool_t *p);

/** The refusal of a person of a tenant that may not sign in. @param fault  for the log */
gt_err_t *gt_provider_forbid_tenant(const gt_provider_conf_t *conf, const char *fault,
                                    apr_pool_t *p);

/** Note how a call ended (NULL: well), for the health route. */
void gt_provider_heard(gt_provider_t *provider, const gt_err_t *err);

/** The token endpoint's Date header (0: none): tells our clock's error. */
void gt_provider_dated(gt_provider_t *provider, apr_time_t date);

/** For the health route: when it last answered (wall clock; 0: never), 1 when the last call went
 * well. */
void gt_provider_health(apr_time_t *last, int *is_well, gt_provider_t *provider);

/** Our clock's error against the provider's last Date header, µs (positive: ours is ahead). */
apr_interval_time_t gt_provider_skew(gt_provider_t *provider);

#endif
