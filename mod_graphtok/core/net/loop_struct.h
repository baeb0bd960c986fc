/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LOOP_STRUCT_H
#define GT_LOOP_STRUCT_H

/**
 * @file loop_struct.h
 * The inside of the loop, shared by loop.c (start, end, functions for other threads), loop_round.c
 * (the rounds of its own thread) and loop_transfers.c (begin and end of a transfer).
 */

#include "base/thread.h"
#include "net/transfer_struct.h"
#include "net/lane.h"
#include "net/origin.h"
#include "net/sockets.h"
#include "net/timer.h"

#define GT_LOOP_SPARES 256

/** Datum of an epoll event: a socket's descriptor, or with this bit the wake. */
#define GT_MARK_WAKE (1ULL << 63)

struct gt_loop_t {
    gt_loop_limits_t limits;
    int epoll_fd, wake_fd;
    CURLSH *share;
    atomic_int connections;
    atomic_llong started, failed;
    gt_timers_t timers;

    /* guards the members below; only locks of after_round's waker may be taken inside it */
    pthread_mutex_t lock;
    gt_waker_t after_round;
    gt_transfer_t *queue, **queue_end;
    int admitted;    /* transfers under way or queued to start */
    int is_sleeping; /* in epoll_wait, or about to: a thread with news must write to wake_fd */
    int is_nudged;   /* look at the timers again */
    int is_closed;   /* no new transfers */
    gt_threads_t threads;
    int is_dead; /* the thread has ended: the queue is not read */

    /* the thread's only */
    gt_lane_t lanes[GT_LANES_MAX];
    int lanes_made;
    gt_sockets_t sockets;
    gt_origins_t origins;
    gt_transfer_t *under_way;
    gt_transfer_t *stirred;
    gt_alarms_t pauses;
    CURL *spare[GT_LOOP_SPARES];
    int spares;
};

/* ---- loop_round.c ---- */

/** The thread's function. @param baton a gt_loop_t */
void gt_loop_run(void *baton);

/** Take what tasks asked for, in one batch. By the thread, or when it has ended. @return 1: the
 * loop is to end */
int gt_loop_take_queue(gt_loop_t *loop);

/** CURLMOPT_SOCKETFUNCTION and CURLMOPT_TIMERFUNCTION of a lane, which is the baton. */
int gt_loop_note_socket(CURL *easy, curl_socket_t fd, int what, void *baton, void *unused);
int gt_loop_note_deadline(CURLM *multi, long ms, void *baton);

/* ---- loop_transfers.c ---- */

/** Do what a transfer's task asked for: begin, cancel, go on. A reference of the queue goes with
 * this. */
void gt_loop_answer_asks_on_loop(gt_loop_t *loop, gt_transfer_t *t);

/** libcurl has dialled: the connection is its task's. */
void gt_loop_hand_over_on_loop(gt_loop_t *loop, gt_transfer_t *t);

/** A dialled connection can take or give bytes, or its task has some. */
void gt_loop_move_on_loop(gt_loop_t *loop, gt_transfer_t *t);

/** It ended. The loop's reference goes with this. @param failure NULL: well */
void gt_loop_end_on_loop(gt_loop_t *loop, gt_transfer_t *t, const gt_failure_t *failure);

/** The same for a failure of ours. */
void gt_loop_fail_on_loop(gt_loop_t *loop, gt_transfer_t *t, gt_fault_t fault, const char *text);

/** Take the addresses that lookups found; transfers that wait for a name without one fail. */
void gt_loop_take_lookups_on_loop(gt_loop_t *loop);

/** Begin the transfers that wait at their origins, as far as there is room. */
void gt_loop_begin_waiting_on_loop(gt_loop_t *loop);

/** Fail all transfers that wait at an origin. */
void gt_loop_fail_waiting_on_loop(gt_loop_t *loop, gt_fault_t fault, const char *text);

/** A transfer waited at its origin for as long as connecting may take. */
void gt_loop_give_up_waiting_on_loop(gt_loop_t *loop, gt_transfer_t *t, apr_time_t now);

#endif
