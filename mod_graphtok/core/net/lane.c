/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Choosing the lane (lane.h) of a call: by its room, and by how long it has been busy without a
 * pause. */

#include "net/lane.h"

static int is_worn(const gt_lane_t *lane, apr_time_t now)
{
    return lane->under_way > 0 && lane->busy_since + GT_CONNECTION_LIFE <= now;
}

static int emptier(const gt_lane_t lanes[], int a, int b)
{
    return b < 0 || lanes[a].under_way < lanes[b].under_way ? a : b;
}

unsigned char gt_lane_choose(const gt_lane_t lanes[], int count, apr_time_t now)
{
    int most = count - GT_LANE_STREAMS - 2; /* how many may be used: one is spare */
    int best = -1, least = -1, i;

    for (i = GT_LANE_STREAMS + 1; i < count; i++) {
        least = emptier(lanes, i, least);
        if (is_worn(&lanes[i], now) || most-- <= 0)
            continue;
        if (lanes[i].under_way < GT_LANE_CALLS)
            return (unsigned char)i;
        best = emptier(lanes, i, best);
    }
    return (unsigned char)(best >= 0 ? best : least);
}

void gt_lane_begin(gt_lane_t *lane, apr_time_t now)
{
    if (lane->under_way++ == 0)
        lane->busy_since = now;
}
