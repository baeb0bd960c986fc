/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* See relay.h. One thread polls the listener and all connections. */

#include "relay.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS 64
#define PIECE 16384

typedef struct pair_t {
    int client, server; /* -1: free */
    int is_swallowed;   /* the server's next answer ends it */
} pair_t;

struct relay_t {
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    int listener, wake[2];
    struct sockaddr_un server;
    pair_t pair[PAIRS];
    char params[64];
    char swallow[64]; /* "": nothing */
    int goes_down, is_down, is_frozen, is_ending, connections;
};

static void read_word(char *word, size_t size, const char *name)
{
    const char *at = strstr(getenv("GRAPHTOK_TEST_PGSQL"), name);
    size_t len;

    ck_assert_ptr_nonnull(at);
    at += strlen(name);
    len = strcspn(at, " ");
    ck_assert_uint_lt(len, size);
    memcpy(word, at, len);
    word[len] = '\0';
}

static void end_pair(pair_t *pair)
{
    close(pair->client);
    close(pair->server);
    *pair = (pair_t){-1, -1, 0};
}

static void take(relay_t *relay)
{
    int client = accept(relay->listener, NULL, NULL);
    int i;

    if (relay->is_down) {
        close(client);
        return;
    }
    relay->connections++;
    for (i = 0; i < PAIRS && relay->pair[i].client >= 0; i++)
        ;
    ck_assert_int_lt(i, PAIRS);
    relay->pair[i] = (pair_t){client, socket(AF_UNIX, SOCK_STREAM, 0), 0};
    if (connect(relay->pair[i].server, (struct sockaddr *)&relay->server, sizeof relay->server))
        end_pair(&relay->pair[i]);
}

static void from_client(relay_t *relay, pair_t *pair)
{
    char piece[PIECE];
    ssize_t n = read(pair->client, piece, sizeof piece);

    if (n <= 0 || write(pair->server, piece, (size_t)n) != n) {
        end_pair(pair);
        return;
    }
    if (relay->swallow[0] != '\0' &&
        memmem(piece, (size_t)n, relay->swallow, strlen(relay->swallow)) != NULL) {
        relay->swallow[0] = '\0';
        pair->is_swallowed = 1;
    }
}

static void from_server(relay_t *relay, pair_t *pair)
{
    char piece[PIECE];
    ssize_t n = read(pair->server, piece, sizeof piece);

    relay->is_down |= pair->is_swallowed && relay->goes_down;
    if (n <= 0 || pair->is_swallowed || write(pair->client, piece, (size_t)n) != n)
        end_pair(pair);
}

/* Call with the lock held. */
static nfds_t list(struct pollfd *fds, const relay_t *relay)
{
    nfds_t n = 0;

    fds[n++] = (struct pollfd){relay->wake[0], POLLIN, 0};
    if (relay->is_frozen)
        return n;
    fds[n++] = (struct pollfd){relay->listener, POLLIN, 0};
    for (int i = 0; i < PAIRS; i++) {
        fds[n++] = (struct pollfd){relay->pair[i].client, POLLIN, 0};
        fds[n++] = (struct pollfd){relay->pair[i].server, POLLIN, 0};
    }
    return n;
}

/* Call with the lock held. */
static void pass_on(relay_t *relay, const struct pollfd *fds)
{
    for (int i = 0; i < PAIRS; i++) {
        pair_t *pair = &relay->pair[i];

        if (fds[2 + 2 * i].revents && pair->client >= 0)
            from_client(relay, pair);
        if (fds[3 + 2 * i].revents && pair->server >= 0)
            from_server(relay, pair);
    }
    if (fds[1].revents)
        take(relay);
}

static void *run(void *baton)
{
    relay_t *relay = baton;
    struct pollfd fds[2 + 2 * PAIRS];
    char byte;

    pthread_mutex_lock(&relay->lock);
    while (!relay->is_ending) {
        nfds_t n = list(fds, relay);

        pthread_mutex_unlock(&relay->lock);
        poll(fds, n, -1);
        pthread_mutex_lock(&relay->lock);
        if (fds[0].revents && read(relay->wake[0], &byte, 1) == 1)
            continue;
        if (n > 1)
            pass_on(relay, fds);
    }
    pthread_mutex_unlock(&relay->lock);
    return NULL;
}

relay_t *relay_open(void)
{
    relay_t *relay = calloc(1, sizeof *relay);
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t size = sizeof here;
    char folder[80], port[8];

    read_word(folder, sizeof folder, "host=");
    read_word(port, sizeof port, "port=");
    relay->server.sun_family = AF_UNIX;
    snprintf(relay->server.sun_path, sizeof relay->server.sun_path, "%s/.s.PGSQL.%s", folder, port);
    for (int i = 0; i < PAIRS; i++)
        relay->pair[i] = (pair_t){-1, -1, 0};
    pthread_mutex_init(&relay->lock, NULL);
    relay->listener = socket(AF_INET, SOCK_STREAM, 0);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(relay->listener, (struct sockaddr *)&here, sizeof here), 0);
    ck_assert_int_eq(listen(relay->listener, PAIRS), 0);
    ck_assert_int_eq(getsockname(relay->listener, (struct sockaddr *)&here, &size), 0);
    snprintf(relay->params, sizeof relay->params, " host=127.0.0.1 port=%d",
             (int)ntohs(here.sin_port));
    ck_assert_int_eq(pipe(relay->wake), 0);
    ck_assert_int_eq(pthread_create(&relay->thread, NULL, run, relay), 0);
    return relay;
}

static void wake(relay_t *relay)
{
    ck_assert_int_eq(write(relay->wake[1], "", 1), 1);
}

void relay_close(relay_t *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->is_ending = 1;
    pthread_mutex_unlock(&relay->lock);
    wake(relay);
    pthread_join(relay->thread, NULL);
    for (int i = 0; i < PAIRS; i++)
        if (relay->pair[i].client >= 0)
            end_pair(&relay->pair[i]);
    close(relay->listener);
    close(relay->wake[0]);
    close(relay->wake[1]);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

const char *relay_params(const relay_t *relay)
{
    return relay->params;
}

void relay_swallow(relay_t *relay, const char *text, int goes_down)
{
    pthread_mutex_lock(&relay->lock);
    relay->goes_down = goes_down;
    snprintf(relay->swallow, sizeof relay->swallow, "%s", text);
    pthread_mutex_unlock(&relay->lock);
}

void relay_up(relay_t *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->is_down = 0;
    pthread_mutex_unlock(&relay->lock);
}

void relay_freeze(relay_t *relay, int is_frozen)
{
    pthread_mutex_lock(&relay->lock);
    relay->is_frozen = is_frozen;
    pthread_mutex_unlock(&relay->lock);
    wake(relay);
}

int relay_connections(relay_t *relay)
{
    int n;

    pthread_mutex_lock(&relay->lock);
    n = relay->connections;
    pthread_mutex_unlock(&relay->lock);
    return n;
}
