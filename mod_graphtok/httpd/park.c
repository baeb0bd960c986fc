/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file park.c
 * One form for httpd 2.4.52 and later: CONN_STATE_WRITE_COMPLETION with CONN_SENSE_WANT_READ. The
 * MPM comes back to process_connection from there when the connection is kept alive and says that
 * input waits; both fields are lent and given back.
 *
 * The MPM has a socket of its own for each connection (the one it accepted, in which descriptors are
 * exchanged), and httpd's filters another one on the client's descriptor. So an answer can be written
 * by whoever has the connection, and the next request waited for, while the MPM still has it in its
 * poll set.
 */

#include "park.h"

#include <ap_mpm.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_portable.h>
#include <scoreboard.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"
#include "base/thread.h"
#include "deadline.h"
#include "road.h"
#include "status.h"
#include "task/finisher.h"
#include "thread.h"

APLOG_USE_MODULE(graphtok);

/* What a finisher writes at once; httpd waits for a slow client from 64 KiB on. */
#define ANSWER_AT_ONCE ((apr_size_t)32 * 1024)

/* How late the MPM may look at its times, and how early. */
#define MPMS_ROUND apr_time_from_sec(1)

/* What we know about a connection; in its conn_config, made before anything is read from it. */
typedef struct parked_t {
    conn_rec *c;
    gt_berth_t berth;
    gtm_exchange_t *x;      /* the request that is parked or about to be; NULL: none */
    gt_progress_t progress; /* what its task said last */
    int wraps;              /* 1: the other hooks run inside ours */
    apr_socket_t *polled;   /* the MPM's */
    apr_socket_t *written;  /* the filters' */
    int client_fd;
    int epoll_fd;    /* holds the client's; -1: none yet */
    uint32_t events; /* waited for in it */
    int is_swapped;  /* 1: epoll_fd stands in `polled` */
    int is_lent;     /* 1: keepalive and data_in_input_filters are lent */
    ap_conn_keepalive_e keepalive;
    int input;
    int is_aside;                /* 1: a finisher is at it */
    ap_sb_handle_t *score;       /* of the worker that read the request */
    int lingers;                 /* 1: a finisher ended the request and the connection with it */
    apr_time_t idle_until;       /* gt_mono; 0: nobody waits for the next request */
    apr_time_t slept_at;         /* gt_mono: when the MPM began to count */
    apr_interval_time_t timeout; /* after which the MPM closes the connection */
} parked_t;

static parked_t *parked(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &graphtok_module);
}

/* ---- descriptors ---- */

static void put_descriptor(apr_socket_t *socket, int fd)
{
    apr_os_sock_put(&socket, &fd, NULL);
}

/* Where the MPM could not poll, it has closed the socket, with our descriptor in it. */
static void give_client_back(parked_t *pk)
{
    int fd = -1;

    if (!pk->is_swapped)
        return;
    pk->is_swapped = 0;
    apr_os_sock_get(&fd, pk->polled);
    if (fd >= 0) {
        put_descriptor(pk->polled, pk->client_fd);
        return;
    }
    pk->epoll_fd = -1;
    close(pk->client_fd);
}

static void close_epoll(parked_t *pk)
{
    if (pk->epoll_fd >= 0)
        close(pk->epoll_fd);
    pk->epoll_fd = -1;
}

/* The client's descriptor is the MPM's to close. APR would close the filters' socket as well, and by
 * then the number may be another connection's. */
static apr_status_t forget_descriptors(void *baton)
{
    parked_t *pk = baton;

    give_client_back(pk);
    put_descriptor(pk->written, -1);
    close_epoll(pk);
    return APR_SUCCESS;
}

/* The system tells of a connection that is broken (EPOLLHUP, EPOLLERR) without being asked. One that
 * the client only writes to no more (EPOLLRDHUP) still takes its answer. */
static int wait_for(parked_t *pk, uint32_t events)
{
    struct epoll_event event = {.events = events};
    int is_new = pk->epoll_fd < 0;

    if (is_new)
        pk->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    else if (pk->events == event.events)
        return 1;
    pk->events = event.events;
    if (pk->epoll_fd >= 0 &&
        epoll_ctl(pk->epoll_fd, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, pk->client_fd, &event) == 0)
        return 1;
    if (is_new)
        close_epoll(pk);
    return 0;
}

/* The descriptor is ready at once when the client can be written to, and else soon. */
static void call_worker(void *baton)
{
    wait_for(baton, EPOLLOUT);
}

