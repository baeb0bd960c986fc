/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_MESSAGE_ROWS_H
#define GT_MAIL_MESSAGE_ROWS_H

/** @file mail_message_rows.h Sealing of messages: for the mail_message files and rekey_messages
 * alone. */

#include "store/mail_message.h"
#include "store/store.h"

/** The message that a value is sealed for. A value that is moved to another message, folder or
 * account is refused. */
typedef struct gt_mail_seal_t {
    gt_store_t *store;
    gt_ids_t ids;
    const gt_owner_t *owner;
    apr_int64_t account;
    const char *folder;
    apr_int64_t uidvalidity, uid;
    apr_pool_t *pool;
} gt_mail_seal_t;

/** For messages of an account; the message itself is to be filled in. */
gt_mail_seal_t gt_mail_seal_of(gt_store_t *store, const gt_owner_t *owner, apr_int64_t account,
                               apr_pool_t *p);

/** Where a column of the message belongs. The text is in the seal's pool, the rest the seal's. */
gt_place_t gt_mail_place(const gt_mail_seal_t *seal, const char *column);

/** Seal a text. */
GT_MUST gt_err_t *gt_mail_seal(const char **sealed, const gt_mail_seal_t *seal, const char *column,
                               const char *text);

/** Open it. @param text  NULL for NULL */
GT_MUST gt_err_t *gt_mail_unseal(const char **text, gt_mail_seal_t *seal, const char *column,
                                 const char *sealed);

#endif
