/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CALENDAR_H
#define GT_CALENDAR_H

/**
 * @file calendar.h
 * The requests of the calendar routes: parameters and bodies are checked here,
 * field by field, before Graph is called; then they become a Graph URL and body. Pure: no
 * I/O. Every query but a deletion's may hold preferences (prefer.h): timezone, body_type, id_type;
 * that of events, one event and instances properties and extensions, too (extended.h).
 * Source: Microsoft Graph v1.0, calendar, event, List calendarView.
 */

#include "base/check.h"
#include "graph/graph_params.h"

/** Calendar info (C1): the default calendar. Query: select, and preferences. */
GT_MUST gt_err_t *gt_calendar_info(gt_graph_params_t *params, const apr_table_t *query,
                                   apr_pool_t *p);

/**
 * Events (C2). Query: start, end (RFC 3339, both or neither: with them single occurrences by
 * calendarView, without them events), top (1–1000), skip, select, order (start|-start), and
 * preferences.
 */
GT_MUST gt_err_t *gt_calendar_events(gt_graph_params_t *params, const apr_table_t *query,
                                     apr_pool_t *p);

/**
 * The occurrences of a series within a window. Query: start, end (RFC 3339, demanded), top, skip,
 * select, and preferences.
 */
GT_MUST gt_err_t *gt_calendar_instances(gt_graph_params_t *params, const char *id,
                                        const apr_table_t *query, apr_pool_t *p);

/** The next 24 hours (C4), ordered by start. Query: top (100 when not said), and preferences. */
GT_MUST gt_err_t *gt_calendar_next24(gt_graph_params_t *params, const apr_table_t *query,
                                     apr_pool_t *p);

/** A further page of any answer, by the link that Graph gave for it. Query: page, which the caller
 * has opened, and preferences, of which the link knows nothing. */
GT_MUST gt_err_t *gt_calendar_page(gt_graph_params_t *params, const char *link,
                                   const apr_table_t *query, apr_pool_t *p);

/** One event by id. Query: select, and preferences. */
GT_MUST gt_err_t *gt_calendar_event(gt_graph_params_t *params, const char *id,
                                    const apr_table_t *query, apr_pool_t *p);

/** Create: subject, start, end and the writable fields of an event; a transactionId is added,
 * unless the body has one, so that a repeat makes no second event. Query of both: preferences. */
GT_MUST gt_err_t *gt_calendar_create(gt_graph_params_t *params, const json_t *body,
                                     const apr_table_t *query, apr_pool_t *p);

/** Update. @param partial 0 for PUT (subject, start, end demanded), 1 for PATCH; both become
 * PATCH */
GT_MUST gt_err_t *gt_calendar_update(gt_graph_params_t *params, const char *id, int partial,
                                     const json_t *body, const apr_table_t *query, apr_pool_t *p);

/** Delete one event by id. */
GT_MUST gt_err_t *gt_calendar_delete(gt_graph_params_t *params, const char *id, apr_pool_t *p);

/** Write an open extension of an event: anew (name NULL), or its changes. */
GT_MUST gt_err_t *gt_calendar_extend(gt_graph_params_t *params, const char *id, const char *name,
                                     const json_t *body, apr_pool_t *p);

/** Read an open extension of an event ("GET"), or delete it ("DELETE"). */
GT_MUST gt_err_t *gt_calendar_extension(gt_graph_params_t *params, const char *method,
                                        const char *id, const char *name, apr_pool_t *p);

/** The calendars of a mailbox. Query: select, and preferences. */
GT_MUST gt_err_t *gt_calendar_list(gt_graph_params_t *params, const apr_table_t *query,
                                   apr_pool_t *p);

#endif
