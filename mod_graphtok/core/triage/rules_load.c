/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file rules_load.c Where rules come from: a file, or the lines that the build compiled in. */

#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include "base/err.h"
#include "triage/rules_struct.h"

static gt_err_t *read_file(const char **text, apr_size_t *len, const char *file, apr_pool_t *p)
{
    char *bytes = apr_palloc(p, GT_TRIAGE_FILE_MAX + 1);
    apr_finfo_t info = {.filetype = APR_NOFILE};
    apr_file_t *in;
    apr_status_t status = apr_stat(&info, file, APR_FINFO_TYPE, p);

    /* The open of a pipe would wait for a writer. */
    if (status == APR_SUCCESS && info.filetype != APR_REG)
        return gt_err(p, GT_INVALID, "GT1403", "%s is no regular file", file);
    if (status == APR_SUCCESS)
        status = apr_file_open(&in, file, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, p);
    if (status == APR_SUCCESS) {
        status = apr_file_read_full(in, bytes, GT_TRIAGE_FILE_MAX + 1, len);
        apr_file_close(in);
    }
    if (status != APR_SUCCESS && status != APR_EOF)
        return gt_err_file(p, GT_INVALID, "GT1401", status, "%s", file);
    *text = bytes;
    return GT_OK;
}

static const char *built_in(apr_pool_t *p)
{
    apr_array_header_t *lines = apr_array_make(p, 256, sizeof(const char *));

    for (int i = 0; gt_triage_default[i] != NULL; i++)
        APR_ARRAY_PUSH(lines, const char *) = gt_triage_default[i];
    return apr_array_pstrcat(p, lines, '\0');
}

gt_err_t *gt_triage_load(gt_triage_rules_t **rules, const char *file, apr_pool_t *p)
{
    const char *text;
    apr_size_t len;

    if (file == NULL) {
        text = built_in(p);
        return gt_triage_parse(rules, "(built in)", text, strlen(text), p);
    }
    GT_TRY(read_file(&text, &len, file, p));
    return gt_triage_parse(rules, file, text, len, p);
}
