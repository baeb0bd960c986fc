/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file next_link.c
 * The URL of a list's next page. The user's token is sent to that URL, so it is made of the
 * configured address and the rest of the link behind it, and checked once more as a whole.
 */

#include "graph/next_link.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"
#include "conf/cloud.h"
#include "net/url.h"

static const char *const versions[] = {"/v1.0", "/beta", NULL};

static int has_scheme(const char *link)
{
    apr_size_t n = strcspn(link, ":/?");

    return n > 0 && link[n] == ':';
}

static const char *make_absolute(const char *link, const char *graph_url, apr_pool_t *p)
{
    if (*link == '\0' || *link == '?')
        return NULL;
    if (has_scheme(link))
        return link;
    if (strncmp(link, "//", 2) == 0)
        return apr_pstrcat(p, "https:", link, NULL);
    if (*link == '/')
        return apr_pstrcat(p, gt_url_origin(graph_url, p), link, NULL);
    return apr_pstrcat(p, graph_url, "/", link, NULL);
}

/* Path and query of an absolute URL. */
static const char *after_host(const char *url)
{
    const char *host = strstr(url, "://") + 3;

    return host + strcspn(host, "/?");
}

/* The rest of a path behind another one, case ignored; NULL when it does not begin with that. */
static const char *behind(const char *path, const char *begin, apr_size_t len)
{
    if (strncasecmp(path, begin, len) != 0 || (path[len] != '\0' && !strchr("/?", path[len])))
        return NULL;
    return path + len;
}

/* The rest behind the version in a link to Microsoft's host: the version that the gateway's address
 * ends with, or else the first. */
static const char *behind_version(const char *path, const char *graph_url)
{
    apr_size_t len = strlen(graph_url);
    const char *version = versions[0];

    for (int i = 0; versions[i]; i++) {
        apr_size_t n = strlen(versions[i]);

        if (len > n && strcasecmp(graph_url + len - n, versions[i]) == 0)
            version = versions[i];
    }
    return behind(path, version, strlen(version));
}

static const char *rest_of(const char *absolute, const char *graph_url, apr_pool_t *p)
{
    const char *origin = gt_url_origin(absolute, p);
    const char *ours = gt_url_origin(graph_url, p), *path = after_host(graph_url);

    if (origin == NULL || ours == NULL)
        return NULL;
    if (strcmp(origin, ours) == 0)
        return behind(after_host(absolute), path, strlen(path));
    /* Between two clouds of Microsoft no link is followed. */
    if (!gt_cloud_is_graph(origin) || gt_cloud_is_graph(ours))
        return NULL;
    return behind_version(after_host(absolute), graph_url);
}

static const char *without_slash(const char *url, apr_pool_t *p)
{
    apr_size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/')
        len--;
    return apr_pstrmemdup(p, url, len);
}

gt_err_t *gt_next_link(const char **url, const char *link, const char *graph_url, apr_pool_t *p)
{
    const char *base = without_slash(graph_url, p);
    const char *trimmed = gt_trim(link, p);
    /* A fragment is never sent. */
    const char *sent = apr_pstrmemdup(p, trimmed, strcspn(trimmed, "#"));
    const char *absolute = make_absolute(gt_url_escape_stray(sent, p), base, p);
    const char *rest = absolute != NULL ? rest_of(absolute, base, p) : NULL;

    *url = rest != NULL ? apr_pstrcat(p, base, rest, NULL) : NULL;
    if (*url && gt_url_is_below(*url, graph_url, p))
        return GT_OK;
    return gt_err(p, GT_UPSTREAM, "GT0717",
                  "Graph sent a link to the next page that leads elsewhere: the list is cut here");
}
