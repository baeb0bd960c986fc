/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_UNSUBSCRIBE_H
#define GT_UNSUBSCRIBE_H

/**
 * @file unsubscribe.h
 * The end of a grant that has subscriptions: they are ended at Microsoft Graph first, while its
 * token works. A failure there is passed over: a subscription that is left ends by itself, and is
 * not listened to.
 */

#include "vault/vault.h"

/** Work: revoke (state: gt_revoke_t), and end the grant's subscriptions before. Fails as gt_revoke
 * does. */
extern const gt_work_t gt_revoke_subscribed;

#endif
