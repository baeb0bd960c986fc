/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The log's line about an exchange. A query and a body hold tokens, codes and texts of users, so
 * neither is shown. Of the path, a long segment (an event's id) or the address of a mailbox is left
 * out.
 */

#include "net/transfer_log.h"

#include <string.h>

#include "base/log.h"
#include "base/thread.h"

#define SHOWN_MAX 512
#define SEGMENT_MAX 40
#define ID_MAX 64
#define LEFT_OUT "..."

static int is_shown(const char *segment, apr_size_t len)
{
    return len <= SEGMENT_MAX && memchr(segment, '@', len) == NULL &&
           memchr(segment, '%', len) == NULL;
}

/* Scheme, host and path. */
static void show_address(char shown[SHOWN_MAX], const char *url)
{
    const char *end = url + strcspn(url, "?#"), *at = strstr(url, "://");
    apr_size_t used = 0;

    at = at != NULL && at < end ? at + 3 : url;
    at += strcspn(at, "/?#");
    while (at <= end) {
        const char *from = used == 0 ? url : at;
        apr_size_t len;

        if (used > 0)
            at += 1 + strcspn(at + 1, "/?#");
        len = (apr_size_t)(at - from);
        if (used > 0 && !is_shown(from + 1, len - 1)) {
            from = "/" LEFT_OUT;
            len = sizeof("/" LEFT_OUT) - 1;
        }
        if (used + len >= SHOWN_MAX)
            break;
        memcpy(shown + used, from, len);
        used += len;
        if (at >= end)
            break;
    }
    shown[used] = '\0';
}

/* The provider's id of a request, when it looks like one; Graph and Entra have a name each. */
static const char *request_id(const apr_table_t *headers)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
    const char *id = headers != NULL ? apr_table_get(headers, "request-id") : NULL;

    if (id == NULL && headers != NULL)
        id = apr_table_get(headers, "x-ms-request-id");
    if (id == NULL)
        return "none";
    return strlen(id) <= ID_MAX && strspn(id, plain) == strlen(id) ? id : "odd";
}

void gt_transfer_log(const gt_transfer_t *transfer, const gt_failure_t *failure)
{
    const gt_transfer_t *t = transfer;
    int took = (int)apr_time_as_msec(gt_mono() - t->began);
    const char *traced = t->trace != NULL ? ", traceparent " : "";
    const char *trace = t->trace != NULL ? t->trace : "";
    char address[SHOWN_MAX];

    if (!gt_log_wants(GT_LOG_DEBUG))
        return;
    show_address(address, t->url);
    if (failure != NULL)
        gt_log(GT_LOG_DEBUG, NULL, "call for %s: %s %s: %s after %d ms: %s%s%s", t->purpose,
               t->method, address, gt_fault_tag(failure->fault), took, failure->detail, traced,
               trace);
    else
        gt_log(GT_LOG_DEBUG, NULL,
               "call for %s: %s %s: %d in %d ms, %" APR_INT64_T_FMT " bytes, request id %s%s%s",
               t->purpose, t->method, address, t->answer.status, took, t->passed,
               request_id(t->answer.headers), traced, trace);
}
