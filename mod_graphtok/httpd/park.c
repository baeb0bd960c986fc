/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file park.c
 * One form for httpd 2.4.52 and later: CONN_STATE_WRITE_COMPLETION with CONN_SENSE_WANT_READ. The
 * MPM comes back to process_connection from there when the connection is kept alive and says that
 * input waits; both fields are lent and given back.
 *
 * The eventfd belongs to the connection and is closed with it, after every task that could write to
 * it has ended or been dropped (gt_task_drop: no wake after it returns). A wake that comes too early
 * or too often is harmless: the task says itself whether it is ready.
 */

#include "park.h"

#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_portable.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "answer.h"
#include "net/loop.h"
#include "road.h"
#include "status.h"

APLOG_USE_MODULE(graphtok);

/* What we know about a connection; in its conn_config, made with its first request. */
typedef struct parked_t {
    conn_rec *c;
    gtm_exchange_t *x;      /* the request that is parked or about to be; NULL: none */
    gt_progress_t progress; /* what its task said last */
    gt_watch_t *watch;      /* on the client's descriptor, while x waits */
    int wraps;              /* 1: the other hooks run inside ours */
    int event_fd;           /* -1: none yet */
    int client_fd;          /* -1: the socket has it; else it stands here */
    int is_lent;            /* 1: keepalive and data_in_input_filters are lent */
    int is_gone;            /* atomic: the watch saw the client's end */
    ap_conn_keepalive_e keepalive;
    int input;
} parked_t;

static parked_t *parked(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &graphtok_module);
}

static apr_status_t close_event(void *baton)
{
    parked_t *pk = baton;

    if (pk->event_fd >= 0)
        close(pk->event_fd);
    pk->event_fd = -1;
    return APR_SUCCESS;
}

static parked_t *make(conn_rec *c)
{
    parked_t *pk = apr_pcalloc(c->pool, sizeof(*pk));

    pk->c = c;
    pk->event_fd = pk->client_fd = -1;
    apr_pool_cleanup_register(c->pool, pk, close_event, apr_pool_cleanup_null);
    ap_set_module_config(c->conn_config, &graphtok_module, pk);
    return pk;
}

/* Loop's or crew's thread. */
static void wake(void *baton)
{
    parked_t *pk = baton;
    uint64_t one = 1;

    /* The counter cannot overflow before a read, and a full one is readable: nothing to check. */
    if (write(pk->event_fd, &one, sizeof(one)) < 0)
        return;
}

/* Loop's thread. */
static void client_gone(void *baton)
{
    parked_t *pk = baton;

    __atomic_store_n(&pk->is_gone, 1, __ATOMIC_RELEASE);
    wake(pk);
}

static void drain(parked_t *pk)
{
    uint64_t count;

    if (pk->event_fd >= 0 && read(pk->event_fd, &count, sizeof(count)) < 0)
        return;
}

static void put_descriptor(conn_rec *c, int fd)
{
    apr_socket_t *socket = ap_get_conn_socket(c);

    apr_os_sock_put(&socket, &fd, c->pool);
}

static int get_descriptor(conn_rec *c)
{
    apr_os_sock_t fd = -1;

    apr_os_sock_get(&fd, ap_get_conn_socket(c));
    return fd;
}

static void lend(parked_t *pk)
{
    conn_rec *c = pk->c;

    pk->keepalive = c->keepalive;
    pk->input = c->data_in_input_filters ? 1 : 0;
    pk->is_lent = 1;
    c->keepalive = AP_CONN_KEEPALIVE;
    c->data_in_input_filters = 1;
}

static void give_client_back(parked_t *pk)
{
    if (pk->client_fd < 0)
        return;
    put_descriptor(pk->c, pk->client_fd);
    pk->client_fd = -1;
}

/* Not before process_connection: the MPM looks at both on its way there. */
static void take_back(parked_t *pk)
{
    conn_rec *c = pk->c;

    give_client_back(pk);
    if (pk->is_lent) {
        c->keepalive = pk->keepalive;
        c->data_in_input_filters = pk->input ? 1 : 0;
        pk->is_lent = 0;
    }
}

static void stop_watch(parked_t *pk)
{
    if (pk->watch)
        gt_watch_cancel(pk->watch);
    pk->watch = NULL;
}

static void begin(parked_t *pk, gtm_exchange_t *x)
{
    pk->x = x;
    gtm_status_parks(x->child->entry, 1);
}

static void end(parked_t *pk)
{
    gtm_status_parks(pk->x->child->entry, -1);
    pk->x = NULL;
}

/* Runs before anything of the request's pool goes: no wake comes later. */
static apr_status_t let_go(void *baton)
{
    parked_t *pk = baton;

    stop_watch(pk);
    if (pk->x) {
        gt_task_drop(pk->x->task);
        end(pk);
    }
    return APR_SUCCESS;
}

