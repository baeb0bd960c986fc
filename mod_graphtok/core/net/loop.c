/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The transfer thread. One round: wait for events; let libcurl move bytes; take what tasks asked for
 * meanwhile, in one batch; hand out what has ended; wake whoever waits. A task's wake is put off to
 * the end of the round, so that an answer that came in several callbacks wakes it once; and a task
 * that asks writes to the loop's eventfd only when the loop sleeps. Each saved hand-over is a saved
 * system call and context switch, which is most of what a short call costs.
 *
 * Several multi handles ("lanes", net/lane.h). The first carries streams, whose slow readers hold
 * connections for long and so may not use up those of the others; the others collected answers,
 * multiplexed over HTTP/2. DNS and TLS sessions are shared between them.
 *
 * Nothing here may block: names are looked up by threads of their own (net/origin.h), nothing is
 * logged, and wakers only hand on.
 */

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/thread.h"
#include "net/carry.h"
#include "net/lane.h"
#include "net/origin.h"
#include "net/sockets.h"
#include "net/timer.h"

#define EVENTS_A_ROUND 256
#define SPARE_MAX 256
#define LONGEST_SLEEP_MS 60000

/* Datum of an epoll event: a socket's descriptor, or with this bit the wake. */
#define MARK_WAKE (1ULL << 63)

struct gt_loop_t {
    gt_loop_limits_t limits;
    int epoll_fd, wake_fd;
    CURLSH *share;
    atomic_int connections;
    atomic_llong started, failed;
    gt_timers_t timers;

    /* guards what follows; only what after_round takes lies below it */
    pthread_mutex_t lock;
    gt_waker_t after_round;
    gt_transfer_t *queue, **queue_end;
    int admitted;    /* transfers under way or queued to start */
    int is_sleeping; /* in epoll_wait, or about to: whoever has news must write to wake_fd */
    int is_nudged;   /* look at the timers again */
    int is_closed;   /* no new transfers */
    gt_threads_t threads;
    int is_dead; /* the thread has ended: nobody reads the queue */

    /* the thread's only */
    gt_lane_t lanes[GT_LANES_MAX];
    int lanes_made;
    gt_sockets_t sockets;
    gt_origins_t origins;
    gt_transfer_t *under_way;
    gt_transfer_t *stirred;
    gt_alarms_t pauses;
    CURL *spare[SPARE_MAX];
    int spares;
};

/* ---- news for the thread, from any thread ---- */

static void write_wake(gt_loop_t *loop)
{
    apr_uint64_t one = 1;

    /* The counter cannot run over before it is read, and a full one wakes as well. */
    if (write(loop->wake_fd, &one, sizeof(one)) < 0)
        return;
}

/* Under loop->lock; 1: the caller calls write_wake once it has let go. */
static int must_wake(gt_loop_t *loop)
{
    int was_sleeping = loop->is_sleeping;

    loop->is_sleeping = 0;
    return was_sleeping;
}

void gt_loop_nudge(gt_loop_t *loop)
{
    int must;

    pthread_mutex_lock(&loop->lock);
    loop->is_nudged = 1;
    must = must_wake(loop);
    pthread_mutex_unlock(&loop->lock);
    if (must)
        write_wake(loop);
}

static void nudge(void *baton)
{
    gt_loop_nudge(baton);
}

/* Under loop->lock. */
static void wake_to_end(void *baton)
{
    if (must_wake(baton))
        write_wake(baton);
}

gt_timers_t *gt_loop_timers(gt_loop_t *loop)
{
    return &loop->timers;
}

/* Under both locks. */
static void enqueue(gt_loop_t *loop, gt_transfer_t *t, int asks)
{
    t->asks |= asks;
    if (t->is_queued)
        return;
    t->is_queued = 1;
    atomic_fetch_add(&t->refs, 1);
    t->next_queued = NULL;
    *loop->queue_end = t;
    loop->queue_end = &t->next_queued;
}

gt_admission_t gt_loop_admit(gt_loop_t *loop, gt_transfer_t *transfer)
{
    gt_admission_t admission = GT_ADMITTED;
    int must = 0;

    pthread_mutex_lock(&loop->lock);
    if (loop->is_closed) {
        admission = GT_CLOSED;
    }
    else if (loop->admitted >= loop->limits.max_transfers) {
        admission = GT_FULL;
    }
    else {
        loop->admitted++;
        atomic_fetch_add(&transfer->refs, 1);
        enqueue(loop, transfer, GT_ASK_START);
        must = must_wake(loop);
    }
    pthread_mutex_unlock(&loop->lock);
    if (must)
        write_wake(loop);
    return admission;
}

