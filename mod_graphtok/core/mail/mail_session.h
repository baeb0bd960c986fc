/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_SESSION_H
#define GT_MAIL_SESSION_H

/**
 * @file mail_session.h
 * A session with the mail server of an account: dialled by the provider's rules, and signed in by
 * the grant's token or by the account's password.
 */

#include "imap/imap_session.h"
#include "store/mail_account.h"
#include "vault/vault.h"

/**
 * Work: open one. A token that the server refuses is refreshed once, and the server asked again: it
 * may be one that was ended before its time. Failures: the vault's; those of gt_imap_sign_in.
 */
typedef struct gt_mail_session_t {
    gt_vault_t *vault;                /* in */
    gt_store_t *store;                /* in */
    const gt_mail_account_t *account; /* in */
    const gt_asker_t *asker;          /* in: the request that it is for; NULL: none */
    apr_pool_t *pool;                 /* in: the session ends with it; NULL: with the task */
    gt_imap_session_t *session;       /* out */
    apr_time_t token_ends_at;         /* out: wall clock; 0: a password */
    gt_token_for_t token;             /* own */
    gt_secret_t *password;            /* own; NULL: by the token */
    gt_imap_sign_in_t sign_in;        /* own */
    gt_err_t *refusal;                /* own: of the sign-in */
    int was_refused;                  /* own: the token, once */
} gt_mail_session_t;
extern const gt_work_t gt_mail_session_open;

#endif
