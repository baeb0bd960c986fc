/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Making a transfer: the request is judged, and copied into memory of the transfer's own.
 */

#include "net/transfer_struct.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "base/pool.h"
#include "base/secret.h"
#include "base/text.h"
#include "net/local_end.h"
#include "net/pins.h"
#include "net/url.h"

#define ANSWER_MAX_DEFAULT (1024 * 1024)
#define CONNECT_TIMEOUT_DEFAULT (apr_time_from_sec(10))
#define TIMEOUT_DEFAULT (apr_time_from_sec(30))
#define METHOD_MAX 16

static int is_method(const char *method)
{
    apr_size_t n;

    for (n = 0; method[n] != '\0'; n++)
        if (n >= METHOD_MAX || method[n] < 'A' || method[n] > 'Z')
            return 0;
    return n > 0;
}

/* No control character but a tab: a line break would begin another header or request. */
static int is_field_value(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7F)
            return 0;
    return 1;
}

/* "Name: value" with a name that is a token, and not one by which the message is framed. */
static int is_field(const char *line)
{
    static const char *const framing[] = {"Connection", "Content-Length",    "Expect",
                                          "Host",       "Transfer-Encoding", NULL};
    apr_size_t len = strcspn(line, ":");
    apr_size_t i;

    for (i = 0; i < len; i++)
        if (!apr_isalnum(line[i]) && line[i] != '-' && line[i] != '_')
            return 0;
    for (i = 0; framing[i] != NULL; i++)
        if (strlen(framing[i]) == len && strncasecmp(line, framing[i], len) == 0)
            return 0;
    return len > 0 && line[len] == ':' && is_field_value(line + len + 1);
}

/* The token may stand behind "Bearer ": RFC 6750 section 2.1. Stored tokens are not trusted to be
 * so. */
static int is_bearer(const gt_secret_t *bearer)
{
    const char *text = gt_secret_text(bearer);
    apr_size_t len = gt_secret_len(bearer);
    apr_size_t i;

    for (i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7F)
            return 0;
    return len > 0;
}

/* RFC 7617: the user's name ends at the first colon. */
static int is_login(const gt_secret_t *login)
{
    const char *text = gt_secret_text(login);

    return strchr(text, ':') != NULL && strlen(text) == gt_secret_len(login) &&
           is_field_value(text);
}

/* "imap://host:port", or "smtp://host:port/name", where the name is that of our greeting (RFC 5321
 * section 4.1.1.1); the host's rules are those of https. */
