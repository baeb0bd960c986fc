/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TRANSFER_H
#define GT_TRANSFER_H

/**
 * @file transfer.h
 * One HTTP exchange with a provider. It is made by a step, carried by the loop, looked at by the
 * next step. It has two owners, the task and the loop, its own memory and its own lock; the owner
 * that lets go last frees it. https only (http to loopback when a test asks), TLS 1.2 at least,
 * certificate, host name and pins verified, redirects never followed, no cookies, no proxy but the
 * one that the request names (never from the environment), CR/LF refused in header values. Only GET
 * and HEAD are ever sent a second time (when a kept-alive connection dies before an answer).
 *
 * Collected (default): the whole body, unpacked and bounded by answer_max, before the task is
 * woken; over HTTP/2 where the provider has it. For all that fits into memory.
 * Streamed: head first (gt_await_head), then pieces (gt_again_on_bytes, gt_transfer_take); the loop
 * stops reading from the provider while 48 KiB wait to be taken. On a connection of its own, over
 * HTTP/1.1, so that a slow reader stops no other call. A streamed call may have a body that comes
 * in pieces as well (gt_again_on_room, gt_transfer_give): the task finds room while less than 48
 * KiB wait to be sent, and libcurl waits while nothing does. Such a call is never sent twice, and
 * with its task before the last piece it ends, keep_going or not.
 * Dialled: a connection to a mail server, for a protocol that is spoken elsewhere. libcurl
 * connects, makes TLS (imaps, smtps) or asks for it (imap, smtp: STARTTLS; without it nothing is
 * handed over) and reads the greeting and the capabilities; it does not sign in. The head, without
 * a status, says that the connection is there. From then on bytes go both ways by gt_transfer_take
 * and gt_transfer_give; the last piece that is given hangs up. Its time limit is that of dialling;
 * afterwards the task has limits of its own (gt_again_on_bytes_until).
 */

#include "base/err.h"
#include "base/trace.h"
#include "base/waker.h"

/** The request. Everything is copied; fields left 0 or NULL take the default. */
typedef struct gt_request_t {
    const char *method;                /* GET when NULL */
    const char *url;                   /* absolute */
    const apr_array_header_t *headers; /* of const char *, "Name: value", or NULL */
    const gt_secret_t *bearer;         /* sent as Authorization: Bearer, or NULL */
    const gt_secret_t *basic;          /* "user:password", sent as Authorization: Basic, or NULL */
    const char *content_type;          /* of the body */
    const gt_secret_t *body;           /* a secret always: forms hold tokens; NULL: none */
    int uploads;               /* 1: the body comes in pieces, gt_transfer_give; streamed only */
    apr_int64_t upload_length; /* how long it is then; -1: not known, it goes in chunks */
    const char *ca_file;       /* PEM; NULL: the system's */
    const char *pins;          /* net/pins.h: a key that the server must show; NULL: any */
    int notes_keys;            /* 1: gt_transfer_keys says which keys it showed */
    const char *local_end;     /* net/local_end.h: where it starts; NULL: as the system routes it */
    const char *proxy;         /* "http://host:port", asked to CONNECT; NULL: none */
    const gt_secret_t *proxy_login; /* "user:password", sent to the proxy alone; NULL: none */
    apr_size_t answer_max;          /* most bytes of a body (unpacked); 0: 1 MiB, streamed: any */
    apr_interval_time_t connect_timeout; /* 0: 10 s */
    apr_interval_time_t timeout; /* the whole exchange; 0: 30 s; streamed: the provider's longest
                                       * pause, waiting for a connection included */
    int stream;                  /* 1: hand the body on in pieces */
    int dials; /* 1: dialled: imaps://HOST:PORT, imap://HOST:PORT, and smtps and smtp with /NAME
                * behind, the name that we greet with; no body */
    int keep_going;          /* 1: it changes state: goes on when its task is dropped */
    const char *purpose;     /* for the log: "refresh", "create event" */
    const gt_trace_t *trace; /* that the call is part of, as its header says; NULL: none */
} gt_request_t;

/** The answer. Valid from the moment the task is woken, as long as the transfer. */
typedef struct gt_answer_t {
    int status;
    const apr_table_t *headers; /* well-formed ones; lengths and encodings undone are left out */
    const char *body;           /* collected: NUL-terminated; streamed: NULL */
    apr_size_t body_len;
    apr_int64_t length;       /* Content-Length, -1 when not said */
    apr_time_t date;          /* the Date header, 0 when absent: tells our clock's error */
    apr_interval_time_t took; /* from start to end of head */
} gt_answer_t;

