/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Any bytes as fields of a request and short texts of configuration, rows and the audit:
 * traceparent, Prefer, If-Match, limits, mail servers, addresses, claims, heads of chains. What is
 * read of them holds nothing that was not asked for, and what goes out in a header field has one
 * line.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "audit/chain.h"
#include "base/address.h"
#include "base/err.h"
#include "base/text.h"
#include "base/trace.h"
#include "graph/condition.h"
#include "graph/event.h"
#include "graph/extended.h"
#include "graph/prefer.h"
#include "net/mail_server.h"
#include "oauth/claims.h"
#include "shm/limit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int holds)
{
    if (!holds)
        abort();
}

static void try_trace(const char *text, apr_pool_t *p)
{
    gt_trace_t trace, again;

    if (!gt_trace_read(&trace, text))
        return;
    need(strspn(trace.id, "0123456789abcdef") == GT_TRACE_ID &&
         strspn(trace.id, "0") < GT_TRACE_ID);
    need(gt_trace_read(&again, gt_trace_next(&trace, p)) && strcmp(again.id, trace.id) == 0);
}

static int is_known(void *baton, const char *name, const char *value)
{
    (void)baton;
    for (int i = 0; gt_preferences[i].name != NULL; i++)
        if (strcmp(gt_preferences[i].name, name) == 0)
            return value != NULL;
    abort();
}

static void try_fields(const char *text, apr_pool_t *p)
{
    static const char *const names[] = {"If-Match", "If-None-Match"};
    apr_table_t *query = apr_table_make(p, 1);

    gt_prefer_read(query, text, p);
    apr_table_do(is_known, NULL, query, NULL);
    for (int i = 0; i < 2; i++) {
        gt_graph_params_t params = {.headers = apr_array_make(p, 1, sizeof(const char *))};
        const gt_err_t *err = gt_condition_add(&params, names[i], text, p);

        need(err == GT_OK || err->cls == GT_INVALID);
        for (int n = 0; n < params.headers->nelts; n++) {
            const char *field = APR_ARRAY_IDX(params.headers, n, const char *);

            need(strncmp(field, "If-", 3) == 0 && strpbrk(field, "\r\n") == NULL);
        }
    }
    text = gt_extended_expand(text, text, p);
    need(text == NULL || strpbrk(text, "\r\n &#\"") == NULL);
}

static void try_server(const char *text, apr_pool_t *p)
{
    gt_mail_server_t server;
    const char *url;

    need(gt_mail_server_read(&server, text, "imap", p) == gt_mail_server_is_good(text, "imap"));
    if (!gt_mail_server_is_good(text, "imap"))
        return;
    need(server.port > 0 && server.port < 65536 && strpbrk(server.host, " \r\n/@\"") == NULL);
    url = gt_mail_server_url(&server, "imap", p);
    need(url != NULL && gt_mail_server_is_good(url, "imap"));
    (void)gt_mail_server_meant(text, "imap", p);
}

static void try_people(const char *text, apr_pool_t *p)
{
    const char *name, *address;

    if (gt_split_mailbox(&name, &address, text, p)) {
        need(strpbrk(address, "\r\n") == NULL);
        need(name == NULL || strpbrk(name, "\r\n") == NULL);
    }
    if (gt_is_person(text) || gt_is_x500(text))
        need(strlen(text) <= 1024);
    (void)gt_is_address_of("ada@example.org", text);
    (void)gt_is_time_zone(text);
}

static void try_claims(const char *text, size_t len, apr_pool_t *p)
{
    const char *demands = gt_claims_read(text, p);

    need(demands == NULL || strlen(demands) <= GT_CLAIMS_MAX);
    need(demands == NULL || gt_claims_read(demands, p) != NULL);
    (void)gt_claims_decode(text, len, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    char *text;
    gt_limit_t limit;
    gt_head_t head;
    char printed[GT_CHAIN_TEXT];

    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data, size);
    try_trace(text, p);
    try_fields(text, p);
    try_server(text, p);
    try_people(text, p);
    try_claims(text, strlen(text), p);
    if (gt_limit_parse(&limit, text))
        need(limit.count >= 1 && limit.count <= 1000000 && limit.span > 0);
    if (gt_head_parse(&head, text)) {
        gt_head_print(printed, &head);
        need(gt_head_parse(&head, printed));
    }
    apr_pool_destroy(p);
    return 0;
}
