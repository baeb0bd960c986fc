/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file graph_work.c
 * The work of routes that ask Graph, in three steps: the route makes the request's parameters,
 * core/graph/call makes the call, request/stream hands the answer on while it arrives. The state of
 * all three lies in one block of the request's memory.
 */

#include "routes/graph_work.h"

#include <string.h>

#include "base/address.h"
#include "conf/account.h"
#include "graph/calendar.h"
#include "graph/calendar_move.h"
#include "graph/call.h"
#include "graph/prefer.h"
#include "request/page_link.h"
#include "request/stream.h"

typedef struct graph_work_t {
    gt_call_t call;
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
    return ask(&own->call.params, x);
}

static gt_err_t *call_graph(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    graph_work_t *own = x->own;

    own->call.vault = x->child->vault;
    own->call.mailboxes = x->child->mailboxes;
    own->call.key = gt_grant_key(x->store, &x->owner);
    own->call.asker = &x->asker;
    own->call.mailbox = x->mailbox;
    own->call.group = x->group;
    gt_then(task, &gt_call, &own->call);
    return GT_OK;
}

static gt_err_t *pass_answer(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    graph_work_t *own = x->own;

    gt_vault_worked(x->child->vault, &own->call.token.key.grant, 1);
    own->stream.x = x;
    own->stream.transfer = own->call.transfer;
    own->stream.answer = own->call.answer;
    own->stream.transaction_id = gt_json_text(own->call.params.body, "transactionId");
    own->stream.relink = gt_relink_make(gtm_page_link, x, x->r->pool);
    gt_then(task, &gtm_stream, &own->stream);
    return GT_OK;
}

static gt_step_fn *const steps[] = {describe, call_graph, pass_answer, NULL};
const gt_work_t gtm_graph_work = {"ask Graph", steps, NULL};
