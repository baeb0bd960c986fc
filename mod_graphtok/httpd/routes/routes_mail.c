/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_mail.c
 * The mail route set: Microsoft's mail through Graph, and mail accounts by their kept copies.
 * Bodies are held against their rules here, and the owner of the mailbox is the caller.
 */

#include "base/check.h"
#include "graph/categories.h"
#include "graph/draft.h"
#include "graph/inbox.h"
#include "graph/triage_model.h"
#include "request/answer.h"
#include "routes/mail_work.h"
#include "routes/route_sets.h"
#include "routes/routes_send.h"

static const gt_rule_t triage_rules[] = {
    {.name = "top", .kind = GT_RULE_NUMBER, .min = 1, .max = GT_SORTED_MOST},
    {.name = "apply", .kind = GT_RULE_BOOL},
    {.name = "account", .kind = GT_RULE_NUMBER, .min = 1},
    {.name = ""}};

/* Every call to Graph is of this caller. */
static void make_model(gt_call_t *model, const gtm_request_t *x)
{
    model->vault = x->child->vault;
    model->mailboxes = x->child->mailboxes;
    model->key = gt_grant_key(x->store, &x->owner);
    model->asker = &x->asker;
}

/* Microsoft's mail is Graph's, unless the body names a mail account. */
static int is_of_account(const gtm_request_t *x)
{
    return json_object_get(x->body, "account") != NULL ||
           gt_provider_conf(x->provider)->kind != GT_KIND_MICROSOFT;
}

/* ---- triage ---- */

/** The state of a run. */
typedef struct triage_t {
    gt_inbox_t inbox;
    gt_triage_model_t model;
    gt_err_t *ignored; /* of asking it: the rules have sorted the mail already */
    gt_categories_t categories;
    int applies; /* 1: classes are written back */
} triage_t;

static gt_err_t *begin_triage(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    triage_t *own = apr_pcalloc(x->r->pool, sizeof(*own));
    apr_int64_t top = GTM_TRIAGE_TOP;

    GT_TRY(gt_check(x->body, triage_rules, 0, x->r->pool));
    if (is_of_account(x)) {
        gt_instead(task, &gtm_mail_triage, x);
        return GT_OK;
    }
    if (json_object_get(x->body, "top") != NULL && !gt_json_number(&top, x->body, "top"))
        top = GTM_TRIAGE_TOP;
    make_model(&own->inbox.model, x);
    own->inbox.rules = gtm_server(x->r->server)->triage;
    own->inbox.top = (int)top;
    own->inbox.keeps_text = x->child->config->triage_url != NULL;
    own->applies = json_is_true(json_object_get(x->body, "apply"));
    x->own = own;
    gt_then(task, &gt_inbox_sort, &own->inbox);
    return GT_OK;
}

static gt_err_t *ask_model(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    triage_t *own = x->own;

    if (x->child->config->triage_url == NULL)
        return GT_OK;
    own->model.url = x->child->config->triage_url;
    own->model.timeout = x->child->config->triage_wait;
    own->model.sorted = own->inbox.sorted;
    gt_then_try(task, &gt_triage_model, &own->model, &own->ignored);
    return GT_OK;
}

static gt_err_t *apply(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    triage_t *own = x->own;

    if (!own->applies)
        return GT_OK;
    own->categories.model = own->inbox.model;
    own->categories.rules = own->inbox.rules;
    own->categories.sorted = own->inbox.sorted;
    gt_then(task, &gt_categories_write, &own->categories);
    return GT_OK;
}

static gt_err_t *show_triage(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const triage_t *own = x->own;

    (void)task;
    gtm_answer_json(x, HTTP_OK, gt_sorted_json(own->inbox.sorted, own->inbox.has_more, x->r->pool));
    return GT_OK;
}

static gt_step_fn *const triage_steps[] = {begin_triage, ask_model, apply, show_triage, NULL};
static const gt_work_t triage = {"triage", triage_steps, NULL};

/* ---- drafts ---- */

static gt_err_t *begin_draft(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_draft_t *draft = apr_pcalloc(x->r->pool, sizeof(*draft));
    const char *key = apr_table_get(x->fields, "Idempotency-Key");

    if (is_of_account(x)) {
        gt_instead(task, &gtm_mail_draft, x);
        return GT_OK;
    }
    GT_TRY(gt_draft_read(&draft->wish, x->body, x->r->pool));
    if (key != NULL)
        GT_TRY(gt_draft_key(&draft->key, key, x->r->pool));
    make_model(&draft->model, x);
    x->own = draft;
    gt_then(task, &gt_draft_make, draft);
    return GT_OK;
}

static gt_err_t *show_draft(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gt_draft_t *draft = x->own;

    (void)task;
    gtm_answer_json(x, draft->is_repeat ? HTTP_OK : HTTP_CREATED, draft->made);
    return GT_OK;
}

static gt_step_fn *const draft_steps[] = {begin_draft, show_draft, NULL};
static const gt_work_t draft = {"draft", draft_steps, NULL};

static const char *const keyed[] = {"Idempotency-Key", NULL};

const gtm_route_t gtm_mail_routes[] = {
    {"triage", "POST", "/triage/run", GTM_LIMIT_USER, .body = GTM_BODY_MAYBE_JSON, .work = &triage},
    {"draft", "POST", "/drafts/create", GTM_LIMIT_CREATE, .body = GTM_BODY_JSON, .fields = keyed,
     .work = &draft},
    {"accounts", "GET", "/accounts", GTM_LIMIT_USER, .work = &gtm_mail_accounts},
    {"messages", "GET", "/messages", GTM_LIMIT_USER, .work = &gtm_mail_messages},
    {"message", "GET", "/messages/{}", GTM_LIMIT_USER, .work = &gtm_mail_message},
    {"send", "POST", "/send", GTM_LIMIT_SEND, .body = GTM_BODY_JSON, .fields = keyed,
     .work = &gtm_send_work},
    {.name = NULL}};
