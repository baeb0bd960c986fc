/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file google_request.c
 * The paths and parameters of core/graph/calendar.c as those of Google Calendar. Ids of calendars
 * are addresses at Google, with characters that no id of Graph's has, and go as base64url to our
 * clients and back. Ids of events are letters, digits and underscores on both sides. The body of a
 * change is made later (google_write.h).
 */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/text.h"
#include "graph/prefer.h"
#include "net/url.h"
#include "translate/google_calendar.h"
#include "translate/zones.h"

#define SEGMENTS_MAX 8
#define QUERY_MAX 32
#define PAGE_DEFAULT "10" /* of Graph */

/** A request of Graph's taken apart. */
typedef struct wish_t {
    gt_google_ask_t *ask;
    gt_graph_params_t *params;
    const char *segments[SEGMENTS_MAX]; /* of the path, decoded, without those of the calendar */
    int count;
    int of_other; /* 1: the calendar is another user's, or a named one */
    apr_table_t *query;
    gt_form_t *form; /* Google's query */
    gt_err_t *wrong; /* NULL until the first wish that Google does not have */
    apr_pool_t *pool;
} wish_t;

static void complain(wish_t *wish, const char *field, const char *message)
{
    if (wish->wrong == NULL)
        wish->wrong = gt_err(wish->pool, GT_INVALID, "GT1301", "Google Calendar has no such thing");
    gt_err_field(wish->wrong, field, message);
}

static gt_err_t *no_such_path(const wish_t *wish)
{
    return gt_err(wish->pool, GT_NOT_FOUND, "GT1302",
                  "Google Calendar has nothing for this route: see docs/google-calendar.md");
}

/* ---- taking the request apart ---- */

static gt_err_t *split_path(wish_t *wish, const char *path)
{
    const apr_array_header_t *raw = gt_split(path, "/", wish->pool);

    if (raw->nelts > SEGMENTS_MAX)
        return no_such_path(wish);
    for (int i = 0; i < raw->nelts; i++) {
        const char *text = APR_ARRAY_IDX(raw, i, const char *);
        char *decoded;

        if (!gt_unpercent(&decoded, text, strlen(text), wish->pool))
            return no_such_path(wish);
        wish->segments[wish->count++] = decoded;
    }
    return GT_OK;
}

static void drop_segments(wish_t *wish, int count)
{
    wish->count -= count;
    memmove(wish->segments, wish->segments + count,
            sizeof(wish->segments[0]) * (apr_size_t)wish->count);
}

/** The id of a calendar as its client has it. */
static const char *calendar_of(const char *id, apr_pool_t *p)
{
    unsigned char *bytes;
    apr_size_t len;

    if (!gt_base64_decode(&bytes, &len, id, strlen(id), 0, p) || len == 0 ||
        strlen((char *)bytes) != len || !gt_is_utf8((char *)bytes, len))
        return NULL;
    return (char *)bytes;
}

/** "/me" or "/users/{address}", then "/calendars/{id}" perhaps. */
static gt_err_t *take_calendar(wish_t *wish)
{
    const char *calendar = "primary";

    if (wish->count > 1 && strcmp(wish->segments[0], "users") == 0) {
        calendar = wish->segments[1];
        wish->of_other = 1;
        drop_segments(wish, 2);
    }
    else if (wish->count > 0 && strcmp(wish->segments[0], "me") == 0)
        drop_segments(wish, 1);
    else
        return no_such_path(wish);
    if (wish->count > 1 && strcmp(wish->segments[0], "calendars") == 0) {
        calendar = calendar_of(wish->segments[1], wish->pool);
        if (calendar == NULL)
            complain(wish, "calendar", "must be the id of a calendar, as GET /calendars gives it");
        else if (wish->count == 2)
            wish->segments[1] = calendar;
        if (wish->count > 2)
            drop_segments(wish, 2);
    }
    wish->ask->calendar = gt_percent(calendar != NULL ? calendar : "", wish->pool);
    return GT_OK;
}

