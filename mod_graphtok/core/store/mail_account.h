/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_ACCOUNT_H
#define GT_MAIL_ACCOUNT_H

/**
 * @file mail_account.h
 * Rows of mail accounts: mailboxes that a store keeps a copy of. An account belongs to a grant by
 * (user, provider), whose token opens it; or it has a password. A shared mailbox is one more
 * account of the same grant under another address. Accounts without a password go with their
 * grant.
 *
 * Rows are also changed by others: an administrator may write sync_enabled and
 * incoming_auth_method by plain SQL. Each function here looks at the row as it is now. Times are
 * those of the database's clock, moved to ours where they are read. Functions may block on the
 * database, and answer GT_INTERNAL, with the advice to run `graphtokctl migrate`, where the store
 * has no such table. Thread-safe.
 */

#include "base/secret.h"
#include "net/mail_server.h"
#include "store/grant.h"

/** The outcome of the last synchronisation, as the column sync_status says it. */
typedef enum gt_mail_status_t {
    GT_MAIL_NEW,     /* none so far */
    GT_MAIL_SYNCING, /* one is under way; or its process died, and the claim is not over yet */
    GT_MAIL_OK,
    GT_MAIL_ERROR,
    GT_MAIL_STATUSES
} gt_mail_status_t;

/** "new", "syncing", "ok", "error". */
const char *gt_mail_status_text(gt_mail_status_t status);

/** Why an account is not synchronised now, though it may be due. */
typedef enum gt_mail_halt_t {
    GT_MAIL_RUNS,           /* it is synchronised */
    GT_MAIL_SWITCHED_OFF,   /* sync_enabled is false */
    GT_MAIL_NO_SERVER,      /* incoming_server is NULL */
    GT_MAIL_NO_PASSWORD,    /* its method is the password, and there is none */
    GT_MAIL_NO_GRANT,       /* its method is OAuth, and the user has no grant of the provider */
    GT_MAIL_GRANT_INACTIVE, /* there is one that is not active: deactivated, revoked, refused */
    GT_MAIL_HALTS
} gt_mail_halt_t;

/** One sentence for people with the way out; NULL for GT_MAIL_RUNS. Static. */
const char *gt_mail_halt_text(gt_mail_halt_t halt);

/** An account. Texts live where it does. */
typedef struct gt_mail_account_t {
    apr_int64_t id;
    gt_owner_t owner;                    /* of the grant */
    const char *address;                 /* the mailbox: "ada@contoso.com" */
    gt_mail_server_t incoming, outgoing; /* IMAP, SMTP; host NULL: none */
    int by_password;                     /* 0: by the grant's token */
    const char *password;                /* sealed (gt_mail_account_password); NULL: none */
    const char *folders; /* names in UTF-8, one a line, that are synchronised; NULL: all */
    int push;            /* 1: news is wanted at once (IDLE) */
    int sync_enabled;
    gt_mail_status_t status;
    gt_mail_halt_t halt;
    apr_time_t last_sync_at; /* when a synchronisation last went well; 0: never */
    apr_time_t tried_at;     /* when one last ended, well or not; 0: never */
    const char *last_error;  /* for people, without secrets; NULL: none since the last success */
    int failures;            /* one after the other */
    apr_time_t due_at;
    apr_time_t created_at;
    const char *claim; /* from gt_mail_account_claim; NULL: not ours */
} gt_mail_account_t;

/** 1 when a store keeps mail: GraphTokMailSync is on, and its tables are there and up to date, as
 * far as the process knows; missing ones are looked for by each call, and said once in the log,
 * with the way out. */
int gt_mail_is_kept(gt_store_t *store, apr_pool_t *p);

/**
 * Create an account, or find it again: after a sign-in. It is due at once. Of one that is there
 * nothing else changes but its failures, which are forgotten: what an administrator set stays.
 * @param is_new   out: 1: there was none
 * @param account  in: owner, address, incoming, outgoing; out: id
 */
GT_MUST gt_err_t *gt_mail_account_put(int *is_new, gt_mail_account_t *account, gt_store_t *store,
                                      apr_pool_t *p);

/**
 * Create an account as an administrator asks for it: a shared mailbox, or one with a password.
 * @param account   in: owner, address, incoming, outgoing, by_password, folders, push; out: id
 * @param password  NULL: none
 * @return GT_CONFLICT when the owner has one with this address, in any case of letters
 */
GT_MUST gt_err_t *gt_mail_account_add(gt_mail_account_t *account, gt_store_t *store,
                                      const gt_secret_t *password, apr_pool_t *p);

/** Accounts by id. @param accounts array of gt_mail_account_t
 * @param user   whose; NULL: all
 * @param after  those with greater ids; 0: from the first
 * @param most   at most so many */
GT_MUST gt_err_t *gt_mail_account_list(apr_array_header_t **accounts, gt_store_t *store,
                                       const char *user, apr_int64_t after, int most,
                                       apr_pool_t *p);

/** One account. @param account  NULL when there is none
 * @param user  whose it must be; NULL: anyone's */
GT_MUST gt_err_t *gt_mail_account_get(gt_mail_account_t **account, gt_store_t *store,
                                      apr_int64_t id, const char *user, apr_pool_t *p);