/**
 * Make a transfer. Nothing is sent before gt_await or gt_await_head.
 * The calling task's pool owns one reference (a cleanup lets go of it).
 */
GT_MUST gt_err_t *gt_transfer_make(gt_transfer_t **transfer, const gt_request_t *request,
                                   gt_loop_t *loop, apr_pool_t *p);

/** The function that is called at a transfer's end. `answer` is its head, or NULL when none
 * came. */
typedef void gt_transfer_over_fn(void *baton, const gt_answer_t *answer);

/**
 * Have `over(baton, …)` called once when nothing of this exchange is under way at the provider
 * any more: it has ended, failed, was cancelled, or was given up before it began. Its task may be
 * long gone by then, or not have looked at it yet. For a transfer that has not begun, once.
 * @param over  runs on the loop's thread or on the task's; it must be quick, never wait, and touch
 *              no transfer
 */
void gt_transfer_when_over(gt_transfer_t *transfer, gt_transfer_over_fn *over, void *baton);

/** The answer, or NULL while there is none. */
const gt_answer_t *gt_transfer_answer(gt_transfer_t *transfer);

/**
 * Why it failed: GT_UPSTREAM (unreachable, TLS, rubbish, answer too large), GT_TIMEOUT, GT_BUSY,
 * GT_CANCELLED; NULL when it did not. An answer of any status is no failure here.
 * @param p where the error is made
 */
GT_MUST gt_err_t *gt_transfer_error(gt_transfer_t *transfer, apr_pool_t *p);

/** 1 when it failed because the answer's body is longer than the request's answer_max: a call that
 * only reads may be made again, and streamed. */
int gt_transfer_is_too_large(gt_transfer_t *transfer);

/** The keys that the server showed, when the request asks for them: see gt_pins_of. After its end;
 * in the transfer's memory. NULL: they are not known. */
const char *gt_transfer_keys(gt_transfer_t *transfer);

/** 1 when request bytes may have reached the provider (so a POST must not be repeated blindly). */
int gt_transfer_was_sent(gt_transfer_t *transfer);

/**
 * Take the bytes at hand of a streamed body; they then belong to `p`, and reading goes on.
 * A collected answer that is there is taken as one piece, as often as one likes, so that the same
 * step passes on both kinds.
 * @param end  1 when the body ended well and nothing more comes
 */
GT_MUST gt_err_t *gt_transfer_take(const char **bytes, apr_size_t *len, int *end,
                                   gt_transfer_t *transfer, apr_pool_t *p);

/**
 * Give bytes of a body that comes in pieces; they are copied. Also before the transfer has begun.
 * @param taken  out: how many of them found room; the rest may be given at GT_POINT_ROOM
 * @param end    1: nothing follows them; holds only when all were taken
 * @return GT_INVALID (GT0315) for more bytes than upload_length, or fewer at their end; none is
 * taken then
 */
GT_MUST gt_err_t *gt_transfer_give(apr_size_t *taken, gt_transfer_t *transfer, const char *bytes,
                                   apr_size_t len, int end, apr_pool_t *p);

/** 0 once no more of such a body will be sent: the transfer has ended, or the provider has answered
 * with a redirect or an error without waiting for the rest. */
int gt_transfer_wants_body(gt_transfer_t *transfer);

/* ---- for task/ ---- */

/** The points of a transfer that a task can wait for. */
typedef enum gt_transfer_point_t {
    GT_POINT_HEAD,
    GT_POINT_MORE,
    GT_POINT_END,
    GT_POINT_ROOM /* a body's next piece may be given, or will never be wanted */
} gt_transfer_point_t;

/** Start it when it is not yet and call `waker` once the point is reached (perhaps at once). */
void gt_transfer_wait(gt_transfer_t *transfer, gt_transfer_point_t point, const gt_waker_t *waker);

/** 1 when the point is reached; then no waker is called any more, none is running. */
int gt_transfer_reached(gt_transfer_t *transfer, gt_transfer_point_t point);

/** No waker any more, as when the time of its waiter is over; the transfer goes on. */
void gt_transfer_wait_no_more(gt_transfer_t *transfer);

/** No waker any more; when this returns none is running. The transfer is cancelled unless it has
 * ended or is to keep going (a stream's bytes are then dropped). */
void gt_transfer_leave(gt_transfer_t *transfer);

#endif
