/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * The transfer loop's functions for other threads, its start and its end; its own thread's work
 * stands in loop_round.c. A task that asks for something writes to the loop's eventfd only when the
 * loop sleeps: each saved hand-over is a saved system call and context switch, which are most of
 * the cost of a short call.
 *
 * Several multi handles ("lanes", net/lane.h). The first carries streams, whose slow readers hold
 * connections for long and so may not use up those of the others; the others collected answers,
 * multiplexed over HTTP/2. DNS and TLS sessions are shared between them.
 */

#include <assert.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/loop_struct.h"

/* ---- news for the thread, from any thread ---- */

static void write_wake(gt_loop_t *loop)
{
    apr_uint64_t one = 1;

    /* The counter cannot run over before it is read, and a full one wakes as well. */
    if (write(loop->wake_fd, &one, sizeof(one)) < 0)
        return;
}

/* End the loop's sleep, for a caller that has news. Under loop->lock. 1: the thread sleeps, and the
 * caller calls write_wake once it has unlocked. */
static int end_sleep(gt_loop_t *loop)
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
    must = end_sleep(loop);
    pthread_mutex_unlock(&loop->lock);
    if (must)
        write_wake(loop);
}

/* Under loop->lock. */
static void wake_to_end(void *baton)
{
    if (end_sleep(baton))
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
        must = end_sleep(loop);
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
        must = end_sleep(loop);
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
    static const gt_waker_t none;

    pthread_mutex_lock(&loop->lock);
    loop->after_round = waker != NULL ? *waker : none;
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
    bad |= curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, gt_loop_note_socket) != CURLM_OK;
    bad |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane) != CURLM_OK;
    bad |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, gt_loop_note_deadline) != CURLM_OK;
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
    /* Edge-triggered: each write is an event, and the counter need not be read. */
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = GT_MARK_WAKE;
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
    if (missing == NULL && !gt_threads_start(&l->threads, "gt-loop", gt_loop_run, l))
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
    /* Requests of tasks after the thread's last look: nothing starts (is_closed), so only cancels
     * and the like for transfers that have ended are here. */
    gt_loop_take_queue(loop);
    free_loop(loop);
}
