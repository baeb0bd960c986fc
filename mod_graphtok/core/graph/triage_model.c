/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file triage_model.c One exchange, and a careful look at its answer, which a program that reads
 * strangers' mail has made. */

#include "graph/triage_model.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

#define ANSWER_MAX (256 * 1024)
#define REASON_MAX 200 /* bytes */

static json_t *row_of(const gt_sorted_t *sorted, int i, apr_pool_t *p)
{
    json_t *row = json_object();

    gt_json_set(row, "id", apr_itoa(p, i));
    gt_json_set(row, "subject", sorted->subject);
    gt_json_set(row, "from", sorted->from);
    gt_json_set(row, "from_name", sorted->from_name);
    gt_json_set(row, "received", sorted->received);
    gt_json_set(row, "text", sorted->text);
    gt_json_set(row, "class", gt_triage_names[sorted->triage.cls]);
    return row;
}

json_t *gt_triage_model_request(const apr_array_header_t *sorted, apr_pool_t *p)
{
    json_t *json = gt_json_object(p), *classes = json_array(), *rows = json_array();

    gt_json_set_number(json, "version", 1);
    for (int cls = 0; cls < GT_TRIAGE_CLASSES; cls++)
        json_array_append_new(classes, json_string(gt_triage_names[cls]));
    gt_json_put(json, "classes", classes);
    for (int i = 0; i < sorted->nelts; i++)
        json_array_append_new(rows, row_of(&APR_ARRAY_IDX(sorted, i, gt_sorted_t), i, p));
    gt_json_put(json, "messages", rows);
    return json;
}

static int class_named(gt_triage_class_t *cls, const char *name)
{
    for (int i = 0; name != NULL && i < GT_TRIAGE_CLASSES; i++) {
        if (strcmp(name, gt_triage_names[i]) == 0) {
            *cls = (gt_triage_class_t)i;
            return 1;
        }
    }
    return 0;
}

/* One line of bounded length, or words of ours. */
static const char *reason_of(const json_t *row, apr_pool_t *p)
{
    const char *reason = gt_json_text(row, "reason");

    if (reason == NULL || *reason == '\0' || strlen(reason) > REASON_MAX ||
        gt_has_control(reason, strlen(reason)))
        return "sorted by the model server";
    return apr_pstrdup(p, reason);
}

int gt_triage_model_take(apr_array_header_t *sorted, const json_t *answer, apr_pool_t *p)
{
    const json_t *rows = json_object_get(answer, "messages"), *row;
    apr_size_t n;
    int taken = 0;

    json_array_foreach (rows, n, row) {
        const char *id = gt_json_text(row, "id");
        gt_triage_class_t cls;
        apr_int64_t i;
        gt_sorted_t *message;

        if (id == NULL || !gt_number(&i, id, 0, sorted->nelts - 1) ||
            !class_named(&cls, gt_json_text(row, "class")))
            continue;
        message = &APR_ARRAY_IDX(sorted, (int)i, gt_sorted_t);
        message->triage.cls = cls;
        message->triage.reasons = apr_array_make(p, 1, sizeof(const char *));
        APR_ARRAY_PUSH(message->triage.reasons, const char *) = reason_of(row, p);
        taken += !message->is_of_model;
        message->is_of_model = 1;
    }
    return taken;
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    gt_triage_model_t *model = state;
    apr_pool_t *p = gt_task_pool(task);
    gt_request_t request = {.method = "POST",
                            .url = model->url,
                            .content_type = "application/json",
                            .answer_max = ANSWER_MAX,
                            .timeout = model->timeout,
                            .connect_timeout = model->timeout,
                            .purpose = "triage"};

    if (model->sorted->nelts == 0) {
        gt_done(task);
        return GT_OK;
    }
    request.body = gt_secret_from(gt_json_dump(gt_triage_model_request(model->sorted, p), p), p);
    GT_TRY(gt_transfer_make(&model->transfer, &request, gt_task_loop(task), p));
    gt_await(task, model->transfer);
    return GT_OK;
}

/* Words for the log; NULL: the answer was of use. Its text is a stranger's and stays out. */
static const char *judge(gt_triage_model_t *model, apr_pool_t *p)
{
    const gt_err_t *err = gt_transfer_error(model->transfer, p);
    const gt_answer_t *answer = gt_transfer_answer(model->transfer);
    json_t *root;

    if (err != GT_OK)
        return err->detail;
    if (answer == NULL || answer->status != 200)
        return apr_psprintf(p, "status %d", answer != NULL ? answer->status : 0);
    if (gt_json_parse_answer(&root, answer->body, answer->body_len, p) != GT_OK)
        return "the answer is no JSON";
    if (gt_triage_model_take(model->sorted, root, p) == 0)
        return "the answer has no class for any message";
    return NULL;
}

static gt_err_t *take(gt_task_t *task, void *state)
{
    const char *fault = judge(state, gt_task_pool(task));

    if (fault != NULL)
        gt_log(GT_LOG_WARNING, "GT0730",
               "the server of GraphTokTriageURL was of no use, so that mail is sorted by rules: %s",
               fault);
    return GT_OK;
}

static gt_step_fn *const steps[] = {ask, take, NULL};
const gt_work_t gt_triage_model = {"ask a model server", steps, NULL};
