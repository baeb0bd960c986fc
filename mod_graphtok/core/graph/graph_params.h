/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_GRAPH_PARAMS_H
#define GT_GRAPH_PARAMS_H

/**
 * @file graph_params.h
 * A request to Microsoft Graph: the one value between the code that checks a client's wishes
 * (graph/calendar.h) and the code that carries them out (graph/call.h). It names no host, so a
 * route cannot send a token anywhere. core/translate makes requests to other APIs of it.
 */

#include "base/json.h"

/** The meaning of an API's answer that is no success; `body` is up to 32 KiB, and may be NULL. */
typedef gt_err_t *gt_api_error_fn(int status, const char *body, apr_size_t len,
                                  const apr_table_t *headers, apr_pool_t *p);

/** One request to Graph. Zeroed, it asks for nothing. Its texts live as long as the call does. */
typedef struct gt_graph_params_t {
    const char *method;       /* NULL: GET */
    const char *path;         /* below graph_url: "/me/calendarView?startDateTime=…" */
    const char *link;         /* instead of a path: the absolute link that Graph gave for a page */
    json_t *body;             /* or NULL */
    const gt_secret_t *bytes; /* a body that is sent as it is, in place of `body`; or NULL */
    const char *content_type; /* of `bytes`, and of a body that comes in pieces; NULL: none */
    apr_array_header_t *headers; /* of const char *, "Name: value", or NULL: Prefer, If-Match … */
    const char *base;            /* that path or link is below; NULL: the provider's graph_url */
    gt_api_error_fn *error;      /* NULL: gt_graph_error */
    int is_whole;                /* 1: the answer is wanted whole, and never streamed */
    int is_passed;               /* 1: any answer that is not about the token is a success */
    const char *transaction_id;  /* of the event that is made; NULL: that of the body, or none */
} gt_graph_params_t;

#endif
