/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_ROUTES_AUTH_H
#define GTM_ROUTES_AUTH_H

/** @file routes_auth.h The works of the auth route set that live in files of their own. */

#include "oauth/login.h"
#include "request/request.h"

/** Send the browser to the provider. */
extern const gt_work_t gtm_login;

/** The browser came back. */
extern const gt_work_t gtm_callback;

/** routes_own_tokens.c: the caller's tokens of all providers of the place; one of them refreshed,
 * due or not; one of them revoked. */
extern const gt_work_t gtm_own_tokens, gtm_own_refresh, gtm_own_revoke;

/** End this browser's session; the grant stays. */
extern const gt_work_t gtm_logout;

/** Send an administrator to the provider, to consent for a tenant. */
extern const gt_work_t gtm_admin_consent;

/** 1 for a callback that tells of an administrator's consent, asked for here or not.
 * @param login  by its state; NULL: it has none of ours */
int gtm_consent_is_told(const gtm_request_t *x, const gt_login_t *login);

/** Answer it. */
GT_MUST gt_err_t *gtm_consent_show(gtm_request_t *x, const gt_login_t *login);

/** The page that the provider sends the browser back to. */
extern const gt_work_t gtm_logout_done;

/** The provider's session ended: a frame of its page says so, or its own call. */
extern const gt_work_t gtm_front_channel, gtm_back_channel;

/** The registered redirect address of a sign-in, to the letter. In the request's pool. */
const char *gtm_redirect_uri(const gtm_request_t *x);

/** A browser that fetches ahead, or asks for the head alone, gets nothing that counts: no state, no
 * code and no call of a limit is spent. It asks again when a person does. @return 1: it is answered
 */
int gtm_answer_look_ahead(gtm_request_t *x);

/** Header fields by which a browser says that it fetches ahead, for the routes of both. NULL
 * last. */
extern const char *const gtm_sign_in_fields[];

/** Find the owner of the grant that a sign-in is about, for the routes of both. @return GT_SIGN_IN
 * where the caller must be known before, and is not */
GT_MUST gt_err_t *gtm_owner_of_sign_in(gtm_request_t *x);

/** The same where the browser comes back: of a caller that shows a token the state says it. */
GT_MUST gt_err_t *gtm_owner_of_callback(gtm_request_t *x);

#endif
