/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_own_tokens.c
 * The caller's own tokens: their list, and acts on one of them by its id (A6). An id of another
 * user, of a provider that the place does not have, and of no grant are answered alike.
 */

#include <string.h>

#include <httpd.h>

#include "admin/grant_view.h"
#include "admin/operation.h"
#include "base/text.h"
#include "caller/session.h"
#include "request/answer.h"
#include "routes/routes_auth.h"
#include "store/due.h"

/** An act on one token. */
typedef struct own_act_t {
    const gt_operation_t *operation;
    gt_target_t target;
    void *work_state;
} own_act_t;

/* Of several providers of the place. */
static int is_served(const gtm_request_t *x, const gt_grant_t *grant)
{
    return x->dir->providers != NULL && gt_has_word(x->dir->providers, grant->owner.provider);
}

/* With the names that S3's document has for them. */
static json_t *token_json(const gt_grant_t *grant, apr_pool_t *p)
{
    json_t *json = json_object();

    gt_json_set(json, "id", grant->id);
    gt_json_set(json, "provider", grant->owner.provider);
    gt_json_set(json, "email_address", grant->account.email);
    gt_json_set(json, "status", gt_status_name(grant->status));
    gt_json_set(json, "scope", grant->scope);
    gt_json_set_time(json, "expires_at", grant->expires_at, p);
    gt_json_set_time(json, "created_at", grant->created_at, p);
    gt_json_set_time(json, "updated_at", grant->updated_at, p);
    return json;
}

static gt_err_t *show_own(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool), *tokens = json_array();
    apr_array_header_t *grants;

    (void)task;
    gt_json_put(value, "tokens", tokens);
    GT_TRY(gt_grants_of(&grants, x->store, x->owner.user, x->r->pool));
    for (int i = 0; i < grants->nelts; i++) {
        const gt_grant_t *grant = APR_ARRAY_IDX(grants, i, gt_grant_t *);

        if (is_served(x, grant))
            json_array_append_new(tokens, token_json(grant, x->r->pool));
    }
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

/* Of the caller's own rows: a statement that names the user, as all of a request's road do. */
static gt_err_t *find_own(gt_grant_t **grant, const gtm_request_t *x)
{
    const char *id = gt_grant_plain_id(x->param, x->r->pool), *of_row;
    apr_array_header_t *grants;

    GT_TRY(gt_grants_of(&grants, x->store, x->owner.user, x->r->pool));
    for (int i = 0; i < grants->nelts; i++) {
        *grant = APR_ARRAY_IDX(grants, i, gt_grant_t *);
        of_row = gt_grant_plain_id((*grant)->id, x->r->pool);
        if (id != NULL && of_row != NULL && strcmp(of_row, id) == 0 && is_served(x, *grant))
            return GT_OK;
    }
    return gt_err(x->r->pool, GT_NOT_FOUND, "GT0899", "you have no token of this id");
}

static gt_err_t *begin_act(gt_task_t *task, gtm_request_t *x, const gt_operation_t *operation)
{
    own_act_t *act = apr_pcalloc(x->r->pool, sizeof(*act));
    gt_grant_t *grant;

    x->own = act;
    act->operation = operation;
    GT_TRY(find_own(&grant, x));
    act->target = (gt_target_t){x->store, *grant, &x->asker};
    /* A sign-in that helps is one at this provider. */
    x->owner.provider = grant->owner.provider;
    act->work_state = operation->make(x->child->vault, &act->target, x->r->pool);
    gt_then(task, operation->work, act->work_state);
    return GT_OK;
}

static gt_err_t *begin_refresh(gt_task_t *task, void *state)
{
    return begin_act(task, state, &gt_operation_refresh);
}

static gt_err_t *begin_revoke(gt_task_t *task, void *state)
{
    return begin_act(task, state, &gt_operation_revoke);
}

static void show_act(gtm_request_t *x, apr_time_t expires_at)
{
    const own_act_t *act = x->own;
    json_t *value = gt_json_object(x->r->pool);

    gt_json_set(value, "id", act->target.grant.id);
    gt_json_set(value, "provider", act->target.grant.owner.provider);
    gt_json_set(value, "email_address", act->target.grant.account.email);
    gt_json_set(value, "status", act->operation->done);
    if (expires_at != 0)
        gt_json_set_time(value, "expires_at", expires_at, x->r->pool);
    gtm_answer_json(x, HTTP_OK, value);
}

static gt_err_t *show_refreshed(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const own_act_t *act = x->own;
    const gt_token_for_t *params = act->work_state;

    (void)task;
    show_act(x, params->token.expires_at);
    return GT_OK;
}

static gt_err_t *show_revoked(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;

    (void)task;
    if (x->caller.from == GT_CALLER_SESSION)
        gtm_session_forget(x);
    show_act(x, 0);
    return GT_OK;
}

static gt_step_fn *const list_steps[] = {show_own, NULL};
const gt_work_t gtm_own_tokens = {"own tokens", list_steps, NULL};

static gt_step_fn *const refresh_steps[] = {begin_refresh, show_refreshed, NULL};
const gt_work_t gtm_own_refresh = {"refresh an own token", refresh_steps, NULL};

static gt_step_fn *const revoke_steps[] = {begin_revoke, show_revoked, NULL};
const gt_work_t gtm_own_revoke = {"revoke an own token", revoke_steps, NULL};
