/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SYNC_H
#define GT_SYNC_H

/**
 * @file sync.h
 * One round for one mail account: sign in, list the folders, and bring the copy of each up to what
 * its server has (store/mail_message.h). State stands in rows: a round may end at any message, and
 * the next one goes on there, in this process or another. No thread waits for a server. A round
 * belongs to one task, whose pool it lives in.
 *
 * A folder is read by one of three roads, whichever its server offers: QRESYNC tells changed flags
 * and messages that are gone, CONDSTORE changed flags alone (both RFC 7162), and without either the
 * flags are read in turns. A trouble of one folder fails that folder alone.
 */

#include "store/mail_account.h"
#include "vault/vault.h"

/** The figures of a round. */
typedef struct gt_mail_counts_t {
    apr_int64_t added, changed, removed; /* messages */
    apr_int64_t to_add;                  /* found at the server, and not read so far */
    int folders, done, failed;           /* of the account; of these, so far */
} gt_mail_counts_t;

typedef struct gt_mail_run_t gt_mail_run_t;

/** A round. */
typedef struct gt_mail_sync_t {
    gt_vault_t *vault;
    gt_store_t *store;
    gt_crew_t *crew;            /* its threads write rows while others are read */
    gt_mail_account_t *account; /* claimed; for GT_MAIL_CLAIM from now */
    gt_mail_counts_t counts;    /* out: read by its driver at any time between two steps */
    const char *trouble;        /* out: of folders that failed, for people; NULL: none did */
    apr_time_t token_ends_at;   /* out: of the session's token, wall clock; 0: a password */
    apr_time_t claim_ends_at;   /* ticks, at the earliest; 0: no round has begun */
    gt_mail_run_t *run;         /* own; holds the session */
} gt_mail_sync_t;

/** Hang up, and free what a round holds. Between works alone; `trouble` goes with it. */
void gt_mail_sync_close(gt_mail_sync_t *sync);

/** The span of an account's claim. A round makes it longer while it gets on. */
#define GT_MAIL_CLAIM apr_time_from_sec(180)
#define GT_MAIL_KEEP_EVERY (GT_MAIL_CLAIM / 4) /* so often */
#define GT_MAIL_AGAIN apr_time_from_sec(1)     /* a store that is away is asked again after it */

/**
 * Make the claim longer. A store that is away says nothing against it: the round goes on, since
 * each batch that it writes asks for the claim.
 * @param is_away  out: 1: the store is away, and is to be asked again after GT_MAIL_AGAIN
 * @return GT_CANCELLED: the claim was lost, or the account was switched off or changed
 */
GT_MUST gt_err_t *gt_mail_sync_keep(int *is_away, gt_mail_sync_t *sync, apr_pool_t *p);

/** How a round was settled. */
typedef struct gt_mail_settled_t {
    const char *error;        /* for people, as in the row; NULL: it went well */
    apr_interval_time_t next; /* the account is due again after so long */
} gt_mail_settled_t;

/**
 * Give the claim back with the outcome of a round, and announce it. A store that is away may be
 * asked again: nothing was announced.
 * @param err   of the round, or GT_OK. GT_CANCELLED: the claim is given back as if it had not been
 * @param took  µs
 */
GT_MUST gt_err_t *gt_mail_settle(gt_mail_settled_t *settled, const gt_mail_sync_t *sync,
                                 const gt_err_t *err, apr_interval_time_t took, apr_pool_t *p);

/**
 * Work: a round. Failures: the vault's for the token; those of gt_imap_sign_in, a refused token
 * being refreshed once; GT_CANCELLED: the claim is another's by now, or the account was switched
 * off; the session's end; the database's.
 */
extern const gt_work_t gt_mail_sync;

/**
 * Work, after a round that went well (state: its gt_mail_sync_t): wait for news of the inbox by
 * IDLE (RFC 2177), where the server has it. Ends with news, or at a moment.
 */
typedef struct gt_mail_watch_t {
    gt_mail_sync_t *sync;
    apr_time_t until;            /* ticks; at most 29 minutes ahead */
    int has_news;                /* out */
    struct gt_imap_idle_t *idle; /* own */
} gt_mail_watch_t;
extern const gt_work_t gt_mail_watch;

#endif
