/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file oauth_error.c Errors of token requests as JSON. Source: RFC 6749 5.2; RFC 8693 2.2.2; RFC
 * 8707 section 2. */

#include "request/oauth_error.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "request/answer.h"

/* Failures that are not the client's fault have no word in 5.2: they get those of 4.1.2.1. */
static const char *word_of(const gt_err_t *err)
{
    if (err->oauth_error != NULL)
        return err->oauth_error;
    switch (err->cls) {
    case GT_LIMITED:
    case GT_THROTTLED:
    case GT_UPSTREAM:
    case GT_TIMEOUT:
    case GT_STORE_AWAY:
    case GT_BUSY:
    case GT_CANCELLED:
        return "temporarily_unavailable";
    case GT_CLIENT_BROKEN:
    case GT_DAMAGED:
    case GT_INTERNAL:
        return "server_error";
    default:
        return "invalid_request";
    }
}

/* The RFC allows visible ASCII without quotes and backslashes. */
static const char *description_of(const gt_err_t *err, apr_pool_t *p)
{
    char *text = apr_pstrdup(p, gt_err_told(err, p));

    for (char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            *c = '\'';
    return text;
}

void gtm_oauth_error_answer(gtm_request_t *x, const gt_err_t *err)
{
    apr_pool_t *p = x->r->pool;
    json_t *answer = gt_json_object(p);
    const gt_field_error_t *wrong =
        err->fields != NULL ? &APR_ARRAY_IDX(err->fields, 0, gt_field_error_t) : NULL;

    gt_json_set(answer, "error", word_of(err));
    gt_json_set(answer, "error_description", description_of(err, p));
    gt_json_set(answer, "tag", err->tag);
    if (wrong != NULL)
        gt_json_set(answer, "field", wrong->field);
    if (err->cls == GT_INTERACTION && err->claims != NULL)
        gt_json_set(answer, "claims", err->claims);
    if (gt_err_status(err) == HTTP_UNAUTHORIZED)
        apr_table_setn(x->r->err_headers_out, "WWW-Authenticate", "Basic realm=\"graphtok\"");
    gtm_answer_json(x, gt_err_status(err), answer);
}