static int is_mail_server(const char *url, apr_pool_t *p)
{
    static const char *const schemes[] = {"imaps://", "imap://", "smtps://", "smtp://"};
    const char *place = NULL, *name;

    for (apr_size_t i = 0; place == NULL && i < sizeof(schemes) / sizeof(*schemes); i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            place = url + strlen(schemes[i]);
    if (place == NULL || strpbrk(place, "?#") != NULL || strchr(place, ':') == NULL)
        return 0;
    name = strchr(place, '/');
    if (name != NULL && (strncasecmp(url, "smtp", 4) != 0 || !gt_is_domain(name + 1)))
        return 0;
    return gt_url_is_safe(apr_pstrcat(p, "https://", place, name == NULL ? "/" : "", NULL));
}

/* NULL: all is well. */
static const char *judge_upload(const gt_request_t *request)
{
    if (!request->stream || request->body != NULL)
        return "a body in pieces needs a streamed answer, and no other body";
    if (request->method == NULL || strcmp(request->method, "GET") == 0 ||
        strcmp(request->method, "HEAD") == 0)
        return "its method takes no body";
    return NULL;
}

static gt_err_t *judge_request(const gt_request_t *request, apr_pool_t *p)
{
    const char *wrong = NULL;
    int i;

    if (request->dials && !is_mail_server(request->url, p))
        wrong = "its URL is no address of a mail server";
    else if (!request->dials && !gt_url_is_safe(request->url))
        wrong = "its URL is not absolute https";
    else if (request->method != NULL && !is_method(request->method))
        wrong = "its method is none";
    else if (request->content_type != NULL && !is_field_value(request->content_type))
        wrong = "its content type holds control characters";
    else if (request->bearer != NULL && !is_bearer(request->bearer))
        wrong = "its token holds what no token may hold";
    else if (request->basic != NULL && !is_login(request->basic))
        wrong = "its user and password are not USER:PASSWORD";
    else if (request->proxy != NULL && !gt_url_is_proxy(request->proxy))
        wrong = "its proxy is not http://HOST:PORT";
    else if (request->pins != NULL && !gt_pins_are_good(request->pins))
        wrong = "a pin is no sha256// and 44 characters of Base64";
    else if (request->local_end != NULL && !gt_local_is_good(request->local_end))
        wrong = "its local end is neither an address nor an interface";
    else if (request->proxy_login != NULL && !is_login(request->proxy_login))
        wrong = "the login of its proxy is not USER:PASSWORD";
    else if (request->uploads)
        wrong = judge_upload(request);
    for (i = 0; wrong == NULL && request->headers != NULL && i < request->headers->nelts; i++)
        if (!is_field(APR_ARRAY_IDX(request->headers, i, const char *)))
            wrong = "one of its headers is not well-formed or not ours to set";
    if (wrong == NULL)
        return GT_OK;
    return gt_err(p, GT_INTERNAL, "GT0310", "%s cannot be sent: %s",
                  request->purpose != NULL ? request->purpose : "a call", wrong);
}

/* libcurl reads the list and never frees it: ours lies in the pool, the token in a secret. */
static void add_to(struct curl_slist **fields, char *line, apr_pool_t *p)
{
    struct curl_slist *field = apr_palloc(p, sizeof(*field));

    field->data = line;
    field->next = *fields;
    *fields = field;
}

static void add_field(gt_transfer_t *t, char *line)
{
    add_to(&t->headers, line, t->pool);
}

static void add_bearer(gt_transfer_t *t, const gt_secret_t *bearer)
{
    static const char before[] = "Authorization: Bearer ";
    apr_size_t len = gt_secret_len(bearer);
    gt_secret_t *line = gt_secret_blank(sizeof(before) - 1 + len, t->pool);
    char *bytes = (char *)gt_secret_bytes(line);

    memcpy(bytes, before, sizeof(before) - 1);
    memcpy(bytes + sizeof(before) - 1, gt_secret_text(bearer), len);
    add_field(t, bytes);
}

/* RFC 7617. Not by options of libcurl, which keeps copies that it does not wipe. */
static void add_basic(struct curl_slist **fields, const char *before, const gt_secret_t *login,
                      apr_pool_t *p)
{
    int len = (int)gt_secret_len(login);
    apr_size_t head = strlen(before);
    gt_secret_t *line = gt_secret_blank(head + (apr_size_t)apr_base64_encode_len(len), p);
    char *bytes = (char *)gt_secret_bytes(line);

    memcpy(bytes, before, head);
    apr_base64_encode(bytes + head, gt_secret_text(login), len);
    add_to(fields, bytes, p);
}

static void copy_request(gt_transfer_t *t, const gt_request_t *request)
{
    apr_pool_t *p = t->pool;
    int i;

    t->method = apr_pstrdup(p, request->method != NULL ? request->method : "GET");
    t->url = apr_pstrdup(p, request->url);
    t->ca_file = apr_pstrdup(p, request->ca_file);
    t->pins = apr_pstrdup(p, request->pins);
    t->notes_keys = request->notes_keys;
    t->local_end = gt_local_option(request->local_end, p);
    t->proxy = apr_pstrdup(p, request->proxy);
    t->purpose = apr_pstrdup(p, request->purpose != NULL ? request->purpose : "call");
    t->body = gt_secret_dup(request->body, p);
    t->is_stream = request->stream || request->dials;
    t->is_dialled = request->dials;
    t->keeps_going = request->keep_going != 0;
    t->answer_max = request->answer_max;
    if (t->answer_max == 0 && !t->is_stream)
        t->answer_max = ANSWER_MAX_DEFAULT;
    t->connect_timeout =
        request->connect_timeout > 0 ? request->connect_timeout : CONNECT_TIMEOUT_DEFAULT;
    t->timeout = request->timeout > 0 ? request->timeout : TIMEOUT_DEFAULT;
    /* libcurl would wait a second for "100 Continue" before it sends a large body. */
    if (t->body != NULL || request->uploads)
        add_field(t, apr_pstrdup(p, "Expect:"));
    if (request->uploads) {
        t->upload = gt_upload_make(request->upload_length < 0 ? -1 : request->upload_length, p);
        if (request->upload_length < 0)
            add_field(t, apr_pstrdup(p, "Transfer-Encoding: chunked"));
    }
    if (request->dials) {
        t->upload = gt_upload_make(-1, p);
        t->dialled = gt_dialled_make(p);
    }
    if (request->content_type != NULL)
        add_field(t, apr_pstrcat(p, "Content-Type: ", request->content_type, NULL));
    for (i = 0; request->headers != NULL && i < request->headers->nelts; i++)
        add_field(t, apr_pstrdup(p, APR_ARRAY_IDX(request->headers, i, const char *)));
    if (request->trace != NULL) {
        t->trace = gt_trace_next(request->trace, p);
        add_field(t, apr_pstrcat(p, "traceparent: ", t->trace, NULL));
    }
    if (request->bearer != NULL)
        add_bearer(t, request->bearer);
    if (request->basic != NULL)
        add_basic(&t->headers, "Authorization: Basic ", request->basic, p);
    if (request->proxy != NULL && request->proxy_login != NULL)
        add_basic(&t->proxy_headers, "Proxy-Authorization: Basic ", request->proxy_login, p);
}

static apr_status_t let_go(void *baton)
{
    gt_transfer_leave(baton);
    gt_transfer_release(baton);
    return APR_SUCCESS;
}

gt_err_t *gt_transfer_make(gt_transfer_t **transfer, const gt_request_t *request, gt_loop_t *loop,
                           apr_pool_t *p)
{
    gt_transfer_t *t;
    apr_pool_t *own;

    *transfer = NULL;
    GT_TRY(judge_request(request, p));
    own = gt_pool_make(NULL, "gt_transfer");
    t = apr_pcalloc(own, sizeof(*t));
    t->pool = own;
    t->loop = loop;
    atomic_init(&t->refs, 1);
    pthread_mutex_init(&t->lock, NULL);
    copy_request(t, request);
    apr_pool_cleanup_register(p, t, let_go, apr_pool_cleanup_null);
    *transfer = t;
    return GT_OK;
}
