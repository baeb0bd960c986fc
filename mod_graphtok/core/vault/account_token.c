/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file account_token.c An account's scope and resource, for vault/app_token.c. */

#include "vault/account_token.h"

#include <string.h>

#include <apr_strings.h>

#include "conf/account.h"
#include "conf/cloud.h"
#include "oauth/resource.h"
#include "vault/app_token.h"
#include "vault/vault_struct.h"

#define ALL "/.default"

static const gt_account_conf_t *account_of(const gt_token_for_t *params)
{
    return gt_account_of(params->vault->parts.config, &params->key.grant);
}

int gt_account_is_application(const gt_token_for_t *params)
{
    const gt_account_conf_t *account = account_of(params);

    return account != NULL && account->grant == GT_GRANT_CLIENT;
}

/** The scope that is asked for: the account's, at Microsoft all that the registration has been
 * given of Graph. */
static const char *scope_of(const gt_account_conf_t *account, const gt_provider_conf_t *conf,
                            apr_pool_t *p)
{
    if (account->scope != NULL || conf->kind != GT_KIND_MICROSOFT)
        return account->scope;
    return apr_pstrcat(p, gt_cloud(conf->cloud)->graph, ALL, NULL);
}

static gt_err_t *check_resource(const gt_token_for_t *params, const gt_provider_conf_t *conf,
                                const char *scope, apr_pool_t *p)
{
    const char *wanted = params->key.resource != NULL ? params->key.resource : GT_RESOURCE_GRAPH;

    if (gt_scopes_of_resource(scope, wanted, conf, p)[0] != '\0')
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0636", "%s has no tokens for resource %s, but for %s",
                  params->key.grant.owner.user, wanted, scope);
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *provider = params->key.grant.owner.provider;
    const gt_provider_conf_t *conf = gt_config_provider(params->vault->parts.config, provider);
    const char *scope = scope_of(account_of(params), conf, p);
    apr_size_t len = strlen(scope);

    GT_TRY(check_resource(params, conf, scope, p));
    params->app = apr_pcalloc(p, sizeof(*params->app));
    params->app->vault = params->vault;
    params->app->provider = provider;
    params->app->scope = scope;
    params->app->resource = len > strlen(ALL) && strcmp(scope + len - strlen(ALL), ALL) == 0
                                ? apr_pstrmemdup(p, scope, len - strlen(ALL))
                                : scope;
    if (params->refresh_now || params->anew)
        gt_app_token_forget(params->vault, provider, NULL, params->app->resource);
    gt_then(task, &gt_app_token_for, params->app);
    return GT_OK;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_token_for_t *params = state;

    (void)task;
    params->token = params->app->token;
    return GT_OK;
}

static gt_step_fn *const steps[] = {ask, take, NULL};
const gt_work_t gt_account_token = {"an application account's token", steps, NULL};
