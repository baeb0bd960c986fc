/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file token_bulk_ask.c
 * POST /bulk: the body's act, and its grants, by their ids or by a filter as a list's query has it.
 * All mistakes of a body are told at once. An id that no grant has is none: it has its result in
 * the job.
 */

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>

#include "admin/bulk.h"
#include "base/text.h"
#include "request/answer.h"
#include "routes/token_work.h"

#define DAYS_MOST 36500
#define ID_BYTES_MOST 64 /* twice as long as any that a grant has */
#define NAME_BYTES_MOST 512
#define MISTAKES_MOST 10 /* that are told */

/** A body as it is read. */
typedef struct body_t {
    gt_bulk_begin_t begin;
    gt_pick_t pick;
    apr_array_header_t *ids; /* of const char *; NULL: there are none */
    gt_err_t *wrong;         /* NULL: no mistake so far */
    apr_pool_t *pool;
} body_t;

static void mistake(body_t *body, const char *name, const char *message)
{
    if (body->wrong == NULL)
        body->wrong = gt_err(body->pool, GT_INVALID, "GT1211", "this bulk job is not understood");
    if (body->wrong->fields == NULL || body->wrong->fields->nelts < MISTAKES_MOST)
        gt_err_field(body->wrong, name, message);
}

static void read_act(body_t *body, const json_t *value)
{
    const char *name = json_string_value(value);

    body->begin.operation = name != NULL ? gt_operation_named(name) : NULL;
    if (body->begin.operation == NULL)
        mistake(body, "act",
                apr_pstrcat(body->pool, "one of: ", gt_operation_names(body->pool), NULL));
}

static void read_ids(body_t *body, const json_t *list)
{
    const apr_size_t count = json_array_size(list);

    body->ids = apr_array_make(body->pool, (int)count, sizeof(const char *));
    if (!json_is_array(list) || count == 0 || count > GT_BULK_IDS_MAX) {
        mistake(body, "ids",
                apr_psprintf(body->pool, "a list of 1 to %d ids of grants", GT_BULK_IDS_MAX));
        return;
    }
    for (apr_size_t i = 0; i < count; i++) {
        const char *id = json_string_value(json_array_get(list, i));

        if (id == NULL || *id == '\0' || strlen(id) > ID_BYTES_MOST)
            mistake(body, apr_psprintf(body->pool, "ids[%d]", (int)i), "the id of a grant, a text");
        else
            APR_ARRAY_PUSH(body->ids, const char *) = id;
    }
}

/** A text of a filter; "" is none. */
static void read_name(body_t *body, const char **name, const char *field, const json_t *value)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) > NAME_BYTES_MOST)
        mistake(body, field, "a text");
    else
        *name = *text != '\0' ? text : NULL;
}

static void read_filter_member(body_t *body, const char *name, const json_t *value)
{
    if (strcmp(name, "q") == 0)
        read_name(body, &body->pick.name, "filter.q", value);
    else if (strcmp(name, "provider") == 0)
        read_name(body, &body->pick.provider, "filter.provider", value);
    else if (strcmp(name, "status") == 0) {
        if (!json_is_string(value) || !gt_pick_status(&body->pick, json_string_value(value)))
            mistake(body, "filter.status", "active, inactive, needs-user or failing");
    }
    else if (strcmp(name, "days") == 0) {
        body->pick.days = json_is_integer(value) ? json_integer_value(value) : -1;
        if (body->pick.days < 0 || body->pick.days > DAYS_MOST)
            mistake(body, "filter.days", "days from now within which the token ends: 0 to 36500");
    }
    else
        mistake(body, "filter", "its members are q, status, provider and days");
}

static void read_filter(body_t *body, json_t *filter)
{
    const char *name;
    json_t *value;

    body->begin.pick = &body->pick;
    if (!json_is_object(filter)) {
        mistake(body, "filter", "an object: {\"status\": \"inactive\"}");
        return;
    }
    json_object_foreach (filter, name, value)
        read_filter_member(body, name, value);
}

/** A filter that means all grants is for acts that harm none. */
static void check_filter(body_t *body)
{
    const gt_pick_t *pick = &body->pick;
    const int is_all = pick->name == NULL && pick->provider == NULL && pick->status < 0 &&
                       !pick->is_failing && pick->days < 0;

    if (is_all && body->begin.operation != NULL && !body->begin.operation->takes_all)
        mistake(body, "filter",
                "this act is not done to all grants: say which are meant, by status, provider, "
                "days or q");
}

static gt_err_t *read_body(body_t *body, json_t *json)
{
    const char *name;
    json_t *value;

    json_object_foreach (json, name, value) {
        if (strcmp(name, "act") == 0)
            read_act(body, value);
        else if (strcmp(name, "ids") == 0)
            read_ids(body, value);
        else if (strcmp(name, "filter") == 0)
            read_filter(body, value);
        else
            mistake(body, "(another)", "the members are act, and ids or filter");
    }
    if (json_object_get(json, "act") == NULL)
        read_act(body, NULL);
    if ((body->ids != NULL) == (body->begin.pick != NULL))
        mistake(body, "ids", "either ids or a filter says which grants are meant");
    else if (body->begin.pick != NULL)
        check_filter(body);
    return body->wrong;
}

static gt_err_t *ask(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    body_t *body = apr_pcalloc(x->r->pool, sizeof(*body));

    body->pool = x->r->pool;
    body->pick = gt_pick_all();
    body->pick.store = x->dir->store;
    body->pick.is_question = 1;
    body->begin.store = x->store;
    body->begin.parts = gt_vault_parts(x->child->vault);
    body->begin.asker = &x->asker;
    x->own = body;
    GT_TRY(read_body(body, x->body));
    GT_TRY(gt_pick_check(&body->pick, x->child->config, x->r->pool));
    body->begin.ids = body->ids;
    gt_then(task, &gt_bulk_begin, &body->begin);
    return GT_OK;
}

static gt_err_t *show_asked(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    const body_t *body = x->own;
    apr_pool_t *p = x->r->pool;
    const char *path = x->r->parsed_uri.path;
    apr_size_t length = strlen(path);
    gt_bulk_job_t *job;

    (void)task;
    GT_TRY(gt_bulk_find(&job, x->store, body->begin.id, p));
    if (job == NULL)
        return gt_err(p, GT_CONFLICT, "GT1212", "the bulk job was removed as it was made");
    while (length > 0 && path[length - 1] == '/')
        length--;
    apr_table_setn(x->r->headers_out, "Location",
                   apr_psprintf(p, "%.*s/%s", (int)length, path, job->id));
    gtm_answer_json(x, HTTP_ACCEPTED, gt_json_own(gt_bulk_json(job, p), p));
    return GT_OK;
}

static gt_step_fn *const steps[] = {ask, show_asked, NULL};
const gt_work_t gtm_token_bulk_ask = {"ask for a bulk job", steps, NULL};
