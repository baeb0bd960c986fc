/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_VIEW_H
#define GT_MAIL_VIEW_H

/**
 * @file mail_view.h
 * The kept copy of a mailbox as routes show it: pages of messages, and one message. Only accounts
 * of the user who asks are shown; those of others read as not there. Functions may block on the
 * database for a few short statements. Thread-safe.
 */

#include <apr_tables.h>

#include "base/json.h"
#include "store/mail_message.h"

/**
 * The account that is meant.
 * @param text  its id, as a program writes it; NULL: the one that the user has
 * @param of    accounts of this provider alone are meant by NULL; NULL: all are
 * @return GT_NOT_FOUND, with the way out, when there is none; GT_INVALID when there are several, or
 *         the id is none
 */
GT_MUST gt_err_t *gt_mail_account_meant(gt_mail_account_t **account, gt_store_t *store,
                                        const char *user, const char *text, const char *of,
                                        apr_pool_t *p);

/**
 * A page of messages, the newest first.
 * @param json   gets account, messages, and next where there are more
 * @param query  account, folder, unread, limit, cursor: those that were given
 * @return as gt_mail_account_meant; GT_INVALID with the parameters that are wrong
 */
GT_MUST gt_err_t *gt_mail_show_page(json_t *json, const apr_table_t *query, gt_store_t *store,
                                    const char *user, apr_pool_t *p);

/**
 * One message with its text. @param json  out, in `p`
 * @return GT_NOT_FOUND when the user has no such message
 */
GT_MUST gt_err_t *gt_mail_show_message(json_t **json, const char *id, gt_store_t *store,
                                       const char *user, apr_pool_t *p);

#endif
