/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef CTL_VERB_ACCOUNT_H
#define CTL_VERB_ACCOUNT_H

/** @file verb_account.h The words of graphtokctl account, and what its parts share. */

#include "ctl.h"
#include "store/mail_account.h"

/** The words and options as they were typed. NULL: not said. */
typedef struct ctl_account_t {
    ctl_t *ctl;
    apr_array_header_t *words;   /* of const char *: the action, and the account */
    apr_array_header_t *folders; /* of const char *: --folder */
    const char *store, *user, *provider, *address, *imap, *smtp;
    const char *password_file; /* "-": standard input */
    int all, push;
    apr_int64_t id; /* GT_MAIL_ALL: all of them */
    const gt_config_t *config;
    gt_db_t *db;
} ctl_account_t;

/** The store that is meant, with its keys: the one that was named, else the only one that keeps
 * mail. @return GT_INVALID (GT0996) when there are several, or none */
GT_MUST gt_err_t *ctl_account_store(gt_store_t **store, const ctl_account_t *asked);

/**
 * Read a password out of a file or from standard input: a line of up to 1,024 bytes.
 * @return GT_INVALID (GT0997) when there is none
 */
GT_MUST gt_err_t *ctl_account_password(gt_secret_t **password, const char *file, apr_pool_t *p);

/** account add. */
GT_MUST gt_err_t *ctl_account_add(const ctl_account_t *asked);

/** Change an account's servers: --imap, --smtp. @param changed  how many accounts */
GT_MUST gt_err_t *ctl_account_set_servers(int *changed, const ctl_account_t *asked);

/** Set or replace an account's password. */
GT_MUST gt_err_t *ctl_account_set_password(const ctl_account_t *asked);

#endif
