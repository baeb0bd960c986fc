/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * A transfer, as the task sees it: waited for, looked at, left (transfer_make.c makes it). Its
 * memory is its own (an unmanaged pool and a malloc'ed body), because the request that asked may
 * go while the loop still writes into it. Collected bodies are wiped: token answers are among
 * them.
 */

#include "net/transfer_struct.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "base/secret.h"
#include "net/transfer_log.h"

#define FIRST_ROOM 4096

/* ---- its end ---- */

void gt_transfer_when_over(gt_transfer_t *transfer, gt_transfer_over_fn *over, void *baton)
{
    assert(!transfer->is_started && transfer->over == NULL);
    transfer->over = over;
    transfer->over_baton = baton;
}

/* By the side that ends it, without its lock: the other side does not look at `over` then. */
static void tell_over(gt_transfer_t *t)
{
    gt_transfer_over_fn *over = t->over;

    t->over = NULL;
    if (over != NULL)
        over(t->over_baton, t->is_headed ? &t->answer : NULL);
}

static void drop_bytes(gt_transfer_t *t)
{
    if (t->bytes != NULL && !t->is_stream)
        OPENSSL_cleanse(t->bytes, t->room);
    free(t->bytes);
    t->bytes = NULL;
    t->len = t->room = 0;
}

void gt_transfer_release(gt_transfer_t *transfer)
{
    if (atomic_fetch_sub(&transfer->refs, 1) > 1)
        return;
    assert(transfer->easy == NULL && !transfer->is_queued && !transfer->is_stirred);
    assert(transfer->over == NULL);
    drop_bytes(transfer);
    pthread_mutex_destroy(&transfer->lock);
    apr_pool_destroy(transfer->pool);
}

/* ---- waiting; under the transfer's lock ---- */

int gt_transfer_takes_body(const gt_transfer_t *transfer)
{
    return !transfer->is_ended && !(transfer->is_headed && transfer->answer.status >= 300);
}

static int has_reached(const gt_transfer_t *t, gt_transfer_point_t point)
{
    if (t->is_ended)
        return 1;
    if (point == GT_POINT_ROOM)
        return !gt_transfer_takes_body(t) || gt_upload_has_room(t->upload);
    /* A collected answer is handed out whole: every point of it is its end. */
    if (!t->is_stream || point == GT_POINT_END)
        return 0;
    /* A server may wait for the first word of the task that dialled it. */
    return t->is_headed && (t->len > 0 || (t->is_dialled && point == GT_POINT_HEAD));
}

static void wake_if_reached(gt_transfer_t *t)
{
    if (!t->has_waker || !has_reached(t, t->point))
        return;
    t->has_waker = 0;
    t->waker.wake(t->waker.baton);
}

/* @return 1: the loop has it; 0: it ended at once */
static int start(gt_transfer_t *t)
{
    gt_admission_t admission = gt_loop_admit(t->loop, t);

    t->is_started = 1;
    if (admission == GT_ADMITTED)
        return 1;
    t->is_ended = 1;
    gt_failure_set(&t->failure, admission == GT_FULL ? GT_FAULT_FULL : GT_FAULT_ENDING,
                   admission == GT_FULL ? "too many calls to providers are under way"
                                        : "this process is ending and takes no new calls");
    return 0;
}

void gt_transfer_wait(gt_transfer_t *transfer, gt_transfer_point_t point, const gt_waker_t *waker)
{
    int is_refused;

    pthread_mutex_lock(&transfer->lock);
    transfer->waker = *waker;
    transfer->point = point;
    transfer->has_waker = 1;
    is_refused = !transfer->is_started && !start(transfer);
    wake_if_reached(transfer);
    pthread_mutex_unlock(&transfer->lock);
    if (is_refused)
        tell_over(transfer);
}

void gt_transfer_wait_no_more(gt_transfer_t *transfer)
{
    pthread_mutex_lock(&transfer->lock);
    transfer->has_waker = 0;
    pthread_mutex_unlock(&transfer->lock);
}

int gt_transfer_reached(gt_transfer_t *transfer, gt_transfer_point_t point)
{
    int reached;

    pthread_mutex_lock(&transfer->lock);
    reached = has_reached(transfer, point);
    /* A stream's waker is put off to the end of the loop's round. Its task may have looked by
     * itself meanwhile, and may have gone: then the waker must not be called. */
    if (reached)
        transfer->has_waker = 0;
    pthread_mutex_unlock(&transfer->lock);
    return reached;
}

/* It goes on to its end, but its bytes are not taken: it must not pause for want of a reader. */
static void go_on_alone(gt_transfer_t *t)
{
    if (!t->is_stream)
        return;
    t->is_left = 1;
    drop_bytes(t);
    if (t->is_paused)
        gt_loop_ask(t->loop, t, GT_ASK_GO_ON);
    t->is_paused = 0;
}

void gt_transfer_leave(gt_transfer_t *transfer)
{
    gt_transfer_t *t = transfer;
    int has_begun;

    pthread_mutex_lock(&t->lock);
    t->has_waker = 0;
    has_begun = t->is_started;
    if (t->is_started && !t->is_ended) {
        if (t->keeps_going && (t->upload == NULL || gt_upload_is_whole(t->upload)))
            go_on_alone(t);
        else
            gt_loop_ask(t->loop, t, GT_ASK_CANCEL);
    }
    pthread_mutex_unlock(&t->lock);
    if (!has_begun)
        tell_over(t);
}

/* ---- looking ---- */

const gt_answer_t *gt_transfer_answer(gt_transfer_t *transfer)
{
    int is_there;

    pthread_mutex_lock(&transfer->lock);
    is_there = transfer->is_headed && (transfer->is_stream || transfer->is_ended) &&
               (transfer->is_stream || transfer->failure.fault == GT_FAULT_NONE);
    pthread_mutex_unlock(&transfer->lock);
    return is_there ? &transfer->answer : NULL;
}

gt_err_t *gt_transfer_error(gt_transfer_t *transfer, apr_pool_t *p)
{
    gt_err_t *err = GT_OK;

    pthread_mutex_lock(&transfer->lock);
    if (transfer->is_ended)
        err = gt_failure_error(&transfer->failure, transfer->purpose, p);
    pthread_mutex_unlock(&transfer->lock);
    return err;
}

int gt_transfer_is_too_large(gt_transfer_t *transfer)
{
    int is_too_large;

    pthread_mutex_lock(&transfer->lock);
    is_too_large = transfer->is_ended && transfer->failure.fault == GT_FAULT_TOO_LARGE;
    pthread_mutex_unlock(&transfer->lock);
    return is_too_large;
}

const char *gt_transfer_keys(gt_transfer_t *transfer)
{
    return transfer->notes_keys ? transfer->keys : NULL;
}

int gt_transfer_was_sent(gt_transfer_t *transfer)
{
    int was_sent;

    pthread_mutex_lock(&transfer->lock);
    was_sent = transfer->was_sent;
    pthread_mutex_unlock(&transfer->lock);
    return was_sent;
}

static apr_status_t free_bytes(void *bytes)
{
    free(bytes);
    return APR_SUCCESS;
}

gt_err_t *gt_transfer_take(const char **bytes, apr_size_t *len, int *end, gt_transfer_t *transfer,
                           apr_pool_t *p)
{
    gt_transfer_t *t = transfer;
    char *taken;
    int is_over;

    if (!t->is_stream) {
        const gt_answer_t *answer = gt_transfer_answer(t);

        *bytes = answer != NULL ? answer->body : "";
        *len = answer != NULL ? answer->body_len : 0;
        *end = answer != NULL;
        return gt_transfer_error(t, p);
    }
    pthread_mutex_lock(&t->lock);
    taken = t->bytes;
    *len = t->len;
    t->bytes = NULL;
    t->len = t->room = 0;
    is_over = t->is_ended;
    if (t->is_paused && !is_over)
        gt_loop_ask(t->loop, t, GT_ASK_GO_ON);
    t->is_paused = 0;
    pthread_mutex_unlock(&t->lock);
    *bytes = taken != NULL ? taken : "";
    *end = is_over && t->failure.fault == GT_FAULT_NONE;
    if (taken != NULL)
        apr_pool_cleanup_register(p, taken, free_bytes, apr_pool_cleanup_null);
    /* Bytes that came before a failure are handed out first; the failure is told next time. */
    return *len == 0 && is_over ? gt_transfer_error(t, p) : GT_OK;
}

/* ---- the loop's side ---- */

void gt_transfer_head_on_loop(gt_transfer_t *transfer, const gt_answer_t *answer)
{
    pthread_mutex_lock(&transfer->lock);
    transfer->answer = *answer;
    transfer->is_headed = 1;
    pthread_mutex_unlock(&transfer->lock);
}

/* Room for `more` bytes and a NUL: by what came, never by what the head promises. A collected
 * body's old room is wiped when it grows. */
static int make_room(gt_transfer_t *t, apr_size_t more)
{
    apr_size_t room = t->room == 0 ? FIRST_ROOM : t->room;
    char *bytes;

    if (t->len + more < t->room)
        return 1;
    while (room <= t->len + more)
        room *= 2;
    bytes = malloc(room);
    if (bytes == NULL)
        return 0;
    if (t->len > 0)
        memcpy(bytes, t->bytes, t->len);
    if (t->bytes != NULL && !t->is_stream)
        OPENSSL_cleanse(t->bytes, t->room);
    free(t->bytes);
    t->bytes = bytes;
    t->room = room;
    return 1;
}

int gt_transfer_make_way_on_loop(gt_transfer_t *transfer, apr_size_t more)
{
    int has_room;

    pthread_mutex_lock(&transfer->lock);
    has_room = transfer->len == 0 || transfer->len + more <= GT_STREAM_WAITING;
    transfer->is_paused = !has_room;
    pthread_mutex_unlock(&transfer->lock);
    return has_room;
}

int gt_transfer_bytes_on_loop(gt_transfer_t *transfer, const char *bytes, apr_size_t len)
{
    gt_transfer_t *t = transfer;
    int taken;

    pthread_mutex_lock(&t->lock);
    if (t->is_left) {
        taken = 1; /* only its end matters */
    }
    else if (t->is_stream && t->len > 0 && t->len + len > GT_STREAM_WAITING) {
        taken = 0;
    }
    else if (!make_room(t, len)) {
        taken = -1;
    }
    else {
        memcpy(t->bytes + t->len, bytes, len);
        t->len += len;
        t->bytes[t->len] = '\0';
        taken = 1;
    }
    t->is_paused = taken == 0;
    pthread_mutex_unlock(&t->lock);
    return taken;
}

void gt_transfer_stir_on_loop(gt_transfer_t *transfer)
{
    pthread_mutex_lock(&transfer->lock);
    wake_if_reached(transfer);
    pthread_mutex_unlock(&transfer->lock);
}

void gt_transfer_end_on_loop(gt_transfer_t *transfer, const gt_failure_t *failure)
{
    gt_transfer_t *t = transfer;

    gt_transfer_log(t, failure);
    /* This comes first: a task that is woken finds the call's place at the mailbox given back. */
    tell_over(t);
    pthread_mutex_lock(&t->lock);
    assert(!t->is_ended);
    t->is_ended = 1;
    if (failure != NULL)
        t->failure = *failure;
    if (!t->is_stream) {
        t->answer.body = t->bytes != NULL ? t->bytes : "";
        t->answer.body_len = t->len;
    }
    wake_if_reached(t);
    pthread_mutex_unlock(&t->lock);
}
