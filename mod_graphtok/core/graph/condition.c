/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file condition.c
 * Entity tags are read by the grammar of RFC 9110 section 8.8.3, without the bytes above 0x7E that
 * it keeps for old senders: Graph's tags are base64.
 */

#include "graph/condition.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/err.h"

#define CONDITION_MAX 4096
#define NONE_MATCH "If-None-Match"

/* Suffixes that httpd's own filters append to the tag of an answer that they compress. */
static const char *const suffixes[] = {"-gzip", "-br", NULL};

static int is_tag_char(char c)
{
    return c > ' ' && c < 0x7F && c != '"';
}

static const char *without_suffix(const char *opaque, apr_size_t len, apr_pool_t *p)
{
    for (int i = 0; suffixes[i]; i++) {
        apr_size_t n = strlen(suffixes[i]);

        if (len > n && memcmp(opaque + len - n, suffixes[i], n) == 0)
            return apr_pstrmemdup(p, opaque, len - n);
    }
    return apr_pstrmemdup(p, opaque, len);
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* One tag, written anew; NULL when there is none at `at`, which then stays. */
static const char *take_tag(const char **at, apr_pool_t *p)
{
    int is_weak = strncmp(*at, "W/", 2) == 0;
    const char *opaque = *at + (is_weak ? 2 : 0);
    apr_size_t len = 0;

    if (*opaque++ != '"')
        return NULL;
    while (is_tag_char(opaque[len]))
        len++;
    if (opaque[len] != '"')
        return NULL;
    *at = opaque + len + 1;
    return apr_pstrcat(p, is_weak ? "W/\"" : "\"", without_suffix(opaque, len, p), "\"", NULL);
}

/* A list of tags, written anew; NULL when it is none. */
static const char *take_tags(int *count, const char *value, apr_pool_t *p)
{
    const char *tags = "";
    const char *at = skip_blanks(value);

    for (*count = 0;; at = skip_blanks(at + 1)) {
        const char *tag = take_tag(&at, p);

        if (tag == NULL)
            return NULL;
        tags = apr_pstrcat(p, tags, *count ? ", " : "", tag, NULL);
        ++*count;
        at = skip_blanks(at);
        if (*at != ',')
            return *at == '\0' ? tags : NULL;
    }
}

gt_err_t *gt_condition_add(gt_graph_params_t *params, const char *name, const char *value,
                           apr_pool_t *p)
{
    int is_list = strcmp(name, NONE_MATCH) == 0, count = 1;
    const char *tags = NULL;
    gt_err_t *err;

    if (!value)
        return GT_OK;
    if (strcmp(value, "*") == 0)
        tags = value;
    else if (strlen(value) <= CONDITION_MAX)
        tags = take_tags(&count, value, p);
    if (tags != NULL && (is_list || count == 1)) {
        APR_ARRAY_PUSH(params->headers, const char *) = apr_pstrcat(p, name, ": ", tags, NULL);
        return GT_OK;
    }
    err = gt_err(p, GT_INVALID, "GT0716", "the condition of this request cannot be read");
    gt_err_field(err, name,
                 is_list ? "must be entity tags as ETag gives them, like W/\"abc\", or *"
                         : "must be one entity tag as ETag gives it, like W/\"abc\", or *");
    return err;
}

int gt_condition_allows_304(const apr_array_header_t *headers)
{
    for (int i = 0; headers && i < headers->nelts; i++) {
        if (strncasecmp(APR_ARRAY_IDX(headers, i, const char *), NONE_MATCH ":",
                        sizeof(NONE_MATCH)) == 0)
            return 1;
    }
    return 0;
}
