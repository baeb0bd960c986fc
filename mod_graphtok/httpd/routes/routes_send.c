/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file routes_send.c Mail goes out of an account of the caller; core/mail does the work. */

#include "routes/routes_send.h"

#include "graph/draft_text.h"
#include "mail/send.h"
#include "request/answer.h"

#define LEFT_TO_TELL apr_time_from_sec(1) /* of the request's time, when the job has ended */

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_mail_send_t *send = apr_pcalloc(x->r->pool, sizeof(*send));
    const char *key = apr_table_get(x->fields, "Idempotency-Key");

    if (x->child->mail_crew == NULL)
        return gt_err(x->r->pool, GT_NOT_FOUND, "GT1700",
                      "no mail is sent here: no store has GraphTokMailSync on");
    if (key != NULL)
        GT_TRY(gt_draft_key(&send->key, key, x->r->pool));
    send->vault = x->child->vault;
    send->crew = x->child->mail_crew;
    send->store = x->store;
    send->user = x->owner.user;
    send->asker = &x->asker;
    send->body = x->body;
    send->ends_by = x->ends_by - LEFT_TO_TELL;
    x->own = send;
    gt_then(task, &gt_mail_send, send);
    return GT_OK;
}

static gt_err_t *show(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gt_mail_send_t *send = x->own;
    json_t *answer = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(answer, "message_id", send->message_id);
    gt_json_set(answer, "outcome", "sent");
    gtm_answer_json(x, HTTP_OK, answer);
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, show, NULL};
const gt_work_t gtm_send_work = {"send mail", steps, NULL};
