/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_calendar.c
 * The calendar route set (missions C1 to C4, C6): core/graph/calendar checks and builds what is
 * asked of Graph; the answer is handed on as it comes, with its next link made ours.
 */

#include <apr_strings.h>
#include <http_protocol.h>

#include "base/address.h"
#include "graph/calendar.h"
#include "graph/call.h"
#include "graph/condition.h"
#include "graph/prefer.h"
#include "request/answer.h"
#include "request/page_link.h"
#include "request/stream.h"
#include "routes/route_sets.h"

typedef struct calendar_t {
    gt_graph_params_t params;
    gt_call_t call;
    gtm_stream_t stream;
} calendar_t;

static gt_err_t *call_graph(gt_task_t *task, gtm_request_t *x, calendar_t *own, const char *url)
{
    own->call.vault = x->child->vault;
    own->call.mailboxes = x->child->mailboxes;
    own->call.store = x->store;
    own->call.owner = x->owner;
    own->call.asker = &x->asker;
    own->call.mailbox = x->mailbox;
    own->call.method = own->params.method;
    own->call.url = url;
    own->call.headers = own->params.headers;
    own->call.body = own->params.body;
    gt_then(task, &gt_call, &own->call);
    return GT_OK;
}

static gt_err_t *begin(calendar_t **own, gtm_request_t *x)
{
    gt_prefer_read(x->query, apr_table_get(x->r->headers_in, "Prefer"), x->r->pool);
    x->own = *own = apr_pcalloc(x->r->pool, sizeof(calendar_t));
    if (x->mailbox && !gt_is_address_of(x->mailbox, x->dir->mailboxes))
        return gt_err(x->r->pool, GT_FORBIDDEN, "GT0839",
                      "this mailbox of another may not be opened here (GraphTokSharedMailboxes)");
    return GT_OK;
}

static gt_err_t *call(gt_task_t *task, gtm_request_t *x, calendar_t *own)
{
    GT_TRY(gt_calendar_move(&own->params, x->mailbox, x->calendar, x->r->pool));
    return call_graph(
        task, x, own,
        apr_pstrcat(x->r->pool, gt_provider_conf(x->provider)->graph_url, own->params.path, NULL));
}

/* A condition of the client's is Graph's to judge. */
static gt_err_t *take_condition(gtm_request_t *x, calendar_t *own, const char *name)
{
    return gt_condition_add(&own->params, name, apr_table_get(x->r->headers_in, name), x->r->pool);
}

static gt_err_t *ask_info(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_info(&own->params, x->query, x->r->pool));
    return call(task, x, own);
}

static gt_err_t *ask_calendars(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_list(&own->params, x->query, x->r->pool));
    return call(task, x, own);
}

/* A further page is asked for by its link alone: the sealed text says all the rest. */
static gt_err_t *ask_page(gt_task_t *task, gtm_request_t *x, calendar_t *own, const char *page)
{
    apr_table_t *rest = apr_table_clone(x->r->pool, x->query);
    const char *link;

    apr_table_unset(rest, "page");
    GT_TRY(gtm_page_open(&link, x, page));
    GT_TRY(gt_calendar_info(&own->params, rest, x->r->pool));
    own->params.method = "GET";
    return call_graph(task, x, own, link);
}

static gt_err_t *ask_events(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;
    const char *page = apr_table_get(x->query, "page");

    GT_TRY(begin(&own, x));
    if (page)
        return ask_page(task, x, own, page);
    GT_TRY(gt_calendar_events(&own->params, x->query, x->r->pool));
    return call(task, x, own);
}

static gt_err_t *ask_next24(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;
    const char *page = apr_table_get(x->query, "page");

    GT_TRY(begin(&own, x));
    if (page)
        return ask_page(task, x, own, page);
    GT_TRY(gt_calendar_next24(&own->params, x->query, x->r->pool));
    return call(task, x, own);
}

static gt_err_t *ask_instances(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;
    const char *page = apr_table_get(x->query, "page");

    GT_TRY(begin(&own, x));
    if (page)
        return ask_page(task, x, own, page);
    GT_TRY(gt_calendar_instances(&own->params, x->param, x->query, x->r->pool));
    return call(task, x, own);
}

static gt_err_t *ask_event(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_event(&own->params, x->param, x->query, x->r->pool));
    GT_TRY(take_condition(x, own, "If-None-Match"));
    return call(task, x, own);
}

static gt_err_t *ask_create(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_create(&own->params, x->body, x->query, x->r->pool));
    return call(task, x, own);
}

