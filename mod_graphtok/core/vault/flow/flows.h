/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FLOWS_H
#define GT_FLOWS_H

/**
 * @file flows.h
 * The flows, ways to a token, each in a file of its own: the condition for trying it, the
 * parameters of its token request, and its reading of refusals where that differs from the tables
 * of oauth/. Code that all of them share stands in vault/: acquire and admit for a sign-in; lease,
 * commit, journal and verdict for the renewal of a grant. Rows are constant, so any thread may read
 * them.
 */

#include "oauth/token.h"
#include "store/grant.h"

/** A flow that renews the tokens of a grant, with what the row has for it. */
typedef struct gt_renewing_flow_t {
    const gt_flow_t *flow;
    /** GT_OK, or GT_SIGN_IN: the row has nothing that the flow could try. */
    gt_err_t *(*may_try)(const gt_grant_t *grant, apr_pool_t *p);
    /** The flow's parameters, in the row's memory. */
    const void *(*params)(const gt_grant_t *grant);
} gt_renewing_flow_t;

/** Spend a refresh token (RFC 6749 section 6). Params: a gt_secret_t, the refresh token. */
extern const gt_flow_t gt_flow_refresh_token;
extern const gt_renewing_flow_t gt_renewing_refresh_token;

/** The parameters that an authorization code is redeemed with. */
typedef struct gt_flow_code_t {
    const gt_secret_t *code;
    const gt_secret_t *verifier; /* RFC 7636 */
    const char *redirect_uri;    /* the one that the code was asked for with */
} gt_flow_code_t;

/** Redeem an authorization code (RFC 6749 4.1.3, RFC 7636 4.5). Params: a gt_flow_code_t. */
extern const gt_flow_t gt_flow_authorization_code;

/** Redeem a user's token that was made for us (RFC 7523 2.1, Microsoft: on-behalf-of). Params: a
 * gt_secret_t, the token. */
extern const gt_flow_t gt_flow_on_behalf_of;

/** Ask for the tokens of a user who signs in on another device (RFC 8628 section 3.4). Params: a
 * gt_secret_t, the device code. */
extern const gt_flow_t gt_flow_device_code;

/** 1 when a refusal says that it is asked for too often: five seconds more between two questions
 * from then on (RFC 8628 section 3.5). */
int gt_flow_is_too_fast(const gt_err_t *err);

/** GT_OVER (GT0637): the time of a device code is over. */
GT_MUST GT_NEVER_NULL gt_err_t *gt_flow_device_code_over(apr_pool_t *p);

/** The user name and password of an account. */
typedef struct gt_flow_password_t {
    const char *user;
    const gt_secret_t *password;
} gt_flow_password_t;

/** Show an account's password (RFC 6749 section 4.3). Params: a gt_flow_password_t. A refusal of
 * the account is GT_CLIENT_BROKEN with the extent GT_EXTENT_USER and says what its administrator
 * can do. */
extern const gt_flow_t gt_flow_password;

/** Ask as the application itself (RFC 6749 section 4.4). Params: none. */
extern const gt_flow_t gt_flow_client_credentials;

#endif
