/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_MAILING_H
#define GT_MAILING_H

/** @file mailing.h Private to send: the job that sends one mail, and the meaning of its end. */

#include "base/notice.h"
#include "mail/compose.h"
#include "mail/smtp.h"
#include "store/mail_account.h"
#include "store/mail_send.h"
#include "task/crew.h"
#include "vault/vault.h"

/** No mail takes longer. */
#define GT_MAILING_LONGEST apr_time_from_sec(240)

/** A job's state. */
typedef struct gt_mailing_t {
    gt_vault_t *vault;
    gt_store_t *store;
    const gt_asker_t *asker;
    apr_time_t ends_by; /* ticks; 0: GT_MAILING_LONGEST after its begin */
    gt_mail_account_t *account;
    gt_mail_wish_t wish; /* of the request that asked; the job has its bytes alone */
    const char *from;
    apr_array_header_t *recipients, *fields; /* const char *: addresses, and where each stood */
    gt_send_t row;                           /* without a key there is none in the store */
    gt_token_for_t token;
    gt_secret_t *password;
    gt_smtp_send_t smtp;
    gt_err_t *refusal; /* of the first token */
    int was_refused;
} gt_mailing_t;

/** gt_flight_init_fn: the parameters are a gt_mailing_t of the request's. */
void *gt_mailing_init(const void *params, apr_pool_t *p);

extern const gt_work_t gt_mailing;

/** The outcome of a mail that failed. */
gt_send_state_t gt_mailing_state(const gt_err_t *err, int is_said);

/** Give a failure its outcome, status and words. @return err */
GT_MUST gt_err_t *gt_mailing_told(gt_err_t *err, gt_send_state_t state, const char *message_id);

/** Write the outcome into the key's row; a failure is logged. */
void gt_mailing_record(const gt_mailing_t *mailing, gt_send_state_t state, int status,
                       apr_pool_t *p);

#endif
