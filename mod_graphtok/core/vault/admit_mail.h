/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ADMIT_MAIL_H
#define GT_ADMIT_MAIL_H

/**
 * @file admit_mail.h
 * The mail account that a sign-in makes (store/mail_account.h). Thread-safe; blocks on the
 * database.
 */

#include "vault/admit.h"

/**
 * 1 when tokens of a sign-in open the mailbox of the person. At Google people can leave out single
 * scopes, and the answer names those that were granted. Entra grants all that was asked for or
 * nothing, and its answer names the scopes of one resource alone: so those that a sign-in asks for
 * count, of Outlook's own resource, since a token of Graph's opens no IMAP. Any other provider has
 * no common scope for mail: one with GraphTokIMAP gives tokens for it. Pure.
 * @param granted  the scopes of the token endpoint's answer; NULL: it names none, so that all that
 *                 were asked for are granted (RFC 6749 section 5.1)
 */
int gt_mail_is_granted(const gt_provider_conf_t *conf, const char *granted, apr_pool_t *p);

/**
 * Make the mail account of a person who has signed in, or have it synchronised at once, where the
 * store keeps mail and the grant opens the mailbox. A failure is logged, and is none of the
 * sign-in: its next one makes it good.
 */
void gt_admit_mail(const gt_admit_t *admit, apr_pool_t *p);

#endif
