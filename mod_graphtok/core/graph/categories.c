/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file categories.c
 * Rounds: pick up to a batch of messages that have no outcome yet, wait if Graph asked to, send,
 * judge each part. A message that may be tried again simply stays without an outcome.
 */

#include "graph/categories.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "graph/json_batch.h"
#include "graph/id.h"

#define TRIES_MAX 4 /* one, and three more */
#define FIRST_WAIT apr_time_from_sec(2)
#define LONGEST_WAIT apr_time_from_sec(30)
#define SPARE apr_time_from_sec(2) /* of the request's time, for the answer */
#define AFTER_PAUSE (APR_USEC_PER_SEC / 20)

static const gt_work_t write_round;

/* ---- categories ---- */

static int is_ours(const char *category, const gt_triage_rules_t *rules)
{
    for (int cls = 0; cls < GT_TRIAGE_CLASSES; cls++) {
        if (strcasecmp(category, gt_triage_category(rules, (gt_triage_class_t)cls)) == 0)
            return 1;
    }
    return 0;
}

void gt_categories_of(json_t **wanted, const gt_sorted_t *sorted, const gt_triage_rules_t *rules)
{
    const char *category = gt_triage_category(rules, sorted->triage.cls);
    json_t *list = json_array();
    int has_it = 0, has_another = 0;

    for (int i = 0; i < sorted->categories->nelts; i++) {
        const char *old = APR_ARRAY_IDX(sorted->categories, i, const char *);

        if (strcasecmp(old, category) == 0)
            has_it = 1;
        else if (is_ours(old, rules))
            has_another = 1;
        else
            json_array_append_new(list, json_string(old));
    }
    json_array_append_new(list, json_string(category));
    *wanted = has_it && !has_another ? NULL : list;
    if (*wanted == NULL)
        json_decref(list);
}

/* ---- rounds ---- */

static gt_sorted_t *message_of(const gt_categories_t *run, int i)
{
    return &APR_ARRAY_IDX(run->sorted, i, gt_sorted_t);
}

static void fail(gt_sorted_t *message, const char *problem)
{
    message->applied = GT_APPLIED_FAILED;
    message->problem = problem;
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_categories_t *run = state;
    apr_size_t count = (apr_size_t)run->sorted->nelts;

    run->most = GT_BATCH_MOST;
    run->tries = apr_pcalloc(gt_task_pool(task), count + 1);
    run->doubts = apr_pcalloc(gt_task_pool(task), count + 1);
    for (int i = 0; i < run->sorted->nelts; i++) {
        json_t *wanted;

        gt_categories_of(&wanted, message_of(run, i), run->rules);
        if (wanted == NULL)
            message_of(run, i)->applied = GT_APPLIED_UNCHANGED;
        else if (gt_graph_id(message_of(run, i)->id, gt_task_pool(task)) == NULL)
            fail(message_of(run, i), "the message has an id that cannot be asked for");
        json_decref(wanted);
    }
    gt_then(task, &write_round, run);
    return GT_OK;
}

static void add(gt_categories_t *run, int i, apr_pool_t *p)
{
    const gt_sorted_t *message = message_of(run, i);
    json_t *wanted, *body = gt_json_object(p);

    gt_categories_of(&wanted, message, run->rules);
    gt_json_put(body, "categories", wanted);
    gt_batch_change(&run->ask.call.params, i,
                    apr_pstrcat(p, "/me/messages/", gt_graph_id(message->id, p), NULL),
                    run->doubts[i] ? NULL : message->etag, body);
    run->batch[run->count++] = i;
}

static gt_err_t *send_batch(gt_task_t *task, void *state)
{
    gt_categories_t *run = state;
    apr_pool_t *p = gt_task_pool(task);

    if (run->not_before > gt_ticks()) {
        gt_again_at(task, run->not_before);
        return GT_OK;
    }
    run->not_before = 0;
    run->count = 0;
    gt_graph_ask_begin(&run->ask, &run->model);
    run->ask.call.answer_max = 0;
    gt_batch_begin(&run->ask.call.params, p);
    for (int i = 0; i < run->sorted->nelts && run->count < run->most; i++) {
        if (message_of(run, i)->applied == GT_APPLIED_NOT)
            add(run, i, p);
    }
    if (run->count == 0)
        gt_done(task);
    else
        gt_then_try(task, &gt_graph_ask, &run->ask, &run->err);
    return GT_OK;
}

