/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_MAIL_WORK_H
#define GTM_MAIL_WORK_H

/**
 * @file mail_work.h
 * The work of the mail routes that has a file of its own; routes_mail.c has the table. All of it is
 * constant, with a gtm_request_t as its state; any thread may run it.
 */

#include "task/task.h"

/** mail_accounts.c: answer with the caller's mail accounts. */
extern const gt_work_t gtm_mail_accounts;

/** mail_messages.c: answer with a page of the messages of one of the caller's accounts. */
extern const gt_work_t gtm_mail_messages;

/** mail_messages.c: answer with one of them. */
extern const gt_work_t gtm_mail_message;

/** Messages of triage, unless the body says how many. */
#define GTM_TRIAGE_TOP 50

/** account_triage.c: triage of the mail account that the body names, or of the only one that the
 * location's provider has. The body was held against its rules. */
extern const gt_work_t gtm_mail_triage;

/** account_draft.c: make a draft in the mail account that the body or the message that it answers
 * names, or in the only one that the caller has. */
extern const gt_work_t gtm_mail_draft;

/** mail_accounts.c: how synchronising goes, in sums over all accounts of the location's store. */
extern const gt_work_t gtm_mail_health;

#endif
