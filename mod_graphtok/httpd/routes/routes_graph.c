/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file routes_graph.c
 * The route set of the gateway: a request to any path of Graph is judged, sent with the caller's
 * token, and its answer handed on while it comes. A short body is kept, so that it can be sent
 * again after Graph refused the token; a longer one goes through as it comes.
 */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "request/body.h"
#include "request/stream.h"
#include "routes/gateway.h"
#include "routes/route_sets.h"

/** The state of a request. */
typedef struct relay_t {
    gt_gateway_path_t path;
    gt_call_t call;
    gtm_body_feed_t feed;
    gtm_stream_t stream;
} relay_t;

static int is_json(const char *type)
{
    return type != NULL && strncasecmp(type, "application/json", 16) == 0 &&
           (type[16] == '\0' || strchr("; \t", type[16]) != NULL);
}

/* ---- the request ---- */

static void add_fields(gt_graph_params_t *params, const gtm_request_t *x)
{
    apr_pool_t *p = x->r->pool;
    int has_body = x->bytes != NULL || x->body_streams;

    params->headers = apr_array_make(p, 8, sizeof(const char *));
    for (int i = 0; gtm_gateway_fields[i] != NULL; i++) {
        const char *name = gtm_gateway_fields[i], *value = apr_table_get(x->fields, name);

        if (value == NULL)
            continue;
        if (strcmp(name, "Content-Type") != 0)
            APR_ARRAY_PUSH(params->headers, const char *) = apr_pstrcat(p, name, ": ", value, NULL);
        else if (has_body)
            params->content_type = value;
    }
}

static gt_err_t *take_body(relay_t *own, gtm_request_t *x)
{
    const char *bytes = x->bytes;
    apr_size_t len = x->bytes_len;

    if (x->body_streams) {
        own->feed = (gtm_body_feed_t){.x = x, .transfer = &own->call.transfer};
        own->call.feed = &gtm_body_feed;
        own->call.feed_state = &own->feed;
        own->call.feed_length = x->body_length;
        own->call.streams = 1;
        return GT_OK;
    }
    if (bytes == NULL)
        return GT_OK;
    if (is_json(apr_table_get(x->fields, "Content-Type")))
        GT_TRY(gtm_gateway_unlink(&bytes, &len, x));
    own->call.params.bytes = gt_secret_make(bytes, len, x->r->pool);
    return GT_OK;
}

static const char *with_query(const gtm_request_t *x, const char *path)
{
    const char *query = x->r->args;

    return query != NULL
               ? apr_pstrcat(x->r->pool, path, "?", gt_url_escape_stray(query, x->r->pool), NULL)
               : path;
}

/* Calls that Exchange does not count at a mailbox take no place there. */
static void take_place(gt_call_t *call, const gtm_request_t *x, const gt_gateway_path_t *path)
{
    if (!path->is_of_mailbox)
        return;
    call->mailboxes = x->child->mailboxes;
    call->mailbox = path->mailbox;
}

/* A part of a file is not asked for twice, nor unpacked. */
static int wants_stream(const gtm_request_t *x)
{
    return x->r->header_only || apr_table_get(x->fields, "Range") != NULL;
}

static gt_err_t *describe(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    relay_t *own = apr_pcalloc(x->r->pool, sizeof(*own));

    x->own = own;
    GT_TRY(gt_gateway_path_read(&own->path, x->tail, gtm_gateway_version(x), x->r->pool));
    GT_TRY(gtm_gateway_judge(x, x->route->method, &own->path));
    gtm_gateway_call(&own->call, x);
    take_place(&own->call, x, &own->path);
    own->call.params.method = x->route->method;
    own->call.params.path = with_query(x, gtm_gateway_target(x, own->path.url));
    own->call.streams = wants_stream(x);
    add_fields(&own->call.params, x);
    GT_TRY(take_body(own, x));
    gt_then(task, &gt_call, &own->call);
    return GT_OK;
}

/* ---- the answer ---- */

/** The last segment of a path whose answer is a file of a user's: its bytes stay as they are. */
static int is_file(const char *path)
{
    const char *last = strrchr(path, '/') + 1;

    return strcasecmp(last, "$value") == 0 || strcasecmp(last, "content") == 0 ||
           strcasecmp(last, "contentStream") == 0;
}

static gt_err_t *relink_field(gtm_request_t *x, const gt_answer_t *answer, const char *name)
{
    const char *link = apr_table_get(answer->headers, name), *ours;

    if (link == NULL)
        return GT_OK;
    GT_TRY(gtm_gateway_link(&ours, x, link, x->r->pool));
    apr_table_set(x->r->err_headers_out, name, ours);
    return GT_OK;
}

static gt_err_t *pass_answer(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    relay_t *own = x->own;
    const gt_answer_t *answer = own->call.answer;

    gt_vault_worked(x->child->vault, &own->call.token.key.grant, 1);
    GT_TRY(relink_field(x, answer, "Location"));
    GT_TRY(relink_field(x, answer, "Content-Location"));
    own->stream =
        (gtm_stream_t){.x = x, .transfer = own->call.transfer, .answer = answer, .is_relayed = 1};
    if (is_json(apr_table_get(answer->headers, "Content-Type")) &&
        (answer->status >= 400 || !is_file(own->path.judged)))
        own->stream.relink = gtm_gateway_relink(x);
    gt_then(task, &gtm_stream, &own->stream);
    return GT_OK;
}

static gt_step_fn *const steps[] = {describe, pass_answer, NULL};
const gt_work_t gtm_gateway_work = {"ask any path of Graph", steps, NULL};

const gtm_route_t gtm_graph_routes[] = {
    {"batch", "POST", "/$batch", GTM_LIMIT_GRAPH, .body = GTM_BODY_JSON,
     .fields = gtm_gateway_fields, .is_gateway = 1, .work = &gtm_gateway_batch_work},
    {"batch", "POST", "/v1.0/$batch", GTM_LIMIT_GRAPH, .body = GTM_BODY_JSON,
     .fields = gtm_gateway_fields, .is_gateway = 1, .work = &gtm_gateway_batch_work},
    {"batch", "POST", "/beta/$batch", GTM_LIMIT_GRAPH, .body = GTM_BODY_JSON,
     .fields = gtm_gateway_fields, .is_gateway = 1, .work = &gtm_gateway_batch_work},
    {"graph", "GET", "/{*}", GTM_LIMIT_GRAPH, .fields = gtm_gateway_fields, .is_gateway = 1,
     .work = &gtm_gateway_work},
    {"graph", "POST", "/{*}", GTM_LIMIT_GRAPH, .body = GTM_BODY_BYTES, .fields = gtm_gateway_fields,
     .is_gateway = 1, .work = &gtm_gateway_work},
    {"graph", "PUT", "/{*}", GTM_LIMIT_GRAPH, .body = GTM_BODY_BYTES, .fields = gtm_gateway_fields,
     .is_gateway = 1, .work = &gtm_gateway_work},
    {"graph", "PATCH", "/{*}", GTM_LIMIT_GRAPH, .body = GTM_BODY_BYTES,
     .fields = gtm_gateway_fields, .is_gateway = 1, .work = &gtm_gateway_work},
    {"graph", "DELETE", "/{*}", GTM_LIMIT_GRAPH, .body = GTM_BODY_BYTES,
     .fields = gtm_gateway_fields, .is_gateway = 1, .work = &gtm_gateway_work},
    {.name = NULL}};
