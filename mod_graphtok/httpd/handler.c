/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file handler.c
 * The handler of all routes. The gates come first, each in a file of its own, none of which waits
 * for the network; limits stand before any costly gate. A gate's error is answered like any other.
 */

#include "handler.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "caller/bearer_token.h"
#include "caller/caller.h"
#include "caller/client_token.h"
#include "caller/csrf.h"
#include "child/signals.h"
#include "child/status.h"
#include "net/url.h"
#include "park/blocking.h"
#include "park/park.h"
#include "request/answer.h"
#include "request/body.h"
#include "request/merged_handler.h"
#include "request/own_origin.h"
#include "request/rate_limit.h"
#include "request/route.h"
#include "request/secret_query.h"
#include "request/target.h"
#include "request/time_limit.h"

APLOG_USE_MODULE(graphtok);

static gt_err_t *read_query(gtm_request_t *x)
{
    static const char *const decisive[] = {"state", "code", "error", "iss", NULL};
    int most = x->route->query_max ? x->route->query_max : GTM_QUERY_MAX;
    request_rec *r = x->r;

    if (x->route->is_gateway) {
        x->query = apr_table_make(r->pool, 1);
        return GT_OK;
    }
    if (!(x->route->demands & GTM_PROVIDERS_QUERY))
        return gt_query_parse(&x->query, r->args, most, r->pool);
    /* The query is hidden early as a rule, and here once more, for a path that is the callback's
     * only now. */
    gtm_secret_query_take(r);
    return gt_query_parse_leniently(&x->query, gtm_secret_query(r), most, decisive, r->pool);
}

/* All other fields stay with httpd: a route can pass on only the fields that it names. */
static gt_err_t *read_fields(gtm_request_t *x)
{
    x->fields = apr_table_make(x->r->pool, 2);
    for (int i = 0; x->route->fields && x->route->fields[i]; i++) {
        const char *value = apr_table_get(x->r->headers_in, x->route->fields[i]);

        if (value != NULL)
            apr_table_setn(x->fields, x->route->fields[i], value);
    }
    return GT_OK;
}

typedef gt_err_t *gate_fn(gtm_request_t *x);

/* All but the body, which is waited for as long as httpd allows. */
static gate_fn *const gates[] = {gtm_route_find,        gtm_caller_name, read_query,
                                 read_fields,           gtm_find_target, gtm_origin_check,
                                 gtm_client_token_read, gtm_caller_find, gtm_limit_check,
                                 gtm_caller_confirm,    gtm_owner_find};

#define GATES (int)(sizeof(gates) / sizeof(gates[0]))

/* All of them, or up to one that has to wait for keys. */
static gt_err_t *pass_gates(gtm_request_t *x)
{
    gt_err_t *err = GT_OK;
    sigset_t before;

    gtm_signals_hold(&before, x->child);
    while (x->gate < GATES && err == GT_OK) {
        err = gates[x->gate](x);
        if (err == GT_OK && x->bearer_waits)
            break;
        x->gate++;
    }
    gtm_signals_release(&before, x->child);
    gtm_caller_show(x);
    return err;
}

/* ---- a caller's token waits for keys: the rest of the gates stands behind them ---- */

static gt_err_t *wait_for_keys(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;

    x->bearer_waits = 0;
    gt_then_try(task, &gt_check_bearer, x->bearer, &x->bearer_failure);
    return GT_OK;
}

static gt_err_t *go_on(gt_task_t *task, void *state)
{
    gtm_request_t *x = state;

    if (x->bearer_failure != GT_OK)
        return gtm_bearer_refused(x, x->bearer_failure);
    GT_TRY(pass_gates(x));
    gt_instead(task, x->route->work, x);
    return GT_OK;
}

static gt_step_fn *const late_steps[] = {wait_for_keys, go_on, NULL};
static const gt_work_t late_caller = {"a caller's keys", late_steps, NULL};

static void end_with(gtm_request_t *x, gt_err_t *err)
{
    if (err != GT_OK)
        gtm_answer_error(x, gtm_time_limit_explain(x, err));
    gtm_answer_send(x);
}

static void end(gtm_request_t *x)
{
    end_with(x, x->task != NULL ? gt_task_error(x->task) : GT_OK);
}

int gtm_handler(request_rec *r)
{
    gtm_request_t *x;
    gt_err_t *err;

    if (!gtm_route_is_set(r->handler))
        return DECLINED;
    x = gtm_request_make(r);
    if (x == NULL)
        return HTTP_SERVICE_UNAVAILABLE;
    x->end = end;
    x->mount = gtm_mount(r);
    err = pass_gates(x);
    x->work = x->bearer_waits ? &late_caller : x->route != NULL ? x->route->work : NULL;
    /* On this thread alone: who waits for keys sends the body before. */
    if (err == GT_OK)
        err = gtm_body_read(x);
    if (x->is_answered)
        return AP_FILTER_ERROR;
    if (err == GT_OK)
        err = gtm_csrf_check(x);
    if (err == GT_OK && gtm_request_can_park(r))
        return gtm_park_run(x);
    if (err == GT_OK)
        err = gtm_blocking_run(x, x->work, x);
    end_with(x, err);
    return OK;
}

int gtm_map_to_storage(request_rec *r)
{
    if (gtm_route_is_set(gtm_merged_handler(r, 1)))
        return gtm_child() ? OK : DECLINED;
    gtm_secret_query_give_back(r);
    return DECLINED;
}
