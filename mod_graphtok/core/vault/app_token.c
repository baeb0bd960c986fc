/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file app_token.c What is asked for, and by which key; vault/shared_fetch.c does the rest. */

#include "vault/app_token.h"

#include <apr_strings.h>

#include "base/err.h"
#include "vault/flow/flows.h"

/** The key among those of grants: no store has an empty name, and the tenant stands for the
 * user. */
static gt_token_key_t key_of(const gt_provider_conf_t *conf, const char *tenant,
                             const char *resource)
{
    return (gt_token_key_t){{"", {gt_provider_tenant(conf, tenant), conf->name}}, resource};
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    gt_app_token_t *params = state;
    gt_provider_t *provider = gt_vault_provider(params->vault, params->provider);
    apr_pool_t *p = gt_task_pool(task);

    params->token = (gt_token_t){0};
    if (provider == NULL)
        return gt_err(p, GT_INTERNAL, "GT0613", "there is no provider %s in the configuration",
                      params->provider);
    if (params->tenant != NULL)
        GT_TRY(gt_provider_check_tenant(gt_provider_conf(provider), params->tenant, p));
    params->fetch = (gt_shared_fetch_t){
        .vault = params->vault,
        .provider = params->provider,
        .key = key_of(gt_provider_conf(provider), params->tenant, params->resource),
        .name = "application",
        .flow = &gt_flow_client_credentials,
        .scope = params->scope != NULL ? params->scope
                                       : apr_pstrcat(p, params->resource, "/.default", NULL)};
    if (params->fetch.key.grant.owner.user == NULL)
        return gt_err(p, GT_INTERNAL, "GT0627",
                      "provider %s serves no tenant of its own: a token of the application itself "
                      "needs one (GraphTokTenant)",
                      params->provider);
    params->fetch.tenant = params->fetch.key.grant.owner.user;
    gt_then(task, &gt_shared_fetch, &params->fetch);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_app_token_t *params = state;

    (void)task;
    params->token = params->fetch.token;
    return GT_OK;
}

static gt_step_fn *const steps[] = {ask, take, NULL};
const gt_work_t gt_app_token_for = {"application's token", steps, NULL};

void gt_app_token_forget(gt_vault_t *vault, const char *provider, const char *tenant,
                         const char *resource)
{
    const gt_provider_t *runtime = gt_vault_provider(vault, provider);
    gt_token_key_t key;

    if (runtime == NULL)
        return;
    key = key_of(gt_provider_conf(runtime), tenant, resource);
    if (key.grant.owner.user != NULL)
        gt_shared_fetch_forget(vault, &key);
}
