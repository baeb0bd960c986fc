/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_ORIGIN_H
#define GT_ORIGIN_H

/**
 * @file origin.h
 * Private to net/, the loop's thread only: where calls to one origin go, and how many of them may
 * wait for a connection at once. An origin that is reached by a proxy is another one than the same
 * without: its connections go to the proxy, which looks up the origin's name by itself, and the
 * name looked up here is the proxy's.
 *
 * Its host's name is looked up by us (net/lookup), not by libcurl: one lookup at a time, whose
 * calls wait here and hold up no other origin's. Addresses are used for GT_ADDRESS_FRESH, and once
 * more as long while a lookup goes on in the background; after that a call waits for the lookup,
 * but no longer than GT_ADDRESS_GRACE when there are addresses of before. So name servers that are
 * away are not felt once a host was found (RFC 8767), and a host that moves is followed.
 *
 * libcurl opens another connection whenever those it has are full, so that of a thousand calls
 * that come together hundreds would each open one before the first can carry a hundred of them. To
 * an origin that multiplexes a few are opened at a time; the other calls wait here, in order.
 */

#include "net/transfer_struct.h"
#include "net/lookup.h"

#define GT_ORIGIN_NAME 560
#define GT_ADDRESS_FRESH apr_time_from_sec(60)
#define GT_ADDRESS_GRACE apr_time_from_sec(1)

typedef struct gt_origin_t {
    struct gt_origin_t *next;
    char name
        [GT_ORIGIN_NAME]; /* "https://host:port", with " http://host:port" of a proxy; "": shared by
                           * all origins beyond the bound */
    const char *proxy;    /* in `name`; NULL: connections go to the origin itself */
    int multiplexes;      /* its last answer came over HTTP/2 */
    int opening;          /* calls under way that have no connection yet */
    gt_transfer_t *first, *last; /* wait to begin */
    char host[GT_ORIGIN_NAME];   /* to be looked up; "" when libcurl needs no resolver for it */
    char *addresses;             /* as found last, or NULL */
    gt_lookup_t *lookup;         /* under way, or NULL */
    apr_time_t asked_at;         /* gt_mono: since when `lookup` goes on */
    apr_time_t found_at;         /* gt_mono: age of `addresses` */
    apr_time_t again_at;         /* gt_mono: no lookup before */
} gt_origin_t;

typedef struct gt_origins_t {
    gt_origin_t *first;
    int count;
} gt_origins_t;

/** The origin of an absolute URL, reached by a proxy (NULL: itself), for as long as the loop
 * lives. */
gt_origin_t *gt_origin_of(gt_origins_t *origins, const char *url, const char *proxy);

/** 1: one more call may begin. */
int gt_origin_has_room(const gt_origin_t *origin);

/** Begin to look its name up, if it is time to. @param done is told when a lookup has ended */
void gt_origin_look_up(gt_origin_t *origin, const gt_waker_t *done, apr_time_t now);

/** Take in a lookup that has ended.
 * @return NULL, or the resolver's words when it failed and no addresses are known of before */
const char *gt_origin_take_lookup(gt_origin_t *origin, apr_time_t now);

/** 1: the addresses that its calls go to are known. */
int gt_origin_is_found(const gt_origin_t *origin, apr_time_t now);

/** gt_mono at which calls that wait for a lookup use the former addresses; APR_INT64_MAX: none
 * do. */
apr_time_t gt_origin_patience(const gt_origin_t *origin);

/** No connection came about: before the next call its name is looked up anew. */
void gt_origin_doubt(gt_origin_t *origin);

/** "host:port:addresses" as CURLOPT_RESOLVE takes it, in `p`; NULL: libcurl needs none. */
char *gt_origin_resolved(const gt_origin_t *origin, apr_pool_t *p);

/** A call waits to begin. */
void gt_origin_wait(gt_origin_t *origin, gt_transfer_t *transfer);

/** It waits no more. */
void gt_origin_leave(gt_origin_t *origin, gt_transfer_t *transfer);

/** A call begins. */
void gt_origin_begin(gt_origin_t *origin, gt_transfer_t *transfer);

/** It has a connection, or has ended. May be called again. */
void gt_origin_connected(gt_transfer_t *transfer);

/** Free them; no call may wait any more. */
void gt_origins_free(gt_origins_t *origins);

#endif
