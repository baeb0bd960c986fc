/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_TRANSFER_STRUCT_H
#define GT_TRANSFER_STRUCT_H

/**
 * @file transfer_struct.h
 * Private to net/: a transfer as its two owners share it. transfer.c is the task's side, the files
 * of the loop are the loop's side, easy.c is the transfer's side towards libcurl. Names that end in
 * _on_loop run on the loop's thread only.
 *
 * Locks, in the only order they may be taken:
 *
 *     transfer->lock or the timers' lock → loop->lock → locks of after_round's waker
 *     transfer->lock or the timers' lock → locks of a waker
 *
 * A waker is called with the lock of its object held (a transfer's own, the timers'), and leaving
 * or cancelling takes that lock: so when that returns, the waker neither runs nor will. No
 * deadlock: a waker takes locks of its driver only, and a driver never calls into net/ with those
 * held. Nothing but after_round's waker is called while loop->lock is held.
 */

#include <pthread.h>
#include <stdatomic.h>

#include <curl/curl.h>

#include "net/alarm.h"
#include "net/fault.h"
#include "net/loop.h"
#include "net/transfer.h"

/** Requests of a transfer's task to the loop; bits. */
#define GT_ASK_START 1
#define GT_ASK_GO_ON 2 /* bytes were taken: read on */
#define GT_ASK_CANCEL 4

/** Most bytes of a streamed body that wait to be taken. */
#define GT_STREAM_WAITING (48 * 1024)

/** A body that comes in pieces, on its way from the task to libcurl; under the transfer's lock. */
typedef struct gt_upload_t gt_upload_t;

/** The connection of a dialled transfer. */
typedef struct gt_dialled_t gt_dialled_t;

struct gt_transfer_t {
    pthread_mutex_t lock; /* guards the members under "shared" */
    atomic_int refs;      /* task's pool, loop, loop's queue; the last one frees */
    apr_pool_t *pool;     /* unmanaged; used by one side at a time: task, loop until head, task */
    gt_loop_t *loop;

    /* asked; constant once made */
    const char *method, *url, *ca_file, *purpose;
    const char *trace;     /* the header that it is sent with, or NULL */
    const char *pins;      /* or NULL */
    const char *local_end; /* as CURLOPT_INTERFACE takes it, or NULL */
    int notes_keys;
    const char *proxy;                /* or NULL */
    struct curl_slist *headers;       /* in the pool */
    struct curl_slist *proxy_headers; /* in the pool; for the proxy alone */
    struct curl_slist *resolve;       /* where it goes, in the pool; NULL: libcurl knows */
    const gt_secret_t *body;          /* or NULL */
    gt_upload_t *upload;              /* in the pool; or NULL */
    apr_size_t answer_max;            /* 0: no bound (streams only) */
    apr_interval_time_t connect_timeout, timeout;
    int is_stream, keeps_going;
    int is_dialled;            /* a stream, too */
    gt_transfer_over_fn *over; /* to be called at its end; NULL: nothing to call, or called */
    void *over_baton;
    unsigned char lane; /* the loop's, while `easy` is set */

    /* shared */
    int is_started, is_headed, is_ended;
    int is_paused; /* the loop waits until bytes are taken */
    int is_left;   /* a stream that keeps going without a reader: bytes are dropped */
    int was_sent;
    int asks;      /* GT_ASK_ bits not yet seen by the loop */
    int is_queued; /* in the loop's queue, which then holds a reference */
    int has_waker;
    gt_waker_t waker;
    gt_transfer_point_t point; /* where the waker is called */
    char *bytes;               /* malloc'ed: the body, or the part that waits to be taken */
    apr_size_t len, room;
    gt_failure_t failure;
    gt_answer_t answer;
    gt_transfer_t *next_queued; /* under loop->lock */

    /* the loop's thread only */
    CURL *easy; /* NULL: not under way */
    struct gt_origin_t *origin;
    int waits;                      /* to begin, at its origin */
    int is_opening;                 /* under way, without a connection yet */
    gt_transfer_t *next, *previous; /* of those under way, or of those that wait */
    gt_transfer_t *next_stirred;
    int is_stirred;
    apr_table_t *fields; /* of the head that is being read */
    int field_count;
    apr_size_t head_bytes;   /* of all heads, interim ones included */
    int attempts;            /* times libcurl began to send it */
    const char *keys;        /* that its server showed, noted; in the pool */
    apr_int64_t passed;      /* bytes of body so far */
    apr_time_t began, moved; /* gt_mono: start, last progress */
    gt_alarm_t alarm;        /* a stream's longest pause */
    gt_failure_t own;        /* why we made libcurl give up */
    gt_dialled_t *dialled;   /* in the pool; or NULL */
    char curl_text[CURL_ERROR_SIZE];
};

/* ---- transfer.c ---- */

