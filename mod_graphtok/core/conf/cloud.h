/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_CLOUD_H
#define GT_CLOUD_H

/**
 * @file cloud.h
 * Microsoft's clouds: each has a sign-in host and a Graph of its own, and applications are
 * registered in one of them. Source: Microsoft, "National clouds: Microsoft Entra authentication";
 * Microsoft Graph, "National cloud deployments".
 */

#include "conf/config.h"

typedef struct gt_cloud_row_t {
    const char *authority; /* "https://login.microsoftonline.com" */
    const char *graph;     /* without a version: "https://graph.microsoft.com" */
} gt_cloud_row_t;

/** The hosts of a cloud; of the global one where none is set. */
const gt_cloud_row_t *gt_cloud(gt_cloud_t cloud);

/** Its word in GraphTokCloud; `global` where none is set. */
const char *gt_cloud_word(gt_cloud_t cloud);

/** 1 when an origin is that of some cloud's Graph. */
int gt_cloud_is_graph(const char *origin);

/**
 * Faults of one provider's members together: hosts and scopes of several clouds, a sign-in host by
 * another of its names.
 * @param faults  array of const char *: sentences' ends, to stand behind "provider NAME: "
 */
void gt_cloud_check(apr_array_header_t *faults, const gt_provider_conf_t *provider, apr_pool_t *p);

#endif
