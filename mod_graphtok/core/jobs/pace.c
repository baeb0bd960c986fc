/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file pace.c
 * Spreading refreshes over time. A thousand tokens issued in the same minute (all people sign in at
 * eight) end in the same minute an hour later, and would do so for ever. Parts and pauses pull them
 * apart, a little more each time.
 */

#include "jobs/pace.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/due.h"

#define SHORTEST_PERIOD 2 /* seconds: what a claim costs is shared by a batch */
#define PAUSE_SHARE 16
#define PAUSE_LEAST apr_time_from_sec(1)
#define PAUSE_MOST apr_time_from_sec(30)

gt_pace_t gt_pace_of(apr_int64_t rate)
{
    gt_pace_t pace = {(int)(rate * SHORTEST_PERIOD / GT_PARTS), apr_time_from_sec(SHORTEST_PERIOD)};

    if (pace.batch > 0)
        return pace;
    pace.batch = 1;
    pace.period = apr_time_from_sec((GT_PARTS + rate - 1) / rate);
    return pace;
}

apr_interval_time_t gt_pace_lead(apr_interval_time_t margin, apr_interval_time_t ahead, int part)
{
    return margin + ahead / 2 + ahead / 2 * part / (GT_PARTS - 1);
}

apr_interval_time_t gt_pace_pause(apr_interval_time_t ahead)
{
    apr_interval_time_t pause = ahead / PAUSE_SHARE;

    pause = pause < PAUSE_MOST ? pause : PAUSE_MOST;
    pause = gt_backoff(0, pause, pause);
    return pause < PAUSE_LEAST ? PAUSE_LEAST : pause;
}

apr_interval_time_t gt_pace_delay(int i, int n, apr_interval_time_t period)
{
    apr_interval_time_t stretch = period / n;
    apr_uint32_t dice;

    gt_random(&dice, sizeof(dice));
    return stretch * i + (apr_interval_time_t)((apr_uint64_t)stretch * dice >> 32);
}
