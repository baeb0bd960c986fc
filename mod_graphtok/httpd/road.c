/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file road.c
 * Gates first, each an own file, none of which waits for the network; limits stand before anything
 * that costs. A gate's error is answered like any other.
 */

#include "road.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "answer.h"
#include "block.h"
#include "body.h"
#include "caller.h"
#include "deadline.h"
#include "ratelimit.h"
#include "net/url.h"
#include "origin.h"
#include "park.h"
#include "route.h"
#include "secret_query.h"
#include "status.h"

APLOG_USE_MODULE(graphtok);

#define QUERY_PAIRS 24
#define PROVIDERS_PAIRS 64

gt_err_t *gtm_find_parts(gtm_exchange_t *x)
{
    const char *provider = x->dir->provider;

    if (x->route->demands & GTM_NO_GRANT) {
        x->owner = (gt_owner_t){"", ""};
        return GT_OK;
    }
    GT_TRY(gtm_child_ready(x->child, x->r->pool));
    x->store = gt_vault_store(x->child->vault, x->dir->store);
    x->provider = provider ? gt_vault_provider(x->child->vault, provider) : NULL;
    if (!x->store || !x->provider)
        return gt_err(x->r->pool, GT_INTERNAL, "GT0807",
                      "this location names no provider or store that is configured");
    x->owner.provider = provider;
    x->owner.user = "";
    return GT_OK;
}

static gt_err_t *read_query(gtm_exchange_t *x)
{
    static const char *const decisive[] = {"state", "code", "error", "iss", NULL};
    request_rec *r = x->r;

    if (!(x->route->demands & GTM_PROVIDERS_QUERY))
        return gt_query_parse(&x->query, r->args, QUERY_PAIRS, r->pool);
    /* Hidden early as a rule; here once more, for a path that reads as the callback's only now. */
    gtm_secret_query_take(r);
    return gt_query_parse_leniently(&x->query, gtm_secret_query(r), PROVIDERS_PAIRS, decisive,
                                    r->pool);
}

typedef gt_err_t *gate_fn(gtm_exchange_t *x);

/* All but the body, which is waited for as long as httpd allows. */
static gate_fn *const gates[] = {gtm_route_find,  gtm_caller_name,   read_query,
                                 gtm_find_parts,  gtm_origin_check,  gtm_caller_find,
                                 gtm_limit_check, gtm_caller_confirm};

static gt_err_t *pass_gates(gtm_exchange_t *x)
{
    gt_err_t *err = GT_OK;
    sigset_t before;

    gtm_block_begin(&before, x->child);
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]) && !err; i++)
        err = gates[i](x);
    gtm_block_end(&before, x->child);
    gtm_caller_show(x);
    return err ? err : gtm_body_read(x);
}

static void end_with(gtm_exchange_t *x, gt_err_t *err)
{
    if (err)
        gtm_answer_error(x, gtm_deadline_explain(x, err));
    gtm_answer_send(x);
}

void gtm_road_end(gtm_exchange_t *x)
{
    end_with(x, x->task ? gt_task_error(x->task) : GT_OK);
}

int gtm_handler(request_rec *r)
{
    gtm_exchange_t *x;
    gt_err_t *err;

    if (!gtm_route_is_set(r->handler))
        return DECLINED;
    x = apr_pcalloc(r->pool, sizeof(*x));
    x->r = r;
    x->dir = gtm_dir(r);
    x->mount = gtm_mount(r);
    x->child = gtm_child();
    if (!x->child)
        return HTTP_SERVICE_UNAVAILABLE;
    err = pass_gates(x);
    if (x->is_answered)
        return AP_FILTER_ERROR;
    if (!err && gtm_park_can(r))
        return gtm_park_run(x);
    if (!err)
        err = gtm_block_run(x, x->route->work, x);
    end_with(x, err);
    return OK;
}

/* What SetHandler says for the request's place, its sections merged. httpd's core module puts it into
 * r->handler at the fixups, in lower case. httpd merges Location sections before this hook, forgets
 * them for it, and merges them again after it; its own cache makes the merging here cheap. */
static const char *merged_handler(request_rec *r)
{
    ap_conf_vector_t *before = r->per_dir_config;
    const core_dir_config *core;
    const char *fault = NULL;
    char *name = NULL;

    if (ap_location_walk(r) == OK && ap_if_walk(r) == OK) {
        core = ap_get_core_module_config(r->per_dir_config);
        name = apr_pstrdup(r->pool, core->expr_handler
                                        ? ap_expr_str_exec(r, core->expr_handler, &fault)
                                        : core->handler);
    }
    r->per_dir_config = before;
    if (!name || fault)
        return NULL;
    ap_str_tolower(name);
    return name;
}

int gtm_map_to_storage(request_rec *r)
{
    return gtm_child() && gtm_route_is_set(merged_handler(r)) ? OK : DECLINED;
}
