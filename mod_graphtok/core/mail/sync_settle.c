/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sync_settle.c
 * The end of a round: the words for the account's row, which say what to do, the moment when it is
 * due again, and the announcement.
 */

#include <inttypes.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notice.h"
#include "mail/sync.h"

#define ERROR_FIRST apr_time_from_sec(16)  /* after all tries, growing from failure … */
#define ERROR_MOST apr_time_from_sec(3600) /* … to failure up to this */

/* The way out, as far as the class tells. */
static const char *advice(const gt_mail_account_t *account, const gt_err_t *err, apr_pool_t *p)
{
    switch (err->cls) {
    case GT_SIGN_IN:
    case GT_INTERACTION:
        return account->by_password
                   ? apr_psprintf(p,
                                  "set the right password: graphtokctl account password %" PRId64,
                                  account->id)
                   : "the user must sign in again";
    case GT_UPSTREAM:
    case GT_TIMEOUT:
        /* A server that says no for now is there. */
        if (err->retry_after > 0)
            return NULL;
        return apr_psprintf(p,
                            "is %s:%d the right server, does the network let calls to it pass, "
                            "and is its certificate good?",
                            account->incoming.host, account->incoming.port);
    case GT_FORBIDDEN:
        return "is IMAP on for this mailbox, and may the user open it?";
    default:
        return NULL;
    }
}

static const char *words_of(const gt_mail_account_t *account, const gt_err_t *err, apr_pool_t *p)
{
    const char *more = advice(account, err, p);

    return apr_psprintf(p, "%s (%s)%s%s", gt_err_told(err, p), err->tag, more != NULL ? "; " : "",
                        more != NULL ? more : "");
}

/* Folders that fail alone do not keep the others waiting. */
static gt_mail_outcome_t outcome_of(const gt_mail_sync_t *sync, const gt_err_t *err, apr_pool_t *p)
{
    gt_mail_outcome_t outcome = {NULL, gt_store_conf(sync->store)->mail_sync_every};

    if (err != GT_OK)
        outcome.error = words_of(sync->account, err, p);
    else if (sync->trouble != NULL)
        outcome.error = apr_psprintf(p, "%d of %d folders: %s", sync->counts.failed,
                                     sync->counts.folders, sync->trouble);
    if (err != GT_OK)
        outcome.next = gt_backoff(sync->account->failures, ERROR_FIRST, ERROR_MOST);
    return outcome;
}

static void announce(const gt_mail_sync_t *sync, const gt_err_t *err, apr_interval_time_t took)
{
    const gt_mail_counts_t *counts = &sync->counts;
    const gt_mail_account_t *account = sync->account;

    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_MAIL_SYNC,
                             .store = gt_store_name(sync->store),
                             .provider = account->owner.provider,
                             .user = account->owner.user,
                             .err = err,
                             .took = took,
                             .added = counts->added,
                             .changed = counts->changed,
                             .removed = counts->removed});
    if (err == GT_OK)
        gt_log(GT_LOG_DEBUG, NULL,
               "mail account %" PRId64 ": %" PRId64 " added, %" PRId64 " changed, %" PRId64
               " removed",
               account->id, counts->added, counts->changed, counts->removed);
}

gt_err_t *gt_mail_settle(gt_mail_settled_t *settled, const gt_mail_sync_t *sync,
                         const gt_err_t *err, apr_interval_time_t took, apr_pool_t *p)
{
    const gt_mail_outcome_t outcome = outcome_of(sync, err, p);
    const int is_cancelled = err != GT_OK && err->cls == GT_CANCELLED;

    *settled = (gt_mail_settled_t){outcome.error, outcome.next};
    GT_TRY(is_cancelled ? gt_mail_account_let_go(sync->store, sync->account, p)
                        : gt_mail_account_done(sync->store, sync->account, &outcome, p));
    announce(sync, err, took);
    if (outcome.error != NULL && !is_cancelled)
        gt_log(GT_LOG_WARNING, "GT1610", "mail account %" PRId64 " (%s): %s; tried again in %d s",
               sync->account->id, sync->account->address, outcome.error,
               (int)apr_time_sec(outcome.next));
    return GT_OK;
}
