/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file descriptors.c
 * The MPM has a socket of its own for each connection (the one it accepted, in which descriptors
 * are exchanged), and httpd's filters another one on the client's descriptor. So an answer can be
 * written by the thread that has the connection, and the next request waited for, while the MPM
 * still has it in its poll set.
 *
 * The MPM must not close the client's descriptor while the filters use it: of a child that ends at
 * once it closes the sockets that workers have, and the number would soon be a file's or another
 * connection's, to which an answer under way would be written. So a worker puts another descriptor
 * into the MPM's socket for its time, and such a child's connections are shut down instead
 * (gtm_descriptors_cut).
 */

#include <apr_portable.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "park/parked.h"

static void put_descriptor(apr_socket_t *socket, int fd)
{
    apr_os_sock_put(&socket, &fd, NULL);
}

/* -1: the MPM has closed it. */
static int get_descriptor(apr_socket_t *socket)
{
    int fd = -1;

    apr_os_sock_get(&fd, socket);
    return fd;
}

/* The number may be another file's by now: no filter writes there, or reads from it. */
static void client_is_closed(gtm_parked_t *pk)
{
    put_descriptor(pk->written, -1);
    pk->c->aborted = 1;
}

/* If the MPM failed to poll, it closed the socket and with it our epoll descriptor; then only the
 * client's is left to close. */
void gtm_descriptor_give_back(gtm_parked_t *pk)
{
    pk->is_lending = 0;
    if (pk->stands != GTM_STANDS_EPOLL)
        return;
    pk->stands = GTM_STANDS_CLIENT;
    if (get_descriptor(pk->polled) >= 0) {
        put_descriptor(pk->polled, pk->client_fd);
        return;
    }
    pk->epoll_fd = -1;
    close(pk->client_fd);
    client_is_closed(pk);
}

/* ---- the connections that workers have ---- */

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list; a leaf */
static gtm_parked_t *held;

static void begin_holding(gtm_parked_t *pk)
{
    pthread_mutex_lock(&held_lock);
    pk->next_held = held;
    pk->held_from = &held;
    if (held)
        held->held_from = &pk->next_held;
    held = pk;
    pthread_mutex_unlock(&held_lock);
}

static void end_holding(gtm_parked_t *pk)
{
    pthread_mutex_lock(&held_lock);
    *pk->held_from = pk->next_held;
    if (pk->next_held != NULL)
        pk->next_held->held_from = pk->held_from;
    pthread_mutex_unlock(&held_lock);
}

void gtm_descriptors_cut(void)
{
    pthread_mutex_lock(&held_lock);
    for (const gtm_parked_t *pk = held; pk != NULL; pk = pk->next_held)
        shutdown(pk->client_fd, SHUT_RDWR);
    pthread_mutex_unlock(&held_lock);
}

/* Without a descriptor for it the client's stays where it is. */
void gtm_descriptor_take(gtm_parked_t *pk)
{
    int other;

    gtm_descriptor_give_back(pk);
    if (pk->stands != GTM_STANDS_CLIENT)
        return;
    if (get_descriptor(pk->polled) < 0) {
        client_is_closed(pk);
        return;
    }
    other = fcntl(pk->client_fd, F_DUPFD_CLOEXEC, 0);
    if (other < 0)
        return;
    put_descriptor(pk->polled, other);
    pk->stands = GTM_STANDS_OTHER;
    begin_holding(pk);
}

/* If the MPM closed the socket meanwhile, it closed the other descriptor; the client's goes back
 * into the socket for the MPM to close. */
static void take_other_away(gtm_parked_t *pk)
{
    int other = get_descriptor(pk->polled);

    end_holding(pk);
    put_descriptor(pk->polled, pk->client_fd);
    pk->stands = GTM_STANDS_CLIENT;
    if (other >= 0)
        close(other);
}

void gtm_descriptor_let_go(gtm_parked_t *pk)
{
    if (pk->stands == GTM_STANDS_OTHER)
        take_other_away(pk);
    if (!pk->is_lending)
        return;
    pk->is_lending = 0;
    put_descriptor(pk->polled, pk->epoll_fd);
    pk->stands = GTM_STANDS_EPOLL;
}

static void close_epoll(gtm_parked_t *pk)
{
    if (pk->epoll_fd >= 0)
        close(pk->epoll_fd);
    pk->epoll_fd = -1;
}

/* The client's descriptor is the MPM's to close, unless the MPM closed its socket while the other
 * one stood there. APR would close the filters' socket as well, and by then the number may be
 * another connection's. */
static apr_status_t forget_descriptors(void *baton)
{
    gtm_parked_t *pk = baton;
    int is_closed = 0;

    gtm_descriptor_give_back(pk);
    if (pk->stands == GTM_STANDS_OTHER) {
        is_closed = get_descriptor(pk->polled) < 0;
        take_other_away(pk);
    }
    if (is_closed) {
        put_descriptor(pk->polled, -1);
        close(pk->client_fd);
    }
    put_descriptor(pk->written, -1);
    close_epoll(pk);
    return APR_SUCCESS;
}

/* The system tells of a connection that is broken (EPOLLHUP, EPOLLERR) without being asked. One
 * that the client only writes to no more (EPOLLRDHUP) still takes its answer. */
int gtm_descriptor_wait_for(gtm_parked_t *pk, uint32_t events)
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

void gtm_descriptor_lend(gtm_parked_t *pk)
{
    pk->is_lending = 1;
}

/* The descriptor is ready at once when the client can be written to, and else soon. */
void gtm_descriptor_call_worker(void *baton)
{
    gtm_descriptor_wait_for(baton, EPOLLOUT);
}

/* `events`, or that the connection is broken. */
int gtm_client_has(const gtm_parked_t *pk, short events)
{
    struct pollfd client = {.fd = pk->client_fd, .events = events};

    return poll(&client, 1, 0) > 0;
}

/* httpd's filters share one record of their socket. */
static core_net_rec *filters_socket(conn_rec *c)
{
    for (ap_filter_t *f = c->output_filters; f != NULL; f = f->next)
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

gtm_parked_t *gtm_parked_make(conn_rec *c, gt_finishers_t *finishers, const gt_conn_ops_t *ops)
{
    core_net_rec *net = filters_socket(c);
    apr_socket_t *socket = ap_get_conn_socket(c), *other;
    gtm_parked_t *pk;
    int fd;

    /* A connection that was read from already keeps the socket that it was read from. */
    if (net == NULL || net->in_ctx != NULL || net->client_socket != socket ||
        apr_os_sock_get(&fd, socket) != APR_SUCCESS)
        return NULL;
    other = another_socket(socket, fd, c->pool);
    if (other == NULL)
        return NULL;
    net->client_socket = other;
    ap_set_core_module_config(c->conn_config, other);
    pk = apr_pcalloc(c->pool, sizeof(*pk));
    pk->c = c;
    pk->polled = socket;
    pk->written = other;
    pk->client_fd = fd;
    pk->epoll_fd = -1;
    pk->slot.finishers = finishers;
    pk->slot.ops = ops;
    pk->slot.baton = pk;
    gtm_descriptor_take(pk);
    apr_pool_cleanup_register(c->pool, pk, forget_descriptors, apr_pool_cleanup_null);
    ap_set_module_config(c->conn_config, &graphtok_module, pk);
    return pk;
}