/* `events`, or that the connection is broken. */
static int client_has(const parked_t *pk, short events)
{
    struct pollfd client = {.fd = pk->client_fd, .events = events};

    return poll(&client, 1, 0) > 0;
}

static apr_time_t work(void *baton);

/* httpd's filters share one record of their socket. */
static core_net_rec *filters_socket(conn_rec *c)
{
    for (ap_filter_t *f = c->output_filters; f; f = f->next)
        if (f->frec == ap_core_output_filter_handle)
            return f->ctx;
    return NULL;
}

static apr_socket_t *another_socket(apr_socket_t *socket, int fd, apr_pool_t *p)
{
    apr_sockaddr_t *local, *remote;
    apr_os_sock_info_t info = {.os_sock = &fd, .type = SOCK_STREAM};
    apr_interval_time_t timeout;
    apr_socket_t *other;

    if (apr_socket_addr_get(&local, APR_LOCAL, socket) != APR_SUCCESS ||
        apr_socket_addr_get(&remote, APR_REMOTE, socket) != APR_SUCCESS ||
        apr_socket_timeout_get(socket, &timeout) != APR_SUCCESS)
        return NULL;
    info.local = (struct sockaddr *)&local->sa;
    info.remote = (struct sockaddr *)&remote->sa;
    info.family = local->family;
    if (apr_os_sock_make(&other, &info, p) != APR_SUCCESS ||
        apr_socket_timeout_set(other, timeout) != APR_SUCCESS)
        return NULL;
    return other;
}

static parked_t *make(conn_rec *c, gt_finishers_t *finishers)
{
    static const gt_trade_t trade = {work, call_worker};
    core_net_rec *net = filters_socket(c);
    apr_socket_t *socket = ap_get_conn_socket(c), *other;
    parked_t *pk;
    int fd;

    /* What has been read from already keeps the socket that it was read from. */
    if (!net || net->in_ctx || net->client_socket != socket ||
        apr_os_sock_get(&fd, socket) != APR_SUCCESS)
        return NULL;
    other = another_socket(socket, fd, c->pool);
    if (!other)
        return NULL;
    net->client_socket = other;
    ap_set_core_module_config(c->conn_config, other);
    pk = apr_pcalloc(c->pool, sizeof(*pk));
    pk->c = c;
    pk->polled = socket;
    pk->written = other;
    pk->client_fd = fd;
    pk->epoll_fd = -1;
    pk->berth.finishers = finishers;
    pk->berth.trade = &trade;
    pk->berth.baton = pk;
    apr_pool_cleanup_register(c->pool, pk, forget_descriptors, apr_pool_cleanup_null);
    ap_set_module_config(c->conn_config, &graphtok_module, pk);
    return pk;
}

/* ---- a request's time of waiting ---- */

