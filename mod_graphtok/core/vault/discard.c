/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file discard.c
 * Have a provider revoke tokens that this server must not keep: those of a revoked grant, and those
 * of a sign-in that was refused. It is a job of the child, because the call that starts it does not
 * wait for its end. Entra has no such endpoint and is not asked.
 */

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/log.h"
#include "base/secret.h"
#include "oauth/kind.h"
#include "oauth/revocation.h"
#include "vault/discard.h"
#include "vault/vault_struct.h"

static void *init(const void *asked, apr_pool_t *p)
{
    const gt_revocation_t *from = asked;
    gt_revocation_t *revocation = apr_pcalloc(p, sizeof(*revocation));

    revocation->provider = from->provider;
    revocation->token = gt_secret_dup(from->token, p);
    return revocation;
}

static gt_err_t *give_back(gt_task_t *task, void *state)
{
    gt_then(task, &gt_token_revoke, state);
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_revocation_t *revocation = state;
    const char *provider = gt_provider_conf(revocation->provider)->name;

    (void)task;
    if (err != GT_OK)
        gt_log(GT_LOG_WARNING, "GT0676",
               "a grant that is not kept here could not be revoked at provider %s: %s", provider,
               err->detail);
    else if (revocation->was_asked)
        gt_log(GT_LOG_INFO, NULL, "a grant that is not kept here was revoked at provider %s",
               provider);
}

static gt_step_fn *const steps[] = {give_back, NULL};
static const gt_work_t work = {"give back", steps, finish};

void gt_discard(gt_vault_t *vault, gt_provider_t *provider, const gt_secret_t *token, apr_pool_t *p)
{
    static volatile apr_uint32_t jobs;
    const gt_revocation_t revocation = {.provider = provider, .token = token};
    gt_flight_params_t flight = {NULL, &work, init, &revocation};
    gt_err_t *err;

    if (token == NULL || provider == NULL || vault->parts.crew == NULL ||
        !gt_provider_kind(gt_provider_conf(provider))->may_revoke)
        return;
    flight.key = apr_psprintf(p, "give back %u", apr_atomic_inc32(&jobs));
    err = gt_crew_launch(vault->parts.crew, &flight, p);
    if (err != GT_OK)
        gt_log_err(err, "giving back a grant that is not kept");
}
