/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef GT_LANE_H
#define GT_LANE_H

/**
 * @file lane.h
 * Private to net/, the loop's thread only. A lane is one of several multi handles of libcurl, and
 * this file chooses the lane that carries a call. libcurl finds a free connection by walking along
 * all those to the host; with a thousand of them the walk would cost more than the rest of the
 * call. So a lane with GT_LANE_CALLS calls under way is full, and the next lane is used.
 *
 * A connection lasts no longer than GT_CONNECTION_LIFE, so that calls follow a provider whose
 * addresses change (DNS). libcurl ends old connections only when they are idle; a lane that is
 * never idle would keep its HTTP/2 connection for ever. Such a lane gets no new calls until its
 * calls have ended.
 */

#include <curl/curl.h>

#include "gt.h"

#define GT_CONNECTION_LIFE apr_time_from_sec(300) /* age at which no new call goes on it */

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

/**
 * Choose a lane for a call whose answer is collected (not streamed): the first one with room, so
 * that its connections stay in use; the emptiest one when none has room. The last of the lanes is
 * spare and is used only while another one is too old for new calls.
 * @param lanes  `count` of them, the lane of streams first
 * @param now    gt_mono
 * @return its index
 */
unsigned char gt_lane_choose(const gt_lane_t lanes[], int count, apr_time_t now);

/** Count one more call under way in it. The loop counts it down. */
void gt_lane_begin(gt_lane_t *lane, apr_time_t now);

#endif
