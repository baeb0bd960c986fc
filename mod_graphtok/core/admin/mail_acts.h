/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_ACTS_H
#define GT_MAIL_ACTS_H

/**
 * @file mail_acts.h
 * The acts of an administrator on mail accounts, and how an account is shown: for the command line,
 * the API and the page. Functions that act may block on the database, and announce what they did
 * for the audit. Thread-safe.
 */

#include "base/json.h"
#include "base/notice.h"
#include "store/mail_account.h"

/** An act on one account or on all. */
typedef struct gt_mail_act_t {
    const char *name, *done; /* "sync", "due": for messages and the audit */
    gt_err_t *(*run)(int *changed, gt_store_t *store, apr_int64_t id, apr_pool_t *p);
} gt_mail_act_t;

/** sync (at once), start, stop, password, oauth. @return NULL: there is none of that name */
const gt_mail_act_t *gt_mail_act_named(const char *name);

/** All names, for messages: "sync, start, …". */
const char *gt_mail_act_names(apr_pool_t *p);

/**
 * Act on an account, or on all (GT_MAIL_ALL).
 * @param changed  how many; of one that was so already 0
 * @param asker    the request of the administrator; NULL: none
 * @return GT_NOT_FOUND when there is none of this id
 */
GT_MUST gt_err_t *gt_mail_act(int *changed, const gt_mail_act_t *act, gt_store_t *store,
                              apr_int64_t id, const gt_asker_t *asker, apr_pool_t *p);

/** Announce an act on an account. @param detail  a word: "add", "remove" */
void gt_mail_announce(const gt_store_t *store, const gt_mail_account_t *account, const char *detail,
                      const gt_asker_t *asker);

/** The state in a word: "off", "halted", or as the last synchronisation left it. */
const char *gt_mail_state(const gt_mail_account_t *account);

/** The reason to look at an account: of its halt, else of its last failure; NULL: none. */
const char *gt_mail_trouble(const gt_mail_account_t *account);

/** An account as JSON, by the names of its columns; never its password. The caller owns the
 * reference. */
json_t *gt_mail_account_json(const gt_mail_account_t *account, apr_pool_t *p);

/** Add sums to an object: total, active, error, off, last_24h (tried, synced), success_rate (null:
 * none was tried), last_sync_at. */
void gt_mail_sums_show(json_t *json, const gt_mail_sums_t *sums, apr_pool_t *p);

#endif
