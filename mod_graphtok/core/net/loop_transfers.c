/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * How a transfer begins and ends, on the loop's thread. A transfer waits at its origin until that
 * has an address and room; then it gets a handle of libcurl in one of the lanes. Handles are used
 * again.
 */

#include <apr_strings.h>

#include "net/loop_struct.h"

static void link_transfer(gt_loop_t *loop, gt_transfer_t *t)
{
    t->previous = NULL;
    t->next = loop->under_way;
    if (t->next != NULL)
        t->next->previous = t;
    loop->under_way = t;
}

static void unlink_transfer(gt_loop_t *loop, gt_transfer_t *t)
{
    if (t->next != NULL)
        t->next->previous = t->previous;
    if (t->previous != NULL)
        t->previous->next = t->next;
    else
        loop->under_way = t->next;
    t->next = t->previous = NULL;
}

/* Handles of streams are few, and have buffers of another size. */
static void give_back(gt_loop_t *loop, const gt_transfer_t *t)
{
    if (!t->is_stream && t->proxy == NULL && loop->spares < GT_LOOP_SPARES)
        loop->spare[loop->spares++] = t->easy;
    else
        curl_easy_cleanup(t->easy);
}

/* The loop's reference goes with this. */
void gt_loop_end_on_loop(gt_loop_t *loop, gt_transfer_t *t, const gt_failure_t *failure)
{
    if (t->easy != NULL) {
        curl_multi_remove_handle(loop->lanes[t->lane].multi, t->easy);
        loop->lanes[t->lane].under_way--;
        /* The next transfer's own buffer replaces this one's before anything is written. */
        curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
        give_back(loop, t);
        t->easy = NULL;
        unlink_transfer(loop, t);
        gt_origin_connected(t);
    }
    if (t->waits)
        gt_origin_leave(t->origin, t);
    gt_alarm_clear(&loop->pauses, &t->alarm);
    if (failure != NULL)
        atomic_fetch_add(&loop->failed, 1);
    pthread_mutex_lock(&loop->lock);
    loop->admitted--;
    pthread_mutex_unlock(&loop->lock);
    gt_transfer_end_on_loop(t, failure);
    gt_transfer_release(t);
}

void gt_loop_fail_on_loop(gt_loop_t *loop, gt_transfer_t *t, gt_fault_t fault, const char *text)
{
    gt_failure_set(&t->own, fault, text);
    gt_loop_end_on_loop(loop, t, &t->own);
}

static void cancel_transfer(gt_loop_t *loop, gt_transfer_t *t)
{
    gt_loop_fail_on_loop(loop, t, GT_FAULT_CANCELLED, "its caller waits for it no longer");
}

static void nudge(void *baton)
{
    gt_loop_nudge(baton);
}

static curl_socket_t open_socket(void *baton, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    gt_loop_t *loop = baton;
    curl_socket_t fd = gt_sockets_open(&loop->sockets, address);

    if (fd != CURL_SOCKET_BAD)
        atomic_fetch_add(&loop->connections, 1);
    return fd;
}

static int close_socket(void *baton, curl_socket_t fd)
{
    gt_loop_t *loop = baton;

    atomic_fetch_sub(&loop->connections, 1);
    return gt_sockets_close(&loop->sockets, fd);
}

static CURL *take_handle(gt_loop_t *loop, const gt_transfer_t *t)
{
    if (!t->is_stream && t->proxy == NULL && loop->spares > 0)
        return loop->spare[--loop->spares];
    return gt_easy_make(t, loop->share, !loop->limits.whole_handshakes, open_socket, close_socket);
}

static void begin_transfer(gt_loop_t *loop, gt_transfer_t *t)
{
    CURL *easy = take_handle(loop, t);

    atomic_fetch_add(&loop->started, 1);
    if (easy == NULL) {
        gt_loop_fail_on_loop(loop, t, GT_FAULT_MEMORY, "no memory for a call");
        return;
    }
    t->lane =
        t->is_stream ? GT_LANE_STREAMS : gt_lane_choose(loop->lanes, loop->lanes_made, gt_mono());
    gt_lane_begin(&loop->lanes[t->lane], gt_mono());
    link_transfer(loop, t);
    if (!t->is_stream)
        gt_origin_begin(t->origin, t);
    if (!gt_easy_begin_on_loop(easy, t) ||
        curl_multi_add_handle(loop->lanes[t->lane].multi, easy) != CURLM_OK) {
        gt_loop_fail_on_loop(loop, t, GT_FAULT_MEMORY, "libcurl does not take the call");
        return;
    }
    if (t->is_stream)
        gt_alarm_set(&loop->pauses, &t->alarm, t->began + t->timeout);
}

static void begin_or_wait(gt_loop_t *loop, gt_transfer_t *t)
{
    const gt_waker_t done = {nudge, loop};
    apr_time_t now = gt_mono();

    t->origin = gt_origin_of(&loop->origins, t->url, t->proxy);
    gt_origin_look_up(t->origin, &done, now);
    /* Streams share no connection; none overtakes those that wait. */
    if (gt_origin_is_found(t->origin, now) &&
        (t->is_stream || (t->origin->first == NULL && gt_origin_has_room(t->origin)))) {
        begin_transfer(loop, t);
        return;
    }
    gt_origin_wait(t->origin, t);
    gt_alarm_set(&loop->pauses, &t->alarm, now + t->connect_timeout);
    /* A lookup that could not be started has no thread that ends it. */
    if (!gt_origin_is_found(t->origin, now) && t->origin->lookup == NULL)
        gt_loop_fail_on_loop(loop, t, GT_FAULT_MEMORY,
                             "the system gives no thread to look a name up");
}

