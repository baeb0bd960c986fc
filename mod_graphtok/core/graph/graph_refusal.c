/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file graph_refusal.c
 * The meaning of an answer of Graph that is no success. The status decides. Body and headers,
 * either of which may be missing, broken or hostile, only add facts that people and clients can
 * use: Graph's code and message, its request id, the time to wait, the demands of a claims
 * challenge. How far the trouble reaches (gt_extent_t) is decided here, too. Source: Microsoft
 * Graph, "Microsoft Graph error responses and resource types"; Entra ID, "Claims challenges".
 */

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "graph/call.h"
#include "graph/text_of_api.h"
#include "oauth/claims.h"

#define WAIT_UNSAID apr_time_from_sec(3) /* the default of Microsoft's own libraries */

/** The meaning of a status. */
typedef struct meaning_t {
    int status;
    gt_class_t cls;
    const char *tag;
    int status_for_client; /* 0: the class's own */
} meaning_t;

static const meaning_t meanings[] = {
    {401, GT_SIGN_IN, "GT0702", 0},     {403, GT_REFUSED, "GT0704", 403},
    {404, GT_NOT_FOUND, "GT0705", 404}, {408, GT_TIMEOUT, "GT0708", 504},
    {409, GT_CONFLICT, "GT0706", 409},  {410, GT_NOT_FOUND, "GT0705", 410},
    {412, GT_CONFLICT, "GT0706", 412},  {429, GT_THROTTLED, "GT0707", 429},
    {501, GT_REFUSED, "GT0701", 501},   {503, GT_UPSTREAM, "GT0708", 503},
    {504, GT_TIMEOUT, "GT0708", 504},   {507, GT_REFUSED, "GT0701", 507},
    {509, GT_THROTTLED, "GT0707", 503},
};

static meaning_t meaning_of(int status)
{
    for (apr_size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].status == status)
            return meanings[i];
    }
    if (status >= 400 && status <= 499)
        return (meaning_t){status, GT_REFUSED, "GT0701", status};
    if (status >= 500 && status <= 599)
        return (meaning_t){status, GT_UPSTREAM, "GT0708", status};
    return (meaning_t){status, GT_UPSTREAM, "GT0709", 0};
}

/** Graph's own words about its refusal; each may be NULL. */
typedef struct said_t {
    const char *code, *message, *request_id;
} said_t;

static said_t read_body(const char *body, apr_size_t len, apr_pool_t *p)
{
    said_t said = {NULL, NULL, NULL};
    const json_t *error, *inner;
    json_t *root;

    if (len == 0 || gt_json_parse_answer(&root, body, len, p) != GT_OK)
        return said;
    error = json_object_get(root, "error");
    inner = json_object_get(error, "innerError");
    if (inner == NULL)
        inner = json_object_get(error, "innererror");
    said.code = gt_api_word(gt_json_text(error, "code"), p);
    said.message = gt_api_line(gt_json_text(error, "message"), p);
    said.request_id = gt_api_word(gt_json_text(inner, "request-id"), p);
    return said;
}

/* ---- the claims challenge ---- */

/* Where the value of claims="…" begins in one WWW-Authenticate field, outside of other quoted
 * values; NULL: nowhere behind `field`. */
static const char *find_claims(const char *field, const char *whole)
{
    static const char name[] = "claims=\"";
    int is_quoted = 0;

    for (const char *at = field; *at; at++) {
        if (is_quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && (at == whole || strchr(" ,\t", at[-1])) &&
                 strncasecmp(at, name, sizeof(name) - 1) == 0)
            return at + sizeof(name) - 1;
    }
    return NULL;
}

/* A parameter stands in a challenge once (RFC 9110 11.2). */
static const char *read_claims(const char *field, apr_pool_t *p)
{
    const char *value = find_claims(field, field), *claims = NULL;
    apr_size_t len;

    if (value == NULL)
        return NULL;
    len = strcspn(value, "\"");
    if (value[len] == '"' && find_claims(value + len + 1, field) == NULL)
        claims = gt_claims_decode(value, len, p);
    if (claims == NULL)
        gt_log(GT_LOG_WARNING, "GT0770",
               "the claims challenge of Graph cannot be read (%" APR_SIZE_T_FMT
               " bytes); its answer counts as any other refusal",
               len);
    return claims;
}

static const char *claims_of(const apr_table_t *headers, apr_pool_t *p)
{
    const apr_array_header_t *all = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)(const void *)all->elts;
    const char *claims = NULL;

    for (int i = 0; i < all->nelts && claims == NULL; i++) {
        if (strcasecmp(entries[i].key, "WWW-Authenticate") == 0)
            claims = read_claims(entries[i].val, p);
    }
    return claims;
}

/* ---- */

/* A wait that Graph asks for makes a 503 throttling; a 429 without one gets the usual wait. */
static void apply_wait(meaning_t *meaning, apr_interval_time_t *wait)
{
    if (meaning->status == 503 && *wait > 0) {
        meaning->cls = GT_THROTTLED;
        meaning->tag = "GT0707";
    }
    if (meaning->cls == GT_THROTTLED && *wait == 0)
        *wait = WAIT_UNSAID;
}

gt_err_t *gt_graph_error(int status, const char *body, apr_size_t len, const apr_table_t *headers,
                         apr_pool_t *p)
{
    said_t said = read_body(body, len, p);
    meaning_t meaning = meaning_of(status);
    apr_interval_time_t wait = gt_retry_after(apr_table_get(headers, "Retry-After"));
    const char *id = gt_api_word(apr_table_get(headers, "request-id"), p);
    const char *claims = status == 401 || status == 403 ? claims_of(headers, p) : NULL;
    gt_err_t *err;

    if (claims != NULL)
        meaning = (meaning_t){status, GT_INTERACTION, "GT0703", 0};
    apply_wait(&meaning, &wait);
    err = gt_err(p, meaning.cls, meaning.tag, "Graph answered %d%s%s%s%s", status,
                 said.code ? " " : "", said.code ? said.code : "", said.message ? ": " : "",
                 said.message ? said.message : "");
    err->status = meaning.status_for_client;
    err->code = said.code;
    err->request_id = id != NULL ? id : said.request_id;
    err->claims = claims;
    err->extent = meaning.cls == GT_THROTTLED ? GT_EXTENT_MAILBOX : GT_EXTENT_CALL;
    err->retry_after = wait;
    return err;
}
