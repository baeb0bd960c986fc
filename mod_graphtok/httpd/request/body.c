/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file body.c
 * Input filters inflate, split and hold back: only EOS ends a body, and only bytes that came are
 * counted. A missing Content-Type is refused like a wrong one: nothing is guessed.
 */

#include "request/body.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "base/secret.h"
#include "net/url.h"

#define PIECE 8192
#define FORM_BYTES (APR_INT64_C(64) * 1024) /* two tokens of 16 KiB, and what else a form has */
#define FORM_PAIRS 20

/* A body that is kept can be sent a second time, after Graph refused a token. */
#define KEPT_BYTES (APR_INT64_C(64) * 1024)

/* A body on its way in. */
typedef struct intake_t {
    gtm_request_t *x;
    apr_bucket_brigade *piece; /* of one look into the input filters */
    apr_bucket_brigade *kept;  /* copies of what came before */
    apr_int64_t most, len;     /* bytes allowed, and kept */
    int is_whole;              /* 1: EOS was seen */
} intake_t;

static int is_of_type(request_rec *r, const char *name)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t len = strlen(name);

    return type != NULL && strncasecmp(type, name, len) == 0 &&
           (!type[len] || type[len] == ';' || apr_isspace(type[len]));
}

/* Bytes that the route's kind of body may have. */
static apr_int64_t most_of(const gtm_request_t *x)
{
    apr_int64_t most = x->dir->request_max;

    if (x->route->body == GTM_BODY_BYTES)
        return KEPT_BYTES;
    return x->route->body == GTM_BODY_FORM && most > FORM_BYTES ? FORM_BYTES : most;
}

static gt_err_t *too_large(gtm_request_t *x)
{
    /* The rest of the body is not read: the connection ends with this answer. */
    x->r->connection->keepalive = AP_CONN_CLOSE;
    return gt_err(x->r->pool, GT_TOO_LARGE, "GT0817",
                  "the body is larger than the %" APR_INT64_T_FMT " bytes allowed here "
                  "(GraphTokRequestMax)",
                  most_of(x));
}

/* httpd's verdict on a body that it could not read; its status stays. A malformed
 * chunk, and chunks that are too much, its own filter has answered already. */
gt_err_t *gtm_body_unread(gtm_request_t *x, int status)
{
    static const struct {
        int status;
        gt_class_t cls;
        const char *tag, *detail;
    } verdicts[] = {
        {HTTP_REQUEST_ENTITY_TOO_LARGE, GT_TOO_LARGE, "GT0860",
         "the body is larger than httpd allows here (LimitRequestBody, or an input filter)"},
        {HTTP_REQUEST_TIME_OUT, GT_INVALID, "GT0861", "the body did not come in time"},
        {0, GT_INVALID, "GT0818", "the body could not be read"},
    };
    int row = 0;
    gt_err_t *err;

    x->r->connection->keepalive = AP_CONN_CLOSE;
    x->is_answered = status == AP_FILTER_ERROR;
    while (verdicts[row].status && verdicts[row].status != status)
        row++;
    err = gt_err(x->r->pool, verdicts[row].cls, verdicts[row].tag, "%s", verdicts[row].detail);
    err->status = ap_is_HTTP_ERROR(status) ? status : 0;
    return err;
}

/* Filters reuse the memory of their buckets: kept are copies. */
static gt_err_t *keep_piece(intake_t *in)
{
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(in->piece); b != APR_BRIGADE_SENTINEL(in->piece) && !in->is_whole;
         b = APR_BUCKET_NEXT(b)) {
        const char *bytes;
        apr_size_t len;
        apr_status_t rv;

        in->is_whole = APR_BUCKET_IS_EOS(b);
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        rv = apr_bucket_read(b, &bytes, &len, APR_BLOCK_READ);
        if (rv != APR_SUCCESS)
            return gtm_body_unread(in->x, ap_map_http_request_error(rv, HTTP_BAD_REQUEST));
        if (len > (apr_size_t)(in->most - in->len))
            return too_large(in->x);
        if (apr_brigade_write(in->kept, NULL, NULL, bytes, len) != APR_SUCCESS)
            return gtm_body_unread(in->x, HTTP_INTERNAL_SERVER_ERROR);
        in->len += (apr_int64_t)len;
    }
    apr_brigade_cleanup(in->piece);
    return GT_OK;
}

/* A filter that holds back answers without a byte, but has taken one or more from the client: after
 * as many such answers as bytes are allowed the body is too large, or the filter would never
 * end. */
static gt_err_t *collect(intake_t *in)
{
    request_rec *r = in->x->r;
    apr_int64_t held_back = 0;

    while (!in->is_whole) {
        apr_int64_t before = in->len;
        apr_status_t rv =
            ap_get_brigade(r->input_filters, in->piece, AP_MODE_READBYTES, APR_BLOCK_READ, PIECE);

        if (rv != APR_SUCCESS)
            return gtm_body_unread(in->x, ap_map_http_request_error(rv, HTTP_BAD_REQUEST));
        GT_TRY(keep_piece(in));
        held_back = in->len > before ? 0 : held_back + 1;
        if (held_back > in->most)
            return too_large(in->x);
    }
    return GT_OK;
}

