/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A transfer, as the task sees it: made, waited for, looked at, left. Its memory is its own (an
 * unmanaged pool and a malloc'ed body), because the request that asked may go while the loop still
 * writes into it. Collected bodies are wiped: token answers are among them.
 */

#include "net/carry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/pool.h"
#include "base/secret.h"
#include "net/end_line.h"
#include "net/url.h"

#define ANSWER_MAX_DEFAULT (1024 * 1024)
#define CONNECT_TIMEOUT_DEFAULT (apr_time_from_sec(10))
#define TIMEOUT_DEFAULT (apr_time_from_sec(30))
#define METHOD_MAX 16
#define FIRST_ROOM 4096

/* ---- making ---- */

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

/* What may stand behind "Bearer ": RFC 6750 section 2.1, and no more trust than that. */
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

    if (!gt_url_is_safe(request->url))
        wrong = "its URL is not absolute https";
    else if (request->method != NULL && !is_method(request->method))
        wrong = "its method is none";
    else if (request->content_type != NULL && !is_field_value(request->content_type))
        wrong = "its content type holds control characters";
    else if (request->bearer != NULL && !is_bearer(request->bearer))
        wrong = "its token holds what no token may hold";
    else if (request->proxy != NULL && !gt_url_is_proxy(request->proxy))
        wrong = "its proxy is not http://HOST:PORT";
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

/* Not by CURLOPT_PROXYPASSWORD, of which libcurl keeps a copy that it does not wipe. */
static void add_login(gt_transfer_t *t, const gt_secret_t *login)
{
    static const char before[] = "Proxy-Authorization: Basic ";
    int len = (int)gt_secret_len(login);
    gt_secret_t *line =
        gt_secret_blank(sizeof(before) - 1 + (apr_size_t)apr_base64_encode_len(len), t->pool);
    char *bytes = (char *)gt_secret_bytes(line);

    memcpy(bytes, before, sizeof(before) - 1);
    apr_base64_encode(bytes + sizeof(before) - 1, gt_secret_text(login), len);
    add_to(&t->proxy_headers, bytes, t->pool);
}

static void copy_request(gt_transfer_t *t, const gt_request_t *request)
{
    apr_pool_t *p = t->pool;
    int i;

    t->method = apr_pstrdup(p, request->method != NULL ? request->method : "GET");
    t->url = apr_pstrdup(p, request->url);
    t->ca_file = apr_pstrdup(p, request->ca_file);
    t->proxy = apr_pstrdup(p, request->proxy);
    t->purpose = apr_pstrdup(p, request->purpose != NULL ? request->purpose : "call");
    t->body = gt_secret_dup(request->body, p);
    t->is_stream = request->stream != 0;
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
    if (request->content_type != NULL)
        add_field(t, apr_pstrcat(p, "Content-Type: ", request->content_type, NULL));
    for (i = 0; request->headers != NULL && i < request->headers->nelts; i++)
        add_field(t, apr_pstrdup(p, APR_ARRAY_IDX(request->headers, i, const char *)));
    if (request->bearer != NULL)
        add_bearer(t, request->bearer);
    if (request->proxy != NULL && request->proxy_login != NULL)
        add_login(t, request->proxy_login);
}

void gt_transfer_when_over(gt_transfer_t *transfer, gt_transfer_over_fn *over, void *baton)
{
    assert(!transfer->is_started && transfer->over == NULL);
    transfer->over = over;
    transfer->over_baton = baton;
}

/* By the side that ends it, without its lock: nobody else looks at `over` then. */
static void tell_over(gt_transfer_t *t)
{
    gt_transfer_over_fn *over = t->over;

    t->over = NULL;
    if (over != NULL)
        over(t->over_baton, t->is_headed ? &t->answer : NULL);
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

static void drop_bytes(gt_transfer_t *t)
{
    if (t->bytes != NULL && !t->is_stream)
        OPENSSL_cleanse(t->bytes, t->room);
    free(t->bytes);
    t->bytes = NULL;
    t->len = t->room = 0;
}

void gt_transfer_release(gt_transfer_t *transfer)
{
    if (atomic_fetch_sub(&transfer->refs, 1) > 1)
        return;
    assert(transfer->easy == NULL && !transfer->is_queued && !transfer->is_stirred);
    assert(transfer->over == NULL);
    drop_bytes(transfer);
    pthread_mutex_destroy(&transfer->lock);
    apr_pool_destroy(transfer->pool);
}

/* ---- waiting; under the transfer's lock ---- */

int gt_transfer_takes_body(const gt_transfer_t *transfer)
{
    return !transfer->is_ended && !(transfer->is_headed && transfer->answer.status >= 300);
}

static int has_reached(const gt_transfer_t *t, gt_transfer_point_t point)
{
    if (t->is_ended)
        return 1;
    if (point == GT_POINT_ROOM)
        return !gt_transfer_takes_body(t) || gt_upload_has_room(t->upload);
    /* A collected answer is handed out whole: every point of it is its end. */
    if (!t->is_stream || point == GT_POINT_END)
        return 0;
    return t->is_headed && t->len > 0;
}

static void wake_if_reached(gt_transfer_t *t)
{
    if (!t->has_waker || !has_reached(t, t->point))
        return;
    t->has_waker = 0;
    t->waker.wake(t->waker.baton);
}

/* @return 1: the loop has it; 0: it ended at once */
static int start(gt_transfer_t *t)
{
    gt_admission_t admission = gt_loop_admit(t->loop, t);

    t->is_started = 1;
    if (admission == GT_ADMITTED)
        return 1;
    t->is_ended = 1;
    gt_failure_set(&t->failure, admission == GT_FULL ? GT_FAULT_FULL : GT_FAULT_ENDING,
                   admission == GT_FULL ? "too many calls to providers are under way"
                                        : "this process is ending and takes no new calls");
    return 0;
}

void gt_transfer_wait(gt_transfer_t *transfer, gt_transfer_point_t point, const gt_waker_t *waker)
{
    int is_refused;

    pthread_mutex_lock(&transfer->lock);
    transfer->waker = *waker;
    transfer->point = point;
    transfer->has_waker = 1;
    is_refused = !transfer->is_started && !start(transfer);
    wake_if_reached(transfer);
    pthread_mutex_unlock(&transfer->lock);
    if (is_refused)
        tell_over(transfer);
}

int gt_transfer_reached(gt_transfer_t *transfer, gt_transfer_point_t point)
{
    int reached;

    pthread_mutex_lock(&transfer->lock);
    reached = has_reached(transfer, point);
    /* A stream's waker is put off to the end of the loop's round: it must not come when the one it
     * would wake has seen for himself and perhaps gone. */
    if (reached)
        transfer->has_waker = 0;
    pthread_mutex_unlock(&transfer->lock);
    return reached;
}

/* It goes on to its end, but nobody will take its bytes: it must not rest for want of a reader. */
static void go_on_alone(gt_transfer_t *t)
{
    if (!t->is_stream)
        return;
    t->is_left = 1;
    drop_bytes(t);
    if (t->is_paused)
        gt_loop_ask(t->loop, t, GT_ASK_GO_ON);
    t->is_paused = 0;
}

void gt_transfer_leave(gt_transfer_t *transfer)
{
    gt_transfer_t *t = transfer;
    int has_begun;

    pthread_mutex_lock(&t->lock);
    t->has_waker = 0;
    has_begun = t->is_started;
    if (t->is_started && !t->is_ended) {
        if (t->keeps_going && (t->upload == NULL || gt_upload_is_whole(t->upload)))
            go_on_alone(t);
        else
            gt_loop_ask(t->loop, t, GT_ASK_CANCEL);
    }
    pthread_mutex_unlock(&t->lock);
    if (!has_begun)
        tell_over(t);
}

/* ---- looking ---- */

const gt_answer_t *gt_transfer_answer(gt_transfer_t *transfer)
{
    int is_there;

    pthread_mutex_lock(&transfer->lock);
    is_there = transfer->is_headed && (transfer->is_stream || transfer->is_ended) &&
               (transfer->is_stream || transfer->failure.fault == GT_FAULT_NONE);
    pthread_mutex_unlock(&transfer->lock);
    return is_there ? &transfer->answer : NULL;
}

gt_err_t *gt_transfer_error(gt_transfer_t *transfer, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;

    pthread_mutex_lock(&transfer->lock);
    if (transfer->is_ended)
        err = gt_failure_error(&transfer->failure, transfer->purpose, p);
    pthread_mutex_unlock(&transfer->lock);
    return err;
}

int gt_transfer_is_too_large(gt_transfer_t *transfer)
{
    int is_too_large;

    pthread_mutex_lock(&transfer->lock);
    is_too_large = transfer->is_ended && transfer->failure.fault == GT_FAULT_TOO_LARGE;
    pthread_mutex_unlock(&transfer->lock);
    return is_too_large;
}

int gt_transfer_was_sent(gt_transfer_t *transfer)
{
    int was_sent;

    pthread_mutex_lock(&transfer->lock);
    was_sent = transfer->was_sent;
    pthread_mutex_unlock(&transfer->lock);
    return was_sent;
}

static apr_status_t free_bytes(void *bytes)
{
    free(bytes);
    return APR_SUCCESS;
}

gt_err_t *gt_transfer_take(const char **bytes, apr_size_t *len, int *end, gt_transfer_t *transfer,
                           apr_pool_t *p)
{
    gt_transfer_t *t = transfer;
    char *taken;
    int is_over;

    if (!t->is_stream) {
        const gt_answer_t *answer = gt_transfer_answer(t);

        *bytes = answer != NULL ? answer->body : "";
        *len = answer != NULL ? answer->body_len : 0;
        *end = answer != NULL;
        return gt_transfer_error(t, p);
    }
    pthread_mutex_lock(&t->lock);
    taken = t->bytes;
    *len = t->len;
    t->bytes = NULL;
    t->len = t->room = 0;
    is_over = t->is_ended;
    if (t->is_paused && !is_over)
        gt_loop_ask(t->loop, t, GT_ASK_GO_ON);
    t->is_paused = 0;
    pthread_mutex_unlock(&t->lock);
    *bytes = taken != NULL ? taken : "";
    *end = is_over && t->failure.fault == GT_FAULT_NONE;
    if (taken != NULL)
        apr_pool_cleanup_register(p, taken, free_bytes, apr_pool_cleanup_null);
    /* Bytes that came before a failure are handed out first; the failure is told next time. */
    return *len == 0 && is_over ? gt_transfer_error(t, p) : GT_OK;
}

/* ---- the loop's side ---- */

void gt_transfer_head_on_loop(gt_transfer_t *transfer, const gt_answer_t *answer)
{
    pthread_mutex_lock(&transfer->lock);
    transfer->answer = *answer;
    transfer->is_headed = 1;
    pthread_mutex_unlock(&transfer->lock);
}

/* Room for `more` bytes and a NUL: by what came, never by what the head promises. A collected
 * body's old room is wiped when it grows. */
static int make_room(gt_transfer_t *t, apr_size_t more)
{
    apr_size_t room = t->room == 0 ? FIRST_ROOM : t->room;
    char *bytes;

    if (t->len + more < t->room)
        return 1;
    while (room <= t->len + more)
        room *= 2;
    bytes = malloc(room);
    if (bytes == NULL)
        return 0;
    if (t->len > 0)
        memcpy(bytes, t->bytes, t->len);
    if (t->bytes != NULL && !t->is_stream)
        OPENSSL_cleanse(t->bytes, t->room);
    free(t->bytes);
    t->bytes = bytes;
    t->room = room;
    return 1;
}

int gt_transfer_bytes_on_loop(gt_transfer_t *transfer, const char *bytes, apr_size_t len)
{
    gt_transfer_t *t = transfer;
    int taken;

    pthread_mutex_lock(&t->lock);
    if (t->is_left) {
        taken = 1; /* only its end matters */
    }
    else if (t->is_stream && t->len > 0 && t->len + len > GT_STREAM_WAITING) {
        taken = 0;
    }
    else if (!make_room(t, len)) {
        taken = -1;
    }
    else {
        memcpy(t->bytes + t->len, bytes, len);
        t->len += len;
        t->bytes[t->len] = '\0';
        taken = 1;
    }
    t->is_paused = taken == 0;
    pthread_mutex_unlock(&t->lock);
    return taken;
}

void gt_transfer_stir_on_loop(gt_transfer_t *transfer)
{
    pthread_mutex_lock(&transfer->lock);
    wake_if_reached(transfer);
    pthread_mutex_unlock(&transfer->lock);
}

void gt_transfer_end_on_loop(gt_transfer_t *transfer, const gt_failure_t *failure)
{
    gt_transfer_t *t = transfer;

    gt_end_line(t, failure);
    /* First: a task that is woken finds what the call held given back. */
    tell_over(t);
    pthread_mutex_lock(&t->lock);
    assert(!t->is_ended);
    t->is_ended = 1;
    if (failure != NULL)
        t->failure = *failure;
    if (!t->is_stream) {
        t->answer.body = t->bytes != NULL ? t->bytes : "";
        t->answer.body_len = t->len;
    }
    wake_if_reached(t);
    pthread_mutex_unlock(&t->lock);
}
