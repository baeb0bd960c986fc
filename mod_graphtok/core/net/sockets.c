/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * libcurl's sockets in the epoll set. libcurl takes a kept-alive connection's socket out of the set
 * after each answer and puts it back with the next request: two system calls for each transfer.
 * Here the socket is only marked as idle; it is taken out when an event comes (the provider closed
 * it) or when it is closed. That is safe for sockets opened through us, since we see their end;
 * others (the resolver's) are registered and taken out at once.
 */

#include "net/sockets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void gt_sockets_init(gt_sockets_t *sockets, int epoll_fd)
{
    sockets->epoll_fd = epoll_fd;
    sockets->sockets = NULL;
    sockets->room = 0;
}

void gt_sockets_free(gt_sockets_t *sockets)
{
    free(sockets->sockets);
    gt_sockets_init(sockets, -1);
}

static gt_socket_t *entry(gt_sockets_t *sockets, curl_socket_t fd)
{
    int room = sockets->room == 0 ? 64 : sockets->room;

    if (fd < sockets->room)
        return &sockets->sockets[fd];
    while (room <= fd)
        room *= 2;
    sockets->sockets = realloc(sockets->sockets, (size_t)room * sizeof(gt_socket_t));
    if (sockets->sockets == NULL)
        abort();
    memset(sockets->sockets + sockets->room, 0,
           (size_t)(room - sockets->room) * sizeof(gt_socket_t));
    sockets->room = room;
    return &sockets->sockets[fd];
}

static void take_out(gt_sockets_t *sockets, curl_socket_t fd, gt_socket_t *socket)
{
    if (socket->registered != 0)
        epoll_ctl(sockets->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    socket->registered = 0;
}

curl_socket_t gt_sockets_open(gt_sockets_t *sockets, const struct curl_sockaddr *address)
{
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    if (fd < 0)
        return CURL_SOCKET_BAD;
    memset(entry(sockets, fd), 0, sizeof(gt_socket_t));
    entry(sockets, fd)->is_ours = 1;
    return fd;
}

int gt_sockets_close(gt_sockets_t *sockets, curl_socket_t fd)
{
    gt_socket_t *socket = entry(sockets, fd);

    take_out(sockets, fd, socket);
    memset(socket, 0, sizeof(*socket));
    return close(fd);
}

void gt_sockets_want(gt_sockets_t *sockets, curl_socket_t fd, int what, unsigned char lane)
{
    gt_socket_t *socket = entry(sockets, fd);
    struct epoll_event event;

    if (what == CURL_POLL_REMOVE) {
        socket->wants = 0;
        if (!socket->is_ours)
            take_out(sockets, fd, socket);
        return;
    }
    socket->wants = (unsigned char)(what & (CURL_POLL_IN | CURL_POLL_OUT));
    socket->lane = lane;
    event.events = (socket->wants & CURL_POLL_IN ? (apr_uint32_t)EPOLLIN : 0) |
                   (socket->wants & CURL_POLL_OUT ? (apr_uint32_t)EPOLLOUT : 0);
    event.data.u64 = (apr_uint32_t)fd;
    if (event.events == socket->registered)
        return;
    if (epoll_ctl(sockets->epoll_fd, socket->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
                  &event) == 0)
        socket->registered = event.events;
}

void gt_sockets_give(gt_sockets_t *sockets, curl_socket_t fd, gt_transfer_t *dialled)
{
    entry(sockets, fd)->dialled = dialled;
}

gt_transfer_t *gt_sockets_dialled(gt_sockets_t *sockets, curl_socket_t fd)
{
    return entry(sockets, fd)->dialled;
}

int gt_sockets_ready(unsigned char *lane, gt_sockets_t *sockets, curl_socket_t fd,
                     apr_uint32_t events)
{
    gt_socket_t *socket = entry(sockets, fd);
    int mask = 0;

    *lane = socket->lane;
    if (socket->wants == 0) {
        take_out(sockets, fd, socket);
        return 0;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_IN;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_OUT;
    return mask;
}
