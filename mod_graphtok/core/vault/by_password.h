/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_BY_PASSWORD_H
#define GT_BY_PASSWORD_H

/**
 * @file by_password.h
 * The part of a refresh that gets an account's tokens by its password: where the row has no refresh
 * token, or the provider refuses it. It runs under the refresh's lease, so of all nodes one sends
 * the password. For refresh*.c only.
 */

#include "vault/refresh.h"

/** Work (state: gt_refresh_t): read the password, without judging whether it can be had. */
extern const gt_work_t gt_read_password;

/** GT_OK when the password may be sent for the row that was read: it can be had, and it was not
 * refused lately (GT0623). */
GT_MUST gt_err_t *gt_password_may_try(gt_refresh_t *r, apr_pool_t *p);

/** Work (state: gt_refresh_t): send it. Fails where the account is refused, which stands in the row
 * then; any other failure is r->failure. Else the tokens are in r->post. */
extern const gt_work_t gt_by_password;

#endif
