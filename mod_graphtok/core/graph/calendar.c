/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file calendar.c
 * From our query parameters and bodies to Graph's. Of a client's request only four things reach
 * Graph's URL or headers: numbers, times that were parsed and printed anew, words of a list, and
 * names and ids of which each character was checked.
 */

#include "graph/calendar.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "graph/event.h"
#include "graph/extended.h"
#include "graph/id.h"
#include "graph/prefer.h"

#define SELECT_MAX 1024
#define TOP_MAX 1000
#define SKIP_MAX 1000000
#define NEXT24_TOP 100
#define WINDOW_DAYS 1825 /* Graph refuses a longer calendarView */
#define DAY apr_time_from_sec(24 * 3600)

/* The members that `select` may name; blank-separated. */
static const char event_fields[] =
    "id iCalUId changeKey createdDateTime lastModifiedDateTime subject body bodyPreview start end "
    "isAllDay location locations attendees organizer isOrganizer isCancelled isDraft "
    "hasAttachments importance sensitivity showAs categories isReminderOn "
    "reminderMinutesBeforeStart responseRequested allowNewTimeProposals hideAttendees "
    "responseStatus recurrence type webLink seriesMasterId originalStart originalStartTimeZone "
    "originalEndTimeZone isOnlineMeeting onlineMeetingProvider onlineMeeting onlineMeetingUrl "
    "transactionId cancelledOccurrences";
static const char calendar_fields[] =
    "id name color hexColor isDefaultCalendar changeKey canShare canViewPrivateItems canEdit "
    "allowedOnlineMeetingProviders defaultOnlineMeetingProvider isTallyingResponses isRemovable "
    "owner";

/** A Graph request under construction. */
typedef struct draft_t {
    gt_graph_params_t *params;
    const apr_table_t *query; /* ours */
    gt_err_t *wrong;          /* NULL until the first wrong parameter */
    const char *graph_query;  /* "a=b&c=d" */
    apr_pool_t *pool;
} draft_t;

static void complain(draft_t *draft, const char *field, const char *message)
{
    if (draft->wrong == NULL)
        draft->wrong = gt_err(draft->pool, GT_INVALID, "GT0713", "some parameters are wrong");
    gt_err_field(draft->wrong, field, message);
}

/* A name from outside, fit to be shown back. */
static const char *shown(const char *name, apr_pool_t *p)
{
    apr_size_t len = strlen(name);

    if (len > 64 || !gt_is_utf8(name, len))
        return "(a long name)";
    return apr_pstrdup(p, name);
}

/* ---- beginning and ending a draft ---- */

static draft_t draft_begin(gt_graph_params_t *params, const char *method, const apr_table_t *query,
                           apr_pool_t *p)
{
    draft_t draft = {params, query != NULL ? query : apr_table_make(p, 1), GT_OK, "", p};

    memset(params, 0, sizeof(*params));
    params->method = method;
    params->headers = apr_array_make(p, 2, sizeof(const char *));
    return draft;
}

static void refuse_unknown(draft_t *draft, const char *known)
{
    const apr_array_header_t *all = apr_table_elts(draft->query);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)(const void *)all->elts;

    for (int i = 0; i < all->nelts; i++) {
        if (!gt_is_word_of(entries[i].key, strlen(entries[i].key), known))
            complain(draft, shown(entries[i].key, draft->pool),
                     apr_pstrcat(draft->pool, "is not known here; known: ", known, NULL));
    }
}

/* Names of parameters are case-sensitive, which apr_table_get is not. */
static const char *parameter(const draft_t *draft, const char *name)
{
    const apr_array_header_t *all = apr_table_elts(draft->query);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)(const void *)all->elts;

    for (int i = 0; i < all->nelts; i++) {
        if (strcmp(entries[i].key, name) == 0)
            return entries[i].val;
    }
    return NULL;
}

static void add(draft_t *draft, const char *name, const char *value)
{
    draft->graph_query = apr_pstrcat(draft->pool, draft->graph_query,
                                     *draft->graph_query ? "&" : "", name, "=", value, NULL);
}

static gt_err_t *draft_end(draft_t *draft, const char *path)
{
    draft->params->path =
        *draft->graph_query ? apr_pstrcat(draft->pool, path, "?", draft->graph_query, NULL) : path;
    return draft->wrong;
}

/* ---- parameters ---- */

/* All preferences of a call, in one header field. */
static void take_preferences(draft_t *draft)
{
    const char *field = "";

    for (int i = 0; gt_preferences[i].name; i++) {
        const gt_preference_t *known = &gt_preferences[i];
        const char *value = parameter(draft, known->name);

        if (value != NULL && !known->is_good(value))
            complain(draft, known->name, known->message);
        else if (value != NULL)
            field = apr_pstrcat(draft->pool, field, *field ? ", " : "", known->graphs, "=\"",
                                known->constant != NULL ? known->constant : value, "\"", NULL);
    }
    if (*field)
        APR_ARRAY_PUSH(draft->params->headers, const char *) =
            apr_pstrcat(draft->pool, "Prefer: ", field, NULL);
}

