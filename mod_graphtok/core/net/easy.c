/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A transfer as libcurl sees it: options, callbacks, and the meaning of its result. Everything here
 * runs on the loop's thread. Handles are reused, so options that differ between transfers are set
 * each time and all others once.
 *
 * Two habits of libcurl 7.88 shape this file. It silently sends a request again when a kept-alive
 * connection dies before an answer: count_attempt forbids that for everything but GET and HEAD,
 * since a POST that may have arrived must not be repeated unnoticed. And one paused stream of an
 * HTTP/2 connection stops all others on it: so streams, which pause, run over HTTP/1.1.
 */

#include <string.h>
#include <strings.h>

#include <apr_date.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/transfer_struct.h"
#include "net/lane.h"
#include "net/origin.h"
#include "net/pins.h"

#define HEAD_FIELDS_MAX 100
#define HEAD_BYTES_MAX 65536
#define READ_BUFFER_STREAM 16384L
#define READ_BUFFER 2048L /* thousands of calls wait at once, each with its own */

/* A connection idle for longer may be closed by the provider at any moment. A call that must not be
 * sent twice takes a younger one. Seconds. */
#define IDLE_MAX 110L
#define IDLE_MAX_ONCE 30L
#define LIFE_MAX ((long)apr_time_sec(GT_CONNECTION_LIFE))

/* ---- callbacks ---- */

static int give_up(gt_transfer_t *t, gt_fault_t fault, const char *text)
{
    gt_failure_set(&t->own, fault, text);
    return 0;
}

/* The keys that the server of this connection showed. A connection whose keys fit none of the pins
 * carries no other call: the next one meets the server that stands there then. */
static int judge_keys(gt_transfer_t *t)
{
    const char *keys = gt_pins_of(t->easy, t->pool);
    char text[CURL_ERROR_SIZE];

    t->keys = keys;
    if (t->pins == NULL || (keys != NULL && gt_pins_are_in(t->pins, keys)))
        return 1;
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
    apr_snprintf(text, sizeof(text),
                 "the server shows none of the keys of GraphTokPin; its own is %.*s; graphtokctl "
                 "check shows all of its chain",
                 keys != NULL ? (int)strcspn(keys, ",") : 11, keys != NULL ? keys : "not known");
    give_up(t, GT_FAULT_PINS, text);
    return 0;
}

static int is_repeatable(const gt_transfer_t *t)
{
    return !t->keeps_going && (strcmp(t->method, "GET") == 0 || strcmp(t->method, "HEAD") == 0);
}

/* libcurl is about to send the request, perhaps not for the first time. */
static int count_attempt(void *baton, char *ip, char *local_ip, int port, int local_port)
{
    gt_transfer_t *t = baton;

    (void)ip, (void)local_ip, (void)port, (void)local_port;
    gt_origin_connected(t);
    if (t->attempts++ > 0 && !is_repeatable(t)) {
        give_up(t, GT_FAULT_NOT_REPEATED,
                "the connection ended before an answer came; the call may have been carried out");
        return CURL_PREREQFUNC_ABORT;
    }
    if ((t->pins != NULL || t->notes_keys) && !judge_keys(t))
        return CURL_PREREQFUNC_ABORT;
    pthread_mutex_lock(&t->lock);
    t->was_sent = 1;
    pthread_mutex_unlock(&t->lock);
    return CURL_PREREQFUNC_OK;
}

/* The length that the head promises; -1: none, or not the body's as we hand it on. */
static apr_int64_t promised_length(const apr_table_t *fields)
{
    const char *text = apr_table_get(fields, "Content-Length");
    apr_int64_t length;

    if (apr_table_get(fields, "Transfer-Encoding") != NULL ||
        !gt_number(&length, text, 0, APR_INT64_MAX))
        return -1;
    return length;
}

/* The head is whole: hand it over, unless it is an interim one or promises too much. */
static int end_head(gt_transfer_t *t)
{
    gt_answer_t answer = {0};
    long status = 0;
    const char *date;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 100 && status < 200)
        return 1;
    if (status < 200 || status > 599)
        return give_up(t, GT_FAULT_RUBBISH, "the answer has no HTTP status");
    /* A collected body comes unpacked: what the head says of the packed one would mislead. */
    if (!t->is_stream && apr_table_get(t->fields, "Content-Encoding") != NULL) {
        apr_table_unset(t->fields, "Content-Encoding");
        apr_table_unset(t->fields, "Content-Length");
    }
    answer.status = (int)status;
    answer.headers = t->fields;
    answer.length = promised_length(t->fields);
    date = apr_table_get(t->fields, "Date");
    answer.date = date != NULL ? apr_date_parse_http(date) : 0;
    answer.took = gt_mono() - t->began;
    if (t->answer_max > 0 && answer.length > (apr_int64_t)t->answer_max &&
        strcmp(t->method, "HEAD") != 0)
        return give_up(t, GT_FAULT_TOO_LARGE, "the answer is larger than allowed");
    gt_transfer_head_on_loop(t, &answer);
    gt_loop_stirred_on_loop(t->loop, t);
    return 1;
}

