/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The origins that calls go to, a short list: providers' and Graph's. URLs that come from outside
 * (links of answers) are restricted to known hosts before they get here, but the list is bounded
 * all the same.
 */

#include "net/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#define ORIGINS_MAX 64
#define OPENING_MAX 256
#define OPENING_MULTIPLEXED 4
#define AGAIN_AFTER_FAILURE apr_time_from_sec(5)

/* Length of what comes before the path. */
static apr_size_t name_len(const char *url)
{
    const char *host = strstr(url, "://");

    host = host != NULL ? host + 3 : url;
    return (apr_size_t)(host - url) + strcspn(host, "/?#");
}

/* "" for one that is too long. */
static void write_name(char name[GT_ORIGIN_NAME], const char *url, const char *proxy)
{
    int len = snprintf(name, GT_ORIGIN_NAME, "%.*s%s%s", (int)name_len(url), url,
                       proxy != NULL ? " " : "", proxy != NULL ? proxy : "");

    if (len >= GT_ORIGIN_NAME)
        name[0] = '\0';
}

static gt_origin_t *find(const gt_origins_t *origins, const char *name)
{
    gt_origin_t *origin = origins->first;

    while (origin != NULL && strcmp(origin->name, name) != 0)
        origin = origin->next;
    return origin;
}

/* Where its connections go: "http://host:port" of the proxy, or its own. */
static const char *peer_of(const gt_origin_t *origin)
{
    return origin->proxy != NULL ? origin->proxy : origin->name;
}

/* Where the port begins, or the end; NULL for "[…]", which is an address. */
static const char *host_end(const char *host)
{
    return *host == '[' ? NULL : host + strcspn(host, ":");
}

/* The host that is connected to, unless that is an address or there is none. */
static void note_host(gt_origin_t *origin)
{
    const char *begin = strstr(peer_of(origin), "://");
    const char *end = begin != NULL ? host_end(begin + 3) : NULL;
    struct in_addr address;

    if (end == NULL)
        return;
    memcpy(origin->host, begin + 3, (apr_size_t)(end - begin - 3));
    if (inet_pton(AF_INET, origin->host, &address) == 1)
        origin->host[0] = '\0';
}

gt_origin_t *gt_origin_of(gt_origins_t *origins, const char *url, const char *proxy)
{
    char name[GT_ORIGIN_NAME];
    gt_origin_t *origin;
    char *blank;

    write_name(name, url, proxy);
    origin = find(origins, name);
    if (origin == NULL && origins->count >= ORIGINS_MAX) {
        name[0] = '\0';
        origin = find(origins, name);
    }
    if (origin != NULL)
        return origin;
    origin = calloc(1, sizeof(*origin));
    if (origin == NULL)
        abort();
    memcpy(origin->name, name, sizeof(name));
    blank = strchr(origin->name, ' ');
    origin->proxy = blank != NULL ? blank + 1 : NULL;
    note_host(origin);
    origin->next = origins->first;
    origins->first = origin;
    origins->count++;
    return origin;
}

int gt_origin_has_room(const gt_origin_t *origin)
{
    return origin->opening < (origin->multiplexes ? OPENING_MULTIPLEXED : OPENING_MAX);
}

/* ---- where its calls go ---- */

void gt_origin_look_up(gt_origin_t *origin, const gt_waker_t *done, apr_time_t now)
{
    if (origin->host[0] == '\0' || origin->lookup != NULL || now < origin->again_at)
        return;
    origin->lookup = gt_lookup_start(origin->host, done);
    origin->asked_at = now;
}

const char *gt_origin_take_lookup(gt_origin_t *origin, apr_time_t now)
{
    const char *why;
    char *addresses;

    if (origin->lookup == NULL || !gt_lookup_ended(&addresses, &why, origin->lookup))
        return NULL;
    gt_lookup_drop(origin->lookup);
    origin->lookup = NULL;
    if (addresses != NULL) {
        free(origin->addresses);
        origin->addresses = addresses;
        origin->found_at = now;
        origin->again_at = now + GT_ADDRESS_FRESH;
        return NULL;
    }
    if (origin->addresses == NULL)
        return why;
    origin->again_at = now + AGAIN_AFTER_FAILURE;
    return NULL;
}

int gt_origin_is_found(const gt_origin_t *origin, apr_time_t now)
{
    if (origin->host[0] == '\0')
        return 1;
    if (origin->addresses == NULL)
        return 0;
    return origin->lookup == NULL || now < origin->found_at + 2 * GT_ADDRESS_FRESH ||
           now >= origin->asked_at + GT_ADDRESS_GRACE;
}

apr_time_t gt_origin_patience(const gt_origin_t *origin)
{
    if (origin->first == NULL || origin->lookup == NULL || origin->addresses == NULL)
        return APR_INT64_MAX;
    return origin->asked_at + GT_ADDRESS_GRACE;
}

void gt_origin_doubt(gt_origin_t *origin)
{
    origin->again_at = 0;
}

char *gt_origin_resolved(const gt_origin_t *origin, apr_pool_t *p)
{
    const char *port;

    if (origin->addresses == NULL)
        return NULL;
    port = strchr(strstr(peer_of(origin), "://") + 3, ':');
    if (port == NULL)
        port = strncasecmp(origin->name, "http:", 5) == 0 ? ":80" : ":443";
    /* "+": libcurl may forget it; each call brings it anew. */
    return apr_pstrcat(p, "+", origin->host, port, ":", origin->addresses, NULL);
}

/* ---- calls that wait ---- */

void gt_origin_wait(gt_origin_t *origin, gt_transfer_t *transfer)
{
    transfer->origin = origin;
    transfer->waits = 1;
    transfer->next = NULL;
    transfer->previous = origin->last;
    *(origin->last != NULL ? &origin->last->next : &origin->first) = transfer;
    origin->last = transfer;
}

void gt_origin_leave(gt_origin_t *origin, gt_transfer_t *transfer)
{
    *(transfer->next != NULL ? &transfer->next->previous : &origin->last) = transfer->previous;
    *(transfer->previous != NULL ? &transfer->previous->next : &origin->first) = transfer->next;
    transfer->next = transfer->previous = NULL;
    transfer->waits = 0;
}

void gt_origin_begin(gt_origin_t *origin, gt_transfer_t *transfer)
{
    transfer->origin = origin;
    transfer->is_opening = 1;
    origin->opening++;
}

void gt_origin_connected(gt_transfer_t *transfer)
{
    if (transfer->is_opening)
        transfer->origin->opening--;
    transfer->is_opening = 0;
}

void gt_origins_free(gt_origins_t *origins)
{
    gt_origin_t *origin;

    while ((origin = origins->first) != NULL) {
        origins->first = origin->next;
        if (origin->lookup != NULL)
            gt_lookup_drop(origin->lookup);
        free(origin->addresses);
        free(origin);
    }
    origins->count = 0;
}
