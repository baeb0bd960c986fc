/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The calendar's parameters, ids and bodies: a byte that says which route, a line of id, a line of
 * query, a body. What is let through makes a clean path and clean headers; what is not names
 * fields.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "graph/calendar.h"
#include "graph/other_calendar.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *take_line(const char **at, const char *end, apr_pool_t *p)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    size_t len = (size_t)((newline ? newline : end) - *at);
    char *line = apr_pstrmemdup(p, *at, len);

    *at += len + (newline != NULL);
    return line;
}

static void expect_clean(const gt_graph_params_t *params, const char *root)
{
    if (!params->method || strncmp(params->path, root, strlen(root)) != 0 ||
        strstr(params->path, ".."))
        abort();
    for (const char *at = params->path; *at; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7F || strchr("#\\\"<>", *at))
            abort();
    }
    for (int i = 0; i < params->headers->nelts; i++) {
        const char *header = APR_ARRAY_IDX(params->headers, i, const char *);

        if (strncmp(header, "Prefer: ", 8) != 0 || strpbrk(header, "\r\n;\\") != NULL)
            abort();
    }
}

static gt_err_t *ask_for(gt_graph_params_t *params, int route, const char *id,
                         const apr_table_t *query, const json_t *body, apr_pool_t *p)
{
    switch (route % 9) {
    case 0:
        return gt_calendar_info(params, query, p);
    case 1:
        return gt_calendar_next24(params, query, p);
    case 2:
        return gt_calendar_event(params, id, query, p);
    case 3:
        return gt_calendar_delete(params, id, p);
    case 4:
        return gt_calendar_events(params, query, p);
    case 5:
        return gt_calendar_create(params, body, query, p);
    case 8:
        return gt_calendar_instances(params, id, query, p);
    default:
        return gt_calendar_update(params, id, route % 9 == 6, body, query, p);
    }
}

/* The same text as the id of a group, of a calendar and of a mailbox. */
static void expect_moved(const gt_graph_params_t *asked, const char *id, apr_pool_t *p)
{
    gt_graph_params_t params = *asked;
    const char *group;

    if (gt_calendar_group(&group, id, p) == GT_OK) {
        gt_other_calendar_of_group(&params, group, p);
        if (strlen(group) != 36)
            abort();
        expect_clean(&params, apr_pstrcat(p, "/groups/", group, "/", NULL));
    }
    params = *asked;
    if (gt_other_calendar(&params, NULL, id, p) == GT_OK)
        expect_clean(&params, "/me/calendars/");
    params = *asked;
    if (gt_other_calendar(&params, id, NULL, p) == GT_OK)
        expect_clean(&params, "/users/");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data + 1;
    const char *end = (const char *)data + size;
    json_t *body = NULL;
    apr_table_t *query;
    gt_graph_params_t params;
    const char *id;
    gt_err_t *err;
    apr_pool_t *p;

    if (size == 0)
        return 0;
    apr_pool_create(&p, NULL);
    id = take_line(&at, end, p);
    if (gt_query_parse(&query, take_line(&at, end, p), 32, p))
        query = NULL;
    if (gt_json_parse(&body, at, (apr_size_t)(end - at), p))
        body = gt_json_object(p);
    err = ask_for(&params, data[0], id, query, body, p);
    if (err == GT_OK) {
        expect_clean(&params, "/me/");
        expect_moved(&params, id, p);
    }
    else if (err->cls != GT_INVALID)
        abort();
    apr_pool_destroy(p);
    return 0;
}
