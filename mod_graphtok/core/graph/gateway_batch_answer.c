/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file gateway_batch_answer.c Graph's answer to a batch: what it says of mailboxes, and the
 * answers to refused parts in front of its own. */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/err.h"
#include "graph/call.h"
#include "graph/gateway_batch.h"

#define HEADERS_MAX 50

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) != NULL && *at != '\0')
        at++;
    return at;
}

/** Behind the text that begins here, or `end`. */
static const char *skip_text(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\' && at + 1 < end;
    return at < end ? at + 1 : end;
}

/** Where the elements of the list of responses begin; NULL: the outermost object has none. */
static const char *find_responses(const char *at, const char *end)
{
    static const char name[] = "\"responses\"";
    int depth = 0;

    while (at < end) {
        const char *text = at;

        if (*at != '"') {
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
            at++;
            continue;
        }
        at = skip_text(at, end);
        if (depth != 1 || (apr_size_t)(at - text) != strlen(name) ||
            memcmp(text, name, strlen(name)) != 0)
            continue;
        at = skip_blanks(at, end);
        if (at < end && *at == ':') {
            at = skip_blanks(at + 1, end);
            return at < end && *at == '[' ? at + 1 : NULL;
        }
    }
    return NULL;
}

gt_err_t *gt_batch_join(const char **answer, apr_size_t *answer_len, const char *bytes,
                        apr_size_t len, const json_t *refused, apr_pool_t *p)
{
    const char *end = bytes + len, *at = find_responses(bytes, end), *more;
    char *text, *to;
    apr_size_t more_len;

    if (at == NULL)
        return gt_err(p, GT_UPSTREAM, "GT0777", "Graph's answer is none to a $batch");
    *answer = bytes;
    *answer_len = len;
    if (json_array_size(refused) == 0)
        return GT_OK;
    more = gt_json_dump(refused, p) + 1; /* without its brackets */
    more_len = strlen(more) - 1;
    text = to = apr_palloc(p, len + more_len + 1);
    memcpy(to, bytes, (apr_size_t)(at - bytes));
    to += at - bytes;
    memcpy(to, more, more_len);
    to += more_len;
    if (skip_blanks(at, end) < end && *skip_blanks(at, end) != ']')
        *to++ = ',';
    memcpy(to, at, (apr_size_t)(end - at));
    *answer = text;
    *answer_len = (apr_size_t)(to - text) + (apr_size_t)(end - at);
    return GT_OK;
}

/* ---- parts that Graph asks to wait ---- */

static const apr_table_t *headers_of(const json_t *response, apr_pool_t *p)
{
    json_t *headers = json_object_get(response, "headers"), *value;
    apr_table_t *table = apr_table_make(p, 8);
    const char *name;

    json_object_foreach (headers, name, value)
        if (json_is_string(value) && apr_table_elts(table)->nelts < HEADERS_MAX)
            apr_table_addn(table, name, json_string_value(value));
    return table;
}

static const gt_visit_t *visit_of(const gt_call_t *call, const char *mailbox)
{
    for (int i = 0; mailbox != NULL && i < call->visited; i++) {
        const char *shared = call->visits[i]->shared;

        if (shared != NULL ? strcasecmp(shared, mailbox) == 0 : *mailbox == '\0')
            return call->visits[i];
    }
    return NULL;
}

void gt_batch_hear(const gt_batch_split_t *split, const gt_call_t *call, apr_pool_t *p)
{
    const gt_answer_t *answer = call->answer;
    json_t *root, *item;
    size_t i;

    if (gt_json_parse_answer(&root, answer->body, answer->body_len, p) != GT_OK)
        return;
    json_array_foreach (json_object_get(root, "responses"), i, item) {
        const char *id = gt_json_text(item, "id");
        const gt_visit_t *visit =
            id != NULL ? visit_of(call, apr_table_get(split->mailboxes, id)) : NULL;
        apr_int64_t status;

        if (visit != NULL && gt_json_number(&status, item, "status") &&
            (status == 429 || status == 503))
            gt_visit_failed(visit, gt_graph_error((int)status, NULL, 0, headers_of(item, p), p));
    }
}
