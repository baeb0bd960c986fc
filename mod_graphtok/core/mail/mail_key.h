/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAIL_KEY_H
#define GT_MAIL_KEY_H

/**
 * @file mail_key.h
 * Private to send and drafts: a client's Idempotency-Key and its row (store/mail_send.h).
 */

#include "base/json.h"
#include "store/mail_send.h"
#include "vault/vault.h"

/** No row of a process that lives is begun for longer than its work takes and this, µs. */
#define GT_MAIL_KEY_REST apr_time_from_sec(60)

/** Fill in the holder and the digest of a row that is to be begun. The order of members is none of
 * the request's meaning. @param body  of the request */
GT_MUST gt_err_t *gt_mail_key_fill(gt_send_t *row, gt_vault_t *vault, const json_t *body,
                                   apr_pool_t *p);

/** 1 when no process works for a row that says so. */
int gt_mail_key_is_abandoned(const gt_send_t *row, gt_vault_t *vault, apr_pool_t *p);

/** The refusal of a key that came with another request before: GT_INVALID with status 422. */
gt_err_t *gt_mail_key_other(apr_pool_t *p);

#endif
