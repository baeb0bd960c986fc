/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRAPH_PARAMS_H
#define GT_GRAPH_PARAMS_H

/**
 * @file graph_params.h
 * A request to Microsoft Graph: the one value between the code that checks a client's wishes
 * (graph/calendar.h) and the code that carries them out (graph/call.h). It names no host, so a
 * route cannot send a token anywhere.
 */

#include "base/json.h"

/** One request to Graph. Zeroed, it asks for nothing. Its texts live as long as the call does. */
typedef struct gt_graph_params_t {
    const char *method; /* NULL: GET */
    const char *path;   /* below graph_url: "/me/calendarView?startDateTime=…" */
    const char *link;   /* instead of a path: the absolute link that Graph gave for a page */
    json_t *body;       /* or NULL */
    apr_array_header_t *headers; /* of const char *, "Name: value", or NULL: Prefer, If-Match … */
} gt_graph_params_t;

#endif
