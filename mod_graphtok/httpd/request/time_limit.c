/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file time_limit.c The time limit of a request. Its span comes from the configuration
 * (config/settings.h). */

#include "request/time_limit.h"

#include "base/clock.h"

apr_interval_time_t gtm_time_limit_timeout(const request_rec *r)
{
    apr_interval_time_t own = r->server->timeout, base = r->connection->base_server->timeout;

    return own < base ? own : base;
}

apr_interval_time_t gtm_time_limit_begin(gtm_request_t *x)
{
    apr_interval_time_t span = gtm_answer_span(gtm_time_limit_timeout(x->r));

    x->ends_by = gt_ticks() + span;
    return span;
}

/* A code is spent by its first try. */
static int may_be_repeated(const gtm_request_t *x)
{
    return x->r->method_number == M_GET && !(x->route->demands & GTM_PROVIDERS_QUERY);
}

gt_err_t *gtm_time_limit_explain(const gtm_request_t *x, gt_err_t *err)
{
    if (err->cls != GT_TIMEOUT || x->ends_by == 0 || gt_ticks() < x->ends_by)
        return err;
    if (!may_be_repeated(x))
        return gt_err(x->r->pool, GT_TIMEOUT, "GT0837",
                      "%s, and may be done all the same: look before you ask again", err->detail);
    err->retry_after = APR_USEC_PER_SEC;
    return err;
}
