/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token_validate.c
 * Ask the provider about all active grants of the location's store. A few are asked about one after
 * the other, and the answer has the results; of more a bulk job is made, and the answer has that.
 */

#include <httpd.h>

#include "admin/bulk.h"
#include "request/answer.h"
#include "routes/token_work.h"

#define AT_ONCE 10 /* grants: of a provider that takes a second for each, ten seconds */

typedef struct round_t {
    apr_array_header_t *grants; /* of gt_grant_t * */
    int next;                   /* of them */
    gt_target_t target;
    void *work_state;
    gt_err_t *failure; /* of the last one */
    json_t *results;
    apr_int64_t valid, invalid;
    gt_pick_t pick;
    gt_bulk_begin_t bulk;
} round_t;

/** Note the outcome of the grant that was asked about last. */
static void note(round_t *round, apr_pool_t *p)
{
    const char *detail = NULL;
    gt_err_t *err = round->failure;
    json_t *result = json_object();

    if (err == GT_OK)
        err = gt_operation_validate.judge(&detail, round->work_state, p);
    gt_json_set(result, "id", round->target.grant.id);
    gt_json_set(result, "user", round->target.grant.owner.user);
    gt_json_set_bool(result, "valid", err == GT_OK);
    gt_json_set(result, "detail", err == GT_OK ? detail : gt_err_told(err, p));
    gt_json_set(result, "tag", err == GT_OK ? NULL : err->tag);
    json_array_append_new(round->results, result);
    *(err == GT_OK ? &round->valid : &round->invalid) += 1;
}

static gt_err_t *ask_one(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    round_t *round = x->own;

    round->target = (gt_target_t){
        x->store, *APR_ARRAY_IDX(round->grants, round->next++, gt_grant_t *), &x->asker};
    round->work_state = gt_operation_validate.make(x->child->vault, &round->target, x->r->pool);
    gt_then_try(task, gt_operation_validate.work, round->work_state, &round->failure);
    return GT_OK;
}

static const gt_work_t few, done;

static gt_err_t *note_one(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    round_t *round = x->own;

    note(round, x->r->pool);
    gt_instead(task, round->next < round->grants->nelts ? &few : &done, x);
    return GT_OK;
}

static gt_err_t *show(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const round_t *round = x->own;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "store", x->dir->store);
    gt_json_set(value, "status", "done");
    gt_json_set_number(value, "valid", round->valid);
    gt_json_set_number(value, "invalid", round->invalid);
    gt_json_put(value, "results", json_incref(round->results));
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const few_steps[] = {ask_one, note_one, NULL};
static const gt_work_t few = {"validate a few tokens", few_steps, NULL};

static gt_step_fn *const done_steps[] = {show, NULL};
static const gt_work_t done = {"validated tokens", done_steps, NULL};

/* ---- many ---- */

static gt_err_t *begin_job(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    round_t *round = x->own;

    round->pick = gt_pick_all();
    round->pick.store = x->dir->store;
    round->pick.status = GT_ACTIVE;
    round->bulk = (gt_bulk_begin_t){.store = x->store,
                                    .parts = gt_vault_parts(x->child->vault),
                                    .operation = &gt_operation_validate,
                                    .pick = &round->pick,
                                    .asker = &x->asker};
    gt_then(task, &gt_bulk_begin, &round->bulk);
    return GT_OK;
}

static gt_err_t *show_job(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const round_t *round = x->own;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "store", x->dir->store);
    gt_json_set(value, "status", "started");
    gt_json_set(value, "job", round->bulk.id);
    gtm_answer_json(x, HTTP_ACCEPTED, value);
    return GT_OK;
}

static gt_step_fn *const many_steps[] = {begin_job, show_job, NULL};
static const gt_work_t many = {"validate many tokens", many_steps, NULL};

static gt_err_t *begin(gt_task_t *task, void *state)
{
    static const gt_grant_filter_t active = {.status = GT_ACTIVE, .within = -1};
    gtm_request_t *x = state;
    round_t *round = apr_pcalloc(x->r->pool, sizeof(*round));
    int n;

    x->own = round;
    GT_TRY(gt_grant_list(&round->grants, x->store, &active, NULL, AT_ONCE + 1, x->r->pool));
    round->results = gt_json_own(json_array(), x->r->pool);
    n = round->grants->nelts;
    gt_instead(task, n > AT_ONCE ? &many : n > 0 ? &few : &done, x);
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, NULL};
const gt_work_t gtm_token_validate = {"validate a store's tokens", steps, NULL};
