/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The operations on a grant: for each the work of the vault that does it, and its outcome in words.
 */

#include "admin/operation.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "hooks/unsubscribe.h"
#include "jobs/validate.h"

static void *make_refresh(gt_vault_t *vault, const gt_target_t *target, apr_pool_t *p)
{
    gt_token_for_t *params = apr_pcalloc(p, sizeof(*params));

    params->vault = vault;
    params->key.grant = gt_grant_key(target->store, &target->grant.owner);
    params->use = GT_USE_LOOK;
    params->asker = target->asker;
    params->refresh_now = 1;
    params->refused = target->grant.generation;
    return params;
}

static gt_err_t *judge_refresh(const char **detail, const void *state, apr_pool_t *p)
{
    const gt_token_for_t *params = state;

    *detail = apr_pstrcat(p, "until ", gt_rfc3339(params->token.expires_at, p), NULL);
    return GT_OK;
}

static void *make_validate(gt_vault_t *vault, const gt_target_t *target, apr_pool_t *p)
{
    gt_validate_t *params = apr_pcalloc(p, sizeof(*params));

    params->vault = vault;
    params->asker = target->asker;
    params->key = gt_grant_key(target->store, &target->grant.owner);
    return params;
}

static gt_err_t *judge_validate(const char **detail, const void *state, apr_pool_t *p)
{
    const gt_validate_t *params = state;

    (void)p;
    *detail = "works";
    return params->works ? GT_OK : params->failure;
}

static void *make_revoke(gt_vault_t *vault, const gt_target_t *target, apr_pool_t *p)
{
    gt_revoke_t *params = apr_pcalloc(p, sizeof(*params));

    params->vault = vault;
    params->key = gt_grant_key(target->store, &target->grant.owner);
    params->asker = target->asker;
    return params;
}

static gt_err_t *judge_revoke(const char **detail, const void *state, apr_pool_t *p)
{
    const gt_revoke_t *params = state;

    (void)p;
    *detail = params->had_grant ? "it is gone" : "it was gone already";
    return GT_OK;
}

static gt_err_t *judge_deactivate(const char **detail, const void *state, apr_pool_t *p)
{
    const gt_revoke_t *params = state;

    (void)p;
    *detail = params->had_grant ? "until the user signs in" : "it was gone already";
    return GT_OK;
}

static gt_err_t *judge_activate(const char **detail, const void *state, apr_pool_t *p)
{
    const gt_revoke_t *params = state;

    (void)p;
    *detail = params->had_grant ? "its token is renewed when it is asked for" : "it was active";
    return GT_OK;
}

const gt_operation_t gt_operation_refresh = {.name = "refresh",
                                             .done = "refreshed",
                                             .takes_all = 1,
                                             .has_rate = 1,
                                             .work = &gt_token_for,
                                             .make = make_refresh,
                                             .judge = judge_refresh};

const gt_operation_t gt_operation_validate = {.name = "validate",
                                              .done = "valid",
                                              .takes_all = 1,
                                              .work = &gt_validate,
                                              .make = make_validate,
                                              .judge = judge_validate};

const gt_operation_t gt_operation_revoke = {.name = "revoke",
                                            .done = "revoked",
                                            .work = &gt_revoke_subscribed,
                                            .make = make_revoke,
                                            .judge = judge_revoke};

const gt_operation_t gt_operation_deactivate = {.name = "deactivate",
                                                .done = "deactivated",
                                                .work = &gt_deactivate,
                                                .make = make_revoke,
                                                .judge = judge_deactivate};

const gt_operation_t gt_operation_activate = {.name = "activate",
                                              .done = "activated",
                                              .work = &gt_activate,
                                              .make = make_revoke,
                                              .judge = judge_activate};

static const gt_operation_t *const operations[] = {&gt_operation_refresh,    &gt_operation_validate,
                                                   &gt_operation_deactivate, &gt_operation_activate,
                                                   &gt_operation_revoke,     NULL};

const gt_operation_t *gt_operation_named(const char *name)
{
    for (int i = 0; operations[i] != NULL; i++)
        if (strcmp(operations[i]->name, name) == 0)
            return operations[i];
    return NULL;
}

const char *gt_operation_names(apr_pool_t *p)
{
    const char *names = operations[0]->name;

    for (int i = 1; operations[i] != NULL; i++)
        names = apr_pstrcat(p, names, ", ", operations[i]->name, NULL);
    return names;
}