/* "Name: value" into the table; a line that is not well-formed cannot be trusted, and is left
 * out. */
static void keep_field(gt_transfer_t *t, const char *line, apr_size_t len)
{
    const char *colon = memchr(line, ':', len);
    const char *end = line + len;
    const char *c;

    if (colon == NULL || colon == line)
        return;
    for (c = line; c < colon; c++)
        if (!apr_isalnum(*c) && strchr("!#$%&'*+-.^_`|~", *c) == NULL)
            return;
    for (c = colon + 1; c < end; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7F)
            return;
    for (c = colon + 1; c < end && (*c == ' ' || *c == '\t'); c++)
        ;
    while (end > c && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    apr_table_addn(t->fields, apr_pstrmemdup(t->pool, line, (apr_size_t)(colon - line)),
                   apr_pstrmemdup(t->pool, c, (apr_size_t)(end - c)));
}

static size_t take_head_line(char *line, size_t size, size_t count, void *baton)
{
    gt_transfer_t *t = baton;
    apr_size_t len = size * count;
    apr_size_t all = len;

    t->moved = gt_mono();
    /* After the head come trailers; nothing of ours reads them, and the pool is the task's now. */
    if (t->is_headed)
        return all;
    t->head_bytes += len;
    if (t->head_bytes > HEAD_BYTES_MAX || ++t->field_count > HEAD_FIELDS_MAX + 2)
        return (size_t)give_up(t, GT_FAULT_RUBBISH, "the head of the answer is too large");
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (len == 0)
        return end_head(t) ? all : 0;
    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        t->fields = apr_table_make(t->pool, 16);
        t->field_count = 1;
    }
    else if (t->fields != NULL) {
        keep_field(t, line, len);
    }
    return all;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *baton)
{
    gt_transfer_t *t = baton;
    apr_size_t len = size * count;
    int taken;

    t->moved = gt_mono();
    if (t->answer_max > 0 && (apr_uint64_t)t->passed + len > t->answer_max)
        return (size_t)give_up(t, GT_FAULT_TOO_LARGE, "the answer is larger than allowed");
    taken = gt_transfer_bytes_on_loop(t, bytes, len);
    if (taken == 0)
        return CURL_WRITEFUNC_PAUSE;
    if (taken < 0)
        return (size_t)give_up(t, GT_FAULT_MEMORY, "no memory for a call");
    t->passed += (apr_int64_t)len;
    if (t->is_stream)
        gt_loop_stirred_on_loop(t->loop, t);
    return len;
}

static size_t give_body(char *room, size_t size, size_t count, void *baton)
{
    gt_transfer_t *t = baton;
    apr_size_t len;

    if (!gt_transfer_feed_on_loop(&len, t, room, size * count))
        return 0;
    if (len == 0)
        return CURL_READFUNC_PAUSE;
    t->moved = gt_mono();
    gt_loop_stirred_on_loop(t->loop, t);
    return len;
}

/* ---- options ---- */

CURL *gt_easy_make(const gt_transfer_t *t, CURLSH *share, int resumes_sessions,
                   curl_opensocket_callback open_socket, curl_closesocket_callback close_socket)
{
    long room = t->is_stream ? READ_BUFFER_STREAM : READ_BUFFER;
    CURL *easy = curl_easy_init();
    int bad = 0;

    if (easy == NULL)
        return NULL;
    bad |= curl_easy_setopt(easy, CURLOPT_SHARE, share) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    /* None, unless set_proxy says so; a handle that had one carries no call without
     * (loop_transfers.c). Both are said, since libcurl would ask the environment for what is
     * not. */
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") != CURLE_OK;
    /* All goes through CONNECT, so that a proxy sees no request of ours, and its own answer's head
     * is none of the provider's. */
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, (long)resumes_sessions) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "mod_graphtok") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, room) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t->loop) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, t->loop) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head_line) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, count_attempt) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, LIFE_MAX) != CURLE_OK;
    /* Names are looked up by net/origin. Should libcurl ever do it (too many origins), then no
     * transfer that ends waits for the resolver. */
    bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
    if (bad) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

