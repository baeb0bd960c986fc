/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GOOGLE_CALENDAR_H
#define GT_GOOGLE_CALENDAR_H

/**
 * @file google_calendar.h
 * Graph's calendar requests as requests of Google Calendar v3, and Google's answers as Graph's.
 * Requests were checked by core/graph before. A wish that Google cannot meet is an error that names
 * it, and never dropped. docs/google-calendar.md has the whole mapping. Pure; thread-safe. Source:
 * Google Calendar API v3 reference; Microsoft Graph v1.0, "event", "calendar".
 */

#include "conf/config.h"
#include "graph/graph_params.h"

/** The contents of an answer. */
typedef enum gt_google_holds_t {
    GT_GOOGLE_NOTHING, /* of a deletion */
    GT_GOOGLE_EVENT,
    GT_GOOGLE_EVENTS,
    GT_GOOGLE_CALENDAR,
    GT_GOOGLE_CALENDARS
} gt_google_holds_t;

/** A request under way. Its texts live as long as the pool that it was made with. */
typedef struct gt_google_ask_t {
    gt_google_holds_t holds;
    const char *calendar; /* Google's id of the calendar, percent-encoded */
    const char *own_path; /* Graph's path and query, which links to further pages begin with */
    const char *zone;     /* IANA: of times in the answer */
    int is_in_zone;       /* 1: Google gives its times in `zone` */
    int wants_text;       /* 1: bodies as text */
    int is_of_masters;    /* 1: a list without the occurrences of series */
    const char *select;   /* members of Graph's that are wanted, with commas between; NULL: all */
} gt_google_ask_t;

/** Google's error as ours, as gt_graph_error has Graph's (graph/call.h). A 403 may be throttling,
 * or a scope that the user did not grant. Fuzzed. */
GT_MUST gt_err_t *gt_google_error(int status, const char *body, apr_size_t len,
                                  const apr_table_t *headers, apr_pool_t *p);

/**
 * Make a request of Graph's one of Google's: path, method, body and headers of `params` are
 * replaced, and `base` set. A link to a further page is Graph's path below GraphTokCalendarURL.
 * @param ask  out
 * @return GT_INVALID (GT1301) naming the members or parameters that Google does not have,
 *         GT_NOT_FOUND (GT1302) for a path that it has nothing for
 */
GT_MUST gt_err_t *gt_google_request(gt_google_ask_t *ask, gt_graph_params_t *params,
                                    const gt_provider_conf_t *conf, apr_pool_t *p);

/**
 * Google's answer in Graph's words.
 * @param value  out: in `p`; NULL for GT_GOOGLE_NOTHING. A list that goes on has the member
 *               @odata.nextLink, a path of Graph's below GraphTokCalendarURL.
 * @return GT_UPSTREAM (GT1303) when it is no such answer
 */
GT_MUST gt_err_t *gt_google_answer(json_t **value, const gt_google_ask_t *ask, const char *body,
                                   apr_size_t len, const gt_provider_conf_t *conf, apr_pool_t *p);

/** One event of Google's in Graph's words, with all members. @param reminders  the calendar's
 * default ones, or NULL: not known */
json_t *gt_google_event(const json_t *event, const json_t *reminders, const gt_google_ask_t *ask,
                        apr_pool_t *p);

/** An RRULE as Graph's recurrence; NULL: Graph has no such pattern.
 * @param start  Google's start of the event */
json_t *gt_google_recurrence(const char *rule, const json_t *start, apr_pool_t *p);

#endif
