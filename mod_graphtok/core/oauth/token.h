/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TOKEN_H
#define GT_TOKEN_H

/**
 * @file token.h
 * The token endpoint (RFC 6749 section 5): a flow's request out, tokens in. Provider answers
 * become gt_tokens_t or an error whose class says what it means (oauth/oauth_refusal.c: by
 * `error`, AADSTS code and suberror, one printed table). A refresh POST that may have arrived is
 * never repeated here. Work of one task, whose pool has the results.
 */

#include "oauth/endpoint.h"
#include "oauth/oauth_refusal.h"

/** The token endpoint's answer. */
typedef struct gt_tokens_t {
    gt_secret_t *access;      /* NULL: none that can be used, but a refresh token */
    gt_secret_t *refresh;     /* NULL: none given, keep the old one */
    gt_secret_t *id_token;    /* NULL: none given */
    const char *scope;        /* as granted, or NULL */
    apr_time_t expires_at;    /* of `access`, wall clock; expires_in absent or absurd: one hour */
    apr_int64_t refresh_life; /* seconds that `refresh` lives; 0: not said */
    apr_time_t received;      /* gt_now() when it came */
    apr_time_t asked;         /* ticks when they were asked for; 0: not known */
} gt_tokens_t;

/** A flow: a way to tokens, as its token request shows it. */
typedef struct gt_flow_t {
    const char *grant_type; /* RFC 6749: "refresh_token" */
    const char *purpose;    /* for the log: "refresh" */
    /** Add the flow's own fields to a token request. @param params  the flow's own type */
    void (*add)(gt_form_t *form, const void *params);
    /** A copy of its parameters, for a job that outlives the asker. */
    const void *(*copy)(const void *params, apr_pool_t *p);
    /** The flow's own reading of a refusal, where the tables say something else: returns the error
     * itself, or another one in its place. NULL: the tables' reading. */
    gt_err_t *(*refused)(gt_err_t *err);
    /** 1 when a refusal says that the user has not answered yet: the same is asked again later.
     * NULL: none does. */
    int (*is_pending)(const gt_err_t *err);
} gt_flow_t;

/** Work: ask the token endpoint. */
typedef struct gt_token_params_t {
    gt_provider_t *provider;
    const gt_flow_t *flow;
    const void *params;      /* the flow's; stay as they are until the work ends */
    const char *resource;    /* that an access token is wanted for; NULL: the default one */
    const char *scope;       /* or NULL: the configured scopes of the resource */
    const char *claims;      /* demands of a claims challenge, which it is to meet; or NULL */
    int declares;            /* 1: declare our capability: calls of ours would meet a challenge */
    const char *tenant;      /* that is asked, a GUID or domain; NULL or "": the configured one */
    const gt_trace_t *trace; /* that the request is part of; NULL: none */
    gt_tokens_t tokens;      /* out */
    int was_sent;            /* out, on failure: 1 when the POST may have arrived, with an
                                     unknown outcome: a reset, a timeout, a 200 of rubbish */
    apr_time_t began;        /* own, ticks */
    gt_endpoint_post_t post; /* own */
} gt_token_params_t;
extern const gt_work_t gt_token_post;

/**
 * The rest of the access token's life, in whole seconds; below 0: it is over. A store counts it
 * from its own clock, so that nodes need not agree on the time. Nothing is left when our clock was
 * set back since the token came.
 */
apr_int64_t gt_tokens_left(const gt_tokens_t *tokens);

/**
 * Read a token endpoint's 200 answer. Fuzzed. A refresh token exists nowhere else: it is taken from
 * in any answer, with or without an access token.
 * @return GT_UPSTREAM when there is neither
 */
GT_MUST gt_err_t *gt_token_parse(gt_tokens_t *tokens, const char *body, apr_size_t len,
                                 apr_time_t now, apr_pool_t *p);

/** GT_UPSTREAM when there is no access token to be used. */
GT_MUST gt_err_t *gt_tokens_usable(const gt_tokens_t *tokens, apr_pool_t *p);

/**
 * A refusing answer as an error. Fuzzed.
 * @param numbers  those of the provider's kind, or NULL
 * @return never NULL: GT_SIGN_IN (dead), GT_INTERACTION, GT_CLIENT_BROKEN, GT_THROTTLED,
 *         GT_UPSTREAM, GT_REFUSED; `code` "AADSTS…" or the OAuth error, request_id the trace id,
 *         claims
 */
GT_MUST gt_err_t *gt_token_verdict(const gt_refusal_tables_t *tables, int status, const char *body,
                                   apr_size_t len, apr_interval_time_t retry_after, apr_pool_t *p);

#endif
