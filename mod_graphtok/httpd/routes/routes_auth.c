/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_auth.c
 * The auth route set: sign-in, the token's status (the token itself never), revoke, sign-out, the
 * caller at the provider.
 */

#include "routes/routes_auth.h"

#include <http_protocol.h>

#include "base/clock.h"
#include "caller/session.h"
#include "hooks/unsubscribe.h"
#include "request/answer.h"
#include "routes/graph_work.h"
#include "routes/route_sets.h"

static gt_err_t *ask_token(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_token_for_t *params = apr_pcalloc(x->r->pool, sizeof(*params));

    x->own = params;
    params->vault = x->child->vault;
    params->key.grant = gt_grant_key(x->store, &x->owner);
    params->use = GT_USE_LOOK;
    params->asker = &x->asker;
    gt_then(task, &gt_token_for, params);
    return GT_OK;
}

static gt_err_t *show_token(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gt_token_for_t *params = x->own;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "status", "active");
    gt_json_set(value, "user", x->owner.user);
    gt_json_set(value, "provider", x->owner.provider);
    gt_json_set(value, "store", x->dir->store);
    gt_json_set_time(value, "expires_at", params->token.expires_at, x->r->pool);
    gt_json_set_number(value, "expires_in", apr_time_sec(params->token.expires_at - gt_now()));
    gt_json_set(value, "scope", params->token.scope);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_err_t *begin_revoke(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_revoke_t *revoke = apr_pcalloc(x->r->pool, sizeof(*revoke));

    x->own = revoke;
    revoke->vault = x->child->vault;
    revoke->key = gt_grant_key(x->store, &x->owner);
    revoke->asker = &x->asker;
    gt_then(task, &gt_revoke_subscribed, revoke);
    return GT_OK;
}

static gt_err_t *show_revoked(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const gt_revoke_t *revoke = x->own;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    if (x->caller.from == GT_CALLER_SESSION)
        gtm_session_forget(x);
    gt_json_set(value, "status", revoke->had_grant ? "revoked" : "none");
    gt_json_set(value, "user", x->owner.user);
    gt_json_set(value, "provider", x->owner.provider);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_err_t *ask_user(gt_graph_params_t *params, gtm_request_t *x)
{
    (void)x;
    params->path = "/me";
    return GT_OK;
}

static gt_step_fn *const token_steps[] = {ask_token, show_token, NULL};
static const gt_work_t token = {"token status", token_steps, NULL};

static gt_step_fn *const revoke_steps[] = {begin_revoke, show_revoked, NULL};
static const gt_work_t revoke_grant = {"revoke", revoke_steps, NULL};

const gtm_route_t gtm_auth_routes[] = {
    {"login", "GET", "/", GTM_LIMIT_LOGIN, .demands = GTM_NO_CALLER, .fields = gtm_sign_in_fields,
     .owner = gtm_owner_of_sign_in, .work = &gtm_login},
    {"login", "GET", "/login", GTM_LIMIT_LOGIN, .demands = GTM_NO_CALLER,
     .fields = gtm_sign_in_fields, .owner = gtm_owner_of_sign_in, .work = &gtm_login},
    {"login", "GET", "/login/{}", GTM_LIMIT_LOGIN, .demands = GTM_NO_CALLER | GTM_NAMES_PROVIDER,
     .fields = gtm_sign_in_fields, .owner = gtm_owner_of_sign_in, .work = &gtm_login},
    {"callback", "GET", "/callback", GTM_LIMIT_CALLBACK,
     .demands = GTM_NO_CALLER | GTM_PROVIDERS_QUERY, .query_max = 64, .fields = gtm_sign_in_fields,
     .owner = gtm_owner_of_callback, .work = &gtm_callback},
    {"callback", "GET", "/callback/{}", GTM_LIMIT_CALLBACK,
     .demands = GTM_NO_CALLER | GTM_NAMES_PROVIDER | GTM_PROVIDERS_QUERY, .query_max = 64,
     .fields = gtm_sign_in_fields, .owner = gtm_owner_of_callback, .work = &gtm_callback},
    {"token", "GET", "/token", GTM_LIMIT_USER, .work = &token},
    {"tokens", "GET", "/tokens", GTM_LIMIT_USER, .work = &gtm_own_tokens},
    {"tokens", "POST", "/tokens/{}/refresh", GTM_LIMIT_USER, .body = GTM_BODY_NOTHING,
     .work = &gtm_own_refresh},
    {"tokens", "POST", "/tokens/{}/revoke", GTM_LIMIT_USER, .body = GTM_BODY_NOTHING,
     .work = &gtm_own_revoke},
    {"revoke", "POST", "/revoke", GTM_LIMIT_USER, .work = &revoke_grant},
    {"logout", "POST", "/logout", GTM_LIMIT_USER, .demands = GTM_NO_CALLER, .work = &gtm_logout},
    {"logout", "GET", "/logout/done", GTM_LIMIT_USER, .demands = GTM_NO_CALLER,
     .work = &gtm_logout_done},
    {"frontchannel", "GET", "/logout/frontchannel", GTM_LIMIT_USER, .demands = GTM_NO_CALLER,
     .work = &gtm_front_channel},
    {"backchannel", "POST", "/logout/backchannel", GTM_LIMIT_USER, .demands = GTM_NO_CALLER,
     .body = GTM_BODY_FORM, .work = &gtm_back_channel},
    {"user", "GET", "/user", GTM_LIMIT_USER, .work = &gtm_graph_work, .asks = ask_user},
    {"admin-consent", "GET", "/admin-consent", GTM_LIMIT_LOGIN, .demands = GTM_NO_CALLER,
     .fields = gtm_sign_in_fields, .owner = gtm_owner_of_sign_in, .work = &gtm_admin_consent},
    {.name = NULL}};
