/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/**
 * @file pieces.c
 * The counters at the beginning of the present piece lie in one of two places; the next beginning
 * is written to the other one, and then the two change their roles by one store.
 */

#include "metrics/pieces.h"

#include <stddef.h>

#include <apr_strings.h>

#include "metrics/counts.h"

#define OK_AND_FAILED 2

struct gt_counted_t {
    base_t base;
};

static apr_int64_t sum_of(const gt_figures_t *figures, apr_size_t offset)
{
    apr_uint64_t sum = 0;

    for (int i = 0; i < STRIPES; i++)
        sum += atomic_load_explicit((const count_t *)((const char *)&figures->stripes[i] + offset),
                                    memory_order_relaxed);
    return (apr_int64_t)sum;
}

#define SUM(member) sum_of(figures, offsetof(stripe_t, member))

gt_counted_t *gt_figures_counted(gt_figures_t *figures, apr_pool_t *p)
{
    gt_counted_t *counted = apr_pcalloc(p, sizeof(*counted));
    base_t *base = &counted->base;

    for (int i = 0; i < NAMES; i++) {
        for (int j = 0; j < OK_AND_FAILED; j++)
            base->refreshes[i][j] = SUM(of_store[i][j]);
        base->failed_calls += SUM(upstream_failed[i][GRAPH]);
        for (int j = 0; j < GT_HOUR_BUCKETS; j++)
            base->calls[j] += SUM(upstream[i][GRAPH].bucket[j]);
    }
    return counted;
}

static const base_t *present(gt_figures_t *figures)
{
    return &figures->bases[atomic_load(&figures->base) & 1];
}

gt_piece_t gt_piece_now(gt_figures_t *figures)
{
    const base_t *base = present(figures);
    gt_piece_t piece = {.number = base->number, .hour = base->hour};

    apr_snprintf(piece.run, sizeof(piece.run), "%016" APR_UINT64_T_HEX_FMT,
                 atomic_load(&figures->run));
    return piece;
}

gt_hour_t gt_piece_figures(gt_figures_t *figures, const gt_counted_t *counted, const char *store)
{
    const base_t *from = present(figures), *to = &counted->base;
    gt_hour_t hour = {.hour = from->hour, .failed_calls = to->failed_calls - from->failed_calls};
    int place = gt_figures_find(figures, GT_LABEL_STORE, store);

    if (place > 0) {
        hour.refreshed = to->refreshes[place][0] - from->refreshes[place][0];
        hour.failed = to->refreshes[place][1] - from->refreshes[place][1];
    }
    for (int i = 0; i < GT_HOUR_BUCKETS; i++)
        hour.calls[i] = to->calls[i] - from->calls[i];
    return hour;
}

void gt_piece_begin(gt_figures_t *figures, const gt_counted_t *counted, apr_int64_t hour)
{
    const apr_uint64_t other = atomic_load(&figures->base) + 1;
    base_t *base = &figures->bases[other & 1];
    const apr_int64_t number = present(figures)->number + 1;

    *base = counted->base;
    base->number = number;
    base->hour = hour;
    atomic_store(&figures->base, other);
}
