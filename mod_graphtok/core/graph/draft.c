/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file draft.c Looks for the draft of a key, makes the draft, writes the text of an answer. */

#include "graph/draft.h"

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "graph/id.h"

/* A named property of the set that is free for all programs (MS-OXPROPS, PS_PUBLIC_STRINGS). */
#define KEY_PROPERTY "String {00020329-0000-0000-C000-000000000046} Name graphtok-key"

static const gt_work_t write_answer;

/* ---- the draft of a key ---- */

/* Bytes of a key need no escape within the quotes (gt_draft_key). */
static gt_err_t *look(gt_task_t *task, void *state)
{
    gt_draft_t *draft = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *filter;

    if (draft->key == NULL)
        return GT_OK;
    filter = apr_pstrcat(
        p, "singleValueExtendedProperties/Any(ep: ep/id eq '" KEY_PROPERTY "' and ep/value eq '",
        draft->key, "')", NULL);
    gt_graph_ask_begin(&draft->ask, &draft->model);
    draft->ask.call.params.path = apr_pstrcat(p, "/me/messages?$filter=", gt_percent(filter, p),
                                              "&$select=id,webLink,subject&$top=1", NULL);
    gt_then(task, &gt_graph_ask, &draft->ask);
    return GT_OK;
}

static gt_err_t *take(gt_draft_t *draft, const json_t *message, apr_pool_t *p)
{
    static const char *const members[] = {"id", "webLink", "subject"};

    if (gt_json_text(message, "id") == NULL)
        return gt_err(p, GT_UPSTREAM, "GT0729", "Graph's answer is no message");
    draft->made = gt_json_object(p);
    for (apr_size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        gt_json_set(draft->made, members[i], gt_json_text(message, members[i]));
    return GT_OK;
}

static json_t *key_property(const gt_draft_t *draft)
{
    json_t *list = json_array(), *property = json_object();

    gt_json_set(property, "id", KEY_PROPERTY);
    gt_json_set(property, "value", draft->key);
    json_array_append_new(list, property);
    return list;
}

/* ---- making ---- */

static void ask_new(gt_draft_t *draft)
{
    gt_graph_params_t *params = &draft->ask.call.params;

    params->path = "/me/messages";
    params->body = draft->wish.message;
    if (draft->key != NULL)
        gt_json_put(params->body, "singleValueExtendedProperties", key_property(draft));
}

/* Without a body of its own Graph's answer quotes the original. */
static void ask_answer(gt_draft_t *draft, apr_pool_t *p)
{
    gt_graph_params_t *params = &draft->ask.call.params;

    params->path = apr_pstrcat(p, "/me/messages/", draft->wish.message_id,
                               draft->wish.to_all ? "/createReplyAll" : "/createReply", NULL);
    if (draft->key != NULL) {
        json_t *message = json_object();

        params->body = gt_json_object(p);
        gt_json_put(message, "singleValueExtendedProperties", key_property(draft));
        gt_json_put(params->body, "message", message);
    }
}

static gt_err_t *make(gt_task_t *task, void *state)
{
    gt_draft_t *draft = state;
    apr_pool_t *p = gt_task_pool(task);
    const json_t *found = json_array_get(json_object_get(draft->ask.root, "value"), 0);

    if (draft->key != NULL && found != NULL) {
        draft->is_repeat = 1;
        gt_done(task);
        return take(draft, found, p);
    }
    gt_graph_ask_begin(&draft->ask, &draft->model);
    draft->ask.call.params.method = "POST";
    if (draft->wish.message_id != NULL)
        ask_answer(draft, p);
    else
        ask_new(draft);
    gt_then(task, &gt_graph_ask, &draft->ask);
    return GT_OK;
}

static gt_err_t *take_made(gt_task_t *task, void *state)
{
    gt_draft_t *draft = state;

    GT_TRY(take(draft, draft->ask.root, gt_task_pool(task)));
    if (draft->wish.message_id != NULL)
        gt_then(task, &write_answer, draft);
    return GT_OK;
}

/* ---- the text of an answer ---- */

static gt_err_t *write_text(gt_task_t *task, void *state)
{
    gt_draft_t *draft = state;
    apr_pool_t *p = gt_task_pool(task);
    const char *segment = gt_graph_id(gt_json_text(draft->made, "id"), p);
    json_t *body = gt_json_object(p);

    if (segment == NULL)
        return gt_err(p, GT_UPSTREAM, "GT0729", "Graph's answer is no message");
    draft->path = apr_pstrcat(p, "/me/messages/", segment, NULL);
    gt_json_put(body, "body",
                gt_draft_answer(json_object_get(draft->ask.root, "body"), &draft->wish, p));
    gt_graph_ask_begin(&draft->ask, &draft->model);
    draft->ask.call.params.method = "PATCH";
    draft->ask.call.params.path = draft->path;
    draft->ask.call.params.body = body;
    gt_then_try(task, &gt_graph_ask, &draft->ask, &draft->err);
    return GT_OK;
}

/* A draft without its text would look as if it were wanted. */
static gt_err_t *take_away(gt_task_t *task, void *state)
{
    gt_draft_t *draft = state;

    if (draft->err == GT_OK) {
        gt_done(task);
        return GT_OK;
    }
    gt_graph_ask_begin(&draft->ask, &draft->model);
    draft->ask.call.params.method = "DELETE";
    draft->ask.call.params.path = draft->path;
    gt_then_try(task, &gt_graph_ask, &draft->ask, &draft->ignored);
    return GT_OK;
}

static gt_err_t *tell(gt_task_t *task, void *state)
{
    const gt_draft_t *draft = state;

    (void)task;
    return draft->err;
}

static gt_step_fn *const answer_steps[] = {write_text, take_away, tell, NULL};
static const gt_work_t write_answer = {"write an answer's text", answer_steps, NULL};

static gt_step_fn *const steps[] = {look, make, take_made, NULL};
const gt_work_t gt_draft_make = {"make a draft", steps, NULL};