static void take_number(draft_t *draft, const char *name, apr_int64_t min, apr_int64_t max)
{
    const char *text = parameter(draft, name);
    apr_int64_t number;

    if (text == NULL)
        return;
    if (!gt_number(&number, text, min, max))
        complain(draft, name,
                 apr_psprintf(draft->pool,
                              "must be a whole number, %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT,
                              min, max));
    else
        add(draft, apr_pstrcat(draft->pool, "$", name, NULL),
            apr_psprintf(draft->pool, "%" APR_INT64_T_FMT, number));
}

static int are_fields(const char *list, const char *fields)
{
    for (;;) {
        apr_size_t len = strcspn(list, ",");

        if (!gt_is_word_of(list, len, fields))
            return 0;
        if (list[len] == '\0')
            return 1;
        list += len + 1;
    }
}

static void take_select(draft_t *draft, const char *fields)
{
    const char *list = parameter(draft, "select");

    if (list == NULL)
        return;
    if (strlen(list) > SELECT_MAX || !are_fields(list, fields))
        complain(draft, "select",
                 apr_pstrcat(draft->pool, "must be names with commas between, of: ", fields, NULL));
    else
        add(draft, "$select", list);
}

#define EXTENDED " properties extensions "

static void take_extended(draft_t *draft)
{
    const char *properties = parameter(draft, "properties");
    const char *extensions = parameter(draft, "extensions");
    const char *good = gt_extended_expand(properties, NULL, draft->pool);
    const char *expand = gt_extended_expand(properties, extensions, draft->pool);

    if (good != NULL && !*good)
        complain(draft, "properties",
                 "must be ids with commas between, like String {GUID} Name Colour");
    else if (expand != NULL && !*expand)
        complain(draft, "extensions", "must be names with commas between, or *");
    else if (expand != NULL)
        add(draft, "$expand", expand);
}

static void take_order(draft_t *draft)
{
    const char *order = parameter(draft, "order");

    if (order == NULL || strcmp(order, "start") == 0)
        add(draft, "$orderby", "start/dateTime");
    else if (strcmp(order, "-start") == 0)
        add(draft, "$orderby", "start/dateTime%20desc");
    else
        complain(draft, "order", "must be one of: start -start");
}

static apr_time_t take_moment(draft_t *draft, const char *name, const char *text)
{
    apr_time_t moment = 0;

    if (text == NULL)
        complain(draft, name, "is missing: start and end go together");
    else if (!gt_rfc3339_parse(&moment, text))
        complain(draft, name,
                 "must be a date and time with offset like 2026-11-21T07:00:00Z ('+' as %2B)");
    return moment;
}

/* In UTC, printed anew: Graph would take an unescaped '+' for a blank. */
static void add_window(draft_t *draft, apr_time_t start, apr_time_t end)
{
    add(draft, "startDateTime", gt_rfc3339(start, draft->pool));
    add(draft, "endDateTime", gt_rfc3339(end, draft->pool));
}

/* 1 when a window is asked for. */
static int take_window(draft_t *draft)
{
    const char *start_text = parameter(draft, "start");
    const char *end_text = parameter(draft, "end");
    apr_time_t start, end;

    if (start_text == NULL && end_text == NULL)
        return 0;
    start = take_moment(draft, "start", start_text);
    end = take_moment(draft, "end", end_text);
    if (draft->wrong != GT_OK)
        return 1;
    if (end <= start)
        complain(draft, "end", "must be after start");
    else if (end - start > WINDOW_DAYS * DAY)
        complain(draft, "end",
                 apr_psprintf(draft->pool, "must be within %d days of start", WINDOW_DAYS));
    else
        add_window(draft, start, end);
    return 1;
}

/* ---- reading ---- */

static const char *take_id(draft_t *draft, const char *id)
{
    const char *segment = gt_graph_id(id, draft->pool);

    if (segment == NULL) {
        complain(draft, "id", "must be the id of an event");
        return "/me/events/";
    }
    return apr_pstrcat(draft->pool, "/me/events/", segment, NULL);
}

/* One calendar or a list of them. */
static gt_err_t *read_calendars(gt_graph_params_t *params, const char *path,
                                const apr_table_t *query, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "GET", query, p);

    refuse_unknown(&draft, "select " GT_PREFERENCES);
    take_select(&draft, calendar_fields);
    take_preferences(&draft);
    return draft_end(&draft, path);
}

gt_err_t *gt_calendar_info(gt_graph_params_t *params, const apr_table_t *query, apr_pool_t *p)
{
    return read_calendars(params, "/me/calendar", query, p);
}

gt_err_t *gt_calendar_list(gt_graph_params_t *params, const apr_table_t *query, apr_pool_t *p)
{
    return read_calendars(params, "/me/calendars", query, p);
}

gt_err_t *gt_calendar_page(gt_graph_params_t *params, const char *link, const apr_table_t *query,
                           apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "GET", query, p);

    params->link = link;
    refuse_unknown(&draft, "page " GT_PREFERENCES);
    take_preferences(&draft);
    return draft_end(&draft, NULL);
}

