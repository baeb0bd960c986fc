/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file cloud.c Microsoft's clouds by a word. Two clouds of the United States share one sign-in
 * host, and each has its Graph. */

#include "conf/cloud.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "base/text.h"
#include "net/url.h"

static const gt_cloud_row_t rows[GT_CLOUDS] = {
    [GT_CLOUD_GLOBAL] = {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
    [GT_CLOUD_US_GOV] = {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
    [GT_CLOUD_US_DOD] = {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
    [GT_CLOUD_CHINA] = {"https://login.partner.microsoftonline.cn",
                        "https://microsoftgraph.chinacloudapi.cn"},
};

/* Their discovery documents, and so their issuers, name the main host. */
static const struct {
    const char *alias, *host;
} aliases[] = {
    {"https://login.windows.net", "https://login.microsoftonline.com"},
    {"https://login.microsoft.com", "https://login.microsoftonline.com"},
    {"https://sts.windows.net", "https://login.microsoftonline.com"},
    {"https://login.chinacloudapi.cn", "https://login.partner.microsoftonline.cn"},
};

const gt_cloud_row_t *gt_cloud(gt_cloud_t cloud)
{
    return &rows[cloud > GT_CLOUD_GLOBAL && cloud < GT_CLOUDS ? cloud : GT_CLOUD_GLOBAL];
}

const char *gt_cloud_word(gt_cloud_t cloud)
{
    static const char *const words[GT_CLOUDS] = {"global", "us-gov", "us-dod", "china"};

    return words[cloud > GT_CLOUD_GLOBAL && cloud < GT_CLOUDS ? cloud : GT_CLOUD_GLOBAL];
}

int gt_cloud_is_graph(const char *origin)
{
    for (int i = 0; i < GT_CLOUDS; i++)
        if (strcasecmp(origin, rows[i].graph) == 0)
            return 1;
    return 0;
}

static int is_authority(const char *origin)
{
    for (int i = 0; i < GT_CLOUDS; i++)
        if (strcmp(origin, rows[i].authority) == 0)
            return 1;
    return 0;
}

/** 1 when some cloud has both. */
static int go_together(const char *authority, const char *graph)
{
    for (int i = 0; i < GT_CLOUDS; i++)
        if (strcmp(authority, rows[i].authority) == 0 && strcmp(graph, rows[i].graph) == 0)
            return 1;
    return 0;
}

/** The Graph of some cloud that a full scope begins with, or NULL. */
static const char *graph_of_scope(const char *scope)
{
    for (int i = 0; i < GT_CLOUDS; i++) {
        size_t len = strlen(rows[i].graph);

        if (strncasecmp(scope, rows[i].graph, len) == 0 && scope[len] == '/')
            return rows[i].graph;
    }
    return NULL;
}

static void check_hosts(apr_array_header_t *faults, const char *authority, const char *graph,
                        apr_pool_t *p)
{
    if (is_authority(authority) && gt_cloud_is_graph(graph) && !go_together(authority, graph))
        APR_ARRAY_PUSH(faults, const char *) = apr_psprintf(
            p,
            "GraphTokAuthority %s and GraphTokGraphURL %s are of different clouds: GraphTokCloud "
            "sets both",
            authority, graph);
    for (apr_size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcmp(authority, aliases[i].alias) == 0)
            APR_ARRAY_PUSH(faults, const char *) =
                apr_psprintf(p,
                             "GraphTokAuthority %s is another name of %s, which signs under its "
                             "main name only: write that, or GraphTokCloud",
                             authority, aliases[i].host);
}

void gt_cloud_check(apr_array_header_t *faults, const gt_provider_conf_t *provider, apr_pool_t *p)
{
    const char *graph = gt_url_origin(provider->graph_url, p);
    const apr_array_header_t *scopes = gt_split(provider->scope, " ", p);

    check_hosts(faults, gt_url_origin(provider->authority, p), graph, p);
    /* A gateway stands for the cloud's own. */
    if (!gt_cloud_is_graph(graph))
        graph = gt_cloud(provider->cloud)->graph;
    for (int i = 0; i < scopes->nelts; i++) {
        const char *scope = APR_ARRAY_IDX(scopes, i, const char *);
        const char *other = graph_of_scope(scope);

        if (other != NULL && strcmp(other, graph) != 0)
            APR_ARRAY_PUSH(faults, const char *) =
                apr_psprintf(p, "GraphTokScope %s is of another cloud than %s: write %s", scope,
                             graph, scope + strlen(other) + 1);
    }
    if (gt_cloud(provider->cloud) != &rows[GT_CLOUD_GLOBAL] &&
        strcmp(provider->tenant, "consumers") == 0)
        APR_ARRAY_PUSH(faults, const char *) = apr_psprintf(
            p,
            "GraphTokTenant consumers goes with GraphTokCloud global: there are no personal "
            "accounts in %s",
            gt_cloud_word(provider->cloud));
}
