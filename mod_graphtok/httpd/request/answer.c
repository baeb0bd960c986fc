/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file answer.c
 * A page request without a sign-in is sent to the sign-in route and back, but not right after a
 * sign-in that did not help: then the error page stands, with a link. Everything else gets a
 * problem whose `login_url` says where, and a client of ours the words of OAuth. An error page that
 * the administrator has named (ErrorDocument) stands in the place of ours, where a person would see
 * ours.
 */

#include "request/answer.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>

#include "request/login_link.h"
#include "request/oauth_error.h"
#include "request/pages.h"
#include "request/page_words.h"

APLOG_USE_MODULE(graphtok);

#define PROBLEM "application/problem+json"
#define CHALLENGE "Bearer realm=\"graphtok\""

static void set_common(gtm_request_t *x)
{
    apr_table_t *out = x->r->err_headers_out;

    if (apr_table_get(out, "Cache-Control") == NULL)
        apr_table_setn(out, "Cache-Control", "no-store");
    apr_table_setn(out, "X-Content-Type-Options", "nosniff");
}

/* httpd has words for the statuses of RFCs; for another it writes those of 500. */
static int has_words(int status)
{
    return status == HTTP_INTERNAL_SERVER_ERROR ||
           ap_index_of_response(status) != ap_index_of_response(HTTP_INTERNAL_SERVER_ERROR);
}

void gtm_answer_status(request_rec *r, int status)
{
    r->status = status;
    r->status_line = has_words(status) ? NULL : apr_psprintf(r->pool, "%d Unassigned", status);
}

void gtm_answer_text(gtm_request_t *x, int status, const char *type, const char *text)
{
    x->reply =
        (gtm_reply_t){.status = status, .content_type = type, .text = text, .len = strlen(text)};
}

void gtm_answer_json(gtm_request_t *x, int status, const json_t *value)
{
    if (x->route != NULL && x->route->page != NULL)
        x->route->page(x, value);
    else
        gtm_answer_text(x, status, "application/json", gt_json_dump(value, x->r->pool));
}

