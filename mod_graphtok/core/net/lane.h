/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LANE_H
#define GT_LANE_H

/**
 * @file lane.h
 * Private to net/, the loop's thread only: which of several multi handles carries a call. libcurl
 * looks for a free connection by walking along all those to the host, so that a thousand at once
 * would cost more than all the rest of a call: from some hundreds under way the next lane is used.
 *
 * Its connections last no longer than GT_CONNECTION_LIFE, so that a provider that moves (DNS) is
 * followed. libcurl counts that for idle ones only; a lane that is never idle would keep its HTTP/2
 * connection for ever. Such a lane is left alone until what it carries has ended.
 */

#include <curl/curl.h>

#include "gt.h"

#define GT_CONNECTION_LIFE apr_time_from_sec(300)

#define GT_LANE_STREAMS 0 /* the lane of streams, each on a connection of its own */
#define GT_LANES_MAX 10   /* it, and those of collected answers */
#define GT_LANE_CALLS 256 /* under way in one lane before the next is used */

typedef struct gt_lane_t {
    gt_loop_t *loop;
    CURLM *multi;
    int under_way;
    apr_time_t busy_since; /* gt_mono when under_way was 0 last */
    apr_time_t deadline;   /* gt_mono when libcurl wants to be called; APR_INT64_MAX: never */
} gt_lane_t;

/** The lane of a collected answer, of `count` lanes: the first with room keeps its connections warm;
 * past all bounds the emptiest. One lane is used only while another is too old. */
unsigned char gt_lane_choose(const gt_lane_t lanes[], int count, apr_time_t now);

/** One more call is under way in it. */
void gt_lane_begin(gt_lane_t *lane, apr_time_t now);

#endif
