/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file merged_handler.c
 * The handler of a request, found before httpd decides. httpd merges Location sections before the
 * hook map_to_storage, forgets them for it, and merges them again after it; its own cache makes the
 * merging here cheap. Its core module puts the handler into r->handler at the fixups, in lower
 * case.
 */

#include "request/merged_handler.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_request.h>

const char *gtm_merged_handler(request_rec *r, int with_conditions)
{
    ap_conf_vector_t *before = r->per_dir_config;
    const core_dir_config *core;
    const char *fault = NULL;
    char *name = NULL;

    if (ap_location_walk(r) == OK && (!with_conditions || ap_if_walk(r) == OK)) {
        core = ap_get_core_module_config(r->per_dir_config);
        name = apr_pstrdup(r->pool, core->expr_handler
                                        ? ap_expr_str_exec(r, core->expr_handler, &fault)
                                        : core->handler);
    }
    r->per_dir_config = before;
    if (name == NULL || fault != NULL)
        return NULL;
    ap_str_tolower(name);
    return name;
}
