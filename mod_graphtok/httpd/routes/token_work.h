/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_TOKEN_WORK_H
#define GTM_TOKEN_WORK_H

/**
 * @file token_work.h
 * The work of the tokens routes, a file for each subject; routes_tokens.c has the table. All of it
 * is constant, with a gtm_request_t as its state; any thread may run it.
 */

#include "task/task.h"

/** routes_tokens.c: do now what the background does in time, and answer with the counts. */
extern const gt_work_t gtm_token_cleanup;

/** token_acquire.c: have a token of an account of the location's store. */
extern const gt_work_t gtm_token_acquire;

/** token_validate.c: ask the provider about the active grants of the location's store. */
extern const gt_work_t gtm_token_validate;

/** token_overview.c: sums, ends and figures of the location's store, all of them kept. */
extern const gt_work_t gtm_token_overview;

/** token_list.c: answer with a page of the grants of the location's store that the query picks. */
extern const gt_work_t gtm_token_list;

/** token_grant.c: answer with the grant that the path names. */
extern const gt_work_t gtm_token_grant;

/** token_grant.c: do to the grant of the path what its last part says; with DELETE, revoke it. */
extern const gt_work_t gtm_token_act;

/** token_bulk_ask.c: make a bulk job of the body's act and grants. */
extern const gt_work_t gtm_token_bulk_ask;

/** token_bulk.c: the newest bulk jobs; one, with a page of its results, perhaps only when it has
 * changed; stop it; have it gone on with. */
extern const gt_work_t gtm_token_bulk_list, gtm_token_bulk_show, gtm_token_bulk_stop,
    gtm_token_bulk_continue;

/** token_accounts.c: a page of the mail accounts of the location's store; the one that the path
 * names; do to it, or to all of them, what the path's last part says. */
extern const gt_work_t gtm_token_accounts, gtm_token_account, gtm_token_account_act;

#endif
