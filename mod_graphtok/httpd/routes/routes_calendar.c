/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_calendar.c
 * The calendar route set (missions C1 to C4, C6): core/graph/calendar checks and builds what is
 * asked of Graph; the answer is handed on as it comes, with its next link made ours.
 */

#include "graph/calendar.h"
#include "graph/condition.h"
#include "request/page_link.h"
#include "routes/graph_work.h"
#include "routes/route_sets.h"

/* What was said of the caller's own calendar is asked of the one that the path names. */
static gt_err_t *send_moved(gt_task_t *task, gtm_request_t *x, gt_graph_params_t *params)
{
    GT_TRY(gt_calendar_move(params, x->mailbox, x->calendar, x->r->pool));
    gtm_graph_send(task, x);
    return GT_OK;
}

/* A condition of the client's is Graph's to judge. */
static gt_err_t *take_condition(gtm_request_t *x, gt_graph_params_t *params, const char *name)
{
    return gt_condition_add(params, name, apr_table_get(x->fields, name), x->r->pool);
}

static gt_err_t *ask_info(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_info(params, x->query, x->r->pool));
    return send_moved(task, x, params);
}

static gt_err_t *ask_calendars(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_list(params, x->query, x->r->pool));
    return send_moved(task, x, params);
}

/* A further page is asked for by its link alone: the sealed text says all the rest. */
static gt_err_t *ask_page(gt_task_t *task, gtm_request_t *x, gt_graph_params_t *params,
                          const char *page)
{
    apr_table_t *rest = apr_table_clone(x->r->pool, x->query);
    const char *link;

    apr_table_unset(rest, "page");
    GT_TRY(gtm_page_open(&link, x, page));
    GT_TRY(gt_calendar_info(params, rest, x->r->pool));
    params->link = link;
    gtm_graph_send(task, x);
    return GT_OK;
}

static gt_err_t *ask_events(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;
    const char *page = apr_table_get(x->query, "page");

    GT_TRY(gtm_graph_begin(&params, x));
    if (page)
        return ask_page(task, x, params, page);
    GT_TRY(gt_calendar_events(params, x->query, x->r->pool));
    return send_moved(task, x, params);
}

static gt_err_t *ask_next24(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;
    const char *page = apr_table_get(x->query, "page");

    GT_TRY(gtm_graph_begin(&params, x));
    if (page)
        return ask_page(task, x, params, page);
    GT_TRY(gt_calendar_next24(params, x->query, x->r->pool));
    return send_moved(task, x, params);
}

static gt_err_t *ask_instances(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;
    const char *page = apr_table_get(x->query, "page");

    GT_TRY(gtm_graph_begin(&params, x));
    if (page)
        return ask_page(task, x, params, page);
    GT_TRY(gt_calendar_instances(params, x->param, x->query, x->r->pool));
    return send_moved(task, x, params);
}

static gt_err_t *ask_event(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_event(params, x->param, x->query, x->r->pool));
    GT_TRY(take_condition(x, params, "If-None-Match"));
    return send_moved(task, x, params);
}

static gt_err_t *ask_create(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_create(params, x->body, x->query, x->r->pool));
    return send_moved(task, x, params);
}

static gt_err_t *ask_update(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;
    int partial = strcmp(x->route->method, "PATCH") == 0;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_update(params, x->param, partial, x->body, x->query, x->r->pool));
    GT_TRY(take_condition(x, params, "If-Match"));
    return send_moved(task, x, params);
}

static gt_err_t *ask_delete(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_delete(params, x->param, x->r->pool));
    GT_TRY(take_condition(x, params, "If-Match"));
    return send_moved(task, x, params);
}

static gt_err_t *ask_extend(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_extend(params, x->param, x->param2, x->body, x->r->pool));
    return send_moved(task, x, params);
}

static gt_err_t *ask_extension(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    gt_graph_params_t *params;

    GT_TRY(gtm_graph_begin(&params, x));
    GT_TRY(gt_calendar_extension(params, x->route->method, x->param, x->param2, x->r->pool));
    return send_moved(task, x, params);
}

static gt_step_fn *const info_steps[] = {ask_info, NULL};
static gt_step_fn *const calendars_steps[] = {ask_calendars, NULL};
static gt_step_fn *const events_steps[] = {ask_events, NULL};
static gt_step_fn *const next24_steps[] = {ask_next24, NULL};
static gt_step_fn *const event_steps[] = {ask_event, NULL};
static gt_step_fn *const instances_steps[] = {ask_instances, NULL};
static gt_step_fn *const create_steps[] = {ask_create, NULL};
static gt_step_fn *const update_steps[] = {ask_update, NULL};
static gt_step_fn *const delete_steps[] = {ask_delete, NULL};
static gt_step_fn *const extend_steps[] = {ask_extend, NULL};
static gt_step_fn *const extension_steps[] = {ask_extension, NULL};

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

/* Of the client's header fields Graph's own preferences go on, and conditions where Graph judges them. */
static const char *const preferring[] = {"Prefer", NULL};
static const char *const reading[] = {"Prefer", "If-None-Match", NULL};
static const char *const changing[] = {"Prefer", "If-Match", NULL};

const gtm_route_t gtm_calendar_routes[] = {
    {"calendar", "GET", "/", GTM_LIMIT_CALENDAR, .fields = preferring, .work = &info},
    {"calendars", "GET", "/calendars", GTM_LIMIT_CALENDAR, .fields = preferring,
     .work = &calendars},
    {"next24", "GET", "/next24", GTM_LIMIT_EVENTS, .fields = preferring, .work = &next24},
    {"events", "GET", "/events", GTM_LIMIT_EVENTS, .fields = preferring, .work = &events},
    {"event", "GET", "/events/{}", GTM_LIMIT_EVENTS, .fields = reading, .work = &event},
    {"instances", "GET", "/events/{}/instances", GTM_LIMIT_EVENTS, .fields = preferring,
     .work = &instances},
    {"create", "POST", "/events", GTM_LIMIT_CREATE, .body = GTM_BODY_JSON, .fields = preferring,
     .work = &create},
    {"update", "PUT", "/events/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON, .fields = changing,
     .work = &update},
    {"patch", "PATCH", "/events/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON, .fields = changing,
     .work = &update},
    {"delete", "DELETE", "/events/{}", GTM_LIMIT_DELETE, .fields = changing, .work = &delete_event},
    {"extend", "POST", "/events/{}/extensions", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON,
     .fields = preferring, .work = &extend},
    {"extend", "PATCH", "/events/{}/extensions/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON,
     .fields = preferring, .work = &extend},
    {"extension", "GET", "/events/{}/extensions/{}", GTM_LIMIT_EVENTS, .fields = preferring,
     .work = &extension},
    {"retract", "DELETE", "/events/{}/extensions/{}", GTM_LIMIT_UPDATE, .fields = preferring,
     .work = &extension},
    {.name = NULL}};
