/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ACCOUNT_H
#define GT_ACCOUNT_H

/**
 * @file account.h
 * Accounts of the server itself, which no person signs in with: their place among the users of a
 * store, and the checks of their entries. Pure; thread-safe.
 */

#include "conf/config.h"

/** The user ids that begin so are those of accounts; no caller of ours may have one. */
#define GT_ACCOUNT_USERS "account:"

/** 1 when a user id is one that only an account may have. */
int gt_account_is_user(const char *user);

/** The user id of an account: "account:events". In `p`. */
char *gt_account_user(const gt_account_conf_t *account, apr_pool_t *p);

/** The provider's name of an account: the one that it names, else the only one; NULL: there are
 * several, or none. */
const char *gt_account_provider(const gt_config_t *config, const gt_account_conf_t *account);

/** Where its grant stands, or would. In `p`. The provider must be known. */
gt_grant_key_t gt_account_key(const gt_config_t *config, const gt_account_conf_t *account,
                              apr_pool_t *p);

/** The account that a grant is of, or NULL: it is a user's, or of an account that is configured no
 * longer, or elsewhere. */
const gt_account_conf_t *gt_account_of(const gt_config_t *config, const gt_grant_key_t *key);

/** 1 when the events of a group are open to those who use an account's token. Without regard to
 * case. @param group  its id */
int gt_account_opens_group(const gt_account_conf_t *account, const char *group);

/** Judge the entries, as gt_config_check does. */
void gt_accounts_check(const gt_config_t *config, apr_array_header_t *errors,
                       apr_array_header_t *warnings, apr_pool_t *p);

#endif