/* Loop's or crew's thread. */
static void wake(void *baton)
{
    parked_t *pk = baton;

    gt_berth_wake(&pk->berth);
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

/* Not before process_connection: the MPM looks at both on its way there. */
static void take_back(parked_t *pk)
{
    conn_rec *c = pk->c;

    if (!pk->is_lent)
        return;
    c->keepalive = pk->keepalive;
    c->data_in_input_filters = pk->input ? 1 : 0;
    pk->is_lent = 0;
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

    if (pk->x) {
        gt_task_drop(pk->x->task);
        end(pk);
    }
    return APR_SUCCESS;
}

static void finish(parked_t *pk)
{
    gtm_exchange_t *x = pk->x;
    request_rec *r = x->r;

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

    end(pk);
    apr_pool_cleanup_kill(r->pool, pk, let_go);
    gt_task_drop(x->task);
    r->status = status;
    r->connection->aborted = 1;
    r->connection->keepalive = AP_CONN_CLOSE;
    ap_process_request_after_handler(r);
}

/* ---- by a worker ---- */

/* Hand the connection to the MPM. With output on its way it waits for the client's descriptor to
 * take it, else for what epoll_fd says. */
static int sleep_in_mpm(parked_t *pk)
{
    conn_rec *c = pk->c;
    int writes = pk->progress == GT_TASK_OUTPUT || c->data_in_output_filters;

    c->cs->state = CONN_STATE_WRITE_COMPLETION;
    c->cs->sense = CONN_SENSE_DEFAULT;
    if (!writes) {
        wait_for(pk, 0);
        put_descriptor(pk->polled, pk->epoll_fd);
        pk->is_swapped = 1;
        c->cs->sense = CONN_SENSE_WANT_READ;
    }
    lend(pk);
    pk->slept_at = gt_mono();
    pk->timeout = gtm_deadline_timeout(pk->x->r);
    return OK;
}

static int go_on(parked_t *pk)
{
    take_back(pk);
    if (pk->c->aborted ||
        (pk->progress == GT_TASK_WAITS && client_has(pk, 0) && !gt_task_ready(pk->x->task))) {
        abandon(pk, 499);
        return OK;
    }
    if (pk->progress == GT_TASK_WAITS && !gt_task_ready(pk->x->task))
        return sleep_in_mpm(pk);
    if (pk->progress != GT_TASK_DONE)
        pk->progress = gt_task_run(pk->x->task);
    if (pk->progress != GT_TASK_DONE)
        return sleep_in_mpm(pk);
    finish(pk);
    return OK;
}

/* A finisher ended the request. 1: the connection's next one can be read. */
static int is_next(parked_t *pk)
{
    conn_rec *c = pk->c;
    take_back(pk);
    pk->idle_until = 0;
    c->cs->state = CONN_STATE_LINGER;
    if (pk->lingers || c->aborted || c->keepalive != AP_CONN_KEEPALIVE)
        return 0;
    if (pk->input || client_has(pk, POLLIN)) {
        c->cs->state = CONN_STATE_READ_REQUEST_LINE;
        return 1;
    }
    if (!pk->berth.is_late)
        c->cs->state = CONN_STATE_WRITE_COMPLETION;
    return 0;
}

/* ---- by a finisher ---- */

static apr_interval_time_t idle_time(const request_rec *r)
{
    const server_rec *s =
        r->server->keep_alive_timeout_set ? r->server : r->connection->base_server;

    return s->keep_alive_timeout;
}

/* As the MPM does it: short answers stay in httpd's last filter until somebody asks it to write what
 * the client takes. */
static void write_out(conn_rec *c)
{
    ap_filter_t *last = c->output_filters;

    while (last->next)
        last = last->next;
    if (last->frec->filter_func.out_func(last, NULL) != APR_SUCCESS)
        c->aborted = 1;
}

/* The MPM counts what was waited as well: a stream's next piece, or the client's next request, may need
 * the whole time. */
static apr_interval_time_t slept(const parked_t *pk)
{
    return gt_mono() - pk->slept_at;
}

/* A part of an answer is written, and the rest must be waited for. */
static int needs_more_time(const parked_t *pk)
{
    return pk->progress == GT_TASK_WAITS && pk->x->head_sent && slept(pk) > pk->timeout / 10;
}

/* @return gt_mono until which the next request is waited for; 0: the MPM takes over */
static apr_time_t finish_aside(parked_t *pk)
{
    conn_rec *c = pk->c;
    apr_interval_time_t idle = idle_time(pk->x->r);

    finish(pk);
    write_out(c);
    pk->lingers = c->cs->state != CONN_STATE_WRITE_COMPLETION;
    if (!pk->lingers && !c->aborted && c->keepalive == AP_CONN_KEEPALIVE &&
        !c->data_in_input_filters && !c->data_in_output_filters &&
        slept(pk) + idle + MPMS_ROUND < pk->timeout)
        return gt_mono() + idle;
    return 0;
}

/* httpd writes the connection's state, which the MPM's listener may be reading: it gets another. The
 * worker that read the request serves others by now: hooks find the thread that runs them. */
static apr_time_t work_aside(parked_t *pk)
{
    conn_state_t *mpms = pk->c->cs;
    conn_state_t own = {.state = CONN_STATE_READ_REQUEST_LINE, .sense = CONN_SENSE_DEFAULT};
    apr_thread_t *workers = gtm_thread_enter(pk->c);

    pk->c->cs = &own;
    pk->is_aside = 1;
    take_back(pk);
    pk->progress = gt_task_run(pk->x->task);
    if (pk->progress == GT_TASK_DONE && pk->x->reply.len <= ANSWER_AT_ONCE &&
        !gtm_answer_is_elsewhere(pk->x, gt_task_error(pk->x->task)))
        pk->idle_until = finish_aside(pk);
    else if (pk->c->data_in_output_filters)
        write_out(pk->c);
    lend(pk);
    pk->is_aside = 0;
    pk->c->cs = mpms;
    pk->c->current_thread = workers;
    if (pk->idle_until > 0)
        wait_for(pk, EPOLLIN);
    else if (pk->progress != GT_TASK_WAITS || pk->c->data_in_output_filters || needs_more_time(pk))
        call_worker(pk);
    return pk->idle_until;
}

/* With output on its way a worker comes when the client has taken it. */
static apr_time_t work(void *baton)
{
    parked_t *pk = baton;

    if (!pk->x)
        return pk->idle_until;
    if (pk->progress != GT_TASK_WAITS || !pk->is_swapped || pk->c->aborted ||
        !gt_task_ready(pk->x->task))
        return 0;
    return work_aside(pk);
}

/* ---- hooks ---- */

/* The MPM's listener goes when it counts no connection, and one that it accepted last may not be
 * counted yet: nobody would poll that one. Asked with our connection counted, so the answer holds. */
static int is_ending(void)
{
    int state = 0;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

int gtm_park_can(const request_rec *r)
{
    conn_rec *c = r->connection;

    return gtm_child()->finishers && !r->main && !r->prev && !c->master && c->cs &&
           !c->clogging_input_filters && parked(c) && parked(c)->wraps && !is_ending();
}

int gtm_park_run(gtm_exchange_t *x)
{
    parked_t *pk = parked(x->r->connection);
    gt_waker_t waker = {wake, pk};

    if (!wait_for(pk, 0)) {
        gtm_answer_error(x, gt_err(x->r->pool, GT_BUSY, "GT0826",
                                   "the server has no descriptor left: raise LimitNOFILE"));
        gtm_answer_send(x);
        return OK;
    }
    x->parked_road = 1;
    x->task = gt_task_make(x->route->work, x, x->child->loop, &waker, x->r->pool);
    gt_task_limit(x->task, gtm_deadline_begin(x));
    pk->progress = gt_task_run(x->task);
    if (pk->progress == GT_TASK_DONE) {
        gtm_road_end(x);
        return OK;
    }
    pk->score = x->r->connection->sbh;
    begin(pk, x);
    apr_pool_pre_cleanup_register(x->r->pool, pk, let_go);
    return SUSPENDED;
}

int gtm_park_process(conn_rec *c)
{
    const gtm_child_t *child = gtm_child();
    parked_t *pk;
    int result;

    if (!child || !child->finishers || c->master || !c->cs)
        return DECLINED;
    pk = parked(c);
    if (!pk)
        pk = make(c, child->finishers);
    if (!pk || pk->wraps)
        return DECLINED;
    if (pk->x)
        return go_on(pk);
    if (pk->is_lent && !is_next(pk))
        return OK;
    pk->wraps = 1;
    result = ap_run_process_connection(c);
    pk->wraps = 0;
    if (pk->x && c->cs->state == CONN_STATE_SUSPENDED)
        return sleep_in_mpm(pk);
    return result;
}

void gtm_park_suspend(conn_rec *c, request_rec *r)
{
    parked_t *pk = c->master ? NULL : parked(c);

    (void)r;
    if (!pk || !pk->x)
        return;
    /* The MPM does so after this hook, when a finisher may be at work. */
    c->sbh = NULL;
    gt_berth_lie(&pk->berth);
}

/* As ap_increment_counts, without its times(): that adds up all threads of the process, which takes a
 * tenth of a call. The next request that a worker ends brings the processor time up to date. */
static void count_access(worker_score *score, apr_off_t bytes)
{
    score->access_count++;
    score->my_access_count++;
    score->conn_count++;
    score->bytes_served += bytes;
    score->my_bytes_served += bytes;
    score->conn_bytes += bytes;
}

int gtm_park_logged(request_rec *r)
{
    conn_rec *c = r->connection;
    parked_t *pk = c->master ? NULL : parked(c);

    if (pk && pk->is_aside && pk->score && ap_extended_status)
        count_access(ap_get_scoreboard_worker(pk->score), r->header_only ? 0 : r->bytes_sent);
    return DECLINED;
}

void gtm_park_resume(conn_rec *c, request_rec *r)
{
    parked_t *pk = c->master ? NULL : parked(c);

    (void)r;
    if (!pk)
        return;
    gt_berth_take(&pk->berth);
    give_client_back(pk);
}

int gtm_park_pre_close(conn_rec *c)
{
    parked_t *pk = c->master ? NULL : parked(c);

    if (!pk)
        return OK;
    gt_berth_take(&pk->berth);
    give_client_back(pk);
    take_back(pk);
    if (pk->x) {
        /* Older httpd closes connections on its listener's thread. */
        gtm_thread_enter(c);
        abandon(pk, HTTP_GATEWAY_TIME_OUT);
    }
    return OK;
}