static void fail_all(gt_loop_t *loop, gt_origin_t *origin, gt_fault_t fault, const char *text)
{
    while (origin->first != NULL)
        gt_loop_fail_on_loop(loop, origin->first, fault, text);
}

void gt_loop_take_lookups_on_loop(gt_loop_t *loop)
{
    gt_origin_t *origin;

    for (origin = loop->origins.first; origin != NULL; origin = origin->next) {
        const char *why = gt_origin_take_lookup(origin, gt_mono());
        char text[CURL_ERROR_SIZE];

        if (why == NULL)
            continue;
        apr_snprintf(text, sizeof(text), "the name %s%s does not resolve: %s",
                     origin->proxy != NULL ? "of the proxy " : "", origin->host, why);
        fail_all(loop, origin, origin->proxy != NULL ? GT_FAULT_PROXY_AWAY : GT_FAULT_UNREACHABLE,
                 text);
    }
}

void gt_loop_begin_waiting_on_loop(gt_loop_t *loop)
{
    gt_origin_t *origin;

    for (origin = loop->origins.first; origin != NULL; origin = origin->next)
        while (origin->first != NULL && gt_origin_has_room(origin) &&
               gt_origin_is_found(origin, gt_mono())) {
            gt_transfer_t *t = origin->first;

            gt_alarm_clear(&loop->pauses, &t->alarm);
            gt_origin_leave(origin, t);
            begin_transfer(loop, t);
        }
}

void gt_loop_fail_waiting_on_loop(gt_loop_t *loop, gt_fault_t fault, const char *text)
{
    gt_origin_t *origin;

    for (origin = loop->origins.first; origin != NULL; origin = origin->next)
        fail_all(loop, origin, fault, text);
}

/* It waited at its origin for as long as connecting may take. */
void gt_loop_give_up_waiting_on_loop(gt_loop_t *loop, gt_transfer_t *t, apr_time_t now)
{
    const char *proxy = t->origin->proxy;
    char text[CURL_ERROR_SIZE];

    if (gt_origin_is_found(t->origin, now)) {
        gt_loop_fail_on_loop(loop, t, GT_FAULT_TIMEOUT, "no connection to the provider came free");
    }
    else if (proxy != NULL) {
        apr_snprintf(text, sizeof(text), "the name of the proxy %s was not resolved in time",
                     proxy);
        gt_loop_fail_on_loop(loop, t, GT_FAULT_PROXY_AWAY, text);
    }
    else {
        gt_loop_fail_on_loop(loop, t, GT_FAULT_TIMEOUT,
                             "the provider's name was not resolved in time");
    }
}

void gt_loop_move_on_loop(gt_loop_t *loop, gt_transfer_t *t)
{
    gt_dial_state_t state;
    curl_socket_t fd = CURL_SOCKET_BAD;

    gt_dial_move_on_loop(&state, t);
    if (state.has_ended) {
        gt_loop_end_on_loop(loop, t, state.failure);
        return;
    }
    curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd != CURL_SOCKET_BAD)
        gt_sockets_want(&loop->sockets, fd, state.wants != 0 ? state.wants : CURL_POLL_REMOVE,
                        t->lane);
}

void gt_loop_hand_over_on_loop(gt_loop_t *loop, gt_transfer_t *t)
{
    curl_socket_t fd;
    const gt_failure_t *failure = gt_dial_open_on_loop(&fd, t);

    if (failure != NULL) {
        gt_loop_end_on_loop(loop, t, failure);
        return;
    }
    gt_alarm_clear(&loop->pauses, &t->alarm);
    gt_sockets_give(&loop->sockets, fd, t);
    gt_loop_stirred_on_loop(loop, t);
    gt_loop_move_on_loop(loop, t);
}

/* Carry out the requests of a transfer's task since the last round. */
void gt_loop_answer_asks_on_loop(gt_loop_t *loop, gt_transfer_t *t)
{
    int asks;

    pthread_mutex_lock(&t->lock);
    asks = t->asks;
    t->asks = 0;
    t->is_queued = 0;
    pthread_mutex_unlock(&t->lock);
    if (asks & GT_ASK_CANCEL) {
        if (t->easy != NULL || t->waits || (asks & GT_ASK_START))
            cancel_transfer(loop, t);
    }
    else if (asks & GT_ASK_START) {
        begin_or_wait(loop, t);
    }
    else if (t->easy != NULL && t->is_dialled) {
        if (t->is_headed)
            gt_loop_move_on_loop(loop, t);
    }
    else if (t->easy != NULL) {
        t->moved = gt_mono();
        curl_easy_pause(t->easy, CURLPAUSE_CONT);
    }
    gt_transfer_release(t);
}
