/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file acquire.c
 * One request to the token endpoint, not made during a pause, and perhaps beginning one. The user
 * is not known before the answer, so a pause concerns the provider, or the tenant where all users
 * are of one.
 */

#include "vault/acquire.h"

#include "vault/pause.h"
#include "vault/vault_struct.h"

static gt_pause_scope_t scope_of(const gt_acquire_t *acquire)
{
    const gt_provider_conf_t *conf = gt_provider_conf(acquire->provider);

    return (gt_pause_scope_t){.provider = conf->name,
                              .tenant = gt_provider_tenant(conf, acquire->tenant)};
}

static gt_err_t *post(gt_task_t *task, void *state)
{
    gt_acquire_t *acquire = state;
    const gt_pause_scope_t scope = scope_of(acquire);

    acquire->tokens = NULL;
    GT_TRY(gt_pause_check(acquire->vault->pauses, &scope, gt_task_pool(task)));
    acquire->post = (gt_token_params_t){
        .provider = acquire->provider,
        .flow = acquire->flow,
        .params = acquire->params,
        .scope = acquire->scope,
        .tenant = acquire->tenant,
        .declares = acquire->is_of_grant,
        .trace = acquire->trace,
    };
    gt_then_try(task, &gt_token_post, &acquire->post, &acquire->failure);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_acquire_t *acquire = state;
    const gt_pause_scope_t scope = scope_of(acquire);

    (void)task;
    if (acquire->failure == GT_OK) {
        acquire->tokens = &acquire->post.tokens;
        return GT_OK;
    }
    gt_pause_begin(acquire->vault->pauses, &scope, acquire->failure);
    return acquire->failure;
}

static gt_step_fn *const steps[] = {post, take, NULL};
const gt_work_t gt_acquire = {"acquire", steps, NULL};
