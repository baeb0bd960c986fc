/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file end_subscriptions.c Ends of subscriptions at Microsoft Graph. */

#include "hooks/end_subscriptions.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define ANSWER_MAX 65536

const char *gt_subscription_path(const char *id, apr_pool_t *p)
{
    return apr_pstrcat(p, "/subscriptions/", gt_percent(id, p), NULL);
}

/* ---- some, by their ids ---- */

static gt_err_t *end_next(gt_task_t *task, void *state)
{
    gt_end_subscriptions_t *ends = state;
    const char *id;

    if (ends->next == ends->ids->nelts) {
        gt_done(task);
        return GT_OK;
    }
    id = APR_ARRAY_IDX(ends->ids, ends->next++, const char *);
    gt_graph_ask_begin(&ends->ask, &ends->model);
    ends->ask.call.answer_max = ANSWER_MAX;
    ends->ask.call.params = (gt_graph_params_t){
        .method = "DELETE", .path = gt_subscription_path(id, gt_task_pool(task))};
    gt_then_try(task, &gt_graph_ask, &ends->ask, &ends->failure);
    return GT_OK;
}

/* One that is there no more is as wanted. */
static gt_err_t *go_on(gt_task_t *task, void *state)
{
    gt_end_subscriptions_t *ends = state;

    if (ends->failure != GT_OK && ends->failure->cls != GT_NOT_FOUND)
        return ends->failure;
    gt_repeat(task);
    return GT_OK;
}

static gt_step_fn *const steps[] = {end_next, go_on, NULL};
const gt_work_t gt_end_subscriptions = {"ends of subscriptions", steps, NULL};

/* ---- those that no row knows ---- */

static gt_err_t *list(gt_task_t *task, void *state)
{
    gt_end_strays_t *strays = state;

    gt_graph_ask_begin(&strays->ask, &strays->model);
    strays->ask.call.answer_max = ANSWER_MAX;
    strays->ask.call.params = (gt_graph_params_t){.method = "GET", .path = "/subscriptions"};
    gt_then(task, &gt_graph_ask, &strays->ask);
    return GT_OK;
}

static int is_stray(const json_t *sub, const gt_end_strays_t *strays)
{
    const char *url = gt_json_text(sub, "notificationUrl");
    const char *resource = gt_json_text(sub, "resource");

    return gt_json_text(sub, "id") != NULL && url != NULL && strcmp(url, strays->url) == 0 &&
           resource != NULL && strcasecmp(resource, strays->resource) == 0;
}

static gt_err_t *end_strays(gt_task_t *task, void *state)
{
    gt_end_strays_t *strays = state;
    apr_array_header_t *ids = apr_array_make(gt_task_pool(task), 1, sizeof(const char *));
    const json_t *sub;
    size_t i;

    json_array_foreach (json_object_get(strays->ask.root, "value"), i, sub)
        if (is_stray(sub, strays))
            APR_ARRAY_PUSH(ids, const char *) = gt_json_text(sub, "id");
    strays->ends = (gt_end_subscriptions_t){.model = strays->model, .ids = ids};
    gt_then(task, &gt_end_subscriptions, &strays->ends);
    return GT_OK;
}

static gt_step_fn *const stray_steps[] = {list, end_strays, NULL};
const gt_work_t gt_end_strays = {"ends of strays", stray_steps, NULL};
