/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Segments of a path: judged one by one, and encoded one by one. Graph reads the names of segments
 * without regard to case, ids with it; a mailbox is found as Graph finds it.
 */

#include "graph/gateway_path.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/text.h"
#include "conf/cloud.h"
#include "net/url.h"

#define LONGEST 8192
#define DEEPEST 3 /* times that a segment is decoded to look for another one in it */

static const char *const versions[] = {"v1.0", "beta", NULL};

/* Of these below a user or a group Exchange counts no calls. */
static const char *const elsewhere[] = {"drive", "drives", "onenote", "planner", "sites", NULL};

static int is_one_of(const char *const *names, const char *text, apr_size_t len)
{
    for (int i = 0; names[i]; i++)
        if (strlen(names[i]) == len && strncasecmp(names[i], text, len) == 0)
            return 1;
    return 0;
}

/* ---- the root ---- */

/** The length of "/v1.0" or "/beta" at the end of an address, with slashes behind it. */
static apr_size_t version_len(const char *url, apr_size_t len)
{
    apr_size_t end = len;

    while (end > 0 && url[end - 1] == '/')
        end--;
    for (int i = 0; versions[i]; i++) {
        apr_size_t n = strlen(versions[i]);

        if (end > n && url[end - n - 1] == '/' && strncasecmp(url + end - n, versions[i], n) == 0)
            return len - (end - n - 1);
    }
    return len - end;
}

const char *gt_gateway_root(const char *graph_url, apr_pool_t *p)
{
    apr_size_t len = strlen(graph_url);

    return apr_pstrmemdup(p, graph_url, len - version_len(graph_url, len));
}

const char *gt_gateway_version(const char *graph_url)
{
    apr_size_t len = strlen(graph_url), n = version_len(graph_url, len);

    return n >= 5 && strncasecmp(graph_url + len - n, "/beta", 5) == 0 ? versions[1] : versions[0];
}

const char *gt_gateway_target(const char *url, const char *graph_url)
{
    apr_size_t len = strlen(graph_url), front = strlen("/v1.0");

    if (version_len(graph_url, len) < front && strncmp(url, "/v1.0", front) == 0)
        return url + front;
    return url;
}

/* ---- segments ---- */

static gt_err_t *bad(const char *why, apr_pool_t *p)
{
    return gt_err(p, GT_INVALID, "GT0774", "this is no path of Microsoft Graph: %s", why);
}

/** 1 for "." and "..", also with what some servers cut off behind them. */
static int is_dots(const char *segment)
{
    apr_size_t len = strcspn(segment, ";");

    return (len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0);
}

static int hex_of(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/** Decode the escapes of a text in place. @return 0: there was none */
static int decode(char *text)
{
    char *to = text;
    int had = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '%' && apr_isxdigit(c[1]) && apr_isxdigit(c[2])) {
            *to++ = (char)(hex_of(c[1]) << 4 | hex_of(c[2]));
            c += 2;
            had = 1;
        }
        else {
            *to++ = *c;
        }
        /* Another control character is refused in its place. */
        if (to[-1] == '\0')
            to[-1] = '\x7F';
    }
    *to = '\0';
    return had;
}

static const char *fault_of(const char *segment)
{
    if (*segment == '\0')
        return "it has two slashes in a row";
    if (is_dots(segment))
        return "a segment is '.' or '..'";
    if (strcasecmp(segment, "$batch") == 0)
        return "a $batch is a POST to /$batch, and not part of another one";
    if (strpbrk(segment, "/\\") != NULL)
        return "a segment holds a slash or a backslash";
    if (gt_has_control(segment, strlen(segment)))
        return "a segment holds a control character";
    return NULL;
}

/** NULL for a segment that is the same for every server, however often it decodes. */
static const char *segment_fault(const char *segment, apr_pool_t *p)
{
    char *text = apr_pstrdup(p, segment);
    const char *fault = fault_of(text);

    if (fault == NULL && !gt_is_utf8(text, strlen(text)))
        return "it is no UTF-8";
    for (int i = 0; fault == NULL && i < DEEPEST && decode(text); i++)
        fault = fault_of(text);
    return fault;
}

/** Encode what may not stand in a segment (RFC 3986 section 3.3). */
static const char *encoded_segment(const char *segment, apr_pool_t *p)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = apr_palloc(p, 3 * strlen(segment) + 1), *end = text;

    for (; *segment != '\0'; segment++) {
        unsigned char c = (unsigned char)*segment;

        if (c < 0x80 && (apr_isalnum(c) || strchr("-._~!$&'()*+,;=:@", c) != NULL)) {
            *end++ = (char)c;
            continue;
        }
        *end++ = '%';
        *end++ = digits[c >> 4];
        *end++ = digits[c & 15];
    }
    *end = '\0';
    return text;
}

/* ---- the mailbox ---- */

/** A segment's own name and its key, "users('ada')" or "users" and the next segment. */
static const char *key_of(int *at, const apr_array_header_t *segments, apr_pool_t *p)
{
    const char *segment = APR_ARRAY_IDX(segments, *at, const char *);
    const char *open = strchr(segment, '(');
    apr_size_t len = open != NULL ? strlen(open) : 0;

    if (open == NULL) {
        ++*at;
        return *at < segments->nelts ? APR_ARRAY_IDX(segments, *at, const char *) : NULL;
    }
    if (len < 3 || open[len - 1] != ')')
        return NULL;
    return open[1] == '\'' && len > 4 ? apr_pstrmemdup(p, open + 2, len - 4)
                                      : apr_pstrmemdup(p, open + 1, len - 2);
}