/** The preferences of a Prefer field; immutable ids are all that Google has. */
static void take_preferences(wish_t *wish)
{
    apr_table_t *known = apr_table_make(wish->pool, 4);
    const apr_array_header_t *headers = wish->params->headers;
    apr_array_header_t *kept = apr_array_make(wish->pool, 2, sizeof(const char *));
    const char *zone, *type;

    for (int i = 0; headers != NULL && i < headers->nelts; i++) {
        const char *header = APR_ARRAY_IDX(headers, i, const char *);

        if (strncasecmp(header, "Prefer:", 7) == 0)
            gt_prefer_read(known, header + 7, wish->pool);
        else
            APR_ARRAY_PUSH(kept, const char *) = header;
    }
    zone = apr_table_get(known, "timezone");
    type = apr_table_get(known, "body_type");
    wish->ask->zone = gt_zone_iana(zone != NULL ? zone : "UTC");
    wish->ask->wants_text = type != NULL && strcmp(type, "text") == 0;
    wish->params->headers = kept;
}

/** The path and query of a request, or of the link to a further page. */
static gt_err_t *take_apart(wish_t *wish, const gt_provider_conf_t *conf)
{
    const char *path = wish->params->link, *query, *token;
    apr_size_t base = strlen(conf->calendar_url);

    if (path == NULL)
        path = wish->params->path;
    else if (strncmp(path, conf->calendar_url, base) == 0)
        path += base;
    query = strchr(path, '?');
    GT_TRY(gt_query_parse(&wish->query, query != NULL ? query + 1 : "", QUERY_MAX, wish->pool));
    token = strstr(path, "$skiptoken=");
    wish->ask->own_path =
        token != NULL ? apr_pstrmemdup(wish->pool, path, (apr_size_t)(token - 1 - path)) : path;
    GT_TRY(split_path(
        wish, query != NULL ? apr_pstrmemdup(wish->pool, path, (apr_size_t)(query - path)) : path));
    take_preferences(wish);
    return take_calendar(wish);
}

/* ---- parameters ---- */

static const char *parameter(const wish_t *wish, const char *name)
{
    return apr_table_get(wish->query, name);
}

static void take_order(wish_t *wish, int is_view)
{
    const char *order = parameter(wish, "$orderby");

    if (order != NULL && strcmp(order, "start/dateTime") != 0)
        complain(wish, "order", "must be start: Google lists no other way round");
    else if (order != NULL && is_view)
        gt_form_add(wish->form, "orderBy", "startTime");
}

static void take_list(wish_t *wish, int is_view)
{
    const char *skip = parameter(wish, "$skip"), *top = parameter(wish, "$top");

    if (skip != NULL && strcmp(skip, "0") != 0)
        complain(wish, "skip", "is none of Google's: follow @odata.nextLink");
    if (parameter(wish, "startDateTime") != NULL) {
        gt_form_add(wish->form, "timeMin", parameter(wish, "startDateTime"));
        gt_form_add(wish->form, "timeMax", parameter(wish, "endDateTime"));
    }
    gt_form_add(wish->form, "maxResults", top != NULL ? top : PAGE_DEFAULT);
    gt_form_add(wish->form, "pageToken", parameter(wish, "$skiptoken"));
    take_order(wish, is_view);
}

/** Parameters of all requests that read events. */
static void take_common(wish_t *wish)
{
    if (parameter(wish, "$expand") != NULL)
        complain(wish, "properties",
                 "are Outlook's, and extensions too: Google's events have none of them");
    wish->ask->select = parameter(wish, "$select");
}

/* ---- the paths ---- */

static void set_path(wish_t *wish, gt_google_holds_t holds, const char *path)
{
    const char *query = gt_form_text(wish->form);

    wish->ask->holds = holds;
    wish->params->link = NULL;
    wish->params->path = *query != '\0' ? apr_pstrcat(wish->pool, path, "?", query, NULL) : path;
}

