/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file claim_value.c Looking a claim up, and comparing it. */

#include "crypt/claim_value.h"

#include <string.h>

#include <apr_strings.h>

#include "base/text.h"

static const json_t *find(const json_t *claims, const char *name, apr_pool_t *p)
{
    const json_t *found = json_object_get(claims, name);
    const char *dot = strchr(name, '.');

    if (found != NULL || dot == NULL)
        return found;
    claims = json_object_get(claims, apr_pstrmemdup(p, name, (apr_size_t)(dot - name)));
    return json_is_object(claims) ? find(claims, dot + 1, p) : NULL;
}

static int is_value(const json_t *claim, const char *value, apr_pool_t *p)
{
    if (json_is_string(claim))
        return strcmp(json_string_value(claim), value) == 0 &&
               json_string_length(claim) == strlen(value);
    if (json_is_integer(claim))
        return strcmp(apr_psprintf(p, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(claim)),
                      value) == 0;
    return json_is_boolean(claim) && strcmp(json_is_true(claim) ? "true" : "false", value) == 0;
}

int gt_claim_holds(const json_t *claims, const char *name, const char *value, apr_pool_t *p)
{
    const json_t *claim = find(claims, name, p), *item;
    size_t i;

    json_array_foreach (claim, i, item)
        if (is_value(item, value, p))
            return 1;
    if ((strcmp(name, "scope") == 0 || strcmp(name, "scp") == 0) && json_is_string(claim))
        return gt_has_word(json_string_value(claim), value);
    return is_value(claim, value, p);
}
