/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_FLOWS_H
#define GT_FLOWS_H

/**
 * @file flows.h
 * The flows, each in a file of its own: what its token request says. What all of them share, the
 * lease, the commit and the verdict, stands in vault/.
 */

#include "oauth/token.h"

/** Spend a refresh token (RFC 6749 section 6). Params: a gt_secret_t, the refresh token. */
extern const gt_flow_t gt_flow_refresh_token;

/** What an authorization code is redeemed with. */
typedef struct gt_flow_code_t {
    const gt_secret_t *code;
    const gt_secret_t *verifier; /* RFC 7636 */
    const char *redirect_uri;    /* the one that the code was asked for with */
} gt_flow_code_t;

/** Redeem an authorization code (RFC 6749 4.1.3, RFC 7636 4.5). Params: a gt_flow_code_t. */
extern const gt_flow_t gt_flow_authorization_code;

#endif