void gt_loop_ask(gt_loop_t *loop, gt_transfer_t *transfer, int asks)
{
    int must = 0;

    pthread_mutex_lock(&loop->lock);
    if (!loop->is_dead) {
        enqueue(loop, transfer, asks);
        must = must_wake(loop);
    }
    pthread_mutex_unlock(&loop->lock);
    if (must)
        write_wake(loop);
}

void gt_loop_close(gt_loop_t *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->is_closed = 1;
    pthread_mutex_unlock(&loop->lock);
}

int gt_loop_is_here(const gt_loop_t *loop)
{
    return gt_threads_have_this(&loop->threads);
}

void gt_loop_after_round(gt_loop_t *loop, const gt_waker_t *waker)
{
    static const gt_waker_t nobody;

    pthread_mutex_lock(&loop->lock);
    loop->after_round = waker != NULL ? *waker : nobody;
    pthread_mutex_unlock(&loop->lock);
}

void gt_loop_figures(gt_loop_figures_t *figures, gt_loop_t *loop)
{
    pthread_mutex_lock(&loop->lock);
    figures->transfers = loop->admitted;
    pthread_mutex_unlock(&loop->lock);
    figures->started = atomic_load(&loop->started);
    figures->failed = atomic_load(&loop->failed);
    figures->connections = atomic_load(&loop->connections);
}

/* ---- transfers, on the thread ---- */

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
    if (!t->is_stream && t->proxy == NULL && loop->spares < SPARE_MAX)
        loop->spare[loop->spares++] = t->easy;
    else
        curl_easy_cleanup(t->easy);
}

/* The loop's reference goes with this. */
static void end_transfer(gt_loop_t *loop, gt_transfer_t *t, const gt_failure_t *failure)
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

static void fail_transfer(gt_loop_t *loop, gt_transfer_t *t, gt_fault_t fault, const char *text)
{
    gt_failure_set(&t->own, fault, text);
    end_transfer(loop, t, &t->own);
}

static void cancel_transfer(gt_loop_t *loop, gt_transfer_t *t)
{
    fail_transfer(loop, t, GT_FAULT_CANCELLED, "nobody waits for it any more");
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
    return gt_easy_make(t, loop->share, open_socket, close_socket);
}

static void begin_transfer(gt_loop_t *loop, gt_transfer_t *t)
{
    CURL *easy = take_handle(loop, t);

    atomic_fetch_add(&loop->started, 1);
    if (easy == NULL) {
        fail_transfer(loop, t, GT_FAULT_MEMORY, "no memory for a call");
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
        fail_transfer(loop, t, GT_FAULT_MEMORY, "libcurl does not take the call");
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
    /* Streams share no connection; nobody overtakes those who wait. */
    if (gt_origin_is_found(t->origin, now) &&
        (t->is_stream || (t->origin->first == NULL && gt_origin_has_room(t->origin)))) {
        begin_transfer(loop, t);
        return;
    }
    gt_origin_wait(t->origin, t);
    gt_alarm_set(&loop->pauses, &t->alarm, now + t->connect_timeout);
    /* A lookup that could not be started has nobody to end it. */
    if (!gt_origin_is_found(t->origin, now) && t->origin->lookup == NULL)
        fail_transfer(loop, t, GT_FAULT_MEMORY, "the system gives no thread to look a name up");
}

static void fail_all(gt_loop_t *loop, gt_origin_t *origin, gt_fault_t fault, const char *text)
{
    while (origin->first != NULL)
        fail_transfer(loop, origin->first, fault, text);
}

static void take_lookups(gt_loop_t *loop)
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

static void begin_waiting(gt_loop_t *loop)
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

static void fail_waiting(gt_loop_t *loop, gt_fault_t fault, const char *text)
{
    gt_origin_t *origin;

    for (origin = loop->origins.first; origin != NULL; origin = origin->next)
        fail_all(loop, origin, fault, text);
}

/* It waited at its origin for as long as connecting may take. */
static void give_up_waiting(gt_loop_t *loop, gt_transfer_t *t, apr_time_t now)
{
    const char *proxy = t->origin->proxy;
    char text[CURL_ERROR_SIZE];

    if (gt_origin_is_found(t->origin, now)) {
        fail_transfer(loop, t, GT_FAULT_TIMEOUT, "no connection to the provider came free");
    }
    else if (proxy != NULL) {
        apr_snprintf(text, sizeof(text), "the name of the proxy %s was not resolved in time",
                     proxy);
        fail_transfer(loop, t, GT_FAULT_PROXY_AWAY, text);
    }
    else {
        fail_transfer(loop, t, GT_FAULT_TIMEOUT, "the provider's name was not resolved in time");
    }
}

/* What tasks asked for since the last round. */
static void answer_asks(gt_loop_t *loop, gt_transfer_t *t)
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
    else if (t->easy != NULL) {
        t->moved = gt_mono();
        curl_easy_pause(t->easy, CURLPAUSE_CONT);
    }
    gt_transfer_release(t);
}