static void find_mailbox(gt_gateway_path_t *path, const apr_array_header_t *segments, apr_pool_t *p)
{
    static const char *const of_others[] = {"users", "groups", NULL};
    int at = 0;
    const char *first = segments->nelts > 0 ? APR_ARRAY_IDX(segments, 0, const char *) : "";

    if (is_one_of(of_others, first, strcspn(first, "(")))
        path->mailbox = key_of(&at, segments, p);
    else if (strcasecmp(first, "me") != 0)
        return;
    if ((at > 0 || strchr(first, '(') != NULL) && path->mailbox == NULL)
        return;
    at++;
    path->is_of_mailbox = 1;
    if (at < segments->nelts) {
        const char *room = APR_ARRAY_IDX(segments, at, const char *);

        path->is_of_mailbox = !is_one_of(elsewhere, room, strcspn(room, "(:"));
    }
}

/* ---- paths ---- */

static const char *joined(const char *version, const apr_array_header_t *segments, apr_pool_t *p)
{
    return apr_pstrcat(p, "/", version, segments->nelts > 0 ? "/" : "",
                       apr_array_pstrcat(p, segments, '/'), NULL);
}

/** @param segments  without the version in front */
static gt_err_t *take_segments(gt_gateway_path_t *path, const apr_array_header_t *segments,
                               apr_pool_t *p)
{
    apr_array_header_t *encoded = apr_array_make(p, segments->nelts + 1, sizeof(const char *));

    for (int i = 0; i < segments->nelts; i++) {
        const char *segment = APR_ARRAY_IDX(segments, i, const char *);
        const char *fault = segment_fault(segment, p);

        if (fault != NULL)
            return bad(fault, p);
        APR_ARRAY_PUSH(encoded, const char *) = encoded_segment(segment, p);
    }
    path->judged = joined(path->version, segments, p);
    path->url = joined(path->version, encoded, p);
    find_mailbox(path, segments, p);
    return GT_OK;
}

/** All segments of a path; one slash at either end does not count. */
static apr_array_header_t *split(const char *path, apr_pool_t *p)
{
    apr_array_header_t *segments = apr_array_make(p, 8, sizeof(const char *));

    path += *path == '/';
    while (*path != '\0') {
        apr_size_t len = strcspn(path, "/");

        APR_ARRAY_PUSH(segments, const char *) = apr_pstrmemdup(p, path, len);
        path += len + (path[len] == '/');
    }
    return segments;
}

static void take_version(gt_gateway_path_t *path, apr_array_header_t *segments)
{
    for (int i = 0; versions[i] && segments->nelts > 0; i++) {
        if (strcasecmp(APR_ARRAY_IDX(segments, 0, const char *), versions[i]) != 0)
            continue;
        path->version = versions[i];
        segments->elts += segments->elt_size;
        segments->nelts--;
        segments->nalloc--;
        return;
    }
}

gt_err_t *gt_gateway_path_read(gt_gateway_path_t *path, const char *decoded, const char *version,
                               apr_pool_t *p)
{
    apr_array_header_t *segments;

    *path = (gt_gateway_path_t){.version = version};
    if (strlen(decoded) > LONGEST)
        return bad("it is longer than 8,192 bytes", p);
    segments = split(decoded, p);
    take_version(path, segments);
    return take_segments(path, segments, p);
}

gt_err_t *gt_gateway_path_read_encoded(gt_gateway_path_t *path, const char *encoded,
                                       const char *version, apr_pool_t *p)
{
    apr_array_header_t *segments;

    *path = (gt_gateway_path_t){.version = version};
    if (strlen(encoded) > LONGEST)
        return bad("it is longer than 8,192 bytes", p);
    segments = split(encoded, p);
    for (int i = 0; i < segments->nelts; i++)
        (void)decode(APR_ARRAY_IDX(segments, i, char *));
    return take_segments(path, segments, p);
}

/* ---- links ---- */

/* Path and query of an absolute URL. */
static const char *after_host(const char *url)
{
    const char *host = strstr(url, "://") + 3;

    return host + strcspn(host, "/?");
}

const char *gt_gateway_link(const char *link, const char *graph_url, apr_pool_t *p)
{
    const char *root = gt_gateway_root(graph_url, p), *ours = gt_url_origin(root, p);
    const char *sent = gt_url_escape_stray(link, p);
    const char *whole = apr_pstrmemdup(p, sent, strcspn(sent, "#"));
    const char *origin = gt_url_origin(whole, p), *rest, *path;
    apr_size_t len;

    if (origin == NULL || ours == NULL)
        return NULL;
    rest = after_host(sent);
    if (strcmp(origin, ours) != 0)
        return gt_cloud_is_graph(origin) && !gt_cloud_is_graph(ours) && *rest == '/' ? rest : NULL;
    path = after_host(root);
    len = strlen(path);
    return strncasecmp(rest, path, len) == 0 && rest[len] == '/' ? rest + len : NULL;
}
