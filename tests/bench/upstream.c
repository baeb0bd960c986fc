/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * An upstream that costs next to nothing: one thread, epoll, HTTP/1.1 keep-alive, one answer for
 * every request, after a fixed delay. So what a benchmark measures is what stands in front of it.
 *
 *     upstream PORT DELAY_MS BODY_BYTES
 *
 * Answers are due in the order in which requests came (the delay is the same for all), so a ring of
 * connections is its whole clockwork.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 65536
#define EVENTS 512
#define HEAD_MAX 8192

/* What is known of a connection, by its descriptor. */
typedef struct connection_t {
    char head[HEAD_MAX]; /* the request so far */
    size_t len;
    size_t sent; /* of the answer under way */
    int is_sending;
    uint32_t life; /* differs for each user of a descriptor */
} connection_t;

typedef struct due_t {
    int64_t at; /* ms */
    int fd;
    uint32_t life;
} due_t;

static connection_t *connections[CONNECTIONS];
static due_t ring[1 << 17];
static size_t ring_first, ring_last;
static char *answer;
static size_t answer_len;
static int loop;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void make_answer(size_t body)
{
    char head[256];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "request-id: 8b6f2f6e-0000-4000-8000-000000000000\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       body);

    answer_len = (size_t)len + body;
    answer = malloc(answer_len);
    if (!answer)
        exit(1);
    memcpy(answer, head, (size_t)len);
    memset(answer + len, 'x', body);
    memcpy(answer + len, "{\"value\":\"", body < 10 ? body : 10);
    if (body >= 12)
        memcpy(answer + answer_len - 2, "\"}", 2);
}

static void close_connection(int fd)
{
    connections[fd]->life++;
    connections[fd]->len = connections[fd]->sent = 0;
    connections[fd]->is_sending = 0;
    close(fd);
}

static void watch(int fd, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};

    epoll_ctl(loop, how, fd, &event);
}

static void send_some(int fd)
{
    connection_t *connection = connections[fd];
    ssize_t n = send(fd, answer + connection->sent, answer_len - connection->sent, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN) {
        close_connection(fd);
        return;
    }
    connection->sent += n > 0 ? (size_t)n : 0;
    if (connection->sent < answer_len) {
        watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
        return;
    }
    connection->is_sending = 0;
    connection->sent = 0;
    watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static void begin_answer(int fd)
{
    connections[fd]->is_sending = 1;
    send_some(fd);
}

static void receive(int fd, int64_t delay)
{
    connection_t *connection = connections[fd];
    ssize_t n = recv(fd, connection->head + connection->len, HEAD_MAX - connection->len - 1, 0);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            close_connection(fd);
        return;
    }
    connection->len += (size_t)n;
    connection->head[connection->len] = '\0';
    if (!strstr(connection->head, "\r\n\r\n"))
        return;
    connection->len = 0;
    if (delay == 0) {
        begin_answer(fd);
        return;
    }
    ring[ring_last++ % (1 << 17)] = (due_t){now_ms() + delay, fd, connection->life};
}

static void accept_all(int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= CONNECTIONS) {
            close(fd);
            continue;
        }
        if (!connections[fd])
            connections[fd] = calloc(1, sizeof(connection_t));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int answer_due(void)
{
    int64_t now = now_ms();

    while (ring_first != ring_last) {
        due_t *due = &ring[ring_first % (1 << 17)];

        if (due->at > now)
            return (int)(due->at - now);
        ring_first++;
        if (connections[due->fd]->life == due->life)
            begin_answer(due->fd);
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct epoll_event events[EVENTS];
    int listener, one = 1;
    int64_t delay;

    if (argc != 4) {
        fprintf(stderr, "usage: upstream PORT DELAY_MS BODY_BYTES\n");
        return 64;
    }
    delay = atoi(argv[2]);
    make_answer((size_t)atol(argv[3]));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4096)) {
        perror("upstream");
        return 1;
    }
    loop = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        int n = epoll_wait(loop, events, EVENTS, answer_due());

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                accept_all(listener);
            else if (connections[fd]->is_sending)
                send_some(fd);
            else
                receive(fd, delay);
        }
    }
}
