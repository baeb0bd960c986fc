/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file body.c A missing Content-Type is refused like a wrong one: nothing is guessed. */

#include "body.h"

#include <apr_lib.h>
#include <http_protocol.h>

#define PIECE 8192

static int is_json(const char *type)
{
    static const char *const names[] = {"application/json", NULL};

    for (int i = 0; type && names[i]; i++) {
        apr_size_t len = strlen(names[i]);

        if (strncasecmp(type, names[i], len) == 0 &&
            (!type[len] || type[len] == ';' || apr_isspace(type[len])))
            return 1;
    }
    return 0;
}

static gt_err_t *too_large(gtm_exchange_t *x)
{
    /* What is left of the body is not read: the connection ends with this answer. */
    x->r->connection->keepalive = AP_CONN_CLOSE;
    return gt_err(x->r->pool, GT_TOO_LARGE, "GT0817",
                  "the body is larger than the %" APR_INT64_T_FMT " bytes allowed here "
                  "(GraphTokRequestMax)",
                  x->dir->request_max);
}

static gt_err_t *collect(gtm_exchange_t *x, char **bytes, apr_size_t *len)
{
    request_rec *r = x->r;
    apr_size_t most = (apr_size_t)x->dir->request_max;
    apr_size_t room = r->remaining > 0 ? (apr_size_t)r->remaining + 1 : PIECE;
    char *buffer = apr_palloc(r->pool, room + PIECE);
    long got;

    *len = 0;
    while ((got = ap_get_client_block(r, buffer + *len, PIECE)) > 0) {
        *len += (apr_size_t)got;
        if (*len > most)
            return too_large(x);
        if (*len > room) {
            char *larger = apr_palloc(r->pool, room * 2 + PIECE);

            memcpy(larger, buffer, *len);
            buffer = larger;
            room *= 2;
        }
    }
    if (got < 0)
        return gt_err(r->pool, GT_INVALID, "GT0818", "the body could not be read");
    *bytes = buffer;
    return GT_OK;
}

gt_err_t *gtm_body_read(gtm_exchange_t *x)
{
    request_rec *r = x->r;
    char *bytes = NULL;
    apr_size_t len = 0;

    if (!(x->route->demands & GTM_BODY))
        return ap_discard_request_body(r) == OK
                   ? GT_OK
                   : gt_err(r->pool, GT_INVALID, "GT0818", "the body could not be read");
    if (!is_json(apr_table_get(r->headers_in, "Content-Type")))
        return gt_err(r->pool, GT_UNSUPPORTED, "GT0819",
                      "the body must be JSON with Content-Type: application/json");
    if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK)
        return gt_err(r->pool, GT_INVALID, "GT0818", "the body could not be read");
    if (r->remaining > x->dir->request_max)
        return too_large(x);
    if (!ap_should_client_block(r))
        return gt_err(r->pool, GT_INVALID, "GT0820", "a JSON object is expected as body");
    GT_TRY(collect(x, &bytes, &len));
    GT_TRY(gt_json_parse(&x->body, bytes, len, r->pool));
    if (!json_is_object(x->body))
        return gt_err(r->pool, GT_INVALID, "GT0820", "a JSON object is expected as body");
    return GT_OK;
}
