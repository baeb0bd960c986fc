/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A lookup has two owners, its caller and its thread; the last one to let go frees it. The thread
 * may outlive a child's end (gt_thread_detach).
 */

#include "net/lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/thread.h"

#define ADDRESSES_MAX 16
#define ADDRESS_ROOM (INET6_ADDRSTRLEN + 3) /* brackets and a comma */

struct gt_lookup_t {
    pthread_mutex_t lock; /* guards the members below but `host` */
    int owners;
    int has_ended;
    gt_waker_t done; /* wake NULL: it was dropped */
    char *addresses;
    const char *why;
    char host[]; /* constant */
};

/* Call with the lock held; it is released, or destroyed with the lookup. */
static void let_go(gt_lookup_t *lookup)
{
    int left = --lookup->owners;

    pthread_mutex_unlock(&lookup->lock);
    if (left > 0)
        return;
    pthread_mutex_destroy(&lookup->lock);
    free(lookup->addresses);
    free(lookup);
}

/* ---- on its thread ---- */

static const char *address_of(const struct addrinfo *info, char text[INET6_ADDRSTRLEN])
{
    const void *address = NULL;

    if (info->ai_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)info->ai_addr)->sin_addr;
    else if (info->ai_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)info->ai_addr)->sin6_addr;
    return address != NULL ? inet_ntop(info->ai_family, address, text, INET6_ADDRSTRLEN) : NULL;
}

static char *list_of(const struct addrinfo *found)
{
    char *list = calloc(ADDRESSES_MAX, ADDRESS_ROOM);
    size_t len = 0;
    int n = 0;

    if (list == NULL)
        abort();
    for (; found != NULL && n < ADDRESSES_MAX; found = found->ai_next) {
        char text[INET6_ADDRSTRLEN];
        const char *address = address_of(found, text);
        int is_long = found->ai_family == AF_INET6;

        if (address == NULL)
            continue;
        len += (size_t)snprintf(list + len, ADDRESS_ROOM, "%s%s%s%s", n++ > 0 ? "," : "",
                                is_long ? "[" : "", address, is_long ? "]" : "");
    }
    if (n > 0)
        return list;
    free(list);
    return NULL;
}

static void look_up(void *baton)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    gt_lookup_t *lookup = baton;
    struct addrinfo *found = NULL;
    int status = getaddrinfo(lookup->host, NULL, &hints, &found);
    char *addresses = status == 0 ? list_of(found) : NULL;

    if (status == 0)
        freeaddrinfo(found);
    pthread_mutex_lock(&lookup->lock);
    lookup->has_ended = 1;
    lookup->addresses = addresses;
    lookup->why = status != 0 ? gai_strerror(status) : "it has no address";
    if (lookup->done.wake != NULL)
        lookup->done.wake(lookup->done.baton);
    let_go(lookup);
}

/* ---- on the caller's thread ---- */

gt_lookup_t *gt_lookup_start(const char *host, const gt_waker_t *done)
{
    apr_size_t size = strlen(host) + 1;
    gt_lookup_t *lookup = calloc(1, sizeof(*lookup) + size);

    if (lookup == NULL)
        abort();
    memcpy(lookup->host, host, size);
    pthread_mutex_init(&lookup->lock, NULL);
    lookup->owners = 2;
    lookup->done = *done;
    if (gt_thread_detach("gt-lookup", look_up, lookup) == APR_SUCCESS)
        return lookup;
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
    return NULL;
}

int gt_lookup_ended(char **addresses, const char **why, gt_lookup_t *lookup)
{
    int has_ended;

    pthread_mutex_lock(&lookup->lock);
    has_ended = lookup->has_ended;
    *addresses = lookup->addresses;
    *why = lookup->why;
    lookup->addresses = NULL;
    pthread_mutex_unlock(&lookup->lock);
    return has_ended;
}

void gt_lookup_drop(gt_lookup_t *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    lookup->done.wake = NULL;
    let_go(lookup);
}