/* Hand the connection to the MPM. With output on its way it waits for the client's descriptor to
 * take it, else for the eventfd. */
static int sleep_in_mpm(parked_t *pk)
{
    conn_rec *c = pk->c;
    int writes = pk->progress == GT_TASK_OUTPUT || c->data_in_output_filters;

    lend(pk);
    c->cs->state = CONN_STATE_WRITE_COMPLETION;
    c->cs->sense = CONN_SENSE_DEFAULT;
    if (writes)
        return OK;
    pk->client_fd = get_descriptor(c);
    if (!pk->watch)
        pk->watch = gt_watch_start(pk->x->child->loop, pk->client_fd,
                                   &(gt_waker_t){client_gone, pk}, pk->x->r->pool);
    put_descriptor(c, pk->event_fd);
    c->cs->sense = CONN_SENSE_WANT_READ;
    return OK;
}

static void finish(parked_t *pk)
{
    gtm_exchange_t *x = pk->x;
    request_rec *r = x->r;

    stop_watch(pk);
    end(pk);
    apr_pool_cleanup_kill(r->pool, pk, let_go);
    gtm_road_end(x);
    ap_finalize_request_protocol(r);
    ap_process_request_after_handler(r);
}

/* The client has gone, or waited longer than Timeout: nobody reads an answer, but the log does. */
static void abandon(parked_t *pk, int status)
{
    gtm_exchange_t *x = pk->x;
    request_rec *r = x->r;

    stop_watch(pk);
    end(pk);
    apr_pool_cleanup_kill(r->pool, pk, let_go);
    gt_task_drop(x->task);
    r->status = status;
    r->connection->aborted = 1;
    r->connection->keepalive = AP_CONN_CLOSE;
    ap_process_request_after_handler(r);
}

static int go_on(parked_t *pk)
{
    take_back(pk);
    drain(pk);
    if (pk->c->aborted || __atomic_load_n(&pk->is_gone, __ATOMIC_ACQUIRE)) {
        abandon(pk, 499);
        return OK;
    }
    if (pk->progress == GT_TASK_WAITS && !gt_task_ready(pk->x->task))
        return sleep_in_mpm(pk);
    pk->progress = gt_task_run(pk->x->task);
    if (pk->progress != GT_TASK_DONE)
        return sleep_in_mpm(pk);
    finish(pk);
    return OK;
}

int gtm_park_can(const request_rec *r)
{
    const gtm_child_t *child = gtm_child();

    return child->parks && !r->main && !r->prev && !r->connection->master && r->connection->cs &&
           parked(r->connection) && parked(r->connection)->wraps;
}

int gtm_park_run(gtm_exchange_t *x)
{
    parked_t *pk = parked(x->r->connection);
    gt_waker_t waker = {wake, pk};

    if (pk->event_fd < 0)
        pk->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pk->event_fd < 0) {
        gtm_answer_error(x, gt_err(x->r->pool, GT_BUSY, "GT0826",
                                   "the server has no descriptor left: raise LimitNOFILE"));
        gtm_answer_send(x);
        return OK;
    }
    x->parked_road = 1;
    x->task = gt_task_make(x->route->work, x, x->child->loop, &waker, x->r->pool);
    pk->progress = gt_task_run(x->task);
    if (pk->progress == GT_TASK_DONE) {
        gtm_road_end(x);
        return OK;
    }
    begin(pk, x);
    __atomic_store_n(&pk->is_gone, 0, __ATOMIC_RELEASE);
    apr_pool_pre_cleanup_register(x->r->pool, pk, let_go);
    return SUSPENDED;
}

int gtm_park_process(conn_rec *c)
{
    const gtm_child_t *child = gtm_child();
    parked_t *pk;
    int result;

    if (!child || !child->parks || c->master || !c->cs)
        return DECLINED;
    pk = parked(c);
    if (!pk)
        pk = make(c);
    if (pk->wraps)
        return DECLINED;
    if (pk->x)
        return go_on(pk);
    pk->wraps = 1;
    result = ap_run_process_connection(c);
    pk->wraps = 0;
    if (pk->x && c->cs->state == CONN_STATE_SUSPENDED)
        return sleep_in_mpm(pk);
    return result;
}

void gtm_park_resume(conn_rec *c, request_rec *r)
{
    parked_t *pk = c->master ? NULL : parked(c);

    (void)r;
    if (pk)
        give_client_back(pk);
}

int gtm_park_pre_close(conn_rec *c)
{
    parked_t *pk = c->master ? NULL : parked(c);

    if (!pk)
        return OK;
    take_back(pk);
    if (pk->x)
        abandon(pk, HTTP_GATEWAY_TIME_OUT);
    return OK;
}
