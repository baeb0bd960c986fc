/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file stream.c
 * Handing an answer on, piece by piece. One step runs again for each piece, and for the part of it
 * that the client did not take. A FLUSH bucket is never sent: it would block the thread.
 */

#include "request/stream.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "base/pool.h"
#include "request/answer.h"

/* httpd's last filter waits for a slow client when more than 64 KiB lie in it. */
#define WRITTEN_AT_ONCE ((apr_size_t)32 * 1024)

/* From its begin to its end; a client that reads for ever holds a thread or a connection. */
#define LONGEST_ANSWER apr_time_from_sec(3600)

/* Fields of Graph's head that the caller may need; all others stay here. */
static const char *const passed_on[] = {
    "request-id", "client-request-id", "Preference-Applied", "Retry-After", "ETag", NULL};

/* The same for a client that speaks Graph's own language. No field of a connection, of a cookie or
 * of other origins is among them; Location is the caller's to rewrite. */
static const char *const relayed[] = {"request-id",
                                      "client-request-id",
                                      "x-ms-ags-diagnostic",
                                      "Preference-Applied",
                                      "Retry-After",
                                      "RateLimit-Limit",
                                      "RateLimit-Remaining",
                                      "RateLimit-Reset",
                                      "x-ms-throttle-limit-percentage",
                                      "x-ms-throttle-scope",
                                      "x-ms-throttle-information",
                                      "x-ms-resource-unit",
                                      "ETag",
                                      "Last-Modified",
                                      "Content-Range",
                                      "Accept-Ranges",
                                      "Content-Disposition",
                                      "Content-Encoding",
                                      "Content-Language",
                                      "OData-Version",
                                      "Allow",
                                      "Deprecation",
                                      "Sunset",
                                      NULL};

static gt_err_t *too_large(const gtm_stream_t *stream)
{
    return gt_err(stream->x->r->pool, GT_UPSTREAM, "GT0824",
                  "the answer is larger than the %" APR_INT64_T_FMT
                  " bytes allowed here (GraphTokAnswerMax)",
                  stream->x->dir->answer_max);
}

static int is_change(const gtm_stream_t *stream)
{
    return strcmp(stream->x->route->method, "GET") != 0;
}

/* An answer to a change may be empty at any status: the change is done all the same. The
 * answers that RFC 9110 ends with their head are the others. */
static int has_body(const gtm_stream_t *stream)
{
    const gt_answer_t *answer = stream->answer;

    if (is_change(stream) && !stream->is_relayed && answer->body != NULL && answer->body_len == 0)
        return 0;
    return answer->status != HTTP_NO_CONTENT && answer->status != HTTP_NOT_MODIFIED;
}

/* A client that reads JSON after 200 must not find nothing. */
static int status_for_client(const gtm_stream_t *stream)
{
    int status = stream->answer->status;

    if (stream->is_relayed)
        return status;
    return status == HTTP_OK && !has_body(stream) ? HTTP_NO_CONTENT : status;
}

/* A provider's HTML must not run in our origin, and is no answer of Graph's anyway. */
static int is_json(const gtm_stream_t *stream)
{
    const char *type = apr_table_get(stream->answer->headers, "Content-Type");

    return !has_body(stream) || (type != NULL && strncasecmp(type, "application/json", 16) == 0);
}

static int is_head_only(const gtm_stream_t *stream)
{
    return stream->is_relayed && stream->x->r->header_only;
}

/* A file of a user's that a browser opens runs no script in our origin, of any type. */
static void set_relayed_type(const gtm_stream_t *stream)
{
    request_rec *r = stream->x->r;
    const char *type = apr_table_get(stream->answer->headers, "Content-Type");

    if (type != NULL)
        ap_set_content_type(r, apr_pstrdup(r->pool, type));
    if (stream->relink == NULL)
        apr_table_setn(r->err_headers_out, "Content-Security-Policy",
                       "sandbox; default-src 'none'");
}

/* The length that is known: of all bytes at hand, or of those that go on as they are. */
static apr_int64_t length_of(const gtm_stream_t *stream, apr_size_t len, int whole)
{
    if (!has_body(stream))
        return -1;
    if (stream->is_relayed && stream->relink == NULL)
        return stream->answer->length;
    return whole && !is_head_only(stream) ? (apr_int64_t)len : -1;
}

static void set_head(const gtm_stream_t *stream, apr_size_t len, int whole)
{
    request_rec *r = stream->x->r;
    const char *const *fields = stream->is_relayed ? relayed : passed_on;
    apr_int64_t length = length_of(stream, len, whole);

    gtm_answer_status(r, status_for_client(stream));
    for (int i = 0; fields[i]; i++) {
        const char *value = apr_table_get(stream->answer->headers, fields[i]);

        if (value != NULL)
            apr_table_set(r->err_headers_out, fields[i], value);
    }
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    if (stream->is_relayed)
        set_relayed_type(stream);
    else if (len > 0 || !whole)
        ap_set_content_type(r, "application/json");
    if (length >= 0)
        ap_set_content_length(r, (apr_off_t)length);
}

