/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_OAUTH_ERROR_H
#define GTM_OAUTH_ERROR_H

/** @file oauth_error.h Errors as clients of an authorization server know them. */

#include "request/request.h"

/**
 * Answer an error as RFC 6749 5.2 has it: `error`, `error_description`, and our `tag`. The error
 * names its word itself (oauth_error), or its class does. Retry-After is the caller's.
 */
void gtm_oauth_error_answer(gtm_request_t *x, const gt_err_t *err);

#endif
