/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ACCOUNT_NAMED_H
#define GT_ACCOUNT_NAMED_H

/** @file account_named.h The mail account that a request is about. May block on the database;
 * thread-safe. */

#include "base/json.h"
#include "store/mail_account.h"

/**
 * Find an account of a user.
 * @param named  the request's member `account`: its id, or its address; NULL: the only one
 * @return GT_NOT_FOUND: the user has none, or none such; GT_INVALID: several, and none is named
 */
GT_MUST gt_err_t *gt_account_named(gt_mail_account_t **account, gt_store_t *store, const char *user,
                                   const json_t *named, apr_pool_t *p);

#endif