static gt_err_t *ask_update(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;
    int partial = strcmp(x->route->method, "PATCH") == 0;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_update(&own->params, x->param, partial, x->body, x->query, x->r->pool));
    GT_TRY(take_condition(x, own, "If-Match"));
    return call(task, x, own);
}

static gt_err_t *ask_delete(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_delete(&own->params, x->param, x->r->pool));
    GT_TRY(take_condition(x, own, "If-Match"));
    return call(task, x, own);
}

static gt_err_t *ask_extend(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_extend(&own->params, x->param, x->param2, x->body, x->r->pool));
    return call(task, x, own);
}

static gt_err_t *ask_extension(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own;

    GT_TRY(begin(&own, x));
    GT_TRY(gt_calendar_extension(&own->params, x->route->method, x->param, x->param2, x->r->pool));
    return call(task, x, own);
}

static gt_err_t *pass_answer(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    calendar_t *own = x->own;

    gt_vault_used(x->child->vault, &own->call.params.key.grant);
    own->stream.x = x;
    own->stream.transfer = own->call.transfer;
    own->stream.answer = own->call.answer;
    own->stream.transaction_id = gt_json_text(own->params.body, "transactionId");
    own->stream.relink = gt_relink_make(gtm_page_link, x, x->r->pool);
    gt_then(task, &gtm_stream, &own->stream);
    return GT_OK;
}

static gt_step_fn *const info_steps[] = {ask_info, pass_answer, NULL};
static gt_step_fn *const calendars_steps[] = {ask_calendars, pass_answer, NULL};
static gt_step_fn *const events_steps[] = {ask_events, pass_answer, NULL};
static gt_step_fn *const next24_steps[] = {ask_next24, pass_answer, NULL};
static gt_step_fn *const event_steps[] = {ask_event, pass_answer, NULL};
static gt_step_fn *const instances_steps[] = {ask_instances, pass_answer, NULL};
static gt_step_fn *const create_steps[] = {ask_create, pass_answer, NULL};
static gt_step_fn *const update_steps[] = {ask_update, pass_answer, NULL};
static gt_step_fn *const delete_steps[] = {ask_delete, pass_answer, NULL};
static gt_step_fn *const extend_steps[] = {ask_extend, pass_answer, NULL};
static gt_step_fn *const extension_steps[] = {ask_extension, pass_answer, NULL};

static const gt_work_t info = {"calendar info", info_steps, NULL};
static const gt_work_t calendars = {"calendars", calendars_steps, NULL};
static const gt_work_t events = {"events", events_steps, NULL};
static const gt_work_t next24 = {"next24", next24_steps, NULL};
static const gt_work_t event = {"event", event_steps, NULL};
static const gt_work_t instances = {"instances", instances_steps, NULL};
static const gt_work_t create = {"create event", create_steps, NULL};
static const gt_work_t update = {"update event", update_steps, NULL};
static const gt_work_t delete_event = {"delete event", delete_steps, NULL};
static const gt_work_t extend = {"extend event", extend_steps, NULL};
static const gt_work_t extension = {"extension of an event", extension_steps, NULL};

const gtm_route_t gtm_calendar_routes[] = {
    {"calendar", "GET", "/", GTM_LIMIT_CALENDAR, 0, &info},
    {"calendars", "GET", "/calendars", GTM_LIMIT_CALENDAR, 0, &calendars},
    {"next24", "GET", "/next24", GTM_LIMIT_EVENTS, 0, &next24},
    {"events", "GET", "/events", GTM_LIMIT_EVENTS, 0, &events},
    {"event", "GET", "/events/{}", GTM_LIMIT_EVENTS, 0, &event},
    {"instances", "GET", "/events/{}/instances", GTM_LIMIT_EVENTS, 0, &instances},
    {"create", "POST", "/events", GTM_LIMIT_CREATE, GTM_BODY, &create},
    {"update", "PUT", "/events/{}", GTM_LIMIT_UPDATE, GTM_BODY, &update},
    {"patch", "PATCH", "/events/{}", GTM_LIMIT_UPDATE, GTM_BODY, &update},
    {"delete", "DELETE", "/events/{}", GTM_LIMIT_DELETE, 0, &delete_event},
    {"extend", "POST", "/events/{}/extensions", GTM_LIMIT_UPDATE, GTM_BODY, &extend},
    {"extend", "PATCH", "/events/{}/extensions/{}", GTM_LIMIT_UPDATE, GTM_BODY, &extend},
    {"extension", "GET", "/events/{}/extensions/{}", GTM_LIMIT_EVENTS, 0, &extension},
    {"retract", "DELETE", "/events/{}/extensions/{}", GTM_LIMIT_UPDATE, 0, &extension},
    {NULL, NULL, NULL, GTM_LIMIT_NONE, 0, NULL}};
