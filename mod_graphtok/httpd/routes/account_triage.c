/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file account_triage.c Triage of a mail account: its kept inbox is sorted, and its server gets
 * the keywords. */

#include <apr_strings.h>
#include <httpd.h>

#include "graph/triage_model.h"
#include "mail/mail_triage.h"
#include "mail/mail_view.h"
#include "request/answer.h"
#include "routes/mail_work.h"

/** The state of a run. */
typedef struct account_triage_t {
    gt_mail_triage_t run;
    gt_triage_model_t model;
    gt_err_t *ignored; /* of asking it: the rules have sorted the mail already */
} account_triage_t;

/* The account that the body names; else the only one of the location's provider. */
static gt_err_t *find_account(gt_mail_account_t **account, gtm_request_t *x)
{
    const char *text = NULL;
    apr_int64_t id;

    if (gt_json_number(&id, x->body, "account"))
        text = apr_psprintf(x->r->pool, "%" APR_INT64_T_FMT, id);
    return gt_mail_account_meant(account, x->store, x->owner.user, text, x->owner.provider,
                                 x->r->pool);
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    account_triage_t *own = apr_pcalloc(x->r->pool, sizeof(*own));
    apr_int64_t top = GTM_TRIAGE_TOP;
    gt_mail_account_t *account;

    GT_TRY(find_account(&account, x));
    if (json_object_get(x->body, "top") != NULL && !gt_json_number(&top, x->body, "top"))
        top = GTM_TRIAGE_TOP;
    own->run.open =
        (gt_mail_session_t){.vault = x->child->vault, .store = x->store, .account = account};
    own->run.rules = gtm_server(x->r->server)->triage;
    own->run.top = (int)top;
    own->run.keeps_text = x->child->config->triage_url != NULL;
    x->own = own;
    GT_TRY(gt_mail_sort(&own->run, x->r->pool));
    if (x->child->config->triage_url == NULL)
        return GT_OK;
    own->model.url = x->child->config->triage_url;
    own->model.timeout = x->child->config->triage_wait;
    own->model.sorted = own->run.sorted;
    gt_then_try(task, &gt_triage_model, &own->model, &own->ignored);
    return GT_OK;
}

static gt_err_t *apply(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    account_triage_t *own = x->own;

    if (json_is_true(json_object_get(x->body, "apply")))
        gt_then(task, &gt_mail_keywords, &own->run);
    return GT_OK;
}

static gt_err_t *show(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const account_triage_t *own = x->own;
    json_t *value = gt_sorted_json(own->run.sorted, own->run.has_more, x->r->pool);

    (void)task;
    gt_json_set_number(value, "account", own->run.open.account->id);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, apply, show, NULL};
const gt_work_t gtm_mail_triage = {"triage of a mail account", steps, NULL};
