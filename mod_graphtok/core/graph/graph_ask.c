/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file graph_ask.c Collects an answer, streamed or not, and reads it. */

#include "graph/graph_ask.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"

#define ANSWER_MAX (1024 * 1024)

void gt_graph_ask_begin(gt_graph_ask_t *ask, const gt_call_t *model)
{
    memset(ask, 0, sizeof(*ask));
    ask->call.vault = model->vault;
    ask->call.mailboxes = model->mailboxes;
    ask->call.key = model->key;
    ask->call.asker = model->asker;
}

static gt_err_t *call(gt_task_t *task, void *state)
{
    gt_graph_ask_t *ask = state;

    if (ask->call.answer_max == 0)
        ask->call.answer_max = ANSWER_MAX;
    apr_pool_create(&ask->json, gt_task_pool(task));
    ask->pieces = apr_array_make(ask->json, 8, sizeof(const char *));
    gt_then(task, &gt_call, &ask->call);
    return GT_OK;
}

/* Runs again and again until the answer has ended. A collected one is taken at once. */
static gt_err_t *collect(gt_task_t *task, void *state)
{
    gt_graph_ask_t *ask = state;
    const char *bytes;
    apr_size_t len;
    int end = 0;

    GT_TRY(gt_transfer_take(&bytes, &len, &end, ask->call.transfer, gt_task_pool(task)));
    if (len > 0)
        APR_ARRAY_PUSH(ask->pieces, const char *) = apr_pstrmemdup(ask->json, bytes, len);
    ask->len += len;
    if (!end)
        gt_again_on_bytes(task, ask->call.transfer);
    return GT_OK;
}

static gt_err_t *read_answer(gt_task_t *task, void *state)
{
    gt_graph_ask_t *ask = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *text = apr_array_pstrcat(ask->json, ask->pieces, '\0');

    gt_vault_used(ask->call.vault, &ask->call.token.key.grant);
    if (ask->len == 0)
        return GT_OK;
    /* A NUL within the answer makes the text shorter; then the rest is looked at no more. */
    if (gt_json_parse_answer(&ask->root, text, strlen(text), ask->json) != GT_OK ||
        !json_is_object(ask->root))
        return gt_err(p, GT_UPSTREAM, "GT0725", "Graph's answer is no JSON object");
    return GT_OK;
}

static gt_step_fn *const steps[] = {call, collect, read_answer, NULL};
const gt_work_t gt_graph_ask = {"ask Graph and read", steps, NULL};