void gtm_answer_page(gtm_request_t *x, int status, const char *html)
{
    request_rec *r = x->r;

    apr_table_setn(r->err_headers_out, "Content-Security-Policy", gtm_page_policy(r->pool));
    apr_table_setn(r->err_headers_out, "Referrer-Policy", "no-referrer");
    apr_table_mergen(r->err_headers_out, "Vary", "Accept, Accept-Language, Sec-Fetch-Mode");
    r->content_languages = apr_array_make(r->pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(r->content_languages, const char *) = gtm_words(r)->tag;
    gtm_answer_text(x, status, "text/html; charset=utf-8", html);
}

void gtm_answer_empty(gtm_request_t *x, int status)
{
    gtm_answer_text(x, status, NULL, "");
}

void gtm_answer_redirect(gtm_request_t *x, int status, const char *url)
{
    apr_table_setn(x->r->err_headers_out, "Location", url);
    apr_table_setn(x->r->err_headers_out, "Referrer-Policy", "no-referrer");
    gtm_answer_empty(x, status);
}

/* A browser's window will show the answer. */
static int is_window(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");

    return accept != NULL && strstr(accept, "text/html") &&
           (mode == NULL || strcmp(mode, "navigate") == 0);
}

int gtm_answer_is_form(request_rec *r)
{
    return r->method_number == M_POST && is_window(r);
}

int gtm_answer_is_page(request_rec *r)
{
    return r->method_number == M_GET && is_window(r);
}

static json_t *field_list(const gt_err_t *err)
{
    json_t *list = json_array();

    for (int i = 0; i < err->fields->nelts; i++) {
        const gt_field_error_t *field = &APR_ARRAY_IDX(err->fields, i, gt_field_error_t);

        json_array_append_new(
            list, json_pack("{s:s, s:s}", "field", field->field, "message", field->message));
    }
    return list;
}

static apr_int64_t whole_seconds(apr_interval_time_t span)
{
    return (span + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC;
}

/* A provider's words about an account tell an administrator how to mend it. They name no file and
 * no host. */
static const char *told(const gtm_request_t *x, const gt_err_t *err)
{
    int is_for_asker = x->route != NULL && (x->route->demands & GTM_ADMINISTRATOR) &&
                       err->cls == GT_CLIENT_BROKEN && err->extent == GT_EXTENT_USER;

    return is_for_asker ? err->detail : gt_err_told(err, x->r->pool);
}

/* Graph's clients read the error of an OData answer, and of no other type of JSON (OData JSON
 * Format 4.0, section 21.1). They name their library in SdkVersion. */
static const char *add_odata_error(json_t *problem, const gtm_request_t *x, const gt_err_t *err)
{
    json_t *error;

    if (x->route == NULL || !x->route->is_gateway)
        return PROBLEM;
    error = json_object();
    gt_json_set(error, "code", err->code != NULL ? err->code : gt_class_row(err->cls)->name);
    gt_json_set(error, "message", told(x, err));
    gt_json_put(problem, "error", error);
    return apr_table_get(x->r->headers_in, "SdkVersion") != NULL ? "application/json" : PROBLEM;
}

static void answer_problem(gtm_request_t *x, const gt_err_t *err, const char *login_url)
{
    const gt_class_row_t *row = gt_class_row(err->cls);
    apr_pool_t *p = x->r->pool;
    json_t *problem = gt_json_object(p);
    const char *type = add_odata_error(problem, x, err);

    gt_json_set(problem, "type", apr_pstrcat(p, "urn:mod_graphtok:", row->name, NULL));
    gt_json_set(problem, "title", row->title);
    gt_json_set_number(problem, "status", gt_err_status(err));
    gt_json_set(problem, "detail", told(x, err));
    gt_json_set(problem, "tag", err->tag);
    if (err->code != NULL)
        gt_json_set(problem, "code", err->code);
    if (err->request_id != NULL)
        gt_json_set(problem, "request_id", err->request_id);
    if (err->may_be_done)
        gt_json_set_bool(problem, "may_be_done", 1);
    if (err->transaction_id != NULL)
        gt_json_set(problem, "transaction_id", err->transaction_id);
    if (err->outcome != NULL) {
        gt_json_set(problem, "outcome", err->outcome);
        gt_json_set(problem, "message_id", err->message_id);
    }
    if (gt_err_wait(err) > 0)
        gt_json_set_number(problem, "retry_after", whole_seconds(gt_err_wait(err)));
    if (err->fields != NULL)
        gt_json_put(problem, "errors", field_list(err));
    if (login_url != NULL)
        gt_json_set(problem, "login_url", login_url);
    gtm_answer_text(x, gt_err_status(err), type, gt_json_dump(problem, p));
}

static void log_failure(gtm_request_t *x, const gt_err_t *err)
{
    const char *code = err->code != NULL ? err->code : "",
               *id = err->request_id != NULL ? err->request_id : "";
    int level = gt_err_level(err);

    ap_log_rerror(APLOG_MARK, level, 0, x->r, "%s: %s: %s%s%s%s%s", err->tag,
                  x->route != NULL ? x->route->name : "request", err->detail,
                  *code ? ", code " : "", code, *id ? ", request id " : "", id);
}

static void set_error_fields(gtm_request_t *x, const gt_err_t *err)
{
    apr_table_t *out = x->r->err_headers_out;
    int status = gt_err_status(err);

    if (gt_err_wait(err) > 0)
        apr_table_setn(
            out, "Retry-After",
            apr_psprintf(x->r->pool, "%" APR_INT64_T_FMT, whole_seconds(gt_err_wait(err))));
    if (err->request_id != NULL)
        apr_table_setn(out, "request-id", apr_pstrdup(x->r->pool, err->request_id));
    /* RFC 6750 section 3.1: without a token there is no code. */
    if (x->bearer_error != NULL)
        apr_table_setn(
            out, "WWW-Authenticate",
            apr_pstrcat(x->r->pool, CHALLENGE ", error=\"", x->bearer_error, "\"", NULL));
    else if (status == HTTP_UNAUTHORIZED)
        apr_table_setn(out, "WWW-Authenticate", CHALLENGE);
}

/* Not for a part of another page, and not for an ErrorDocument that fails itself. */
static int has_error_document(request_rec *r, int status)
{
    return r->main == NULL && r->status == HTTP_OK && ap_is_HTTP_ERROR(status) &&
           has_words(status) && ap_response_code_string(r, ap_index_of_response(status)) != NULL;
}

/* Variables that such a page may show; for the page their names begin with REDIRECT_. */
static void tell_error_document(gtm_request_t *x, const gt_err_t *err, const char *login_url)
{
    request_rec *r = x->r;

    apr_table_setn(r->notes, "error-notes", ap_escape_html(r->pool, gt_err_told(err, r->pool)));
    apr_table_setn(r->subprocess_env, "GRAPHTOK_ERROR", err->tag);
    if (login_url != NULL)
        apr_table_setn(r->subprocess_env, "GRAPHTOK_LOGIN_URL", login_url);
    x->reply = (gtm_reply_t){.status = gt_err_status(err), .is_httpds = 1};
}

int gtm_answer_is_elsewhere(const gtm_request_t *x, const gt_err_t *err)
{
    return err != GT_OK && !x->head_sent && gtm_answer_is_page(x->r) &&
           has_error_document(x->r, gt_err_status(err));
}

/* The client must see that the answer is not whole: no last chunk, connection closed. */
static void cut(gtm_request_t *x)
{
    request_rec *r = x->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, alloc);

    APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    r->connection->keepalive = AP_CONN_CLOSE;
    (void)ap_pass_brigade(r->output_filters, bb);
}

/* A form of a page of ours is answered as that page is. */
static int is_looked_at(const gtm_request_t *x)
{
    return gtm_answer_is_page(x->r) ||
           (x->route != NULL && x->route->page != NULL && gtm_answer_is_form(x->r));
}

void gtm_answer_error(gtm_request_t *x, const gt_err_t *err)
{
    const char *login_url = NULL;

    log_failure(x, err);
    if (x->head_sent) {
        cut(x);
        return;
    }
    if (x->route != NULL && x->route->demands & GTM_CLIENT_CALLS) {
        set_error_fields(x, err);
        gtm_oauth_error_answer(x, err);
        return;
    }
    if (err->cls == GT_SIGN_IN || err->cls == GT_INTERACTION || gtm_login_is_part(x))
        login_url = gtm_login_link(x, err);
    set_error_fields(x, err);
    if (!is_looked_at(x))
        answer_problem(x, err, login_url);
    else if (login_url != NULL && !x->stays && !err->is_after_sign_in && !gtm_login_is_part(x))
        gtm_answer_redirect(x, HTTP_MOVED_TEMPORARILY, login_url);
    else if (gtm_answer_is_elsewhere(x, err))
        tell_error_document(x, err, login_url);
    else
        gtm_answer_page(x, gt_err_status(err), gtm_page_error(x, err, login_url));
}

void gtm_answer_send(gtm_request_t *x)
{
    request_rec *r = x->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *bb;

    if (x->head_sent || x->reply.status == 0)
        return;
    x->head_sent = 1;
    set_common(x);
    if (x->reply.is_httpds) {
        ap_die(x->reply.status, r);
        return;
    }
    gtm_answer_status(r, x->reply.status);
    if (x->reply.content_type != NULL)
        ap_set_content_type(r, x->reply.content_type);
    if (r->status != HTTP_NO_CONTENT)
        ap_set_content_length(r, (apr_off_t)x->reply.len);
    bb = apr_brigade_create(r->pool, alloc);
    if (x->reply.len > 0)
        APR_BRIGADE_INSERT_TAIL(
            bb, apr_bucket_pool_create(x->reply.text, x->reply.len, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    (void)ap_pass_brigade(r->output_filters, bb);
}
