/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_SOCKETS_H
#define GT_SOCKETS_H

/**
 * @file sockets.h
 * Private to net/: libcurl's sockets in the loop's epoll set. The loop's thread only.
 */

#include <curl/curl.h>

#include "gt.h"

typedef struct gt_socket_t {
    apr_uint32_t registered; /* epoll events it is registered for; 0: not in the set */
    unsigned char wants;     /* CURL_POLL_IN | CURL_POLL_OUT: what libcurl waits for now */
    unsigned char is_ours;   /* 1: opened through us, so that we learn when it is closed */
    unsigned char lane;      /* the lane whose libcurl has it */
    gt_transfer_t *dialled;  /* whose connection it is; NULL: libcurl's */
} gt_socket_t;

typedef struct gt_sockets_t {
    int epoll_fd;
    gt_socket_t *sockets; /* by descriptor, malloc'ed */
    int room;
} gt_sockets_t;

/** None yet. */
void gt_sockets_init(gt_sockets_t *sockets, int epoll_fd);

/** Free the table; sockets stay as they are. */
void gt_sockets_free(gt_sockets_t *sockets);

/** libcurl opens a socket. @return the descriptor, close-on-exec, or CURL_SOCKET_BAD */
curl_socket_t gt_sockets_open(gt_sockets_t *sockets, const struct curl_sockaddr *address);

/** libcurl closes one. */
int gt_sockets_close(gt_sockets_t *sockets, curl_socket_t fd);

/** libcurl wants to know (CURL_POLL_…) of this socket. */
void gt_sockets_want(gt_sockets_t *sockets, curl_socket_t fd, int what, unsigned char lane);

/** A socket is a transfer's own from now on, until it is closed. */
void gt_sockets_give(gt_sockets_t *sockets, curl_socket_t fd, gt_transfer_t *dialled);

/** The transfer whose own a socket is; NULL: it is libcurl's. */
gt_transfer_t *gt_sockets_dialled(gt_sockets_t *sockets, curl_socket_t fd);

/**
 * Read an event of a socket.
 * @return CURL_CSELECT_ bits; 0: the socket is idle
 */
int gt_sockets_ready(unsigned char *lane, gt_sockets_t *sockets, curl_socket_t fd,
                     apr_uint32_t events);

#endif
