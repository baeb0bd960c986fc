/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_MAIL_THREADS_H
#define GTM_MAIL_THREADS_H

/** @file mail_threads.h The loop and the crew of mail that requests send: a mail server that is
 * slow, or many that are, must hold up no refresh. */

#include "child/child.h"

/** Start them where a store keeps mail. Once, in the child. */
GT_MUST gt_err_t *gtm_mail_start(gtm_child_t *child, apr_pool_t *p);

/** Give mails that are being sent time to end, and join the threads. Before the vault stops. */
void gtm_mail_stop(gtm_child_t *child);

#endif
