/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PAGES_H
#define GTM_PAGES_H

/** @file pages.h The few short pages a person may see. No script, no foreign text unescaped. */

#include "exchange.h"

/** After a sign-in that was to go nowhere else. */
const char *gtm_page_signed_in(gtm_exchange_t *x, const char *who);

/** An error. @param login_url where to sign in, or NULL */
const char *gtm_page_error(gtm_exchange_t *x, const gt_err_t *err, const char *login_url);

#endif
