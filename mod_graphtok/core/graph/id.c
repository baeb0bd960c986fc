/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/** @file id.c Ids of Exchange are base64 of either alphabet; no other character comes through. */

#include "graph/id.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

#define ID_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/"
#define ID_MAX 1024

const char *gt_graph_id(const char *id, apr_pool_t *p)
{
    apr_size_t len = id != NULL ? strlen(id) : 0;
    char *segment;

    if (len == 0 || len > ID_MAX || strspn(id, ID_BYTES) < len)
        return NULL;
    segment = apr_pstrdup(p, id);
    for (char *at = segment; *at; at++) {
        if (*at == '/')
            *at = '-';
        else if (*at == '+')
            *at = '_';
    }
    return gt_percent(segment, p);
}
