/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file finisher_side.c
 * A finisher goes on with a parked request while the MPM still has the connection in its poll set.
 * It runs the last steps, writes the answer, and says for how long the next request is waited for.
 */

#include <poll.h>
#include <sys/epoll.h>

#include "base/thread.h"
#include "child/httpd_thread.h"
#include "park/parked.h"
#include "request/answer.h"
#include "request/time_limit.h"

/* Most bytes that a finisher writes at once; httpd waits for a slow client from 64 KiB on. */
#define ANSWER_AT_ONCE ((apr_size_t)32 * 1024)

/* How late the MPM may look at its times, and how early. */
#define MPMS_ROUND apr_time_from_sec(1)

static apr_interval_time_t idle_time(const request_rec *r)
{
    const server_rec *s =
        r->server->keep_alive_timeout_set ? r->server : r->connection->base_server;

    return s->keep_alive_timeout;
}

/* As the MPM does it: short answers stay in httpd's last filter until it is asked to write
 * what the client takes. */
static void write_out(conn_rec *c)
{
    ap_filter_t *last = c->output_filters;

    while (last->next != NULL)
        last = last->next;
    if (last->frec->filter_func.out_func(last, NULL) != APR_SUCCESS)
        c->aborted = 1;
}

/* The time that the MPM has counted so far: a stream's next piece, or the client's next request,
 * may need the whole time. */
static apr_interval_time_t slept(const gtm_parked_t *pk)
{
    return gt_mono() - pk->slept_at;
}

/* A part of an answer is written, or of a body read, and the rest must be waited for. */
static int needs_more_time(const gtm_parked_t *pk)
{
    return pk->progress != GT_TASK_DONE && (pk->x->head_sent || pk->x->body_streams) &&
           slept(pk) > pk->timeout / 10;
}

/* @return gt_mono until which the next request is waited for; 0: the MPM takes over */
static apr_time_t finish_aside(gtm_parked_t *pk)
{
    conn_rec *c = pk->c;
    apr_interval_time_t idle = idle_time(pk->x->r);

    gtm_parked_finish(pk);
    write_out(c);
    pk->lingers = c->cs->state != CONN_STATE_WRITE_COMPLETION;
    if (!pk->lingers && !c->aborted && c->keepalive == AP_CONN_KEEPALIVE &&
        !c->data_in_input_filters && !c->data_in_output_filters &&
        slept(pk) + idle + MPMS_ROUND < pk->timeout)
        return gt_mono() + idle;
    return 0;
}

/* httpd writes the connection's state, which the MPM's listener may be reading: it gets another.
 * The worker that read the request serves others by now: hooks find the thread that runs them. */
static apr_time_t work_aside(gtm_parked_t *pk)
{
    conn_state_t *mpms = pk->c->cs;
    conn_state_t own = {.state = CONN_STATE_READ_REQUEST_LINE, .sense = CONN_SENSE_DEFAULT};
    apr_thread_t *workers = gtm_thread_enter(pk->c);

    pk->c->cs = &own;
    pk->is_aside = 1;
    gtm_parked_take_back(pk);
    pk->progress = gt_task_run(pk->x->task);
    if (pk->progress == GT_TASK_DONE && pk->x->reply.len <= ANSWER_AT_ONCE &&
        !gtm_answer_is_elsewhere(pk->x, gt_task_error(pk->x->task)))
        pk->idle_until = finish_aside(pk);
    else if (pk->c->data_in_output_filters)
        write_out(pk->c);
    gtm_parked_lend(pk);
    pk->is_aside = 0;
    pk->c->cs = mpms;
    pk->c->current_thread = workers;
    if (pk->idle_until > 0)
        gtm_descriptor_wait_for(pk, EPOLLIN);
    else if (pk->c->data_in_output_filters || needs_more_time(pk))
        gtm_descriptor_call_worker(pk);
    else if (pk->progress == GT_TASK_INPUT)
        gtm_descriptor_wait_for(pk, EPOLLIN);
    else if (pk->progress != GT_TASK_WAITS)
        gtm_descriptor_call_worker(pk);
    return pk->idle_until;
}

/* With output on its way a worker comes when the client has taken it. */
apr_time_t gtm_parked_work(void *baton)
{
    gtm_parked_t *pk = baton;

    if (pk->x == NULL)
        return pk->idle_until;
    if ((pk->progress != GT_TASK_WAITS && pk->progress != GT_TASK_INPUT) ||
        pk->stands != GTM_STANDS_EPOLL || pk->c->aborted || !gt_task_ready(pk->x->task))
        return 0;
    return work_aside(pk);
}

/* As ap_increment_counts, without its times(): that adds up all threads of the process, which
 * takes a tenth of a call. The next request that a worker ends brings the processor time up to
 * date. */
static void count_access(worker_score *score, apr_off_t bytes)
{
    score->access_count++;
    score->my_access_count++;
    score->conn_count++;
    score->bytes_served += bytes;
    score->my_bytes_served += bytes;
    score->conn_bytes += bytes;
}

int gtm_park_logged(request_rec *r)
{
    conn_rec *c = r->connection;
    gtm_parked_t *pk = c->master != NULL ? NULL : gtm_parked(c);

    if (pk != NULL && pk->is_aside && pk->score != NULL && ap_extended_status)
        count_access(ap_get_scoreboard_worker(pk->score), r->header_only ? 0 : r->bytes_sent);
    return DECLINED;
}
