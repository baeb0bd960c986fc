/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_messages.c The kept messages of the caller's mail accounts. */

#include <httpd.h>

#include "mail/mail_view.h"
#include "request/answer.h"
#include "routes/mail_work.h"

static gt_err_t *show_messages(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    GT_TRY(gt_mail_show_page(value, x->query, x->store, x->owner.user, x->r->pool));
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const messages_steps[] = {show_messages, NULL};
const gt_work_t gtm_mail_messages = {"list of messages", messages_steps, NULL};

static gt_err_t *show_message(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value;

    (void)task;
    GT_TRY(gt_mail_show_message(&value, x->param, x->store, x->owner.user, x->r->pool));
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const message_steps[] = {show_message, NULL};
const gt_work_t gtm_mail_message = {"one message", message_steps, NULL};
