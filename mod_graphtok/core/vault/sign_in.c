/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file sign_in.c
 * A sign-in: a flow's tokens are acquired, and their person admitted. From the moment when the
 * provider is asked there may be tokens, so all of it is a job of the child: a browser that hangs
 * up leaves it running.
 */

#include <apr_atomic.h>
#include <apr_strings.h>

#include "vault/acquire.h"
#include "vault/admit.h"
#include "vault/vault_struct.h"

/** The job's own state. */
typedef struct entry_t {
    gt_sign_in_t in;
    gt_acquire_t acquire;
    gt_admit_t admit;
} entry_t;

static void *init(const void *asked, apr_pool_t *p)
{
    const gt_sign_in_t *in = asked;
    entry_t *entry = apr_pcalloc(p, sizeof(*entry));

    entry->in = *in;
    entry->in.key = gt_grant_key_dup(&in->key, p);
    entry->in.asker = gt_asker_dup(in->asker, p);
    entry->in.params = in->flow->copy(in->params, p);
    entry->in.nonce = apr_pstrdup(p, in->nonce);
    entry->in.tenant = apr_pstrdup(p, in->tenant);
    entry->in.scope = apr_pstrdup(p, in->scope);
    return entry;
}

static gt_err_t *acquire(gt_task_t *task, void *state)
{
    entry_t *entry = state;
    const gt_sign_in_t *in = &entry->in;

    entry->acquire = (gt_acquire_t){
        .vault = in->vault,
        .provider = gt_vault_provider(in->vault, in->key.owner.provider),
        .flow = in->flow,
        .params = in->params,
        .scope = in->scope,
        .tenant = in->tenant,
        .is_of_grant = 1,
        .trace = gt_asker_trace(in->asker),
    };
    gt_then(task, &gt_acquire, &entry->acquire);
    return GT_OK;
}

static gt_err_t *admit(gt_task_t *task, void *state)
{
    entry_t *entry = state;
    const gt_sign_in_t *in = &entry->in;

    entry->admit = (gt_admit_t){
        .vault = in->vault,
        .key = in->key,
        .asker = in->asker,
        .tokens = entry->acquire.tokens,
        .nonce = in->nonce,
        .tenant = in->tenant,
        .may_ask_again = in->may_ask_again,
    };
    gt_then(task, &gt_admit, &entry->admit);
    return GT_OK;
}

/** A success was announced when the person was admitted. One that is still awaited is no news. */
static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const entry_t *entry = state;

    (void)task;
    if (err == GT_OK || entry->admit.grant != NULL || entry->admit.at_tenant != NULL ||
        entry->admit.needs_consent)
        return;
    if (entry->in.flow->is_pending != NULL && entry->in.flow->is_pending(err))
        return;
    gt_notice(&(gt_notice_t){.kind = GT_NOTICE_SIGN_IN,
                             .store = entry->in.key.store,
                             .provider = entry->in.key.owner.provider,
                             .user = entry->in.key.owner.user,
                             .asker = entry->in.asker,
                             .err = err});
}

static gt_step_fn *const job_steps[] = {acquire, admit, NULL};
static const gt_work_t job_work = {"sign in", job_steps, finish};

/* ---- the request ---- */

static gt_err_t *join(gt_task_t *task, void *state)
{
    static volatile apr_uint32_t jobs;
    gt_sign_in_t *in = state;
    const gt_flight_params_t flight = {
        apr_psprintf(gt_task_pool(task), "sign in %u", apr_atomic_inc32(&jobs)), &job_work, init,
        in};

    in->grant = NULL;
    in->needs_consent = 0;
    in->at_tenant = NULL;
    return gt_crew_join(&in->flight, task, in->vault->parts.crew, &flight);
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    gt_sign_in_t *in = state;
    const entry_t *entry = gt_flight_state(in->flight);

    in->identity = entry->admit.identify.identity;
    in->needs_consent = entry->admit.needs_consent;
    in->at_tenant = entry->admit.at_tenant;
    if (gt_flight_error(in->flight) != GT_OK)
        return gt_err_dup(gt_flight_error(in->flight), gt_task_pool(task));
    in->grant = entry->admit.grant;
    return GT_OK;
}

static gt_step_fn *const sign_in_steps[] = {join, take, NULL};
const gt_work_t gt_sign_in = {"sign in", sign_in_steps, NULL};
