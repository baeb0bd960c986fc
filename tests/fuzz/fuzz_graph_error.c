/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Graph's refusals: two bytes of status, a line of WWW-Authenticate, a line of request-id, the
 * body. Of any input comes one bounded line and words.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/text.h"
#include "graph/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_line(const char *text, size_t longest)
{
    if (strlen(text) > longest || !gt_is_utf8(text, strlen(text)))
        abort();
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            abort();
    }
}

/* The next line of the input, without NULs and its end. */
static char *take_line(const char **at, const char *end, apr_pool_t *p)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    size_t len = (size_t)((newline ? newline : end) - *at);
    char *line = apr_pstrmemdup(p, *at, len);

    *at += len + (newline != NULL);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;
    apr_table_t *head;
    gt_err_t *err;
    apr_pool_t *p;
    int status;

    if (size < 2)
        return 0;
    apr_pool_create(&p, NULL);
    status = 300 + (data[0] + data[1] * 256) % 300;
    at += 2;
    head = apr_table_make(p, 2);
    apr_table_add(head, "WWW-Authenticate", take_line(&at, end, p));
    apr_table_add(head, "request-id", take_line(&at, end, p));
    err = gt_graph_error(status, at, (apr_size_t)(end - at), head, p);
    if (!err || !err->tag || gt_err_status(err) < 400 || gt_err_status(err) > 599)
        abort();
    expect_line(err->detail, 400);
    expect_line(err->code ? err->code : "", 64);
    expect_line(err->request_id ? err->request_id : "", 64);
    if (err->claims && (err->cls != GT_INTERACTION || err->claims[0] != '{'))
        abort();
    apr_pool_destroy(p);
    return 0;
}
