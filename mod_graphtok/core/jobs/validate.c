/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file validate.c
 * The validation job: does the API take a grant's token? Only a 401 for a token that was refreshed
 * because of it says no; with any other status the API has recognized the user. A refusal of the
 * token endpoint was noted by the refresh already. Without a token the API is not asked, and
 * nothing is known.
 */

#include "jobs/validate.h"

#include <apr_strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notice.h"
#include "jobs/job_item.h"
#include "vault/history.h"

#define ANSWER_MAX 65536
#define BATCH 20
#define PERIOD apr_time_from_sec(10)
#define SHARE 64 /* of the span within which each grant is asked about once */

static gt_err_t *ask_provider(gt_task_t *task, void *state)
{
    gt_validate_t *v = state;
    apr_pool_t *p = gt_task_pool(task);

    if (gt_vault_provider(v->vault, v->key.owner.provider) == NULL)
        return gt_err(p, GT_NOT_FOUND, "GT1102", "there is no provider %s in the configuration",
                      v->key.owner.provider);
    v->ask = (gt_ask_t){.call = {.vault = v->vault,
                                 .key = v->key,
                                 .asker = v->asker,
                                 .params = {.path = "/me?$select=id"},
                                 .answer_max = ANSWER_MAX}};
    gt_then_try(task, &gt_ask, &v->ask, &v->failure);
    return GT_OK;
}

static int is_token_refused(const gt_err_t *failure)
{
    return failure->cls == GT_SIGN_IN || failure->cls == GT_INTERACTION;
}

/** The token is fresh, so the sign-in is good: the API may be wrong about it for a while (a
 * licence, a policy that is being changed). That is an error of the grant, not its end, and it
 * adds to those that stood there before the refresh, which has shown nothing of the API. */
static gt_err_t *mark(gt_validate_t *v, apr_pool_t *p)
{
    const gt_grant_t *before = v->ask.call.token.grant;
    const gt_grant_t grant = {.owner = v->key.owner,
                              .generation = v->ask.call.token.token.generation,
                              .error_count = before != NULL ? before->error_count : 0};
    const gt_effect_t effect =
        v->failure->cls == GT_SIGN_IN ? GT_EFFECT_COUNT : gt_class_row(v->failure->cls)->effect;

    return gt_grant_failed(&v->is_noted, gt_vault_store(v->vault, v->key.store), &grant, v->failure,
                           effect, p);
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_validate_t *v = state;
    gt_err_t *failure = v->failure;

    v->works = failure == GT_OK;
    if (failure == GT_OK) {
        gt_vault_worked(v->vault, &v->key, 0);
        return GT_OK;
    }
    if (is_token_refused(failure))
        return v->ask.call.token.token.access != NULL ? mark(v, gt_task_pool(task)) : GT_OK;
    if (gt_class_row(failure->cls)->may_retry || failure->cls == GT_DAMAGED ||
        failure->cls == GT_CLIENT_BROKEN || failure->cls == GT_INTERNAL ||
        v->ask.call.token.token.access == NULL)
        return failure;
    v->works = 1;
    v->failure = GT_OK;
    return GT_OK;
}

static void finish(gt_task_t *task, void *state, const gt_err_t *err)
{
    const gt_validate_t *v = state;
    const gt_notice_t notice = {.kind = GT_NOTICE_VALIDATE,
                                .store = v->key.store,
                                .provider = v->key.owner.provider,
                                .user = v->key.owner.user,
                                .asker = v->asker,
                                .err = err != GT_OK ? err : v->failure};

    gt_notice(&notice);
    if (v->is_noted || (v->asker != NULL && v->asker->administrator != NULL))
        gt_history_note(gt_vault_store(v->vault, v->key.store), &notice, gt_task_pool(task));
}

static gt_step_fn *const steps[] = {ask_provider, judge, NULL};
const gt_work_t gt_validate = {"validate", steps, finish};

/* ---- in the background ---- */

enum { VALID, NOT_VALID };

static apr_interval_time_t every(const gt_config_t *config)
{
    apr_interval_time_t pause = config->validate_every / SHARE;

    if (config->validate_every == 0)
        return 0;
    return pause < apr_time_from_sec(1) ? apr_time_from_sec(1) : gt_backoff(0, pause, pause);
}

static void *make(const gt_job_item_t *item, apr_pool_t *p)
{
    const gt_picked_t *picked = item->payload;
    gt_validate_t *v = apr_pcalloc(p, sizeof(*v));

    v->vault = gt_jobs_vault(item->jobs);
    v->key = gt_grant_key(item->store, &picked->owner);
    return v;
}

static gt_err_t *let_go(const gt_job_item_t *item, apr_pool_t *p)
{
    const gt_picked_t *picked = item->payload;

    return gt_check_let_go(item->store, &picked->owner, p);
}

static void note(const gt_job_item_t *item, const gt_err_t *failure)
{
    const gt_validate_t *v = item->state;

    if (failure != GT_OK) {
        gt_log(GT_LOG_INFO, NULL, "validation of user %s at %s: %s (%s)", v->key.owner.user,
               v->key.owner.provider, failure->detail, failure->tag);
        return;
    }
    gt_jobs_count(item->jobs, item->kind, v->works ? VALID : NOT_VALID, 1);
    if (!v->works)
        gt_log(GT_LOG_INFO, NULL, "the token of user %s at %s does not work: %s (%s)",
               v->key.owner.user, v->key.owner.provider, v->failure->detail, v->failure->tag);
}

static gt_err_t *validate(gt_slice_t *slice)
{
    const gt_config_t *config = gt_jobs_config(slice->jobs);
    const gt_check_params_t params = {slice->part, config->validate_every,
                                      config->refresh_used_within, BATCH};
    apr_array_header_t *picked;

    GT_TRY(gt_check_pick(&picked, slice->store, &params, slice->pool));
    gt_job_items_start(slice, gt_job_found_grants(picked, slice->pool), gt_ticks(), PERIOD, 0);
    if (picked->nelts == BATCH)
        slice->again = PERIOD;
    return GT_OK;
}

const gt_job_kind_t gt_job_validate = {
    .name = "validate",
    .results = {"valid", "not_valid"},
    .parts = GT_PARTS,
    .budget = 512,
    .back_off = apr_time_from_sec(10),
    .back_off_most = apr_time_from_sec(300),
    .every = every,
    .slice = validate,
    .work = &gt_validate,
    .copy = gt_job_copy_grant,
    .make = make,
    .let_go = let_go,
    .note = note,
};