static const char *events_path(const wish_t *wish, const char *id, const char *rest)
{
    return apr_pstrcat(wish->pool, "/calendars/", wish->ask->calendar, "/events",
                       id != NULL ? "/" : "", id != NULL ? gt_percent(id, wish->pool) : "",
                       rest != NULL ? rest : "", NULL);
}

static int is_path(const wish_t *wish, const char *first, const char *third, int count)
{
    return wish->count == count && strcmp(wish->segments[0], first) == 0 &&
           (third == NULL || strcmp(wish->segments[2], third) == 0);
}

static gt_err_t *read_calendars(wish_t *wish)
{
    wish->ask->select = parameter(wish, "$select");
    if (is_path(wish, "calendars", NULL, 1) && !wish->of_other) {
        gt_form_add(wish->form, "pageToken", parameter(wish, "$skiptoken"));
        set_path(wish, GT_GOOGLE_CALENDARS, "/users/me/calendarList");
    }
    else if (wish->of_other && is_path(wish, "calendar", NULL, 1))
        set_path(wish, GT_GOOGLE_CALENDAR,
                 apr_pstrcat(wish->pool, "/calendars/", wish->ask->calendar, NULL));
    else if (is_path(wish, "calendar", NULL, 1) || is_path(wish, "calendars", NULL, 2))
        set_path(wish, GT_GOOGLE_CALENDAR,
                 apr_pstrcat(wish->pool, "/users/me/calendarList/", wish->ask->calendar, NULL));
    else
        return no_such_path(wish);
    return wish->wrong;
}

static gt_err_t *read_events(wish_t *wish)
{
    int is_view = is_path(wish, "calendarView", NULL, 1);

    take_common(wish);
    if (is_view || is_path(wish, "events", NULL, 1)) {
        take_list(wish, is_view);
        gt_form_add(wish->form, "singleEvents", is_view ? "true" : "false");
        wish->ask->is_of_masters = !is_view;
    }
    else if (is_path(wish, "events", "instances", 3))
        take_list(wish, 0);
    else if (!is_path(wish, "events", NULL, 2))
        return no_such_path(wish);
    gt_form_add(wish->form, "timeZone", wish->ask->zone);
    wish->ask->is_in_zone = 1;
    set_path(wish, wish->count == 2 ? GT_GOOGLE_EVENT : GT_GOOGLE_EVENTS,
             events_path(wish, wish->count > 1 ? wish->segments[1] : NULL,
                         wish->count == 3 ? "/instances" : NULL));
    return wish->wrong;
}

static gt_err_t *change_event(wish_t *wish)
{
    const char *method = wish->params->method;
    int creates = strcmp(method, "POST") == 0;

    if (!is_path(wish, "events", NULL, creates ? 1 : 2))
        return no_such_path(wish);
    GT_TRY(wish->wrong);
    gt_form_add(wish->form, "sendUpdates", "all");
    set_path(wish, strcmp(method, "DELETE") == 0 ? GT_GOOGLE_NOTHING : GT_GOOGLE_EVENT,
             events_path(wish, creates ? NULL : wish->segments[1], NULL));
    return GT_OK;
}

gt_err_t *gt_google_request(gt_google_ask_t *ask, gt_graph_params_t *params,
                            const gt_provider_conf_t *conf, apr_pool_t *p)
{
    wish_t wish = {.ask = ask, .params = params, .form = gt_form_make(p), .pool = p};
    int is_reading = params->method == NULL || strcmp(params->method, "GET") == 0;

    memset(ask, 0, sizeof(*ask));
    GT_TRY(take_apart(&wish, conf));
    params->base = conf->calendar_url;
    if (wish.count == 0)
        return no_such_path(&wish);
    if (!is_reading)
        return change_event(&wish);
    if (strcmp(wish.segments[0], "calendar") == 0 || strcmp(wish.segments[0], "calendars") == 0)
        return read_calendars(&wish);
    return read_events(&wish);
}
