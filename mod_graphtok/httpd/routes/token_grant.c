/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token_grant.c
 * One grant of the location's store, by its row's id, and acts on it. Grants of other stores are
 * out of reach here. The administrator stands in the audit beside the user.
 */

#include <httpd.h>

#include "admin/grant_view.h"
#include "admin/operation.h"
#include "request/answer.h"
#include "routes/token_work.h"

/** An act on one grant. */
typedef struct act_t {
    const gt_operation_t *operation;
    gt_target_t target;
    void *work_state;
} act_t;

/* The same for an id of another store, of no store, and for a text that is none. */
static gt_err_t *find_grant(gt_grant_t **grant, const gtm_request_t *x)
{
    GT_TRY(gt_grant_by_id(grant, x->store, x->param, x->r->pool));
    return *grant != NULL
               ? GT_OK
               : gt_err(x->r->pool, GT_NOT_FOUND, "GT1202", "this store has no grant of this id");
}

static gt_err_t *show_grant(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    apr_pool_t *p = x->r->pool;
    apr_array_header_t *entries;
    gt_grant_t *grant;
    json_t *value;

    (void)task;
    GT_TRY(find_grant(&grant, x));
    GT_TRY(gt_grant_take_name(grant, x->store, p));
    GT_TRY(gt_history_list(&entries, x->store, &grant->owner, p));
    value = gt_json_own(gt_grant_json(x->store, grant, x->child->config, p), p);
    gt_json_put(value, "history", gt_history_json(entries, p));
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_err_t *begin_act(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    act_t *act = apr_pcalloc(x->r->pool, sizeof(*act));
    const char *name = x->param2 != NULL ? x->param2 : "revoke";
    gt_grant_t *grant;

    x->own = act;
    act->operation = gt_operation_named(name);
    if (act->operation == NULL)
        return gt_err(x->r->pool, GT_NOT_FOUND, "GT1203", "a grant can be asked to %s",
                      gt_operation_names(x->r->pool));
    GT_TRY(find_grant(&grant, x));
    act->target = (gt_target_t){x->store, *grant, &x->asker};
    act->work_state = act->operation->make(x->child->vault, &act->target, x->r->pool);
    gt_then(task, act->operation->work, act->work_state);
    return GT_OK;
}

static gt_err_t *show_act(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const act_t *act = x->own;
    json_t *value = gt_json_object(x->r->pool);
    const char *detail;

    (void)task;
    GT_TRY(act->operation->judge(&detail, act->work_state, x->r->pool));
    gt_json_set(value, "id", act->target.grant.id);
    gt_json_set(value, "status", act->operation->done);
    gt_json_set(value, "detail", detail);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const grant_steps[] = {show_grant, NULL};
const gt_work_t gtm_token_grant = {"one grant", grant_steps, NULL};

static gt_step_fn *const act_steps[] = {begin_act, show_act, NULL};
const gt_work_t gtm_token_act = {"act on a grant", act_steps, NULL};
