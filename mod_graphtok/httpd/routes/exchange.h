/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_EXCHANGE_H
#define GTM_EXCHANGE_H

/**
 * @file exchange.h
 * One token exchange, x->own of its request, and the parts of its work that stand in files of their
 * own. Source: RFC 8693.
 */

#include "caller/client.h"
#include "request/request.h"

/** The audience of a token for our own routes. */
#define GTM_OWN_ROUTES "graphtok"

#define GTM_TYPE_ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"

typedef struct gtm_exchange_t {
    apr_time_t began; /* ticks */
    gtm_client_auth_t auth;
    const gt_client_conf_t *client;
    const char *resource;     /* that a token is wanted for */
    int is_for_routes;        /* 1: a token of ours is wanted, for our own routes */
    gt_bearer_check_t bearer; /* the subject's JWT; token NULL: none */
    gt_secret_t *assertion; /* the provider's token of the subject; NULL: the subject has a grant */
    gt_token_for_t token;   /* the provider's */
    gt_secret_t *issued;    /* ours, for our own routes; NULL: the provider's is wanted */
    gt_err_t *failure;      /* of the subject, or of what its token needed */
    apr_time_t answered;    /* ticks at which a failure is told; 0: not decided yet */
} gtm_exchange_t;

/** A text of the form; an empty one is none (RFC 6749 3.2). */
const char *gtm_exchange_given(const gtm_request_t *x, const char *name);

/** A fault of the request. @param oauth_error  NULL: invalid_request */
gt_err_t *gtm_exchange_invalid(const gtm_request_t *x, const char *oauth_error, const char *tag,
                               const char *detail);

/** The same, invalid_request, for a parameter that is missing or is none that is taken. */
gt_err_t *gtm_exchange_wrong(const gtm_request_t *x, const char *detail);

/**
 * Find out what a token is wanted for, and hold it against the client's entry. Nothing is asked
 * about users.
 * @return GT_INVALID: invalid_target, invalid_scope
 */
GT_MUST gt_err_t *gtm_exchange_find_target(gtm_request_t *x);

/** The vault has the user's token: judge whether the client may have it, or make the token of ours
 * that is wanted. @return the fault: one of the subject, or as gtm_client_token_make */
GT_MUST gt_err_t *gtm_exchange_judge(gtm_request_t *x);

/**
 * Work (state: the gtm_request_t): find the subject, x->owner.user, or own->assertion. A fault of
 * the subject itself is left in own->failure.
 * Fails for a request that names none, or in a way that the client's entry does not allow.
 */
extern const gt_work_t gtm_exchange_subject;

#endif
