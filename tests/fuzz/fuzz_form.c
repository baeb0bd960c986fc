/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Queries and forms: what is parsed and written again parses to the same pairs, each name once. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/err.h"
#include "base/secret.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int same_in(void *baton, const char *name, const char *value)
{
    const char *other = apr_table_get(baton, name);

    if (other == NULL || strcmp(other, value) != 0 || strpbrk(value, "\r\n") != NULL)
        abort();
    return 1;
}

static int write_pair(void *baton, const char *name, const char *value)
{
    gt_form_add(baton, name, value);
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    apr_table_t *pairs, *again;
    gt_form_t *form;
    gt_err_t *err;

    apr_pool_create(&p, NULL);
    err = gt_query_parse(&pairs, apr_pstrmemdup(p, (const char *)data, size), 20, p);
    if (err != GT_OK && (err->cls != GT_INVALID || err->fields == NULL || err->fields->nelts != 1))
        abort();
    if (err == GT_OK) {
        if (apr_table_elts(pairs)->nelts > 20)
            abort();
        form = gt_form_make(p);
        apr_table_do(write_pair, form, pairs, NULL);
        if (gt_query_parse(&again, gt_form_text(form), 20, p) != GT_OK ||
            apr_table_elts(again)->nelts != apr_table_elts(pairs)->nelts ||
            gt_secret_len(gt_form_secret(form)) != strlen(gt_form_text(form)))
            abort();
        apr_table_do(same_in, again, pairs, NULL);
    }
    apr_pool_destroy(p);
    return 0;
}
