/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A handful of origins in a list: providers' and Graph's. URLs that come from outside (links of
 * answers) are kept to known hosts before they get here, but the list is bounded all the same.
 */

#include "net/origin.h"

#include <stdlib.h>
#include <string.h>

#define ORIGINS_MAX 64
#define OPENING_MAX 256
#define OPENING_MULTIPLEXED 4

/* Length of what comes before the path. */
static apr_size_t name_len(const char *url)
{
    const char *host = strstr(url, "://");

    host = host != NULL ? host + 3 : url;
    return (apr_size_t)(host - url) + strcspn(host, "/?#");
}

static gt_origin_t *find(const gt_origins_t *origins, const char *name, apr_size_t len)
{
    gt_origin_t *origin = origins->first;

    while (origin != NULL && (strncmp(origin->name, name, len) != 0 || origin->name[len] != '\0'))
        origin = origin->next;
    return origin;
}

gt_origin_t *gt_origin_of(gt_origins_t *origins, const char *url)
{
    apr_size_t len = name_len(url);
    gt_origin_t *origin;

    if (len >= GT_ORIGIN_NAME)
        len = 0;
    origin = find(origins, url, len);
    if (origin == NULL && origins->count >= ORIGINS_MAX) {
        len = 0;
        origin = find(origins, url, len);
    }
    if (origin != NULL)
        return origin;
    origin = calloc(1, sizeof(*origin));
    if (origin == NULL)
        abort();
    memcpy(origin->name, url, len);
    origin->next = origins->first;
    origins->first = origin;
    origins->count++;
    return origin;
}

int gt_origin_has_room(const gt_origin_t *origin)
{
    return origin->opening < (origin->multiplexes ? OPENING_MULTIPLEXED : OPENING_MAX);
}

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
        free(origin);
    }
    origins->count = 0;
}
