/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The loop's thread. One round: wait for events; let libcurl move bytes; take what tasks asked for
 * meanwhile, in one batch; hand out what has ended; wake the tasks that wait. A task's wake is put
 * off to the end of the round, so that an answer that came in several callbacks wakes it once.
 *
 * Nothing here may block: names are looked up by threads of their own (net/origin.h), nothing is
 * logged, and wakers only hand on.
 */

#include <stddef.h>
#include <sys/epoll.h>

#include "net/loop_struct.h"

#define EVENTS_A_ROUND 256
#define LONGEST_SLEEP_MS 60000

int gt_loop_take_queue(gt_loop_t *loop)
{
    gt_transfer_t *t;
    int is_stopping;

    pthread_mutex_lock(&loop->lock);
    t = loop->queue;
    loop->queue = NULL;
    loop->queue_end = &loop->queue;
    loop->is_sleeping = 0;
    loop->is_nudged = 0;
    is_stopping = gt_threads_must_end(&loop->threads);
    pthread_mutex_unlock(&loop->lock);
    while (t != NULL) {
        gt_transfer_t *next = t->next_queued;

        gt_loop_answer_asks_on_loop(loop, t);
        t = next;
    }
    return is_stopping;
}

/* The origin will speak the protocol that it spoke last. */
static void note_protocol(gt_transfer_t *t)
{
    long version = 0;

    if (!t->is_stream && curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version) == CURLE_OK &&
        version != 0)
        t->origin->multiplexes = version == CURL_HTTP_VERSION_2_0;
}

/* The provider's addresses may have changed. */
static void note_no_connection(const gt_transfer_t *t, CURLcode code)
{
    if (code != CURLE_OK && t->is_opening)
        gt_origin_doubt(t->origin);
}

static void hand_out(gt_loop_t *loop, gt_transfer_t *t, CURLcode code)
{
    if (t->is_dialled && code == CURLE_OK)
        gt_loop_hand_over_on_loop(loop, t);
    else
        gt_loop_end_on_loop(loop, t, gt_easy_end_on_loop(t, code));
}

static void take_ended(gt_loop_t *loop, gt_lane_t *lane)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        void *private = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        note_protocol(private);
        note_no_connection(private, code);
        hand_out(loop, private, code);
    }
}

void gt_loop_stirred_on_loop(gt_loop_t *loop, gt_transfer_t *transfer)
{
    if (transfer->is_stirred)
        return;
    transfer->is_stirred = 1;
    atomic_fetch_add(&transfer->refs, 1);
    transfer->next_stirred = loop->stirred;
    loop->stirred = transfer;
}

static void wake_stirred(gt_loop_t *loop)
{
    gt_transfer_t *t;

    while ((t = loop->stirred) != NULL) {
        loop->stirred = t->next_stirred;
        t->is_stirred = 0;
        gt_transfer_stir_on_loop(t);
        gt_transfer_release(t);
    }
}

/* An alarm is due. Of a call that waits to begin: its time for a connection is over. Of a stream:
 * the provider paused too long, unless the stream waits for its reader or for the next piece of its
 * body. */
static void check_pauses(gt_loop_t *loop, apr_time_t now)
{
    gt_alarm_t *first;

    while ((first = gt_alarm_first(&loop->pauses)) != NULL && first->at <= now) {
        gt_transfer_t *t = (gt_transfer_t *)((char *)first - offsetof(gt_transfer_t, alarm));
        int is_paused;

        if (t->waits) {
            gt_loop_give_up_waiting_on_loop(loop, t, now);
            continue;
        }
        pthread_mutex_lock(&t->lock);
        is_paused = t->is_paused || (t->upload != NULL && gt_upload_is_starving(t->upload));
        pthread_mutex_unlock(&t->lock);
        gt_alarm_clear(&loop->pauses, first);
        if (is_paused)
            t->moved = now;
        if (t->moved + t->timeout > now)
            gt_alarm_set(&loop->pauses, first, t->moved + t->timeout);
        else
            gt_loop_fail_on_loop(loop, t, GT_FAULT_TIMEOUT,
                                 "the provider sent nothing for too long");
    }
}

/* ---- the thread ---- */

