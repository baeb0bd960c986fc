/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * URLs and local paths against another reader: what ours takes, libcurl's reads the same way or not
 * at all, and what ours calls local or below must still be there after libcurl has resolved it.
 */

#include "net/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <curl/curl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char base[] = "https://g.example/v1.0";

/* A part as libcurl reads it, in `p`; "" when there is none. */
static const char *part(CURLU *url, CURLUPart what, unsigned flags, apr_pool_t *p)
{
    char *text = NULL;
    const char *copy = "";

    if (curl_url_get(url, what, &text, flags) == CURLUE_OK)
        copy = apr_pstrdup(p, text);
    curl_free(text);
    return copy;
}

/* libcurl writes addresses in another way than they came; names it leaves alone. */
static int is_address(const char *host)
{
    return host[0] == '[' || host[strspn(host, "0123456789.")] == '\0';
}

static int is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static void try_origin(const char *text, apr_pool_t *p)
{
    const char *origin = gt_url_origin(text, p);
    CURLU *url = curl_url();
    const char *host, *scheme, *expected;

    if (origin == NULL && gt_url_is_safe(text))
        abort();
    if (origin != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK) {
        host = part(url, CURLUPART_HOST, 0, p);
        scheme = part(url, CURLUPART_SCHEME, 0, p);
        expected = apr_pstrcat(p, scheme, "://", host, ":",
                               part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, p), NULL);
        if (!is_address(host) && strncasecmp(expected, origin, strlen(origin)) != 0)
            abort();
        if (strcmp(scheme, "http") == 0 && gt_url_is_safe(text) && !is_loopback(host))
            abort();
        if (*part(url, CURLUPART_USER, 0, p) != '\0' ||
            *part(url, CURLUPART_FRAGMENT, 0, p) != '\0')
            abort();
    }
    curl_url_cleanup(url);
}

static void try_below(const char *text, apr_pool_t *p)
{
    CURLU *url = curl_url();
    const char *path;

    if (gt_url_is_below(text, base, p)) {
        if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
            strcasecmp(part(url, CURLUPART_HOST, 0, p), "g.example") != 0)
            abort();
        path = part(url, CURLUPART_PATH, 0, p);
        if (strncmp(path, "/v1.0", 5) != 0 || strstr(path, "/../") != NULL)
            abort();
    }
    curl_url_cleanup(url);
}

static void try_local(const char *text, apr_pool_t *p)
{
    CURLU *url = curl_url();

    if (gt_is_local_path(text)) {
        if (curl_url_set(url, CURLUPART_URL, "https://own.example/page", 0) != CURLUE_OK ||
            curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
            strcmp(part(url, CURLUPART_HOST, 0, p), "own.example") != 0 ||
            strncmp(part(url, CURLUPART_PATH, 0, p), "//", 2) == 0 ||
            strpbrk(text, "\r\n\\\t ") != NULL)
            abort();
    }
    curl_url_cleanup(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    const char *text;

    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data, size);
    try_origin(text, p);
    try_below(text, p);
    try_below(apr_pstrcat(p, base, "/", text, NULL), p);
    try_local(text, p);
    try_local(apr_pstrcat(p, "/", text, NULL), p);
    apr_pool_destroy(p);
    return 0;
}
