/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file body_feed.c
 * A body on its way through. One step runs again for each look into the input filters. While the
 * provider is slow nothing is read, so that the client's own window fills; while the client is slow
 * its connection is parked. The driver that blocks reads blocking.
 */

#include "request/body.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "request/time_limit.h"

#define PIECE (48 * 1024)

/* Of a body from its begin to its end; a client that sends for ever holds a connection. */
#define LONGEST_BODY apr_time_from_sec(3600)

static gt_err_t *begin(gt_task_t *task, void *state)
{
    gtm_body_feed_t *feed = state;
    request_rec *r = feed->x->r;

    feed->piece = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    gt_task_limit(task, LONGEST_BODY);
    return GT_OK;
}

/** Give the data of a bucket.
 * @param is_given  out: 1 when all of it found room, or the bucket has none */
static gt_err_t *give_bucket(int *is_given, gtm_body_feed_t *feed, apr_bucket *b)
{
    const char *bytes;
    apr_size_t len, taken;
    apr_status_t rv;

    *is_given = 1;
    feed->is_whole |= APR_BUCKET_IS_EOS(b);
    if (APR_BUCKET_IS_METADATA(b))
        return GT_OK;
    rv = apr_bucket_read(b, &bytes, &len, APR_BLOCK_READ);
    if (rv != APR_SUCCESS)
        return gtm_body_unread(feed->x, ap_map_http_request_error(rv, HTTP_BAD_REQUEST));
    GT_TRY(gt_transfer_give(&taken, *feed->transfer, bytes, len, 0, feed->x->r->pool));
    *is_given = taken == len;
    if (!*is_given && apr_bucket_split(b, taken) != APR_SUCCESS)
        return gtm_body_unread(feed->x, HTTP_INTERNAL_SERVER_ERROR);
    return GT_OK;
}

/** Give what is at hand. A bucket that has found room is gone.
 * @param is_given  out: 0 when there is no room for the rest */
static gt_err_t *give_piece(int *is_given, gtm_body_feed_t *feed)
{
    *is_given = 1;
    while (!APR_BRIGADE_EMPTY(feed->piece)) {
        apr_bucket *first = APR_BRIGADE_FIRST(feed->piece);
        int is_split;
        apr_bucket *next = APR_BUCKET_NEXT(first);

        GT_TRY(give_bucket(is_given, feed, first));
        is_split = APR_BUCKET_NEXT(first) != next;
        if (*is_given || is_split)
            apr_bucket_delete(first);
        if (!*is_given)
            return GT_OK;
    }
    return GT_OK;
}

/** Look for more.
 * @param has  out: 0 when the client has sent nothing yet */
static gt_err_t *read_piece(int *has, gtm_body_feed_t *feed)
{
    request_rec *r = feed->x->r;
    apr_read_type_e how = feed->x->parked_road ? APR_NONBLOCK_READ : APR_BLOCK_READ;
    apr_status_t rv = ap_get_brigade(r->input_filters, feed->piece, AP_MODE_READBYTES, how, PIECE);

    *has = rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(feed->piece);
    if (rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv))
        return GT_OK;
    return gtm_body_unread(feed->x, ap_map_http_request_error(rv, HTTP_BAD_REQUEST));
}

/* The rest of a body that is not wanted is not read: the connection ends with the answer. */
static gt_err_t *stop(gtm_body_feed_t *feed)
{
    feed->x->r->connection->keepalive = AP_CONN_CLOSE;
    apr_brigade_cleanup(feed->piece);
    return GT_OK;
}

static gt_err_t *give_end(gtm_body_feed_t *feed)
{
    apr_size_t taken;

    return gt_transfer_give(&taken, *feed->transfer, NULL, 0, 1, feed->x->r->pool);
}

static gt_err_t *hand_on(gt_task_t *task, void *state)
{
    gtm_body_feed_t *feed = state;
    int is_given, has = 1;

    while (has) {
        if (!gt_transfer_wants_body(*feed->transfer))
            return stop(feed);
        GT_TRY(give_piece(&is_given, feed));
        if (!is_given) {
            gt_again_on_room(task, *feed->transfer);
            return GT_OK;
        }
        if (feed->is_whole)
            return give_end(feed);
        GT_TRY(read_piece(&has, feed));
    }
    gt_again_on_input(task, *feed->transfer);
    return GT_OK;
}

/* From here on the client waits for the begin of its answer. */
static gt_err_t *await_head(gt_task_t *task, void *state)
{
    gtm_body_feed_t *feed = state;

    gt_task_limit(task, gtm_time_limit_begin(feed->x));
    gt_await_head(task, *feed->transfer);
    return GT_OK;
}

static gt_step_fn *const steps[] = {begin, hand_on, await_head, NULL};
const gt_work_t gtm_body_feed = {"hand a body on", steps, NULL};
