/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file parked.c
 * A parked request's time of waiting: lending httpd's fields for it, and its end.
 */

#include "park/parked.h"

#include <http_protocol.h>
#include <http_request.h>

#include "child/status.h"
#include "request/answer.h"

gtm_parked_t *gtm_parked(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &graphtok_module);
}

void gtm_parked_lend(gtm_parked_t *pk)
{
    conn_rec *c = pk->c;

    pk->keepalive = c->keepalive;
    pk->input = c->data_in_input_filters ? 1 : 0;
    pk->is_lent = 1;
    c->keepalive = AP_CONN_KEEPALIVE;
    c->data_in_input_filters = 1;
}

void gtm_parked_take_back(gtm_parked_t *pk)
{
    conn_rec *c = pk->c;

    if (!pk->is_lent)
        return;
    c->keepalive = pk->keepalive;
    c->data_in_input_filters = pk->input ? 1 : 0;
    pk->is_lent = 0;
}

static void end(gtm_parked_t *pk)
{
    gtm_status_parks(pk->x->child->entry, -1);
    pk->x = NULL;
}

/* Runs before anything of the request's pool goes: no wake comes later. */
static apr_status_t let_go(void *baton)
{
    gtm_parked_t *pk = baton;

    if (pk->x != NULL) {
        gt_task_drop(pk->x->task);
        end(pk);
    }
    return APR_SUCCESS;
}

void gtm_parked_begin(gtm_parked_t *pk, gtm_request_t *x)
{
    pk->x = x;
    gtm_status_parks(x->child->entry, 1);
    apr_pool_pre_cleanup_register(x->r->pool, pk, let_go);
}

void gtm_parked_finish(gtm_parked_t *pk)
{
    gtm_request_t *x = pk->x;
    request_rec *r = x->r;

    end(pk);
    apr_pool_cleanup_kill(r->pool, pk, let_go);
    x->end(x);
    ap_finalize_request_protocol(r);
    ap_process_request_after_handler(r);
}

void gtm_parked_abandon(gtm_parked_t *pk, int status)
{
    gtm_request_t *x = pk->x;
    request_rec *r = x->r;

    end(pk);
    apr_pool_cleanup_kill(r->pool, pk, let_go);
    gt_task_drop(x->task);
    r->status = status;
    r->connection->aborted = 1;
    r->connection->keepalive = AP_CONN_CLOSE;
    ap_process_request_after_handler(r);
}