static gt_err_t *take_piece(gtm_stream_t *stream)
{
    gtm_request_t *x = stream->x;
    const char *bytes;
    apr_size_t len;
    int end;

    if (!x->scratch)
        x->scratch = gt_pool_make(x->r->pool, "graphtok_piece");
    apr_pool_clear(x->scratch);
    GT_TRY(gt_transfer_take(&bytes, &len, &end, stream->transfer, x->scratch));
    stream->passed += (apr_int64_t)len;
    if (!stream->is_relayed && stream->passed > x->dir->answer_max)
        return too_large(stream);
    if (has_body(stream) && stream->relink != NULL)
        GT_TRY(gt_relink_feed(&bytes, &len, stream->relink, bytes, len, end, x->scratch));
    if (end && !stream->is_relayed && has_body(stream) && !gt_relink_is_whole(stream->relink))
        return gt_err(x->r->pool, GT_UPSTREAM, "GT0827", "the answer is not a JSON object");
    stream->rest = bytes;
    stream->rest_len = len;
    stream->is_last = end;
    stream->has_piece = len > 0 || end;
    return GT_OK;
}

/* The last piece, as a rule all of the answer, stays where it is until the request ends; the memory
 * of another is used again, and httpd copies what of it waits. Such a copy takes a block of the
 * connection's that would be held, idle, until the client goes. */
static apr_bucket *bucket_of(const gtm_stream_t *stream, apr_size_t len, apr_bucket_alloc_t *alloc)
{
    return stream->is_last ? apr_bucket_pool_create(stream->rest, len, stream->x->scratch, alloc)
                           : apr_bucket_transient_create(stream->rest, len, alloc);
}

static gt_err_t *write_some(gtm_stream_t *stream)
{
    request_rec *r = stream->x->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(stream->x->scratch, alloc);
    apr_size_t len = stream->rest_len < WRITTEN_AT_ONCE ? stream->rest_len : WRITTEN_AT_ONCE;

    if (!stream->x->head_sent)
        set_head(stream, stream->rest_len, stream->is_last);
    stream->x->head_sent = 1;
    if (len > 0)
        APR_BRIGADE_INSERT_TAIL(bb, bucket_of(stream, len, alloc));
    stream->rest += len;
    stream->rest_len -= len;
    stream->has_piece = stream->rest_len > 0;
    if (stream->is_last && !stream->has_piece)
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    if (ap_pass_brigade(r->output_filters, bb) != APR_SUCCESS || r->connection->aborted)
        return gt_err(r->pool, GT_CANCELLED, "GT0825", "the client has gone");
    return GT_OK;
}

static int must_wait(const gtm_request_t *x)
{
    return x->parked_road && x->r->connection->data_in_output_filters;
}

/* The rest of the transfer is not waited for. */
static gt_err_t *end_with_head(gtm_stream_t *stream)
{
    gt_transfer_leave(stream->transfer);
    stream->rest_len = 0;
    stream->is_last = 1;
    stream->x->scratch = stream->x->r->pool;
    return write_some(stream);
}

static gt_err_t *pass_some(gt_task_t *task, gtm_stream_t *stream)
{
    gtm_request_t *x = stream->x;

    if (!stream->is_relayed && !is_json(stream))
        return gt_err(x->r->pool, GT_UPSTREAM, "GT0828", "the answer is not JSON");
    if (!stream->is_relayed && !stream->passed && stream->answer->length > x->dir->answer_max)
        return too_large(stream);
    if (is_head_only(stream))
        return end_with_head(stream);
    if (!stream->has_piece && !must_wait(x))
        GT_TRY(take_piece(stream));
    if (stream->has_piece && !x->head_sent)
        gt_task_limit(task, LONGEST_ANSWER);
    while (stream->has_piece && !must_wait(x))
        GT_TRY(write_some(stream));
    if (stream->has_piece || (!stream->is_last && must_wait(x)))
        gt_again_on_output(task);
    else if (!stream->is_last)
        gt_again_on_bytes(task, stream->transfer);
    return GT_OK;
}

static gt_err_t *pass_piece(gt_task_t *task, void *state)
{
    gtm_stream_t *stream = state;
    gt_err_t *err = pass_some(task, stream);

    if (err == GT_OK || err->cls != GT_UPSTREAM || !is_change(stream))
        return err;
    return gt_err_may_be_done(err, stream->transaction_id);
}

static gt_step_fn *const steps[] = {pass_piece, NULL};
const gt_work_t gtm_stream = {"stream", steps, NULL};
