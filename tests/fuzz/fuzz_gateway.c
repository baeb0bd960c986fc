/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The gateway's readers: of a path, whose encoded form must be read as the same path again and hold
 * nothing that climbs; of a batch, whose parts that go on are within its bounds, each allowed.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>
#include <apr_strings.h>

#include "base/err.h"
#include "graph/gateway_batch.h"
#include "graph/gateway_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gt_err_t *judge(void *baton, const char *method, const gt_gateway_path_t *path)
{
    (void)method;
    if (strstr(path->judged, "/../") != NULL || strstr(path->judged, "//") != NULL)
        abort();
    if (strlen(path->judged) % 3)
        return GT_OK;
    return gt_err(baton, GT_FORBIDDEN, "GT1701", "refused");
}

static void read_path(const char *text, apr_pool_t *p)
{
    gt_gateway_path_t path, again;

    if (gt_gateway_path_read(&path, text, "v1.0", p) != GT_OK)
        return;
    if (judge(p, "GET", &path) == GT_OK && path.url[0] != '/')
        abort();
    if (strlen(path.url) > 8192)
        return;
    if (gt_gateway_path_read_encoded(&again, path.url + strlen(path.version) + 1, path.version,
                                     p) != GT_OK ||
        strcmp(path.judged, again.judged) != 0 || strcmp(path.url, again.url) != 0)
        abort();
}

static void read_batch(const char *text, size_t size, apr_pool_t *p)
{
    static const char *const fields[] = {"Prefer", "Content-Type", NULL};
    gt_batch_wish_t wish = {NULL, "v1.0", fields, judge, p};
    gt_batch_split_t split;
    const char *answer;
    apr_size_t len, parts;
    json_t *body;

    if (gt_json_parse(&body, text, size, p) != GT_OK)
        return;
    wish.body = body;
    if (gt_batch_split(&split, &wish, p) != GT_OK)
        return;
    parts =
        json_array_size(json_object_get(split.body, "requests")) + json_array_size(split.refused);
    if (parts == 0 || parts > GT_BATCH_MOST)
        abort();
    if (gt_batch_join(&answer, &len, text, size, split.refused, p) == GT_OK && len < size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    char *text;

    apr_pool_create(&pool, NULL);
    text = apr_pstrmemdup(pool, (const char *)data, size);
    read_path(text, pool);
    read_batch(text, size, pool);
    apr_pool_destroy(pool);
    return 0;
}
