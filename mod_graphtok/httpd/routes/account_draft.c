/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file account_draft.c A draft in a mail account of the caller's. */

#include <httpd.h>

#include "graph/draft_text.h"
#include "mail/mail_draft.h"
#include "request/answer.h"
#include "routes/mail_work.h"

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_mail_draft_t *draft = apr_pcalloc(x->r->pool, sizeof(*draft));
    const char *key = apr_table_get(x->fields, "Idempotency-Key");

    if (key != NULL)
        GT_TRY(gt_draft_key(&draft->key, key, x->r->pool));
    draft->vault = x->child->vault;
    draft->store = x->store;
    draft->asker = &x->asker;
    draft->user = x->owner.user;
    draft->body = x->body;
    x->own = draft;
    gt_then(task, &gt_mail_draft, draft);
    return GT_OK;
}

static gt_err_t *show(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gt_mail_draft_t *draft = x->own;
    json_t *answer = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set_number(answer, "account", draft->open.account->id);
    gt_json_set(answer, "folder", draft->folder);
    if (draft->uid != 0) {
        gt_json_set_number(answer, "uid", draft->uid);
        gt_json_set_number(answer, "uidvalidity", draft->uidvalidity);
    }
    gt_json_set(answer, "message_id", draft->wish.message_id);
    gt_json_set(answer, "subject", draft->wish.subject);
    gtm_answer_json(x, draft->is_repeat ? HTTP_OK : HTTP_CREATED, answer);
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, show, NULL};
const gt_work_t gtm_mail_draft = {"draft in a mail account", steps, NULL};
