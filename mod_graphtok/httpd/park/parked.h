/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PARKED_H
#define GTM_PARKED_H

/**
 * @file parked.h
 * Private to park/: a connection whose request is parked, and the fields of httpd's that are lent
 * meanwhile. The worker that has the connection (worker_side.c), a finisher (finisher_side.c) and
 * the MPM's listener follow each other; task/finisher.h decides which of them it is.
 *
 * | of httpd's | is | from | until | test, in tests/http |
 * | --- | --- | --- | --- | --- |
 * | descriptor in the MPM's socket | our epoll descriptor, which holds the client's | the worker
 * lets the connection go to the MPM | resume_connection, pre_close_connection, or the end of the
 * pool | test_lifecycle: hang_ups_leave_no_descriptor |
 * | the same | a duplicate of the client's | a worker gets the connection | suspend_connection, or
 * the end of the pool | test_ungraceful: no_other_file_gets_an_answer |
 * | socket of httpd's filters | one of our own on the client's descriptor | the connection's first
 * hook | the end of the pool, which leaves the descriptor to the MPM | test_between_answers:
 * requests_of_all_kinds, the_same_over_TLS |
 * | c->keepalive, c->data_in_input_filters | "kept alive, and input waits", so that the MPM calls
 * process_connection | a worker or finisher lets go | process_connection, a finisher's work,
 * pre_close_connection | test_lifecycle: keep_alive, pipelined |
 * | c->cs | another one, since the listener may be reading the MPM's | a finisher begins | it ends
 * | test_threads: the_thread_in_every_hook |
 * | c->current_thread | the finisher's | it begins | it ends | test_threads:
 * lua_with_a_state_for_each_thread |
 * | c->sbh | NULL: the worker's place in the scoreboard is another connection's by now |
 * suspend_connection | the MPM gives the next worker's | test_between_answers:
 * what_a_finisher_ends_is_counted |
 *
 * One form for httpd 2.4.52 and later: CONN_STATE_WRITE_COMPLETION with CONN_SENSE_WANT_READ. The
 * MPM comes back to process_connection from there when the connection is kept alive and says that
 * input waits.
 */

#include <http_core.h>
#include <scoreboard.h>

#include "park/park.h"
#include "task/finisher.h"

/** Which descriptor the MPM finds in its socket. */
typedef enum gtm_stands_t {
    GTM_STANDS_CLIENT, /* the client's, for the MPM to poll and to close */
    GTM_STANDS_OTHER,  /* a duplicate: a worker has the connection */
    GTM_STANDS_EPOLL   /* ours: the request is parked */
} gtm_stands_t;

/** Our record of a connection; in its conn_config, made before anything is read from it. */
typedef struct gtm_parked_t {
    conn_rec *c;
    gt_conn_slot_t slot;
    gtm_request_t *x;       /* the request that is parked or about to be; NULL: none */
    gt_progress_t progress; /* what its task said last */
    int wraps;              /* 1: the other hooks run inside ours */
    apr_socket_t *polled;   /* the MPM's */
    apr_socket_t *written;  /* the filters' */
    int client_fd;
    int epoll_fd;        /* holds the client's; -1: none yet */
    uint32_t events;     /* waited for in it */
    gtm_stands_t stands; /* in `polled` */
    int is_lending;      /* 1: epoll_fd stands there when the worker lets go */
    struct gtm_parked_t *next_held, **held_from; /* GTM_STANDS_OTHER: of those that workers have */
    int is_lent; /* 1: keepalive and data_in_input_filters are lent */
    ap_conn_keepalive_e keepalive;
    int input;
    int is_aside;                /* 1: a finisher is at it */
    ap_sb_handle_t *score;       /* of the worker that read the request */
    int lingers;                 /* 1: a finisher ended the request and the connection with it */
    apr_time_t idle_until;       /* gt_mono; 0: the next request is not waited for */
    apr_time_t slept_at;         /* gt_mono: when the MPM began to count */
    apr_interval_time_t timeout; /* after which the MPM closes the connection */
} gtm_parked_t;

/** A connection's record; NULL: it has none. */
gtm_parked_t *gtm_parked(conn_rec *c);

/* ---- descriptors.c ---- */

/**
 * Make the record of a connection that nothing has been read from: httpd's filters get a socket of
 * their own.
 * @return NULL when the connection is none that can park
 */
gtm_parked_t *gtm_parked_make(conn_rec *c, gt_finishers_t *finishers, const gt_conn_ops_t *ops);

/** A worker has the connection: the client's descriptor stays open, also when the MPM closes its
 * own. */
void gtm_descriptor_take(gtm_parked_t *pk);

/** The worker lets go of it: the MPM's socket has the client's descriptor again, or ours. */
void gtm_descriptor_let_go(gtm_parked_t *pk);

/** The MPM is to poll our descriptor when the worker lets go. */
void gtm_descriptor_lend(gtm_parked_t *pk);

/** The MPM polls our descriptor no more, and has the client's again. */
void gtm_descriptor_give_back(gtm_parked_t *pk);

/** End the connections that workers have: no byte is read from them or written any more. */
void gtm_descriptors_cut(void);

/** Have our descriptor become readable when the client has `events` (EPOLLIN, EPOLLOUT), or when
 * the connection is broken. @return 0: the system has no descriptor left */
int gtm_descriptor_wait_for(gtm_parked_t *pk, uint32_t events);

/** See that the MPM gives the connection to a worker: at once when the client can be written to,
 * else soon. @param baton a gtm_parked_t */
void gtm_descriptor_call_worker(void *baton);

/** 1 when the client has `events` of poll(2), or the connection is broken. Does not wait. */
int gtm_client_has(const gtm_parked_t *pk, short events);

/* ---- parked.c ---- */

/** Lend keepalive and data_in_input_filters. */
void gtm_parked_lend(gtm_parked_t *pk);

/** Take them back; not before process_connection, since the MPM looks at both on its way there. */
void gtm_parked_take_back(gtm_parked_t *pk);

/** A request's time of waiting begins. */
void gtm_parked_begin(gtm_parked_t *pk, gtm_request_t *x);

/** Its task has ended: answer, end the request. */
void gtm_parked_finish(gtm_parked_t *pk);

/** Its client has gone, or waited longer than Timeout: no answer is read, but the log has a line.
 * @param status  for the log */
void gtm_parked_abandon(gtm_parked_t *pk, int status);

/* ---- finisher_side.c ---- */

/** gt_conn_ops_t's work: go on with a parked request. @param baton a gtm_parked_t */
apr_time_t gtm_parked_work(void *baton);

#endif
