/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file deadline.c The rest of `Timeout` is for what comes before and after: a tenth, 0.5 s to 5 s. */

#include "deadline.h"

#include "base/clock.h"

#define REST_LEAST apr_time_from_msec(500)
#define REST_MOST apr_time_from_sec(5)

apr_interval_time_t gtm_deadline_span(apr_interval_time_t timeout)
{
    apr_interval_time_t rest = timeout / 10;

    if (rest < REST_LEAST)
        rest = REST_LEAST;
    if (rest > REST_MOST)
        rest = REST_MOST;
    return timeout > 2 * rest ? timeout - rest : timeout / 2;
}

apr_interval_time_t gtm_deadline_timeout(const request_rec *r)
{
    apr_interval_time_t own = r->server->timeout, base = r->connection->base_server->timeout;

    return own < base ? own : base;
}

apr_interval_time_t gtm_deadline_begin(gtm_exchange_t *x)
{
    apr_interval_time_t span = gtm_deadline_span(gtm_deadline_timeout(x->r));

    x->ends_by = gt_ticks() + span;
    return span;
}

/* A code is spent by its first try. */
static int may_be_repeated(const gtm_exchange_t *x)
{
    return x->r->method_number == M_GET && !(x->route->demands & GTM_PROVIDERS_QUERY);
}

gt_err_t *gtm_deadline_explain(const gtm_exchange_t *x, gt_err_t *err)
{
    if (err->cls != GT_TIMEOUT || x->ends_by == 0 || gt_ticks() < x->ends_by)
        return err;
    if (!may_be_repeated(x))
        return gt_err(x->r->pool, GT_TIMEOUT, "GT0837",
                      "%s, and may be done all the same: look before you ask again", err->detail);
    err->retry_after = APR_USEC_PER_SEC;
    return err;
}