/* No way to begin such a body anew is named: libcurl then fails where it would have to. */
static int set_upload(CURL *easy, gt_transfer_t *t)
{
    return curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                            (curl_off_t)gt_upload_length(t->upload)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, t) == CURLE_OK;
}

static int set_method(CURL *easy, gt_transfer_t *t)
{
    int bad = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) != CURLE_OK;

    bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) != CURLE_OK;
    if (t->upload != NULL)
        return !bad && set_upload(easy, t);
    if (strcmp(t->method, "GET") == 0 && t->body == NULL)
        return !bad;
    if (strcmp(t->method, "HEAD") == 0)
        return !bad && curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method) != CURLE_OK;
    if (t->body == NULL && strcmp(t->method, "POST") != 0)
        return !bad;
    bad |= curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t)(t->body != NULL ? gt_secret_len(t->body) : 0)) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                            t->body != NULL ? gt_secret_text(t->body) : "") != CURLE_OK;
    return !bad;
}

/* A CA file of the administrator's stands alone: the system's authorities are not asked then. With
 * a folder beside the file libcurl would read the file (45 ms for Debian's) for each new
 * connection, on the loop's thread, and not once a day. */
static int set_authorities(CURL *easy, const gt_transfer_t *t)
{
    const curl_version_info_data *libcurl = curl_version_info(CURLVERSION_NOW);
    const char *file = t->ca_file != NULL ? t->ca_file : libcurl->cainfo;
    const char *folder = file != NULL ? NULL : libcurl->capath;

    return curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, folder) == CURLE_OK;
}

static int set_proxy(CURL *easy, const gt_transfer_t *t)
{
    if (t->proxy == NULL)
        return 1;
    return curl_easy_setopt(easy, CURLOPT_PROXY, t->proxy) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXYHEADER, t->proxy_headers) == CURLE_OK;
}

static long in_ms(apr_interval_time_t span)
{
    apr_interval_time_t ms = (span + 999) / 1000;

    return ms > 0x7FFFFFFF ? 0x7FFFFFFFL : (long)ms;
}

/*
 * HTTP/2 by ALPN for collected answers, HTTP/1.1 for streams (see above) and for loopback tests.
 * PIPEWAIT lets a burst wait for the first connection's ALPN instead of opening one each: once it
 * says HTTP/1.1, libcurl lets all that wait open their own.
 */
static int set_version(CURL *easy, const gt_transfer_t *t)
{
    int multiplexes = !t->is_stream && strncasecmp(t->url, "https:", 6) == 0;

    return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            multiplexes ? (long)CURL_HTTP_VERSION_2TLS
                                        : (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)multiplexes) == CURLE_OK &&
           /* Unpacking is bounded by answer_max; of a stream it would be bounded by nothing, since
            * libcurl unpacks on into memory while it is paused. */
           curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, t->is_stream ? NULL : "gzip") ==
               CURLE_OK;
}

static int set_address(CURL *easy, gt_transfer_t *t)
{
    char *resolved = t->origin->addresses != NULL ? gt_origin_resolved(t->origin, t->pool) : NULL;

    t->resolve = NULL;
    if (resolved != NULL) {
        t->resolve = apr_pcalloc(t->pool, sizeof(*t->resolve));
        t->resolve->data = resolved;
    }
    return curl_easy_setopt(easy, CURLOPT_RESOLVE, t->resolve) == CURLE_OK;
}

int gt_easy_begin_on_loop(CURL *easy, gt_transfer_t *transfer)
{
    gt_transfer_t *t = transfer;
    int bad = 0;

    t->easy = easy;
    t->began = t->moved = gt_mono();
    bad |= curl_easy_setopt(easy, CURLOPT_URL, t->url) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, in_ms(t->connect_timeout)) != CURLE_OK;
    /* A stream may take as long as its reader; the loop bounds its pauses. */
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, t->is_stream ? 0L : in_ms(t->timeout)) !=
           CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                            is_repeatable(t) ? IDLE_MAX : IDLE_MAX_ONCE) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_INTERFACE, t->local_end) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, t) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, t) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->curl_text) != CURLE_OK;
    if (bad || !set_address(easy, t) || !set_proxy(easy, t) || !set_authorities(easy, t))
        return 0;
    return t->is_dialled ? gt_dial_prepare_on_loop(easy, t)
                         : set_method(easy, t) && set_version(easy, t);
}

/* ---- the end ---- */

