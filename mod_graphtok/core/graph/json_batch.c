/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file json_batch.c Requests as JSON, and the answers to them. */

#include "graph/json_batch.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json.h"
#include "graph/call.h"

#define HEADERS_MAX 50

void gt_batch_begin(gt_graph_params_t *params, apr_pool_t *p)
{
    params->method = "POST";
    params->path = "/$batch";
    params->body = gt_json_object(p);
    gt_json_put(params->body, "requests", json_array());
}

void gt_batch_change(gt_graph_params_t *params, int id, const char *url, const char *etag,
                     json_t *body)
{
    json_t *request = json_object(), *headers = json_object();
    char name[16];

    apr_snprintf(name, sizeof(name), "%d", id);
    gt_json_set(request, "id", name);
    gt_json_set(request, "method", "PATCH");
    gt_json_set(request, "url", url);
    gt_json_set(headers, "Content-Type", "application/json");
    /* Graph need not send the whole message back. */
    gt_json_set(headers, "Prefer", "return=minimal");
    if (etag != NULL)
        gt_json_set(headers, "If-Match", etag);
    gt_json_put(request, "headers", headers);
    gt_json_put(request, "body", json_incref(body));
    json_array_append_new(json_object_get(params->body, "requests"), request);
}

static const json_t *find(const json_t *root, int id)
{
    const json_t *list = json_object_get(root, "responses"), *item;
    char name[16];
    apr_size_t i;

    apr_snprintf(name, sizeof(name), "%d", id);
    json_array_foreach (list, i, item) {
        const char *known = gt_json_text(item, "id");

        if (known != NULL && strcmp(known, name) == 0)
            return item;
    }
    return NULL;
}

static apr_table_t *headers_of(const json_t *response, apr_pool_t *p)
{
    json_t *headers = json_object_get(response, "headers"), *value;
    apr_table_t *table = apr_table_make(p, 8);
    const char *name;

    json_object_foreach (headers, name, value) {
        if (json_is_string(value) && apr_table_elts(table)->nelts < HEADERS_MAX)
            apr_table_addn(table, name, json_string_value(value));
    }
    return table;
}

gt_err_t *gt_batch_outcome(const json_t *root, int id, apr_pool_t *p)
{
    const json_t *response = find(root, id), *body;
    apr_int64_t status;
    const char *text;

    if (response == NULL || !gt_json_number(&status, response, "status") || status < 200 ||
        status > 599)
        return gt_err(p, GT_UPSTREAM, "GT0726", "Graph's answer to a batch lacks a part of it");
    if (status < 300)
        return GT_OK;
    body = json_object_get(response, "body");
    text = json_is_object(body) ? gt_json_dump(body, p) : "";
    return gt_graph_error((int)status, text, strlen(text), headers_of(response, p), p);
}
