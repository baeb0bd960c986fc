/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file mail_accounts.c The caller's mail accounts, and sums over all of them for health. */

#include <httpd.h>

#include "admin/mail_acts.h"
#include "base/clock.h"
#include "request/answer.h"
#include "routes/mail_work.h"

/* A person has a few. */
#define MOST 500

static gt_err_t *show_accounts(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    apr_pool_t *p = x->r->pool;
    json_t *value = gt_json_object(p), *list = json_array();
    apr_array_header_t *accounts;

    (void)task;
    gt_json_put(value, "accounts", list);
    GT_TRY(gt_mail_account_list(&accounts, x->store, x->owner.user, 0, MOST, p));
    for (int i = 0; i < accounts->nelts; i++)
        json_array_append_new(
            list, gt_mail_account_json(&APR_ARRAY_IDX(accounts, i, gt_mail_account_t), p));
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const accounts_steps[] = {show_accounts, NULL};
const gt_work_t gtm_mail_accounts = {"mail accounts", accounts_steps, NULL};

static gt_err_t *show_sums(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    json_t *value = gt_json_object(x->r->pool);
    apr_interval_time_t age;
    gt_mail_sums_t sums;

    (void)task;
    GT_TRY(gt_survey_mail(&sums, &age, gt_vault_survey(x->child->vault, x->store), x->r->pool));
    gt_json_set(value, "status", sums.error == 0 ? "healthy" : "degraded");
    gt_json_set(value, "store", x->dir->store);
    gt_mail_sums_show(value, &sums, x->r->pool);
    gt_json_set_time(value, "last_check", gt_now() - age, x->r->pool);
    gtm_answer_json(x, HTTP_OK, value);
    return GT_OK;
}

static gt_step_fn *const health_steps[] = {show_sums, NULL};
const gt_work_t gtm_mail_health = {"health of mail", health_steps, NULL};