gt_err_t *gt_calendar_events(gt_graph_params_t *params, const apr_table_t *query, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "GET", query, p);
    int has_window;

    refuse_unknown(&draft, "start end top skip select order" EXTENDED GT_PREFERENCES);
    has_window = take_window(&draft);
    take_order(&draft);
    take_number(&draft, "top", 1, TOP_MAX);
    take_number(&draft, "skip", 0, SKIP_MAX);
    take_select(&draft, event_fields);
    take_extended(&draft);
    take_preferences(&draft);
    return draft_end(&draft, has_window ? "/me/calendarView" : "/me/events");
}

gt_err_t *gt_calendar_instances(gt_graph_params_t *params, const char *id, const apr_table_t *query,
                                apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "GET", query, p);
    const char *path = apr_pstrcat(p, take_id(&draft, id), "/instances", NULL);

    refuse_unknown(&draft, "start end top skip select" EXTENDED GT_PREFERENCES);
    if (!take_window(&draft))
        complain(&draft, "start", "is missing: start and end are the window that is looked at");
    take_number(&draft, "top", 1, TOP_MAX);
    take_number(&draft, "skip", 0, SKIP_MAX);
    take_select(&draft, event_fields);
    take_extended(&draft);
    take_preferences(&draft);
    return draft_end(&draft, path);
}

gt_err_t *gt_calendar_next24(gt_graph_params_t *params, const apr_table_t *query, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "GET", query, p);
    apr_time_t now = gt_now();

    refuse_unknown(&draft, "top " GT_PREFERENCES);
    add_window(&draft, now, now + DAY);
    add(&draft, "$orderby", "start/dateTime");
    if (parameter(&draft, "top") != NULL)
        take_number(&draft, "top", 1, TOP_MAX);
    else
        add(&draft, "$top", apr_itoa(p, NEXT24_TOP));
    take_preferences(&draft);
    return draft_end(&draft, "/me/calendarView");
}

/* ---- one event ---- */

gt_err_t *gt_calendar_event(gt_graph_params_t *params, const char *id, const apr_table_t *query,
                            apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "GET", query, p);
    const char *path = take_id(&draft, id);

    refuse_unknown(&draft, "select" EXTENDED GT_PREFERENCES);
    take_select(&draft, event_fields);
    take_extended(&draft);
    take_preferences(&draft);
    return draft_end(&draft, path);
}

/* ---- changing ---- */

static void take_body(draft_t *draft, const json_t *body, gt_event_use_t use)
{
    gt_err_t *err = gt_event_read(&draft->params->body, body, use, draft->pool);

    if (err == GT_OK)
        return;
    if (draft->wrong == GT_OK)
        draft->wrong = err;
    else if (err->fields != NULL)
        apr_array_cat(draft->wrong->fields, err->fields);
}

gt_err_t *gt_calendar_create(gt_graph_params_t *params, const json_t *body,
                             const apr_table_t *query, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "POST", query, p);

    refuse_unknown(&draft, GT_PREFERENCES);
    take_preferences(&draft);
    take_body(&draft, body, GT_EVENT_CREATE);
    if (draft.wrong == GT_OK && json_object_get(params->body, "transactionId") == NULL)
        gt_json_set(params->body, "transactionId", gt_uuid(p));
    return draft_end(&draft, "/me/events");
}

gt_err_t *gt_calendar_update(gt_graph_params_t *params, const char *id, int partial,
                             const json_t *body, const apr_table_t *query, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "PATCH", query, p);
    const char *path = take_id(&draft, id);

    refuse_unknown(&draft, GT_PREFERENCES);
    take_preferences(&draft);
    take_body(&draft, body, partial ? GT_EVENT_CHANGE : GT_EVENT_REPLACE);
    return draft_end(&draft, path);
}

gt_err_t *gt_calendar_delete(gt_graph_params_t *params, const char *id, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, "DELETE", NULL, p);

    return draft_end(&draft, take_id(&draft, id));
}

/* ---- open extensions ---- */

static const char *take_extension(draft_t *draft, const char *id, const char *name)
{
    const char *path = apr_pstrcat(draft->pool, take_id(draft, id), "/extensions", NULL);

    if (name == NULL)
        return path;
    if (!gt_is_extension_name(name))
        complain(draft, "extension", "must be the name of an open extension");
    return apr_pstrcat(draft->pool, path, "/", gt_percent(name, draft->pool), NULL);
}

gt_err_t *gt_calendar_extend(gt_graph_params_t *params, const char *id, const char *name,
                             const json_t *body, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, name ? "PATCH" : "POST", NULL, p);
    const char *path = take_extension(&draft, id, name);

    GT_TRY(draft.wrong);
    GT_TRY(gt_extension_read(&params->body, body, name == NULL, p));
    return draft_end(&draft, path);
}

gt_err_t *gt_calendar_extension(gt_graph_params_t *params, const char *method, const char *id,
                                const char *name, apr_pool_t *p)
{
    draft_t draft = draft_begin(params, method, NULL, p);

    return draft_end(&draft, take_extension(&draft, id, name));
}
