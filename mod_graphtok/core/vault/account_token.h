/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ACCOUNT_TOKEN_H
#define GT_ACCOUNT_TOKEN_H

/**
 * @file account_token.h
 * The token of an account that is the application itself (GraphTokAccountGrant
 * client-credentials): it has no row. For token_for.c, whose state both share.
 */

#include "vault/vault.h"

/** 1 when a token is asked for such an account. */
int gt_account_is_application(const gt_token_for_t *params);

/** Work (state: gt_token_for_t): leave its token. Fails as gt_app_token_for, and with GT_INTERNAL
 * (GT0636) for a resource that the account's scope is not of. */
extern const gt_work_t gt_account_token;

#endif
