/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file token_overview.c The location's store at a glance. */

#include <httpd.h>

#include "admin/overview.h"
#include "request/answer.h"
#include "routes/token_work.h"

static gt_err_t *show(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool);

    (void)task;
    gt_json_set(value, "store", x->dir->store);
    GT_TRY(gt_overview(value, x->store, gt_vault_survey(x->child->vault, x->store), x->r->pool));
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const steps[] = {show, NULL};
const gt_work_t gtm_token_overview = {"overview", steps, NULL};