static int take_queue(gt_loop_t *loop)
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

        answer_asks(loop, t);
        t = next;
    }
    return is_stopping;
}

/* What the origin spoke last is what it will speak. */
static void note_protocol(gt_transfer_t *t)
{
    long version = 0;

    if (!t->is_stream && curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version) == CURLE_OK &&
        version != 0)
        t->origin->multiplexes = version == CURL_HTTP_VERSION_2_0;
}

/* The provider may have moved. */
static void note_no_connection(const gt_transfer_t *t, CURLcode code)
{
    if (code != CURLE_OK && t->is_opening)
        gt_origin_doubt(t->origin);
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
        end_transfer(loop, private, gt_easy_end_on_loop(private, code));
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

/* The alarm of a call that waits: its time for a connection is over. A stream's: while its reader, or the
 * giver of its body, is slow it may rest, else the provider paused too long. */
static void check_pauses(gt_loop_t *loop, apr_time_t now)
{
    gt_alarm_t *first;

    while ((first = gt_alarm_first(&loop->pauses)) != NULL && first->at <= now) {
        gt_transfer_t *t = (gt_transfer_t *)((char *)first - offsetof(gt_transfer_t, alarm));
        int is_paused;

        if (t->waits) {
            give_up_waiting(loop, t, now);
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
            fail_transfer(loop, t, GT_FAULT_TIMEOUT, "the provider sent nothing for too long");
    }
}

/* ---- the thread ---- */

static int note_deadline(CURLM *multi, long ms, void *baton)
{
    gt_lane_t *lane = baton;

    (void)multi;
    lane->deadline = ms < 0 ? APR_INT64_MAX : gt_mono() + (apr_time_t)ms * 1000;
    return 0;
}

static int note_socket(CURL *easy, curl_socket_t fd, int what, void *baton, void *unused)
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

    if (mask != 0)
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

/* How long to sleep; from here on, whoever has news writes to wake_fd. */
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
        if (!(events[i].data.u64 & MARK_WAKE))
            socket_ready(loop, &events[i]);
    }
    is_stopping = take_queue(loop);
    for (i = 0; i < loop->lanes_made; i++) {
        call_when_due(&loop->lanes[i], gt_mono());
        if (loop->lanes[i].under_way > 0)
            take_ended(loop, &loop->lanes[i]);
    }
    take_lookups(loop);
    begin_waiting(loop);
    check_pauses(loop, gt_mono());
    wake_stirred(loop);
    gt_timers_fire_on_loop(&loop->timers);
    end_round(loop);
    return is_stopping;
}

static void run(void *baton)
{
    static const char ending[] = "this process is ending";
    gt_loop_t *loop = baton;

    while (!round_of(loop))
        ;
    while (loop->under_way != NULL)
        fail_transfer(loop, loop->under_way, GT_FAULT_CANCELLED, ending);
    fail_waiting(loop, GT_FAULT_CANCELLED, ending);
    wake_stirred(loop);
}

/* ---- life ---- */

static void free_curl(gt_loop_t *loop)
{
    int i;

    while (loop->spares > 0)
        curl_easy_cleanup(loop->spare[--loop->spares]);
    for (i = 0; i < loop->lanes_made; i++)
        if (loop->lanes[i].multi != NULL)
            curl_multi_cleanup(loop->lanes[i].multi);
    if (loop->share != NULL)
        curl_share_cleanup(loop->share);
    curl_global_cleanup();
}

