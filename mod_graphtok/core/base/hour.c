/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file hour.c The figures of an hour. Within a bucket times are taken to be spread evenly. */

#include "base/hour.h"

const apr_int64_t gt_hour_bounds[GT_HOUR_BUCKETS - 1] = {10000,   25000,    50000,    100000,
                                                         250000,  500000,   1000000,  2500000,
                                                         5000000, 10000000, 20000000, 60000000};

apr_int64_t gt_hour_calls(const gt_hour_t *hour)
{
    apr_int64_t sum = 0;

    for (int i = 0; i < GT_HOUR_BUCKETS; i++)
        sum += hour->calls[i];
    return sum;
}

apr_int64_t gt_hour_quantile(const gt_hour_t *hour, int percent)
{
    double rest = (double)gt_hour_calls(hour) * percent / 100;

    if (rest <= 0)
        return 0;
    for (int i = 0; i < GT_HOUR_BUCKETS - 1; i++) {
        const apr_int64_t from = i > 0 ? gt_hour_bounds[i - 1] : 0;
        const double here = (double)hour->calls[i];

        if (here > 0 && rest <= here)
            return from + (apr_int64_t)((double)(gt_hour_bounds[i] - from) * rest / here);
        rest -= here;
    }
    return gt_hour_bounds[GT_HOUR_BUCKETS - 2];
}
