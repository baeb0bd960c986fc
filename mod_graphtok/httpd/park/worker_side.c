/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file worker_side.c
 * The hooks, which run on a worker's thread: a request is parked, its connection is handed to the
 * MPM, and comes back when a finisher could not end it.
 */

#include <ap_mpm.h>
#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>
#include <poll.h>
#include <sys/epoll.h>

#include "base/thread.h"
#include "child/httpd_thread.h"
#include "park/parked.h"
#include "request/answer.h"
#include "request/time_limit.h"

/* Hand the connection to the MPM. With output on its way it waits for the client's descriptor to
 * take it, else for epoll_fd, which is readable also when the client has sent what the task waits
 * for. */
static int sleep_in_mpm(gtm_parked_t *pk)
{
    conn_rec *c = pk->c;
    int writes = pk->progress == GT_TASK_OUTPUT || c->data_in_output_filters;

    c->cs->state = CONN_STATE_WRITE_COMPLETION;
    c->cs->sense = CONN_SENSE_DEFAULT;
    if (!writes) {
        gtm_descriptor_wait_for(pk, pk->progress == GT_TASK_INPUT ? EPOLLIN : 0);
        gtm_descriptor_lend(pk);
        c->cs->sense = CONN_SENSE_WANT_READ;
    }
    gtm_parked_lend(pk);
    pk->slept_at = gt_mono();
    pk->timeout = gtm_time_limit_timeout(pk->x->r);
    return OK;
}

static int go_on(gtm_parked_t *pk)
{
    gtm_parked_take_back(pk);
    if (pk->c->aborted ||
        (pk->progress == GT_TASK_WAITS && gtm_client_has(pk, 0) && !gt_task_ready(pk->x->task))) {
        gtm_parked_abandon(pk, 499);
        return OK;
    }
    if (pk->progress == GT_TASK_WAITS && !gt_task_ready(pk->x->task))
        return sleep_in_mpm(pk);
    if (pk->progress != GT_TASK_DONE)
        pk->progress = gt_task_run(pk->x->task);
    if (pk->progress != GT_TASK_DONE)
        return sleep_in_mpm(pk);
    gtm_parked_finish(pk);
    return OK;
}

/* A finisher ended the request. @return 1: the connection's next one can be read */
static int prepare_next(gtm_parked_t *pk)
{
    conn_rec *c = pk->c;
    gtm_parked_take_back(pk);
    pk->idle_until = 0;
    c->cs->state = CONN_STATE_LINGER;
    if (pk->lingers || c->aborted || c->keepalive != AP_CONN_KEEPALIVE)
        return 0;
    if (pk->input || gtm_client_has(pk, POLLIN)) {
        c->cs->state = CONN_STATE_READ_REQUEST_LINE;
        return 1;
    }
    if (!pk->slot.is_late)
        c->cs->state = CONN_STATE_WRITE_COMPLETION;
    return 0;
}

/* Loop's or crew's thread. */
static void wake(void *baton)
{
    gtm_parked_t *pk = baton;

    gt_conn_slot_wake(&pk->slot);
}

/* The MPM's listener goes when it counts no connection, and one that it accepted last may not be
 * counted yet: then no thread would poll that one. Asked with our connection counted, so the answer
 * holds. */
static int is_ending(void)
{
    int state = 0;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

int gtm_request_can_park(const request_rec *r)
{
    conn_rec *c = r->connection;

    return gtm_child()->finishers && r->main == NULL && r->prev == NULL && c->master == NULL &&
           c->cs != NULL && !c->clogging_input_filters && gtm_parked(c) != NULL &&
           gtm_parked(c)->wraps && !is_ending();
}

int gtm_park_run(gtm_request_t *x)
{
    gtm_parked_t *pk = gtm_parked(x->r->connection);
    gt_waker_t waker = {wake, pk};

    if (!gtm_descriptor_wait_for(pk, 0)) {
        gtm_answer_error(x, gt_err(x->r->pool, GT_BUSY, "GT0826",
                                   "the server has no descriptor left: raise LimitNOFILE"));
        gtm_answer_send(x);
        return OK;
    }
    x->parked_road = 1;
    x->task = gt_task_make(x->work, x, x->child->loop, &waker, x->r->pool);
    gt_task_limit(x->task, gtm_time_limit_begin(x));
    pk->progress = gt_task_run(x->task);
    if (pk->progress == GT_TASK_DONE) {
        x->end(x);
        return OK;
    }
    pk->score = x->r->connection->sbh;
    gtm_parked_begin(pk, x);
    return SUSPENDED;
}

int gtm_park_process(conn_rec *c)
{
    static const gt_conn_ops_t ops = {gtm_parked_work, gtm_descriptor_call_worker};
    const gtm_child_t *child = gtm_child();
    gtm_parked_t *pk;
    int result;

    if (child == NULL || child->finishers == NULL || c->master != NULL || c->cs == NULL)
        return DECLINED;
    pk = gtm_parked(c);
    if (pk == NULL)
        pk = gtm_parked_make(c, child->finishers, &ops);
    if (pk == NULL || pk->wraps)
        return DECLINED;
    if (pk->x != NULL)
        return go_on(pk);
    if (pk->is_lent && !prepare_next(pk))
        return OK;
    pk->wraps = 1;
    result = ap_run_process_connection(c);
    pk->wraps = 0;
    if (pk->x != NULL && c->cs->state == CONN_STATE_SUSPENDED)
        return sleep_in_mpm(pk);
    return result;
}

void gtm_park_suspend(conn_rec *c, request_rec *r)
{
    gtm_parked_t *pk = c->master != NULL ? NULL : gtm_parked(c);

    (void)r;
    if (pk == NULL)
        return;
    gtm_descriptor_let_go(pk);
    if (pk->x == NULL)
        return;
    /* The MPM does so after this hook, when a finisher may be at work. */
    c->sbh = NULL;
    gt_conn_slot_release(&pk->slot);
}

void gtm_park_resume(conn_rec *c, request_rec *r)
{
    gtm_parked_t *pk = c->master != NULL ? NULL : gtm_parked(c);

    (void)r;
    if (pk == NULL)
        return;
    gt_conn_slot_take(&pk->slot);
    gtm_descriptor_take(pk);
}

int gtm_park_pre_close(conn_rec *c)
{
    gtm_parked_t *pk = c->master != NULL ? NULL : gtm_parked(c);

    if (pk == NULL)
        return OK;
    gt_conn_slot_take(&pk->slot);
    gtm_descriptor_give_back(pk);
    gtm_parked_take_back(pk);
    if (pk->x != NULL) {
        /* Older httpd closes connections on its listener's thread. */
        gtm_thread_enter(c);
        gtm_parked_abandon(pk, HTTP_GATEWAY_TIME_OUT);
    }
    return OK;
}

void gtm_park_stopping(apr_pool_t *pchild, int graceful)
{
    const gtm_child_t *child = gtm_child();

    (void)pchild;
    if (child != NULL && child->finishers != NULL && !graceful)
        gtm_descriptors_cut();
}
