/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_calendar.c
 * The calendar route set: core/graph/calendar checks and builds the request to Graph; the answer is
 * handed on as it comes, with its next link made ours.
 */

#include "graph/calendar.h"
#include "graph/other_calendar.h"
#include "graph/condition.h"
#include "routes/graph_work.h"
#include "routes/route_sets.h"

/* The request is about the calendar that the path names, not the caller's default one. */
static gt_err_t *move(gt_graph_params_t *params, const gtm_request_t *x)
{
    if (x->group == NULL)
        return gt_other_calendar(params, x->mailbox, x->calendar, x->r->pool);
    gt_other_calendar_of_group(params, x->group, x->r->pool);
    return GT_OK;
}

/* A condition of the client's is Graph's to judge. */
static gt_err_t *take_condition(gtm_request_t *x, gt_graph_params_t *params, const char *name)
{
    return gt_condition_add(params, name, apr_table_get(x->fields, name), x->r->pool);
}

static gt_err_t *ask_info(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_info(params, x->query, x->r->pool));
    return move(params, x);
}

static gt_err_t *ask_calendars(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_list(params, x->query, x->r->pool));
    return move(params, x);
}

static gt_err_t *ask_events(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_events(params, x->query, x->r->pool));
    return move(params, x);
}

static gt_err_t *ask_next24(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_next24(params, x->query, x->r->pool));
    return move(params, x);
}

static gt_err_t *ask_instances(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_instances(params, x->param, x->query, x->r->pool));
    return move(params, x);
}

static gt_err_t *ask_event(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_event(params, x->param, x->query, x->r->pool));
    GT_TRY(take_condition(x, params, "If-None-Match"));
    return move(params, x);
}

static gt_err_t *ask_create(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_create(params, x->body, x->query, x->r->pool));
    return move(params, x);
}

static gt_err_t *ask_update(gt_graph_params_t *params, gtm_request_t *x)
{
    int partial = strcmp(x->route->method, "PATCH") == 0;

    GT_TRY(gt_calendar_update(params, x->param, partial, x->body, x->query, x->r->pool));
    GT_TRY(take_condition(x, params, "If-Match"));
    return move(params, x);
}

static gt_err_t *ask_delete(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_delete(params, x->param, x->r->pool));
    GT_TRY(take_condition(x, params, "If-Match"));
    return move(params, x);
}

static gt_err_t *ask_extend(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_extend(params, x->param, x->param2, x->body, x->r->pool));
    return move(params, x);
}

static gt_err_t *ask_extension(gt_graph_params_t *params, gtm_request_t *x)
{
    GT_TRY(gt_calendar_extension(params, x->route->method, x->param, x->param2, x->r->pool));
    return move(params, x);
}

/* Of the client's header fields Graph's own preferences go on, and conditions where Graph judges
 * them. */
static const char *const preferring[] = {"Prefer", NULL};
static const char *const reading[] = {"Prefer", "If-None-Match", NULL};
static const char *const changing[] = {"Prefer", "If-Match", NULL};

const gtm_route_t gtm_calendar_routes[] = {
    {"calendar", "GET", "/", GTM_LIMIT_CALENDAR, .fields = preferring, .work = &gtm_graph_work,
     .asks = ask_info},
    {"calendars", "GET", "/calendars", GTM_LIMIT_CALENDAR, .fields = preferring,
     .work = &gtm_graph_work, .asks = ask_calendars},
    {"next24", "GET", "/next24", GTM_LIMIT_EVENTS, .fields = preferring, .work = &gtm_graph_work,
     .asks = ask_next24},
    {"events", "GET", "/events", GTM_LIMIT_EVENTS, .fields = preferring, .work = &gtm_graph_work,
     .asks = ask_events},
    {"event", "GET", "/events/{}", GTM_LIMIT_EVENTS, .fields = reading, .work = &gtm_graph_work,
     .asks = ask_event},
    {"instances", "GET", "/events/{}/instances", GTM_LIMIT_EVENTS, .fields = preferring,
     .work = &gtm_graph_work, .asks = ask_instances},
    {"create", "POST", "/events", GTM_LIMIT_CREATE, .body = GTM_BODY_JSON, .fields = preferring,
     .work = &gtm_graph_work, .asks = ask_create},
    {"update", "PUT", "/events/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON, .fields = changing,
     .work = &gtm_graph_work, .asks = ask_update},
    {"patch", "PATCH", "/events/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON, .fields = changing,
     .work = &gtm_graph_work, .asks = ask_update},
    {"delete", "DELETE", "/events/{}", GTM_LIMIT_DELETE, .fields = changing,
     .work = &gtm_graph_work, .asks = ask_delete},
    {"extend", "POST", "/events/{}/extensions", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON,
     .fields = preferring, .work = &gtm_graph_work, .asks = ask_extend},
    {"extend", "PATCH", "/events/{}/extensions/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON,
     .fields = preferring, .work = &gtm_graph_work, .asks = ask_extend},
    {"extension", "GET", "/events/{}/extensions/{}", GTM_LIMIT_EVENTS, .fields = preferring,
     .work = &gtm_graph_work, .asks = ask_extension},
    {"retract", "DELETE", "/events/{}/extensions/{}", GTM_LIMIT_UPDATE, .fields = preferring,
     .work = &gtm_graph_work, .asks = ask_extension},
    {"group-events", "GET", "/groups/{}/events", GTM_LIMIT_EVENTS, .fields = preferring,
     .is_of_group = 1, .work = &gtm_graph_work, .asks = ask_events},
    {"group-event", "GET", "/groups/{}/events/{}", GTM_LIMIT_EVENTS, .fields = reading,
     .is_of_group = 1, .work = &gtm_graph_work, .asks = ask_event},
    {"group-create", "POST", "/groups/{}/events", GTM_LIMIT_CREATE, .body = GTM_BODY_JSON,
     .fields = preferring, .is_of_group = 1, .work = &gtm_graph_work, .asks = ask_create},
    {"group-update", "PUT", "/groups/{}/events/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON,
     .fields = changing, .is_of_group = 1, .work = &gtm_graph_work, .asks = ask_update},
    {"group-patch", "PATCH", "/groups/{}/events/{}", GTM_LIMIT_UPDATE, .body = GTM_BODY_JSON,
     .fields = changing, .is_of_group = 1, .work = &gtm_graph_work, .asks = ask_update},
    {"group-delete", "DELETE", "/groups/{}/events/{}", GTM_LIMIT_DELETE, .fields = changing,
     .is_of_group = 1, .work = &gtm_graph_work, .asks = ask_delete},
    {.name = NULL}};
