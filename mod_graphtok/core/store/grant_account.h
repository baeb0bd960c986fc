/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRANT_ACCOUNT_H
#define GT_GRANT_ACCOUNT_H

/**
 * @file grant_account.h
 * The row of an account that gets its tokens by a password. It is a row as any other, and begins
 * without tokens. A refused password leaves its mark there, so that no node and no later start
 * sends it again within a time: each refusal brings the account nearer to being locked. Functions
 * may block on the database.
 */

#include "store/grant.h"

/** Make an account's row where there is none: active, without tokens, its access token over.
 * @param email  the account's user name at the provider, for lists
 * @return GT_INTERNAL (GT0430) before step 14 of the store's ladder */
GT_MUST gt_err_t *gt_grant_begin(gt_store_t *store, const gt_owner_t *owner, const char *email,
                                 apr_pool_t *p);

/** Fails as gt_grant_begin where a store cannot hold the grant of an account. */
GT_MUST gt_err_t *gt_grant_accounts_check(gt_store_t *store, apr_pool_t *p);

/** Different passwords that are sent within one time, at most: nodes may hold different ones while
 * a file is replaced. */
#define GT_PASSWORDS_MAX 5

/** The state of a password, as the row has it. */
typedef struct gt_password_mark_t {
    apr_interval_time_t left; /* until it may be sent; 0: it may be now */
    const char *message;      /* of the last refusal, as gt_grant_t has it, or NULL */
    int is_halted;            /* 1: an administrator has deactivated the grant */
} gt_password_mark_t;

/**
 * Ask whether a password may be sent for a grant now: it was not refused lately, nor were too many
 * others.
 * @param grant     its generation counts: a refusal of another one is over
 * @param password  as it would be sent; no column holds it, nor what it could be guessed by
 */
GT_MUST gt_err_t *gt_grant_password_mark(gt_password_mark_t *mark, gt_store_t *store,
                                         const gt_grant_t *grant, const gt_secret_t *password,
                                         apr_pool_t *p);

/**
 * Note that a password was refused: the grant is inactive, its lease given back, and its next
 * generation marked for failure->retry_after, all by one UPDATE.
 * @param noted  0: the generation moved on meanwhile, nothing was changed
 */
GT_MUST gt_err_t *gt_grant_password_refused(int *noted, gt_store_t *store, const gt_grant_t *grant,
                                            const gt_secret_t *password, const gt_err_t *failure,
                                            apr_pool_t *p);

/* ---- shared with the other files of grants ---- */

/** A random UUID (RFC 9562 version 4) in SQLAlchemy's form for SQLite, which PostgreSQL takes
 * too. */
const char *gt_grant_new_id(apr_pool_t *p);

/** The message of a grant that an administrator has deactivated. */
#define GT_GRANT_HALTED "deactivated by an administrator"

/** "sign-in-required GT0501 AADSTS70008": a word, tag and the provider's code, of which only
 * characters of codes are taken. No other text of a provider is stored. */
const char *gt_grant_failure(const gt_err_t *failure, const char *word, apr_pool_t *p);

/** "sign-in-required AADSTS70008": the name of the failure's class, and the code likewise. */
const char *gt_grant_failed_by(const gt_err_t *failure, apr_pool_t *p);

#endif
