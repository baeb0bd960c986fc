/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file send.c
 * The request's side: its mail is composed, its key made a row, the job is joined, its end told.
 * Without a key each request is a mail.
 */

#include "mail/send.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "mail/account_named.h"
#include "mail/mail_key.h"
#include "mail/mailing.h"

#define ROW_SPAN (GT_MAILING_LONGEST + GT_MAIL_KEY_REST)

/* ---- the mail ---- */

static void add_recipients(gt_mailing_t *mailing, const apr_array_header_t *list)
{
    for (int i = 0; i < list->nelts; i++) {
        const gt_mailbox_t *one = &APR_ARRAY_IDX(list, i, gt_mailbox_t);

        APR_ARRAY_PUSH(mailing->recipients, const char *) = one->address;
        APR_ARRAY_PUSH(mailing->fields, const char *) = one->field;
    }
}

static gt_err_t *compose(gt_task_t *task, void *state)
{
    gt_mail_send_t *send = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_mailing_t *own = apr_pcalloc(p, sizeof(*own));
    gt_mail_wish_t *wish = &own->wish;

    send->own = own;
    send->message_id = NULL;
    send->is_repeat = 0;
    GT_TRY(gt_compose_read(wish, send->body, p));
    GT_TRY(gt_account_named(&own->account, send->store, send->user,
                            json_object_get(send->body, "account"), p));
    own->from = gt_compose_address(own->account->address, p);
    if (own->from == NULL)
        return gt_err(p, GT_INVALID, "GT1665",
                      "the mail account has no address that mail can come from");
    if (own->account->outgoing.host == NULL)
        return gt_err(p, GT_INVALID, "GT1666",
                      "the mail account has no server that sends mail (GraphTokSMTP)");
    wish->from = own->from;
    wish->date = gt_now();
    own->row.message_id = wish->message_id = gt_compose_id(own->from, p);
    own->recipients = apr_array_make(p, 8, sizeof(const char *));
    own->fields = apr_array_make(p, 8, sizeof(const char *));
    add_recipients(own, wish->to);
    add_recipients(own, wish->cc);
    add_recipients(own, wish->bcc);
    return GT_OK;
}

/* ---- its key ---- */

static gt_err_t *tell_first(gt_task_t *task, gt_mail_send_t *send)
{
    gt_send_t *row = &send->own->row;
    apr_pool_t *p = gt_task_pool(task);
    gt_err_t *err;

    if (row->is_other)
        return gt_mail_key_other(p);
    send->message_id = row->message_id;
    send->is_repeat = 1;
    gt_done(task);
    if (row->state == GT_SEND_SENT)
        return GT_OK;
    if (row->state == GT_SEND_SENDING && !gt_mail_key_is_abandoned(row, send->vault, p))
        return gt_err(p, GT_CONFLICT, "GT1669", "the mail of this Idempotency-Key is being sent");
    if (row->state == GT_SEND_REFUSED) {
        err = gt_err(p, GT_REFUSED, "GT1670",
                     "the mail of this Idempotency-Key was refused before, and was not sent again");
        err->status = row->status;
        return gt_mailing_told(err, GT_SEND_REFUSED, row->message_id);
    }
    err = gt_err(p, GT_TIMEOUT, "GT1671", "the mail of this Idempotency-Key was not sent again");
    return gt_mailing_told(err, GT_SEND_UNKNOWN, row->message_id);
}

static gt_err_t *claim(gt_task_t *task, void *state)
{
    gt_mail_send_t *send = state;
    gt_mailing_t *own = send->own;
    apr_pool_t *p = gt_task_pool(task);
    int begun;

    if (send->key != NULL) {
        own->row.owner = own->account->owner;
        own->row.key = send->key;
        GT_TRY(gt_mail_key_fill(&own->row, send->vault, send->body, p));
        GT_TRY(gt_send_begin(&begun, &own->row, send->store, ROW_SPAN, p));
        if (!begun)
            return tell_first(task, send);
    }
    send->message_id = own->wish.message_id = own->row.message_id;
    return GT_OK;
}

/* ---- the job ---- */

static gt_err_t *join(gt_task_t *task, void *state)
{
    gt_mail_send_t *send = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_mailing_t *own = send->own;
    const gt_flight_params_t job = {apr_pstrcat(p, "mail ", send->message_id, NULL), &gt_mailing,
                                    gt_mailing_init, own};
    gt_err_t *err;

    own->vault = send->vault;
    own->store = send->store;
    own->asker = send->asker;
    own->ends_by = send->ends_by;
    err = gt_crew_join(&send->flight, task, send->crew, &job);
    if (err == GT_OK)
        return GT_OK;
    if (send->key != NULL)
        gt_mailing_record(own, GT_SEND_TEMPORARY, 0, p);
    return gt_mailing_told(err, GT_SEND_TEMPORARY, send->message_id);
}

static gt_err_t *tell(gt_task_t *task, void *state)
{
    gt_mail_send_t *send = state;
    const gt_mailing_t *done = gt_flight_state(send->flight);
    gt_err_t *err = gt_err_dup(gt_flight_error(send->flight), gt_task_pool(task));

    return err == GT_OK
               ? GT_OK
               : gt_mailing_told(err, gt_mailing_state(err, done->smtp.is_said), send->message_id);
}

static gt_step_fn *const steps[] = {compose, claim, join, tell, NULL};
const gt_work_t gt_mail_send = {"send a client's mail", steps, NULL};