static int may_pass(const gt_err_t *err)
{
    return err->cls == GT_THROTTLED || err->cls == GT_LIMITED || err->cls == GT_BUSY ||
           err->cls == GT_UPSTREAM || err->cls == GT_TIMEOUT;
}

/* Tries a message again later, or gives it up. */
static void put_off(gt_categories_t *run, int i, const gt_err_t *err, gt_task_t *task)
{
    apr_interval_time_t wait =
        err->retry_after > 0 ? err->retry_after + AFTER_PAUSE : FIRST_WAIT << (int)run->tries[i];
    apr_time_t until = gt_ticks() + wait;

    if (!may_pass(err) || ++run->tries[i] >= TRIES_MAX || wait > LONGEST_WAIT ||
        wait > gt_task_time_left(task) - SPARE) {
        fail(message_of(run, i), apr_pstrdup(gt_task_pool(task), err->detail));
        return;
    }
    if (until > run->not_before)
        run->not_before = until;
}

/* None of the messages that are left will fare better. */
static void give_up(gt_categories_t *run, const gt_err_t *err, apr_pool_t *p)
{
    for (int i = 0; i < run->sorted->nelts; i++) {
        if (message_of(run, i)->applied == GT_APPLIED_NOT)
            fail(message_of(run, i), apr_pstrdup(p, err->detail));
    }
}

/* The answer of the whole was refused, or lost. */
static gt_err_t *judge_failure(gt_categories_t *run, gt_task_t *task)
{
    gt_transfer_t *transfer = run->ask.call.transfer;
    int is_too_large = transfer != NULL && gt_transfer_is_too_large(transfer);

    if (!may_pass(run->err)) {
        give_up(run, run->err, gt_task_pool(task));
        return run->written == 0 ? run->err : GT_OK;
    }
    for (int n = 0; n < run->count; n++) {
        run->doubts[run->batch[n]] = (char)(run->err->may_be_done || run->doubts[run->batch[n]]);
        put_off(run, run->batch[n], run->err, task);
    }
    /* Messages that come back although they were not wanted. */
    if (is_too_large && run->most > 1)
        run->most = 1;
    return GT_OK;
}

/* @return the error when all parts of the first batch are denied: the user lacks the permission */
static gt_err_t *judge_parts(gt_categories_t *run, gt_task_t *task)
{
    gt_err_t *err = GT_OK;
    int denied = 0;

    for (int n = 0; n < run->count; n++) {
        int i = run->batch[n];

        err = gt_batch_outcome(run->ask.root, i, gt_task_pool(task));
        if (err == GT_OK) {
            message_of(run, i)->applied = GT_APPLIED_WRITTEN;
            run->written++;
            continue;
        }
        denied += err->status == 403;
        run->doubts[i] = (char)(err->cls == GT_UPSTREAM || err->cls == GT_TIMEOUT);
        put_off(run, i, err, task);
    }
    return run->written == 0 && denied == run->count ? err : GT_OK;
}

static gt_err_t *judge(gt_task_t *task, void *state)
{
    gt_categories_t *run = state;

    GT_TRY(run->err != GT_OK ? judge_failure(run, task) : judge_parts(run, task));
    apr_pool_destroy(run->ask.json);
    gt_instead(task, &write_round, run);
    return GT_OK;
}

static gt_step_fn *const round_steps[] = {send_batch, judge, NULL};
static const gt_work_t write_round = {"write categories", round_steps, NULL};

static gt_step_fn *const steps[] = {begin, NULL};
const gt_work_t gt_categories_write = {"write all categories", steps, NULL};
