/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file google_keep.c Properties of ours in Google's events. */

#include "translate/google_keep.h"

#include "base/text.h"

const char *gt_google_kept(const json_t *event, const char *name)
{
    return gt_json_text(json_object_get(json_object_get(event, "extendedProperties"), "private"),
                        name);
}

json_t *gt_google_kept_categories(const json_t *event, apr_pool_t *p)
{
    const char *text = gt_google_kept(event, GT_KEEP_CATEGORIES);
    const apr_array_header_t *names = gt_split(text != NULL ? text : "", "\n", p);
    json_t *list = json_array();

    for (int i = 0; i < names->nelts; i++)
        json_array_append_new(list, json_string(APR_ARRAY_IDX(names, i, const char *)));
    return list;
}