/* The meaning of libcurl's results; one that is not listed is an answer that makes no sense. */
static const struct {
    CURLcode code;
    gt_fault_t fault;
} meanings[] = {
    {CURLE_OPERATION_TIMEDOUT, GT_FAULT_TIMEOUT},
    {CURLE_COULDNT_RESOLVE_HOST, GT_FAULT_UNREACHABLE},
    {CURLE_COULDNT_CONNECT, GT_FAULT_UNREACHABLE},
    {CURLE_SSL_CONNECT_ERROR, GT_FAULT_TLS},
    {CURLE_USE_SSL_FAILED, GT_FAULT_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, GT_FAULT_TLS},
    {CURLE_SSL_CERTPROBLEM, GT_FAULT_TLS},
    {CURLE_SSL_CIPHER, GT_FAULT_TLS},
    {CURLE_SSL_CACERT_BADFILE, GT_FAULT_TLS},
    {CURLE_SSL_ISSUER_ERROR, GT_FAULT_TLS},
    {CURLE_SSL_ENGINE_INITFAILED, GT_FAULT_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, GT_FAULT_TLS},
    {CURLE_INTERFACE_FAILED, GT_FAULT_SOURCE},
    {CURLE_OUT_OF_MEMORY, GT_FAULT_MEMORY},
    {CURLE_SEND_FAIL_REWIND, GT_FAULT_NOT_REPEATED},
};

static gt_fault_t fault_of(CURLcode code)
{
    size_t i;

    for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (meanings[i].code == code)
            return meanings[i].fault;
    return GT_FAULT_RUBBISH;
}

/* A failure of a call that goes by a proxy names it: what libcurl says of the provider may be the
 * proxy's doing. Without a tunnel it certainly is. No client is told the proxy's name. */
static void blame_proxy(gt_transfer_t *t, gt_fault_t fault, const char *text)
{
    char told[CURL_ERROR_SIZE];
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (t->attempts > 0 || status / 100 == 2) {
        apr_snprintf(told, sizeof(told), "%s (by the proxy %s)", text, t->proxy);
    }
    else if (status == 407) {
        fault = GT_FAULT_PROXY_REFUSES;
        apr_snprintf(told, sizeof(told), "the proxy %s %s (status 407)", t->proxy,
                     t->proxy_headers != NULL ? "refuses the user and password of GraphTokProxy"
                                              : "asks for a user and password");
    }
    else if (status != 0) {
        fault = GT_FAULT_PROXY_REFUSES;
        apr_snprintf(told, sizeof(told), "the proxy %s refuses the connection (status %ld)",
                     t->proxy, status);
    }
    else {
        fault = GT_FAULT_PROXY_AWAY;
        apr_snprintf(told, sizeof(told), "the proxy %s cannot be reached: %s", t->proxy, text);
    }
    gt_failure_set(&t->own, fault, told);
    t->own.is_ours = 1;
}

/* The host may be well and out of reach from there: by its family of addresses, or its route. No
 * client is told where calls start. */
static void blame_local_end(gt_transfer_t *t, gt_fault_t fault, const char *text)
{
    char told[CURL_ERROR_SIZE];

    apr_snprintf(told, sizeof(told), "%s (from GraphTokSourceAddress %s)", text,
                 strchr(t->local_end, '!') + 1);
    gt_failure_set(&t->own, fault, told);
    t->own.is_ours = 1;
}

const gt_failure_t *gt_easy_end_on_loop(gt_transfer_t *transfer, CURLcode code)
{
    gt_transfer_t *t = transfer;
    const char *text = t->curl_text[0] != '\0' ? t->curl_text : curl_easy_strerror(code);

    /* Our own reason is better than libcurl's, which only knows that a callback said no. */
    if (t->own.fault != GT_FAULT_NONE)
        return &t->own;
    if (code == CURLE_OK && t->is_headed)
        return NULL;
    if (code == CURLE_OK)
        text = "the answer has no head";
    if (t->is_dialled && *gt_dial_said(t) != '\0')
        text = apr_psprintf(t->pool, "%s; the mail server said: %s", text, gt_dial_said(t));
    /* libcurl names the path, which is no client's affair. */
    if (code == CURLE_SSL_CACERT_BADFILE)
        text = "the file of certificate authorities (GraphTokCAFile) cannot be used";
    if (t->proxy != NULL)
        blame_proxy(t, fault_of(code), text);
    else if (t->local_end != NULL && t->attempts == 0)
        blame_local_end(t, fault_of(code), text);
    else
        gt_failure_set(&t->own, fault_of(code), text);
    return &t->own;
}