static gt_err_t *read_whole(gtm_request_t *x, char **bytes, apr_size_t *len)
{
    request_rec *r = x->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    intake_t in = {.x = x, .most = most_of(x)};
    gt_err_t *err;

    if (r->remaining > in.most)
        return too_large(x);
    in.piece = apr_brigade_create(r->pool, alloc);
    in.kept = apr_brigade_create(r->pool, alloc);
    err = collect(&in);
    if (err == GT_OK && apr_brigade_pflatten(in.kept, bytes, len, r->pool) != APR_SUCCESS)
        err = gtm_body_unread(x, HTTP_INTERNAL_SERVER_ERROR);
    apr_brigade_destroy(in.piece);
    apr_brigade_destroy(in.kept);
    return err;
}

/* "Implementations … MAY ignore the presence of a byte order mark" (RFC 8259 section 8.1). */
static void drop_mark(char **bytes, apr_size_t *len)
{
    static const char mark[] = "\xEF\xBB\xBF";

    if (*len >= strlen(mark) && memcmp(*bytes, mark, strlen(mark)) == 0) {
        *bytes += strlen(mark);
        *len -= strlen(mark);
    }
}

static gt_err_t *no_json(const gtm_request_t *x)
{
    return gt_err(x->r->pool, GT_UNSUPPORTED, "GT0819",
                  "the body must be JSON with Content-Type: application/json");
}

static gt_err_t *read_json(gtm_request_t *x)
{
    request_rec *r = x->r;
    int is_json = is_of_type(r, "application/json");
    int may_be_empty = x->route->body == GTM_BODY_MAYBE_JSON || x->route->body == GTM_BODY_NOTHING;
    char *bytes = NULL;
    apr_size_t len = 0;

    if (!is_json && !may_be_empty)
        return no_json(x);
    GT_TRY(read_whole(x, &bytes, &len));
    if (len == 0 && may_be_empty) {
        x->body = gt_json_object(r->pool);
        return GT_OK;
    }
    if (!is_json)
        return no_json(x);
    drop_mark(&bytes, &len);
    if (len == 0)
        return gt_err(r->pool, GT_INVALID, "GT0820", "a JSON object is expected as body");
    GT_TRY(gt_json_parse(&x->body, bytes, len, r->pool));
    if (!json_is_object(x->body))
        return gt_err(r->pool, GT_INVALID, "GT0820", "a JSON object is expected as body");
    return GT_OK;
}

/* A client that says more, like "dry_run", must not believe that it was heard. */
static gt_err_t *read_nothing(gtm_request_t *x)
{
    GT_TRY(read_json(x));
    if (json_object_size(x->body) == 0 && apr_is_empty_table(x->query))
        return GT_OK;
    return gt_err(x->r->pool, GT_INVALID, "GT1206",
                  "this act takes no parameters: neither members of a body nor a query");
}

static int wipe_value(void *baton, const char *name, const char *value)
{
    (void)name;
    gt_wipe_with_pool((void *)(apr_uintptr_t)value, strlen(value), baton);
    return 1;
}

/* Forms carry secrets and tokens. */
static gt_err_t *read_form(gtm_request_t *x)
{
    request_rec *r = x->r;
    char *bytes = NULL;
    apr_size_t len = 0;
    const char *text;
    gt_err_t *err;

    if (!is_of_type(r, "application/x-www-form-urlencoded"))
        return gt_err(r->pool, GT_UNSUPPORTED, "GT0882",
                      "the body must be a form with Content-Type: "
                      "application/x-www-form-urlencoded");
    GT_TRY(read_whole(x, &bytes, &len));
    gt_wipe_with_pool(bytes, len, r->pool);
    if (memchr(bytes, '\0', len) != NULL)
        return gt_err(r->pool, GT_INVALID, "GT0883", "the form holds a NUL");
    text = apr_pstrmemdup(r->pool, bytes, len);
    gt_wipe_with_pool((void *)(apr_uintptr_t)text, len, r->pool);
    err = gt_query_parse(&x->form, text, FORM_PAIRS, r->pool);
    apr_table_do(wipe_value, r->pool, x->form, NULL);
    return err;
}

/* How long a filter makes of a packed body is not known before. */
static apr_int64_t length_of(request_rec *r)
{
    return r->read_chunked || apr_table_get(r->headers_in, "Content-Encoding") != NULL
               ? -1
               : (apr_int64_t)r->remaining;
}

static gt_err_t *read_bytes(gtm_request_t *x)
{
    request_rec *r = x->r;
    char *bytes = NULL;
    apr_size_t len = 0;

    x->body_length = length_of(r);
    x->body_streams = x->body_length < 0 || x->body_length > KEPT_BYTES;
    if (x->body_streams || x->body_length == 0)
        return GT_OK;
    GT_TRY(read_whole(x, &bytes, &len));
    gt_wipe_with_pool(bytes, len, r->pool);
    x->bytes = bytes;
    x->bytes_len = len;
    return GT_OK;
}

gt_err_t *gtm_body_read(gtm_request_t *x)
{
    request_rec *r = x->r;
    int is_wanted = x->route->body != GTM_BODY_NONE;
    int status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);

    if (status == OK && !is_wanted)
        status = ap_discard_request_body(r);
    if (status != OK)
        return gtm_body_unread(x, status);
    switch (x->route->body) {
    case GTM_BODY_NONE:
        return GT_OK;
    case GTM_BODY_FORM:
        return read_form(x);
    case GTM_BODY_NOTHING:
        return read_nothing(x);
    case GTM_BODY_BYTES:
        return read_bytes(x);
    default:
        return read_json(x);
    }
}
