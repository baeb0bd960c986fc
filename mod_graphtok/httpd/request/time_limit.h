/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_TIME_LIMIT_H
#define GTM_TIME_LIMIT_H

/**
 * @file time_limit.h
 * How long an answer may let its client wait. httpd closes a connection, without a byte, on which
 * nothing moved for `Timeout`; a parked request's waits count together, and so do those of a stream
 * of HTTP/2. So an answer begins before that, if need be with status 504. Called on the request's
 * thread; results lie in its pool.
 */

#include "request/request.h"

/** httpd's limit for a connection on which nothing moves. The MPM takes that of the connection's
 * server or of the request's; the shorter one holds for both. */
apr_interval_time_t gtm_time_limit_timeout(const request_rec *r);

/** The time begins: sets x->ends_by. @return how long it is, µs */
apr_interval_time_t gtm_time_limit_begin(gtm_request_t *x);

/** The error for the client: when the exchange's time was over, it says whether asking again is
 * safe. `err` itself otherwise. */
GT_MUST GT_NEVER_NULL gt_err_t *gtm_time_limit_explain(const gtm_request_t *x, gt_err_t *err);

#endif
