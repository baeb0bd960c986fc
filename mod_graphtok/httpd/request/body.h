/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GTM_BODY_H
#define GTM_BODY_H

/**
 * @file body.h
 * A request's body: read whole, bounded, before the work begins, or handed on by the work while it
 * comes. Called on the request's thread; results lie in its pool.
 */

#include "net/transfer.h"
#include "request/request.h"

/**
 * Gate: read a JSON object into x->body, or a form into x->form, as the route says; for a route
 * without body drop what was sent.
 * @return GT_UNSUPPORTED, GT_TOO_LARGE (nothing more is read), GT_INVALID
 */
GT_MUST gt_err_t *gtm_body_read(gtm_request_t *x);

/** The error for a body that httpd could not read: its verdict, of which the status stays. The
 * connection ends with the answer. */
GT_MUST GT_NEVER_NULL gt_err_t *gtm_body_unread(gtm_request_t *x, int status);

/** Work on a gtm_body_feed_t: hand a body on to a transfer while it comes, until it is whole or is
 * not wanted any more, and await the head of the answer. No more is read from the client than the
 * transfer has room for. */
extern const gt_work_t gtm_body_feed;

typedef struct gtm_body_feed_t {
    gtm_request_t *x;
    gt_transfer_t **transfer; /* that is fed; not started */
    /* own */
    apr_bucket_brigade *piece; /* of one look into the input filters */
    int is_whole;              /* EOS was seen */
} gtm_body_feed_t;

#endif