/** Let go of a reference. */
void gt_transfer_release(gt_transfer_t *transfer);

/** The head is there; from now on the pool is the task's. */
void gt_transfer_head_on_loop(gt_transfer_t *transfer, const gt_answer_t *answer);

/**
 * Body bytes.
 * @return 1 taken, 0 none taken: a stream's buffer is full; -1 no memory
 */
int gt_transfer_bytes_on_loop(gt_transfer_t *transfer, const char *bytes, apr_size_t len);

/** 1 while a stream's buffer takes so many more bytes; if not, the stream is noted as paused until
 * those that wait are taken. */
int gt_transfer_make_way_on_loop(gt_transfer_t *transfer, apr_size_t more);

/** 1 while the provider may take more of a body that comes in pieces. Its lock is held. */
int gt_transfer_takes_body(const gt_transfer_t *transfer);

/** It ended; failure NULL: well. */
void gt_transfer_end_on_loop(gt_transfer_t *transfer, const gt_failure_t *failure);

/** Wake the task that waits, if its point is reached. */
void gt_transfer_stir_on_loop(gt_transfer_t *transfer);

/* ---- upload.c; under the transfer's lock unless said otherwise ---- */

/** A body of this length, -1: not known. */
gt_upload_t *gt_upload_make(apr_int64_t length, apr_pool_t *p);

/** As it was said; constant, so without the lock. */
apr_int64_t gt_upload_length(const gt_upload_t *upload);

/** 1 when its last piece was given. */
int gt_upload_is_whole(const gt_upload_t *upload);

/** 1 while libcurl pauses for want of bytes. */
int gt_upload_is_starving(const gt_upload_t *upload);

/** 1 when there is room for a piece that is worth waking the task. */
int gt_upload_has_room(const gt_upload_t *upload);

/**
 * Move bytes to libcurl. Takes the lock.
 * @param len  out: how many; 0: none now
 * @return 0 when the body has ended
 */
int gt_transfer_feed_on_loop(apr_size_t *len, gt_transfer_t *transfer, char *room, apr_size_t most);

/* ---- dial.c ---- */

/** The parts of a dialled transfer that it alone has. */
gt_dialled_t *gt_dialled_make(apr_pool_t *p);

/** Options of a handle that dials. @return 1, or 0 when libcurl refused one */
int gt_dial_prepare_on_loop(CURL *easy, gt_transfer_t *transfer);

/**
 * libcurl has dialled: the connection is the task's.
 * @param fd  out: its descriptor, for gt_dial_move_on_loop's caller to watch
 * @return NULL, or why there is none
 */
const gt_failure_t *gt_dial_open_on_loop(curl_socket_t *fd, gt_transfer_t *transfer);

/** A dialled connection after its bytes were moved. */
typedef struct gt_dial_state_t {
    int wants;                   /* CURL_POLL_IN | CURL_POLL_OUT: what it waits for now */
    int has_ended;               /* 1: nothing more comes or goes */
    const gt_failure_t *failure; /* why; NULL: well */
} gt_dial_state_t;

/** Move bytes both ways, until the connection or the task must be waited for. */
void gt_dial_move_on_loop(gt_dial_state_t *state, gt_transfer_t *transfer);

/** The line that the server said last, printable and bounded, for the text of a failure. "":
 * none. */
const char *gt_dial_said(const gt_transfer_t *transfer);

/* ---- the loop ---- */

typedef enum gt_admission_t { GT_ADMITTED, GT_FULL, GT_CLOSED } gt_admission_t;

/** Take a transfer in; on GT_ADMITTED the loop holds a reference until it has ended. Its lock is
 * held. */
gt_admission_t gt_loop_admit(gt_loop_t *loop, gt_transfer_t *transfer);

/** Ask something of the loop; its lock is held. */
void gt_loop_ask(gt_loop_t *loop, gt_transfer_t *transfer, int asks);

/** Something that a waiter may want to know changed: it is looked at after this round of events,
 * so that a small answer wakes its task once. */
void gt_loop_stirred_on_loop(gt_loop_t *loop, gt_transfer_t *transfer);

/* ---- easy.c ---- */

/** A handle with the options that all transfers of a kind (stream or not) share: for `t`, then for
 * others of its kind and loop. @return NULL when libcurl has no memory */
CURL *gt_easy_make(const gt_transfer_t *t, CURLSH *share, int resumes_sessions,
                   curl_opensocket_callback open_socket, curl_closesocket_callback close_socket);

/** Prepare a handle for a transfer. @return 1, or 0 when libcurl refused an option */
int gt_easy_begin_on_loop(CURL *easy, gt_transfer_t *transfer);

/** Say how it ended. @return NULL: well */
const gt_failure_t *gt_easy_end_on_loop(gt_transfer_t *transfer, CURLcode code);

#endif
