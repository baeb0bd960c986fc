/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file graph_work.c
 * The work of routes that ask Graph, or a provider that is asked in Graph's words, in three steps:
 * the route makes the request's parameters, core/translate/ask makes the call, request/stream hands
 * Graph's answer on while it arrives. The state of
 * all three lies in one block of the request's memory.
 */

#include "routes/graph_work.h"

#include <string.h>

#include "base/address.h"
#include "conf/account.h"
#include "graph/calendar.h"
#include "graph/other_calendar.h"
#include "graph/prefer.h"
#include "request/answer.h"
#include "request/page_link.h"
#include "request/stream.h"
#include "translate/ask.h"

typedef struct graph_work_t {
    gt_ask_t ask;
    gtm_stream_t stream;
} graph_work_t;

/* A further page is asked for by its link alone, which holds the rest of the query. Any answer may
 * have one: a list that is a member of it is cut by Graph, too. */
static gt_err_t *ask(gt_graph_params_t *params, gtm_request_t *x)
{
    const char *page = apr_table_get(x->query, "page"), *link;

    if (page == NULL || strcmp(x->route->method, "GET") != 0)
        return x->route->asks(params, x);
    GT_TRY(gtm_page_open(&link, x, page));
    return gt_calendar_page(params, link, x->query, x->r->pool);
}

/* Graph itself knows whose member the signed-in user is, and answers by that: a copy here would be
 * older, and cost a call. An account's token serves all who are let in here, so that its groups are
 * the administrator's to name. */
static gt_err_t *open_group(gtm_request_t *x)
{
    const gt_account_conf_t *account;

    if (x->group == NULL)
        return GT_OK;
    GT_TRY(gt_calendar_group(&x->group, x->group, x->r->pool));
    if (x->dir->account == NULL)
        return GT_OK;
    account = gt_config_account(x->child->config, x->dir->account);
    if (gt_account_opens_group(account, x->group))
        return GT_OK;
    return gt_err(x->r->pool, GT_FORBIDDEN, "GT1270",
                  "account %s does not open the events of this group: write GraphTokAccountGroups "
                  "%s in its <GraphTokAccount %s>",
                  account->name, x->group, account->name);
}

/* The client's Prefer field becomes parameters of the query, where `asks` finds them. */
static gt_err_t *describe(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    graph_work_t *own = apr_pcalloc(x->r->pool, sizeof(*own));

    (void)task;
    x->own = own;
    gt_prefer_read(x->query, apr_table_get(x->fields, "Prefer"), x->r->pool);
    if (x->mailbox && !gt_is_address_of(x->mailbox, x->dir->mailboxes))
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0839",
                      "this mailbox of another may not be opened here (GraphTokSharedMailboxes)");
    GT_TRY(open_group(x));
    return ask(&own->ask.call.params, x);
}

static gt_err_t *call_graph(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    graph_work_t *own = x->own;

    gt_call_t *call = &own->ask.call;

    call->vault = x->child->vault;
    call->mailboxes = x->child->mailboxes;
    call->key = gt_grant_key(x->store, &x->owner);
    call->asker = &x->asker;
    call->mailbox = x->mailbox;
    call->group = x->group;
    own->ask.relink = gtm_page_link;
    own->ask.baton = x;
    gt_then(task, &gt_ask, &own->ask);
    return GT_OK;
}

/* An answer that was translated is whole. */
static void show(gtm_request_t *x, const gt_ask_t *own)
{
    if (own->tag != NULL)
        apr_table_set(x->r->err_headers_out, "ETag", own->tag);
    if (own->value != NULL)
        gtm_answer_json(x, own->status, own->value);
    else
        gtm_answer_empty(x, own->status);
}

static gt_err_t *pass_answer(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    graph_work_t *own = x->own;

    gt_vault_worked(x->child->vault, &own->ask.call.token.key.grant, 1);
    if (own->ask.status != 0) {
        show(x, &own->ask);
        return GT_OK;
    }
    own->stream.x = x;
    own->stream.transfer = own->ask.call.transfer;
    own->stream.answer = own->ask.call.answer;
    own->stream.transaction_id = gt_json_text(own->ask.call.params.body, "transactionId");
    own->stream.relink = gt_relink_make(gtm_page_link, x, x->r->pool);
    gt_then(task, &gtm_stream, &own->stream);
    return GT_OK;
}

static gt_step_fn *const steps[] = {describe, call_graph, pass_answer, NULL};
const gt_work_t gtm_graph_work = {"ask Graph", steps, NULL};
