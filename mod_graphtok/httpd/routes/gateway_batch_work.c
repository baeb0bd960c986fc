/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file gateway_batch_work.c
 * A $batch at the gateway: no rule opens it, since each part is judged by itself. Graph's answer is
 * taken whole, up to 8 MiB, and handed on with the answers to the parts that were refused.
 */

#include <string.h>

#include <apr_strings.h>

#include "base/secret.h"
#include "graph/gateway_batch.h"
#include "request/answer.h"
#include "request/stream.h"
#include "routes/gateway.h"

/** The state of a batch. */
typedef struct batch_t {
    gt_batch_split_t split;
    gt_call_t call;
    gtm_stream_t stream;
} batch_t;

static gt_err_t *judge(void *baton, const char *method, const gt_gateway_path_t *path)
{
    return gtm_gateway_judge(baton, method, path);
}

/** The version in front of the route, or that of GraphTokGraphURL. */
static const char *version_of(const gtm_request_t *x)
{
    gt_gateway_path_t path;
    const char *pattern = x->route->pattern;
    const char *front = apr_pstrmemdup(x->r->pool, pattern, strlen(pattern) - strlen("/$batch"));

    return gt_gateway_path_read(&path, front, gtm_gateway_version(x), x->r->pool) == GT_OK
               ? path.version
               : gtm_gateway_version(x);
}

static gt_err_t *describe_call(batch_t *own, gtm_request_t *x, const char *version)
{
    apr_pool_t *p = x->r->pool;
    gt_call_t *call = &own->call;
    const char *bytes = gt_json_dump(own->split.body, p);
    apr_size_t len = strlen(bytes);
    static const char *const fields[] = {"client-request-id", "SdkVersion", "Prefer", NULL};

    gtm_gateway_call(call, x);
    GT_TRY(gtm_gateway_unlink(&bytes, &len, x));
    call->mailboxes = x->child->mailboxes;
    call->places = own->split.places;
    call->params.method = "POST";
    call->params.path = gtm_gateway_target(x, apr_pstrcat(p, "/", version, "/$batch", NULL));
    call->params.is_whole = 1;
    call->params.bytes = gt_secret_make(bytes, len, p);
    call->params.content_type = "application/json";
    call->params.headers = apr_array_make(p, 3, sizeof(const char *));
    for (int i = 0; fields[i]; i++)
        if (apr_table_get(x->fields, fields[i]) != NULL)
            APR_ARRAY_PUSH(call->params.headers, const char *) =
                apr_pstrcat(p, fields[i], ": ", apr_table_get(x->fields, fields[i]), NULL);
    return GT_OK;
}

static gt_err_t *split(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    batch_t *own = apr_pcalloc(x->r->pool, sizeof(*own));
    const gt_batch_wish_t wish = {x->body, version_of(x), gtm_gateway_fields, judge, x};

    x->own = own;
    GT_TRY(gt_batch_split(&own->split, &wish, x->r->pool));
    if (own->split.body == NULL) {
        json_t *answer = gt_json_object(x->r->pool);

        json_object_set(answer, "responses", own->split.refused);
        gtm_answer_json(x, 200, answer);
        gt_done(task);
        return GT_OK;
    }
    GT_TRY(describe_call(own, x, wish.version));
    gt_then(task, &gt_call, &own->call);
    return GT_OK;
}

/* A refusal of the whole batch is Graph's to explain. */
static gt_err_t *pass_refusal(gt_task_t *task, batch_t *own, gtm_request_t *x)
{
    own->stream = (gtm_stream_t){.x = x,
                                 .transfer = own->call.transfer,
                                 .answer = own->call.answer,
                                 .is_relayed = 1,
                                 .relink = gtm_gateway_relink(x)};
    gt_then(task, &gtm_stream, &own->stream);
    return GT_OK;
}

static gt_err_t *join(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;
    batch_t *own = x->own;
    apr_pool_t *p = x->r->pool;
    const gt_answer_t *answer = own->call.answer;
    const char *bytes, *id = apr_table_get(answer->headers, "request-id");
    apr_size_t len;

    gt_vault_worked(x->child->vault, &own->call.token.key.grant, 1);
    if (answer->status != 200)
        return pass_refusal(task, own, x);
    gt_batch_hear(&own->split, &own->call, p);
    GT_TRY(gt_batch_join(&bytes, &len, answer->body, answer->body_len, own->split.refused, p));
    GT_TRY(gt_relink_feed(&bytes, &len, gtm_gateway_relink(x), bytes, len, 1, p));
    if (id != NULL)
        apr_table_set(x->r->err_headers_out, "request-id", id);
    x->reply =
        (gtm_reply_t){.status = 200, .content_type = "application/json", .text = bytes, .len = len};
    return GT_OK;
}

static gt_step_fn *const steps[] = {split, join, NULL};
const gt_work_t gtm_gateway_batch_work = {"ask Graph many things", steps, NULL};
