/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SEND_H
#define GT_SEND_H

/**
 * @file send.h
 * Sends a mail of a client. A job of a crew does it, so that a client that hangs up changes
 * nothing: a mail has one of four outcomes, which its announcement, the row of its key and the
 * answer tell alike.
 *
 *     sent       the mail server has taken it
 *     refused    nothing was sent, and a repeat would not be either
 *     temporary  nothing was sent; a repeat may be
 *     unknown    the end of the mail was said, and no answer came: it may have been sent
 */

#include "base/json.h"
#include "base/notice.h"
#include "vault/vault.h"

/** A mail to be sent. */
typedef struct gt_mail_send_t {
    gt_vault_t *vault;
    gt_crew_t *crew; /* runs the job; its loop carries the session */
    gt_store_t *store;
    const char *user;         /* whose account it goes out of */
    const gt_asker_t *asker;  /* the request that this is done for */
    const json_t *body;       /* mail/compose.h, and `account` (mail/account_named.h) */
    const char *key;          /* the client's Idempotency-Key; NULL: none */
    apr_time_t ends_by;       /* ticks: the job ends by then; 0: no such moment is given */
    const char *message_id;   /* out: also when it failed; NULL: there is none */
    int is_repeat;            /* out: 1: the key's mail was sent before */
    struct gt_mailing_t *own; /* own */
    gt_flight_t *flight;      /* own */
} gt_mail_send_t;

/**
 * Work: send it. A failure of a mail that was begun has `outcome` and `message_id`. GT_INVALID:
 * the request is wrong, or its key came with another (status 422); GT_CONFLICT: the key's mail is
 * being sent.
 */
extern const gt_work_t gt_mail_send;

#endif
