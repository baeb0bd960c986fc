/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_KIND_H
#define GT_KIND_H

/**
 * @file kind.h
 * The kinds of providers, a row for each: a rule that differs between providers stands in a kind's
 * own file (kind_microsoft.c, kind_google.c, kind_openid.c) and nowhere else. Rows are constant, so
 * any thread may read them.
 */

#include "conf/config.h"
#include "net/url.h"
#include "oauth/oauth_refusal.h"

/** Extra parameters of one authorization request. */
typedef struct gt_login_extra_t {
    const char *login_hint, *prompt, *domain_hint, *claims; /* or NULL */
    int wants_consent; /* 1: consent is to be asked for again, since no refresh token is there */
} gt_login_extra_t;

/** The values of `prompt` that OpenID Connect Core 1.0 section 3.1.2.1 has. */
#define GT_PROMPTS "login none consent select_account"

/** A kind. Functions that are NULL have nothing to say. */
typedef struct gt_provider_kind_t {
    const char *name;              /* "microsoft" */
    const char *offline_scope;     /* without it no refresh token comes; NULL: it takes no scope */
    const char *const *algorithms; /* that may sign its id_tokens, NULL last */
    int takes_body; /* 1: it takes a secret in the form, also where its document says nothing */
    const char
        *assertion_algorithms; /* that it takes of client assertions; NULL: as it says itself */
    const char *subject_claim; /* of an id_token: who; where it is missing, `sub` */
    const char *tenant_claim;  /* of an id_token: whose directory; NULL: there are no tenants */
    const char *organisation_claim; /* of an id_token: what tenant_fault judges */
    const char *prompts;            /* values of `prompt` that it takes, blank-separated */
    int consents_for_refresh; /* 1: it gives a refresh token with a consent alone, not with each
                               * sign-in */
    int omits_scope; /* 1: token requests name no scope: the user may have granted a part of it */
    int revokes_openly;     /* 1: its revocation endpoint wants no proof of our registration */
    const char *capability; /* of a client that answers claims challenges; NULL: it has none */
    int may_revoke;         /* 1: its discovery document may name a revocation endpoint */
    const gt_refusal_tables_t *refusals; /* its own numbers and words; NULL: it has none */

    /** A scope as requests must name it, in `p` or itself; "": not at all. NULL: as it is
     * configured. */
    const char *(*full_scope)(const char *scope, const gt_provider_conf_t *conf, apr_pool_t *p);
    /** The resource that a scope is of (oauth/resource.h), in `p`. NULL: all are of the default
     * one. */
    const char *(*resource)(const char *scope, const gt_provider_conf_t *conf, apr_pool_t *p);
    /** Where its discovery document is. In `p`. */
    const char *(*discovery_url)(const gt_provider_conf_t *conf, apr_pool_t *p);
    /** 1 when a discovery document's issuer is that of the configuration. `issuer` may be anything
     * of up to 2 KiB. */
    int (*issuer_fits)(const char *issuer, const gt_provider_conf_t *conf, apr_pool_t *p);
    /** An id_token's issuer as the discovery document has it, in `p` or itself. NULL: as it is. */
    const char *(*issuer_in_full)(const char *issuer, apr_pool_t *p);
    /** 1 when a safe URL of a discovery document may get secrets and codes. */
    int (*endpoint_fits)(const char *url, const gt_provider_conf_t *conf, apr_pool_t *p);
    /** The tenant that a request concerns; `home` is that of the user's account, or NULL. NULL: it
     * is not known. */
    const char *(*tenant)(const gt_provider_conf_t *conf, const char *home);
    /** An endpoint of the discovery document as one tenant's, in `p` or itself. */
    const char *(*endpoint_of)(const char *url, const char *tenant, const gt_provider_conf_t *conf,
                               apr_pool_t *p);
    /** Where an administrator consents for a tenant (NULL: the configured one), by the
     * authorization endpoint. NULL: there is no such place. */
    const char *(*consent_url)(const char *authorize, const char *tenant,
                               const gt_provider_conf_t *conf, apr_pool_t *p);
    /** 1 for a text that an id_token may name a tenant by. */
    int (*is_tenant)(const char *text);
    /** Why accounts of a tenant may not sign in, or NULL. `tenant` is NULL for an id_token that
     * names none. */
    const char *(*tenant_fault)(const char *tenant, const gt_provider_conf_t *conf, apr_pool_t *p);
    /** Add to an authorization request what the kind takes beside the parameters of every one. */
    void (*ask)(gt_form_t *form, const gt_login_extra_t *extra, const gt_provider_conf_t *conf);
    /** A refusal of the discovery document as an error, or GT_OK where its status says nothing. */
    gt_err_t *(*judge_status)(int status, const gt_provider_conf_t *conf, apr_pool_t *p);
} gt_provider_kind_t;

/** The kind of a provider. */
const gt_provider_kind_t *gt_provider_kind(const gt_provider_conf_t *conf);

/** The kinds, each in its own file. */
extern const gt_provider_kind_t gt_kind_microsoft, gt_kind_google, gt_kind_openid;

#endif