/** Every account: in the place of an id. */
#define GT_MAIL_ALL 0

/**
 * Change how accounts sign in, as S3's document does to get out of OAuth in a hurry, and back. All
 * of them by the password: those that signed in by a token. All of them back by the token: those
 * that were made for it, so that accounts made with a password stay as they are.
 * @param changed  how many; one that was so already counts with an id alone. NULL: not wanted
 */
GT_MUST gt_err_t *gt_mail_account_auth(int *changed, gt_store_t *store, apr_int64_t id,
                                       int by_password, apr_pool_t *p);

/** Switch synchronising on, which makes them due at once, or off. Likewise. */
GT_MUST gt_err_t *gt_mail_account_sync(int *changed, gt_store_t *store, apr_int64_t id, int on,
                                       apr_pool_t *p);

/** Make accounts due at once that are synchronised. Likewise. */
GT_MUST gt_err_t *gt_mail_account_due(int *changed, gt_store_t *store, apr_int64_t id,
                                      apr_pool_t *p);

/** Set an account's password, or take it away (NULL). @return GT_NOT_FOUND */
GT_MUST gt_err_t *gt_mail_account_set_password(gt_store_t *store, const gt_mail_account_t *account,
                                               const gt_secret_t *password, apr_pool_t *p);

/** Open an account's password. @param password  NULL when there is none
 * @return GT_DAMAGED when it cannot be opened */
GT_MUST gt_err_t *gt_mail_account_password(gt_secret_t **password, const gt_mail_account_t *account,
                                           gt_store_t *store, apr_pool_t *p);

/** Write the servers of an account, which is due at once then. @param changed  0: there is none */
GT_MUST gt_err_t *gt_mail_account_set_servers(int *changed, gt_store_t *store,
                                              const gt_mail_account_t *account, apr_pool_t *p);

/** Delete an account with all that is kept of it. @param changed  0: there was none */
GT_MUST gt_err_t *gt_mail_account_delete(int *changed, gt_store_t *store, apr_int64_t id,
                                         apr_pool_t *p);

/**
 * Claim accounts that are due, longest due first: until the claim is over no other process gets
 * them. Those that cannot be synchronised now (gt_mail_halt_t) are not among them.
 * @param accounts  array of gt_mail_account_t, each with its claim
 * @param worker    the process, for people: "node/1234"
 * @param span      of the claim, µs; whole seconds, up to an hour
 */
GT_MUST gt_err_t *gt_mail_account_claim(apr_array_header_t **accounts, gt_store_t *store,
                                        const char *worker, apr_interval_time_t span, int most,
                                        apr_pool_t *p);

/**
 * Claim one account, due or not, unless it is another's.
 * @param account  NULL: there is none, it cannot be synchronised, or another process has it
 */
GT_MUST gt_err_t *gt_mail_account_claim_one(gt_mail_account_t **account, gt_store_t *store,
                                            apr_int64_t id, const char *worker,
                                            apr_interval_time_t span, apr_pool_t *p);

/** Copy an account, deep. */
gt_mail_account_t *gt_mail_account_dup(const gt_mail_account_t *account, apr_pool_t *p);

/**
 * Make a claim longer: over after `span` from now.
 * @param goes_on  0: stop; the claim was lost, synchronising was switched off, the way to sign in
 *                 was changed, or its grant is no longer active
 */
GT_MUST gt_err_t *gt_mail_account_keep(int *goes_on, gt_store_t *store,
                                       const gt_mail_account_t *account, apr_interval_time_t span,
                                       apr_pool_t *p);

/** How a synchronisation ended. */
typedef struct gt_mail_outcome_t {
    const char *error; /* for people, without secrets, cut at 500 bytes; NULL: it went well */
    apr_interval_time_t next; /* due again after so long, µs */
} gt_mail_outcome_t;

/** Give a claim back with the outcome. Nothing is written when the claim was lost. An account that
 * became due anew meanwhile stays so. */
GT_MUST gt_err_t *gt_mail_account_done(gt_store_t *store, const gt_mail_account_t *account,
                                       const gt_mail_outcome_t *outcome, apr_pool_t *p);

/** Give a claim back as if it had not been: a process that ends. */
GT_MUST gt_err_t *gt_mail_account_let_go(gt_store_t *store, const gt_mail_account_t *account,
                                         apr_pool_t *p);

/** Sums over all accounts of a store. */
typedef struct gt_mail_sums_t {
    apr_int64_t total;
    apr_int64_t
        active;        /* that are synchronised: nothing halts them, and the last time went well, or
                         * there was none yet */
    apr_int64_t error; /* whose last time went wrong, or whose grant or password is missing */
    apr_int64_t off;   /* that were switched off */
    apr_int64_t tried; /* that a synchronisation ended of within the last 24 h */
    apr_int64_t synced;      /* of these, those whose last one went well */
    apr_time_t last_sync_at; /* the latest of all; 0: never */
} gt_mail_sums_t;

/** Count them. */
GT_MUST gt_err_t *gt_mail_sums(gt_mail_sums_t *sums, gt_store_t *store, apr_pool_t *p);

#endif