static void free_loop(gt_loop_t *loop)
{
    free_curl(loop);
    gt_timers_free(&loop->timers);
    gt_sockets_free(&loop->sockets);
    gt_origins_free(&loop->origins);
    gt_alarms_free(&loop->pauses);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    loop->epoll_fd = loop->wake_fd = -1;
}

static int make_lane(gt_loop_t *loop, gt_lane_t *lane, int max_host_connections)
{
    CURLM *multi = lane->multi = curl_multi_init();
    int bad = 0;

    lane->loop = loop;
    lane->deadline = APR_INT64_MAX;
    if (multi == NULL)
        return 0;
    bad |= curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, note_socket) != CURLM_OK;
    bad |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane) != CURLM_OK;
    bad |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, note_deadline) != CURLM_OK;
    bad |= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, lane) != CURLM_OK;
    bad |= curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) != CURLM_OK;
    bad |= curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)max_host_connections) !=
           CURLM_OK;
    /* Below the number in flight, libcurl would close and reopen connections all the time. */
    bad |= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)loop->limits.max_transfers + 16) !=
           CURLM_OK;
    return !bad;
}

static int make_curl(gt_loop_t *loop)
{
    int most = loop->limits.max_host_connections;
    int shares = most / GT_LANE_CALLS;
    int i;

    shares = shares < 1 ? 1 : shares > GT_LANES_MAX - 2 ? GT_LANES_MAX - 2 : shares;
    /* One more, which takes over from a lane that has become too old. */
    loop->lanes_made = GT_LANE_STREAMS + 1 + shares + 1;
    loop->share = curl_share_init();
    if (loop->share == NULL ||
        curl_share_setopt(loop->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
        curl_share_setopt(loop->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
        return 0;
    for (i = 0; i < loop->lanes_made; i++)
        if (!make_lane(loop, &loop->lanes[i], i == GT_LANE_STREAMS ? most : most / shares))
            return 0;
    return 1;
}

/* @return what is missing, or NULL */
static const char *make_parts(gt_loop_t *loop)
{
    struct epoll_event event;

    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gt_timers_init(&loop->timers);
    gt_sockets_init(&loop->sockets, loop->epoll_fd);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0)
        return "no descriptor left";
    /* Edge-triggered: each write is an event, and nobody needs to read the counter. */
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = MARK_WAKE;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) != 0)
        return "epoll takes no descriptor";
    return make_curl(loop) ? NULL : "libcurl does not start";
}

static apr_status_t stop_with_pool(void *baton)
{
    gt_loop_stop(baton);
    return APR_SUCCESS;
}

gt_err_t *gt_loop_start(gt_loop_t **loop, const gt_loop_limits_t *limits, apr_pool_t *p)
{
    gt_loop_t *l = apr_pcalloc(p, sizeof(*l));
    const gt_waker_t wake = {wake_to_end, l};
    const char *missing;

    assert(limits->max_transfers > 0 && limits->max_host_connections > 0);
    *loop = NULL;
    l->limits = *limits;
    l->queue_end = &l->queue;
    pthread_mutex_init(&l->lock, NULL);
    gt_threads_init(&l->threads, &l->lock, &wake);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return gt_err(p, GT_INTERNAL, "GT0301", "the transfer loop: libcurl does not start");
    missing = make_parts(l);
    pthread_mutex_lock(&l->lock);
    if (missing == NULL && !gt_threads_start(&l->threads, "gt-loop", run, l))
        missing = "the system gives no thread";
    pthread_mutex_unlock(&l->lock);
    if (missing != NULL) {
        free_loop(l);
        return gt_err(p, GT_INTERNAL, "GT0301", "the transfer loop: %s", missing);
    }
    apr_pool_pre_cleanup_register(p, l, stop_with_pool);
    *loop = l;
    return GT_OK;
}

void gt_loop_stop(gt_loop_t *loop)
{
    if (loop->is_dead)
        return;
    gt_loop_close(loop);
    gt_threads_stop(&loop->threads);
    pthread_mutex_lock(&loop->lock);
    loop->is_dead = 1;
    pthread_mutex_unlock(&loop->lock);
    /* What was asked after the thread's last look: nothing starts (is_closed), so only cancels and
     * the like of transfers that have ended are here. */
    take_queue(loop);
    free_loop(loop);
}
