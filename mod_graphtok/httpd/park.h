/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_PARK_H
#define GTM_PARK_H

/**
 * @file park.h
 * The driver that parks: while a task waits, its connection sleeps in the MPM's own poll set and
 * no thread waits for it.
 *
 * An eventfd takes the place of the client's descriptor in the connection's socket and the MPM is
 * told that the connection wants to be read before its last answer is complete. The loop writes to
 * the eventfd; a worker gets the connection back, puts the client's descriptor in its place and
 * runs the next step. Keep-alive, pipelining, TLS, lingering close, restarts and accounting stay
 * the MPM's. While a stream waits for a slow client, the MPM flushes and comes back by itself.
 *
 * Only for the outermost request of a connection of an asynchronous MPM; HTTP/2 streams,
 * sub-requests and internal redirects use the driver that waits.
 */

#include "exchange.h"

/** 1 when this request can park. */
int gtm_park_can(const request_rec *r);

/** Run the route's work; handler's result: OK when it ended at once, else SUSPENDED. */
int gtm_park_run(gtm_exchange_t *x);

/** process_connection hook: wraps all others; goes on with a parked request. */
int gtm_park_process(conn_rec *c);

/** resume_connection hook: the client's descriptor returns, whatever the connection came for. */
void gtm_park_resume(conn_rec *c, request_rec *r);

/** pre_close_connection hook: `Timeout` ran out, or the server ends. */
int gtm_park_pre_close(conn_rec *c);

#endif