int gt_loop_note_deadline(CURLM *multi, long ms, void *baton)
{
    gt_lane_t *lane = baton;

    (void)multi;
    lane->deadline = ms < 0 ? APR_INT64_MAX : gt_mono() + (apr_time_t)ms * 1000;
    return 0;
}

int gt_loop_note_socket(CURL *easy, curl_socket_t fd, int what, void *baton, void *unused)
{
    gt_lane_t *lane = baton;

    (void)easy, (void)unused;
    gt_sockets_want(&lane->loop->sockets, fd, what, (unsigned char)(lane - lane->loop->lanes));
    return 0;
}

static void socket_ready(gt_loop_t *loop, const struct epoll_event *event)
{
    curl_socket_t fd = (curl_socket_t)event->data.u64;
    unsigned char lane;
    int mask = gt_sockets_ready(&lane, &loop->sockets, fd, event->events);
    int running;

    if (mask != 0 && gt_sockets_dialled(&loop->sockets, fd) != NULL)
        gt_loop_move_on_loop(loop, gt_sockets_dialled(&loop->sockets, fd));
    else if (mask != 0)
        curl_multi_socket_action(loop->lanes[lane].multi, fd, mask, &running);
}

static void call_when_due(gt_lane_t *lane, apr_time_t now)
{
    int running;

    if (lane->deadline > now)
        return;
    lane->deadline = APR_INT64_MAX;
    curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static apr_time_t earlier(apr_time_t a, apr_time_t b)
{
    return a < b ? a : b;
}

/* How long to sleep; from here on, a thread with news writes to wake_fd. */
static int sleep_ms(gt_loop_t *loop)
{
    apr_time_t now = gt_mono();
    apr_time_t until = now + apr_time_from_msec(LONGEST_SLEEP_MS);
    apr_interval_time_t next = gt_timers_next(&loop->timers);
    const gt_alarm_t *pause = gt_alarm_first(&loop->pauses);
    const gt_origin_t *origin;
    int has_changed, i;

    for (i = 0; i < loop->lanes_made; i++)
        until = earlier(until, loop->lanes[i].deadline);
    for (origin = loop->origins.first; origin != NULL; origin = origin->next)
        until = earlier(until, gt_origin_patience(origin));
    if (next >= 0)
        until = earlier(until, now + next);
    if (pause != NULL)
        until = earlier(until, pause->at);
    pthread_mutex_lock(&loop->lock);
    has_changed = loop->queue != NULL || loop->is_nudged || gt_threads_must_end(&loop->threads);
    loop->is_sleeping = !has_changed;
    pthread_mutex_unlock(&loop->lock);
    return has_changed || until <= now ? 0 : (int)((until - now + 999) / 1000);
}

static void end_round(gt_loop_t *loop)
{
    pthread_mutex_lock(&loop->lock);
    if (loop->after_round.wake != NULL)
        loop->after_round.wake(loop->after_round.baton);
    pthread_mutex_unlock(&loop->lock);
}

/* @return 1: the loop is to end */
static int round_of(gt_loop_t *loop)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int n = epoll_wait(loop->epoll_fd, events, EVENTS_A_ROUND, sleep_ms(loop));
    int is_stopping, i;

    for (i = 0; i < n; i++) {
        if (!(events[i].data.u64 & GT_MARK_WAKE))
            socket_ready(loop, &events[i]);
    }
    is_stopping = gt_loop_take_queue(loop);
    for (i = 0; i < loop->lanes_made; i++) {
        call_when_due(&loop->lanes[i], gt_mono());
        if (loop->lanes[i].under_way > 0)
            take_ended(loop, &loop->lanes[i]);
    }
    gt_loop_take_lookups_on_loop(loop);
    gt_loop_begin_waiting_on_loop(loop);
    check_pauses(loop, gt_mono());
    wake_stirred(loop);
    gt_timers_fire_on_loop(&loop->timers);
    end_round(loop);
    return is_stopping;
}

void gt_loop_run(void *baton)
{
    static const char ending[] = "this process is ending";
    gt_loop_t *loop = baton;

    while (!round_of(loop))
        ;
    while (loop->under_way != NULL)
        gt_loop_fail_on_loop(loop, loop->under_way, GT_FAULT_CANCELLED, ending);
    gt_loop_fail_waiting_on_loop(loop, GT_FAULT_CANCELLED, ending);
    wake_stirred(loop);
}
