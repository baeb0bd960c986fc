/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PAGES_H
#define GTM_PAGES_H

/**
 * @file pages.h
 * The few short pages a person may see, in the language asked for, light or dark as the browser is.
 * No script, nothing loaded, no foreign text unescaped, and always a link that leads on. Called on
 * the request's thread; results lie in its pool.
 */

#include "request/request.h"

/** After a sign-out that was to go nowhere else. */
const char *gtm_page_signed_out(gtm_request_t *x);

/** After a sign-in that was to go nowhere else. @param who name or address; NULL: not known */
const char *gtm_page_signed_in(gtm_request_t *x, const char *who);

/** The provider's word after an administrator was asked to consent for an organisation. */
typedef struct gtm_consent_t {
    int is_ours;        /* 1: it was asked for here, in this browser */
    int is_refused;     /* 1: it was not given */
    const char *tenant; /* a GUID, or NULL; only of ours */
    const char *code;   /* the provider's, why it was not given, or NULL; only of ours */
} gtm_consent_t;

/** The page for it. */
const char *gtm_page_admin_consent(gtm_request_t *x, const gtm_consent_t *told);

/** An error, with a link to sign in where `login_url` is given. */
const char *gtm_page_error(gtm_request_t *x, const gt_err_t *err, const char *login_url);

/** The Content-Security-Policy of these pages: their style, and nothing else. */
const char *gtm_page_policy(apr_pool_t *p);

#endif
