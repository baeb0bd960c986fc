/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PARK_H
#define GTM_PARK_H

/**
 * @file park.h
 * The driver that parks: while a task waits, its connection sleeps in the MPM's own poll set and
 * no thread waits for it.
 *
 * An epoll descriptor that holds the client's takes its place in the MPM's socket, and the MPM is
 * told that the connection wants to be read before its last answer is complete. So this module
 * decides what wakes a worker: the client's end; while a call is under way nothing else; after its
 * answer the client's next request. When a call ends, one of our own threads (task/finisher.h) runs
 * the next step and writes the answer. A worker does it when that would have to wait for the
 * client, or when the connection ends. TLS, pipelining, lingering close and accounting stay the
 * MPM's; between two requests of which a finisher ended the first, KeepAliveTimeout is kept by the
 * finishers, and the MPM, short of threads, does not close the connection.
 *
 * Only for the outermost request of a connection of an asynchronous MPM that is not ending; HTTP/2
 * streams, sub-requests and internal redirects use the driver that waits.
 */

#include "request/request.h"

/** 1 when this request can park. */
int gtm_request_can_park(const request_rec *r);

/** Run the route's work; handler's result: OK when it ended at once, else SUSPENDED. */
int gtm_park_run(gtm_request_t *x);

/** process_connection hook: wraps all others; goes on with a parked request. */
int gtm_park_process(conn_rec *c);

/** suspend_connection hook, after all others: from here on a finisher may have the connection. */
void gtm_park_suspend(conn_rec *c, request_rec *r);

/** resume_connection hook: the client's descriptor returns, for every reason the connection
 * came. */
void gtm_park_resume(conn_rec *c, request_rec *r);

/** log_transaction hook, after all others: httpd counts a request at its worker's place in the
 * scoreboard, which a finisher has not. */
int gtm_park_logged(request_rec *r);

/** child_stopping hook: an end that is not graceful ends what workers write and read. */
void gtm_park_stopping(apr_pool_t *pchild, int graceful);

/** pre_close_connection hook: `Timeout` ran out, or the server ends. */
int gtm_park_pre_close(conn_rec *c);

#endif
