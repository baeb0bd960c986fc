/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_REPLY_H
#define GT_REPLY_H

/**
 * @file reply.h
 * An answer to a kept message: its recipients, its subject, its thread, and the original quoted
 * below the user's own text. All of the original was written by strangers: an address or an id that
 * is not well-formed is left out, and controls become blanks. Pure; thread-safe. Source: RFC 5322
 * sections 3.6.2 to 3.6.5.
 */

#include "mail/compose.h"
#include "store/mail_message.h"

/**
 * Make a mail an answer. It goes to the Reply-To of the original, or else to its sender; an answer
 * to a mail of one's own goes to the recipients of that.
 * @param wish    from, and text or html, are set; out: to, cc, subject, in_reply_to, references,
 *                and the original in the text
 * @param to_all  1: other recipients of the original get a copy
 */
void gt_reply_make(gt_mail_wish_t *wish, const gt_mail_message_t *original, int to_all,
                   apr_pool_t *p);

#endif
