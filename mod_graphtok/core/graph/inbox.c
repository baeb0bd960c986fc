/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file inbox.c
 * Three questions, one after another: the owner, the people written to, the pages of unread mail.
 * The first two make the rules better and may be refused; the third may not.
 */

#include "graph/inbox.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "graph/mail_read.h"

#define PAGE_BYTES (4 * 1024 * 1024)
#define PAGES_MAX 20     /* a page may be empty and have another one behind it */
#define RECEIVED_MAX 100 /* bytes of a time */

static const gt_work_t read_owner, read_pages;

/* Graph said no, and not "later", "sign in", or "I am down". */
static int is_refusal(const gt_err_t *err)
{
    return err != GT_OK && (err->cls == GT_REFUSED || err->cls == GT_NOT_FOUND);
}

/* ---- the owner ---- */

static gt_err_t *ask_owner(gt_task_t *task, void *state)
{
    gt_inbox_t *inbox = state;

    gt_graph_ask_begin(&inbox->ask, &inbox->model);
    gt_mail_ask_owner(&inbox->ask.call.params, !inbox->is_narrow, gt_task_pool(task));
    gt_then_try(task, &gt_graph_ask, &inbox->ask, &inbox->err);
    return GT_OK;
}

static gt_err_t *take_owner(gt_task_t *task, void *state)
{
    gt_inbox_t *inbox = state;

    if (is_refusal(inbox->err) && !inbox->is_narrow) {
        inbox->is_narrow = 1;
        gt_instead(task, &read_owner, inbox);
        return GT_OK;
    }
    if (inbox->err == GT_OK)
        gt_mail_read_owner(&inbox->owner, inbox->ask.root, gt_task_pool(task));
    return is_refusal(inbox->err) ? GT_OK : inbox->err;
}

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gt_inbox_t *inbox = state;

    inbox->sorted = apr_array_make(gt_task_pool(task), inbox->top, sizeof(gt_sorted_t));
    gt_then(task, &read_owner, inbox);
    return GT_OK;
}

static gt_err_t *ask_sent(gt_task_t *task, void *state)
{
    gt_inbox_t *inbox = state;

    gt_graph_ask_begin(&inbox->ask, &inbox->model);
    gt_mail_ask_sent(&inbox->ask.call.params, gt_task_pool(task));
    gt_then_try(task, &gt_graph_ask, &inbox->ask, &inbox->err);
    return GT_OK;
}

/* A refusal for want of a scope comes once more, for the messages themselves. */
static gt_err_t *take_sent(gt_task_t *task, void *state)
{
    gt_inbox_t *inbox = state;

    if (inbox->err == GT_OK)
        gt_mail_read_sent(&inbox->owner, inbox->ask.root, gt_task_pool(task));
    if (inbox->err != GT_OK && !is_refusal(inbox->err))
        return inbox->err;
    gt_then(task, &read_pages, inbox);
    return GT_OK;
}

/* ---- pages ---- */

static gt_err_t *ask_page(gt_task_t *task, void *state)
{
    gt_inbox_t *inbox = state;
    gt_graph_params_t *params = &inbox->ask.call.params;

    gt_graph_ask_begin(&inbox->ask, &inbox->model);
    gt_mail_ask_unread(params, inbox->top, !inbox->without_text, gt_task_pool(task));
    params->link = inbox->next;
    inbox->ask.call.answer_max = PAGE_BYTES;
    gt_then_try(task, &gt_graph_ask, &inbox->ask, &inbox->err);
    return GT_OK;
}

static void sort_one(gt_inbox_t *inbox, const gt_graph_mail_t *found, apr_pool_t *p)
{
    gt_sorted_t *sorted =
        gt_sorted_add(inbox->sorted, &found->mail, &inbox->owner, inbox->rules, inbox->keeps_text);

    sorted->id = apr_pstrdup(p, found->id);
    sorted->etag = apr_pstrdup(p, found->etag);
    sorted->received = gt_sorted_front(found->received, RECEIVED_MAX, p);
    sorted->categories = apr_array_make(p, found->categories->nelts, sizeof(const char *));
    for (int i = 0; i < found->categories->nelts; i++)
        APR_ARRAY_PUSH(sorted->categories, const char *) =
            apr_pstrdup(p, APR_ARRAY_IDX(found->categories, i, const char *));
}

static void sort_page(gt_inbox_t *inbox, apr_pool_t *p)
{
    const json_t *rows = json_object_get(inbox->ask.root, "value"), *row;
    apr_size_t i;

    json_array_foreach (rows, i, row) {
        gt_graph_mail_t found;

        if (inbox->sorted->nelts >= inbox->top)
            inbox->has_more = 1;
        else if (gt_mail_read(&found, row, inbox->ask.json))
            sort_one(inbox, &found, p);
    }
}

static gt_err_t *take_page(gt_task_t *task, void *state)
{
    gt_inbox_t *inbox = state;
    gt_transfer_t *transfer = inbox->ask.call.transfer;

    /* The link of a page asks for its texts again, so the pages begin anew without them. */
    if (inbox->err != GT_OK && transfer != NULL && gt_transfer_is_too_large(transfer) &&
        !inbox->without_text) {
        inbox->without_text = 1;
        inbox->next = NULL;
        apr_array_clear(inbox->sorted);
        gt_instead(task, &read_pages, inbox);
        return GT_OK;
    }
    GT_TRY(inbox->err);
    sort_page(inbox, gt_task_pool(task));
    inbox->next = apr_pstrdup(gt_task_pool(task), gt_mail_next(inbox->ask.root));
    apr_pool_destroy(inbox->ask.json);
    if (inbox->next != NULL && inbox->sorted->nelts >= inbox->top)
        inbox->has_more = 1;
    else if (inbox->next != NULL && ++inbox->pages < PAGES_MAX)
        gt_instead(task, &read_pages, inbox);
    return GT_OK;
}

static gt_step_fn *const owner_steps[] = {ask_owner, take_owner, NULL};
static const gt_work_t read_owner = {"read the owner of a mailbox", owner_steps, NULL};

static gt_step_fn *const page_steps[] = {ask_page, take_page, NULL};
static const gt_work_t read_pages = {"read unread mail", page_steps, NULL};

static gt_step_fn *const steps[] = {begin, ask_sent, take_sent, NULL};
const gt_work_t gt_inbox_sort = {"sort an inbox", steps, NULL};
